/* A process that can have no more threads gets an answer, and all is well again once it can. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "world.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

/* How many threads may still be started; -1 is any number. */
static int allowed = -1;

static world w;

/* Stands in front of the C library's, for the library under test too. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    int left = __atomic_load_n(&allowed, __ATOMIC_RELAXED);
    if (real == NULL) {
        void *found = dlsym(RTLD_NEXT, "pthread_create");
        memcpy(&real, &found, sizeof real);
    }
    while (left >= 0) {
        if (left == 0) {
            return EAGAIN;
        }
        if (__atomic_compare_exchange_n(&allowed, &left, left - 1, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            break;
        }
    }
    return real(thread, attributes, body, argument);
}

static void allow(int threads) {
    __atomic_store_n(&allowed, threads, __ATOMIC_RELAXED);
}

static void set_up(void) {
    world_open(&w, "", "\"worker_threads\":2");
}

static void an_attestor_is_made_with_all_its_threads_or_not_at_all(void) {
    sigset_t before;
    int threads;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    for (threads = 0; threads < 3; threads++) {
        psat_attestor_t *attestor = NULL;
        sigset_t after;
        char *json = NULL;
        int32_t code;
        allow(threads);
        code = psat_attestor_new(w.config, strlen(w.config), &attestor, &json);
        allow(-1);
        CHECK(attestor == NULL, "no attestor with %d threads", threads);
        EXPECT(code, GRPC_INTERNAL, "RUNTIME_UNAVAILABLE", &json);
        pthread_sigmask(SIG_BLOCK, NULL, &after);
        CHECK(sigismember(&after, SIGTERM) == sigismember(&before, SIGTERM), "the host's signals are as they were");
    }
}

static void an_attestation_without_a_thread_is_answered_and_the_next_is_fine(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    char *json = NULL;
    int round;
    for (round = 0; round < 3; round++) {
        /* The workers alone: a reader of files that still goes on would be there for the next attestation. */
        int tries;
        for (tries = 0; tries < 5000 && library_threads(NULL) != 2; tries++) {
            check_sleep_ms(1);
        }
        allow(0);
        EXPECT(psat_attestor_attest(attestor, PAYLOAD, TEXT("{\"timeout_ms\":5000}"), &json), GRPC_FAILED_PRECONDITION,
               "CREDENTIALS_UNAVAILABLE", &json);
        allow(-1);
        EXPECT(psat_attestor_attest(attestor, PAYLOAD, TEXT("{\"timeout_ms\":50}"), &json), GRPC_DEADLINE_EXCEEDED,
               "DEADLINE_EXCEEDED", &json);
    }
    psat_attestor_free(attestor);
}

static void tear_down(void) {
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(set_up),
        CASE(an_attestor_is_made_with_all_its_threads_or_not_at_all),
        CASE(an_attestation_without_a_thread_is_answered_and_the_next_is_fine),
        CASE(tear_down),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
