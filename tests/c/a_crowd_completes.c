/* 2,000 operations on one queue, with cancels, a reconfiguration under load, and a shutdown in the middle. */

#include "world.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPERATIONS = 2000, SUBMITTERS = 2, CONSUMERS = 2, KINDS = 5 };

static world w;
static psat_attestor_t *attestor;
static psat_queue_t *queue;
static int total;

static uint64_t operations[OPERATIONS];
static int accepted[OPERATIONS];
static int completed[OPERATIONS];
static int all_completed;
static int by_code[17];

/* Every kind of ending, in turn; the endless ones end by a cancel or by the shutdown. */
static int32_t submit_one(int tag) {
    uint64_t *operation = &operations[tag];
    uint64_t name = (uint64_t)tag;
    switch (tag % KINDS) {
    case 0:
        return psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, name, operation);
    case 1:
        return psat_attestor_submit(attestor, WITHOUT_CREDENTIALS, NOTHING, queue, name, operation);
    case 2:
        return psat_attestor_submit(attestor, PAYLOAD, TEXT("{\"timeout_ms\":30}"), queue, name, operation);
    default:
        return psat_attestor_submit(attestor, PAYLOAD, TEXT("{\"request_id\":\"endless\"}"), queue, name, operation);
    }
}

static void *submit_a_share(void *first) {
    /* A generator of its own, so that every run cancels the same operations. */
    uint32_t dice = 1u + (uint32_t)(intptr_t)first;
    int tag;
    for (tag = (int)(intptr_t)first; tag < total; tag += SUBMITTERS) {
        int32_t code = submit_one(tag);
        CHECK(code == PSAT_OK || code == GRPC_UNAVAILABLE, "submit answers with %d", code);
        CHECK((code == PSAT_OK) == (operations[tag] != 0), "an operation has a name if it began");
        accepted[tag] = code == PSAT_OK;
        dice = dice * 1664525u + 1013904223u;
        if (dice >> 31 != 0) {
            /* One of those submitted by this thread so far, done or not. */
            int victim = (int)(dice >> 8) % (tag / SUBMITTERS + 1) * SUBMITTERS + tag % SUBMITTERS;
            psat_attestor_cancel(attestor, operations[victim]);
        }
    }
    return NULL;
}

static void *consume(void *unused) {
    for (;;) {
        psat_completion_t taken[16];
        size_t count = 0;
        size_t at;
        if (psat_queue_next(queue, taken, 16, -1, &count) == PSAT_CLOSED) {
            return unused;
        }
        for (at = 0; at < count; at++) {
            if (CHECK(taken[at].tag < OPERATIONS, "the tag was submitted") &&
                CHECK(taken[at].code >= 0 && taken[at].code <= 16, "code %d is one of gRPC's", taken[at].code)) {
                __atomic_fetch_add(&completed[taken[at].tag], 1, __ATOMIC_RELAXED);
                __atomic_fetch_add(&by_code[taken[at].code], 1, __ATOMIC_RELAXED);
            }
            CHECK(document_number(taken[at].json, "code") == taken[at].code, "document and completion agree");
            psat_string_free(taken[at].json);
            __atomic_fetch_add(&all_completed, 1, __ATOMIC_RELAXED);
        }
    }
}

static void wait_for_completions(int wanted) {
    int tries;
    for (tries = 0; tries < 20000 && __atomic_load_n(&all_completed, __ATOMIC_RELAXED) < wanted; tries++) {
        check_sleep_ms(1);
    }
    CHECK(__atomic_load_n(&all_completed, __ATOMIC_RELAXED) >= wanted, "%d operations complete", wanted);
}

static void start(pthread_t *threads, int count, void *(*body)(void *)) {
    int at;
    for (at = 0; at < count; at++) {
        MUST(pthread_create(&threads[at], NULL, body, (void *)(intptr_t)at) == 0, "a thread starts");
    }
}

static void join(const pthread_t *threads, int count) {
    int at;
    for (at = 0; at < count; at++) {
        pthread_join(threads[at], NULL);
    }
}

static void reconfigure(const char *cluster) {
    char *json = NULL;
    world_configure(&w, cluster, "\"worker_threads\":2");
    EXPECT(psat_attestor_configure(attestor, w.config, strlen(w.config), &json), PSAT_OK, "OK", &json);
}

/* Lets the crowd in, reconfigures in the middle, and shuts down: before all are in, or when all are. */
static void run(int shut_down_early) {
    pthread_t submitters[SUBMITTERS];
    pthread_t consumers[CONSUMERS];
    int begun = 0;
    int at;
    total = check_rounds(OPERATIONS);
    memset(operations, 0, sizeof operations);
    memset(accepted, 0, sizeof accepted);
    memset(completed, 0, sizeof completed);
    memset(by_code, 0, sizeof by_code);
    all_completed = 0;
    world_open(&w, "\"max_in_flight\":16", "\"worker_threads\":2");
    attestor = world_attestor(&w);
    queue = new_queue();

    start(consumers, CONSUMERS, consume);
    start(submitters, SUBMITTERS, submit_a_share);
    wait_for_completions(total / 20);
    reconfigure("\"max_in_flight\":32");
    if (shut_down_early) {
        wait_for_completions(total / 10);
    } else {
        join(submitters, SUBMITTERS);
        wait_for_completions(total / 2);
    }
    CHECK(psat_attestor_shutdown(attestor, 0) == PSAT_OK, "all that was accepted is answered");
    if (shut_down_early) {
        join(submitters, SUBMITTERS);
    }
    psat_queue_close(queue);
    join(consumers, CONSUMERS);

    for (at = 0; at < total; at++) {
        begun += accepted[at];
        CHECK(completed[at] == accepted[at], "operation %d was accepted %d times and completed %d times", at,
              accepted[at], completed[at]);
    }
    CHECK(shut_down_early || begun == total, "all %d were accepted, not %d", total, begun);
    CHECK(all_completed == begun, "%d completions for %d operations", all_completed, begun);
    CHECK(stats_number(attestor, "documents_alive") == 0, "every document was freed");
    CHECK(stats_number(attestor, "queued_bytes") == 0, "nobody waits");
    psat_queue_free(queue);
    psat_attestor_free(attestor);
    world_close(&w);
}

static void every_operation_of_a_crowd_completes(void) {
    run(0);
    CHECK(by_code[GRPC_INVALID_ARGUMENT] == total / KINDS, "a fifth was refused where it stood");
    CHECK(by_code[GRPC_CANCELED] > 0, "some were cancelled");
    CHECK(by_code[GRPC_UNAVAILABLE] > 0, "some were ended by the shutdown");
}

static void a_shutdown_while_the_crowd_comes_in_loses_none(void) {
    run(1);
}

int main(void) {
    static const check_case cases[] = {
        CASE(every_operation_of_a_crowd_completes),
        CASE(a_shutdown_while_the_crowd_comes_in_loses_none),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
