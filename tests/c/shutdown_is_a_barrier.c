/* psat_attestor_shutdown: everything accepted is answered when it returns, and nothing is accepted afterwards. */

#include "world.h"

#include <pthread.h>
#include <string.h>

enum { CALLERS = 3, QUEUED = 20 };

static world w;

static void set_up(void) {
    world_open(&w, "\"max_in_flight\":8", "");
}

static void expect_only_statistics(psat_attestor_t *attestor) {
    psat_queue_t *queue = new_queue();
    uint64_t operation = 7;
    char *json = NULL;
    EXPECT(psat_attestor_attest(attestor, UNKNOWN_CLUSTER, NOTHING, &json), GRPC_UNAVAILABLE, "SHUTTING_DOWN", &json);
    EXPECT(psat_attestor_configure(attestor, w.config, strlen(w.config), &json), GRPC_UNAVAILABLE, "SHUTTING_DOWN",
           &json);
    CHECK(psat_attestor_submit(attestor, PAYLOAD, NOTHING, queue, 1, &operation) == GRPC_UNAVAILABLE, "submit");
    CHECK(operation == 0, "no operation begins");
    CHECK(psat_attestor_cancel(attestor, 1) == GRPC_UNAVAILABLE, "cancel");
    EXPECT(psat_attestor_stats(attestor, &json), PSAT_OK, "OK", &json);
    psat_queue_free(queue);
}

static void callers_and_queue_are_told_before_it_returns(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    psat_completion_t taken[QUEUED + 1];
    pthread_t callers[CALLERS];
    size_t count = 0;
    int at;
    for (at = 0; at < CALLERS; at++) {
        MUST(pthread_create(&callers[at], NULL, attest_endless, attestor) == 0, "a thread starts");
    }
    CHECK(stats_become(attestor, "in_flight", CALLERS), "the callers are inside");
    for (at = 0; at < QUEUED; at++) {
        submit_endless(attestor, queue, (uint64_t)at);
    }
    CHECK(stats_become(attestor, "in_flight", 8), "some run");
    CHECK(stats_become(attestor, "queued", CALLERS + QUEUED - 8), "and the others wait");

    CHECK(psat_attestor_shutdown(attestor, 0) == PSAT_OK, "all is answered");
    CHECK(psat_queue_next(queue, taken, QUEUED + 1, 0, &count) == PSAT_OK, "the queue answers without waiting");
    CHECK(count == QUEUED, "every completion is there, not %zu", count);
    for (at = 0; at < (int)count; at++) {
        EXPECT(taken[at].code, GRPC_UNAVAILABLE, "SHUTTING_DOWN", &taken[at].json);
    }
    for (at = 0; at < CALLERS; at++) {
        void *code;
        pthread_join(callers[at], &code);
        CHECK((intptr_t)code == GRPC_UNAVAILABLE, "the caller is told, with %d", (int)(intptr_t)code);
    }
    CHECK(stats_number(attestor, "in_flight") == 0, "no slot is taken");
    CHECK(stats_number(attestor, "queued") == 0, "nobody waits for one");
    CHECK(stats_number(attestor, "queued_bytes") == 0, "and no memory is held");
    psat_queue_free(queue);
    psat_attestor_free(attestor);
}

static void everything_but_statistics_answers_that_it_is_over(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    CHECK(psat_attestor_shutdown(attestor, 1000) == PSAT_OK, "there is nothing to wait for");
    expect_only_statistics(attestor);
    CHECK(psat_attestor_shutdown(attestor, 1000) == PSAT_OK, "it can be repeated");
    expect_only_statistics(attestor);
    psat_attestor_free(attestor);
}

static void an_attestor_without_configuration_can_be_shut_down(void) {
    psat_attestor_t *attestor = unconfigured_attestor();
    CHECK(psat_attestor_shutdown(attestor, 0) == PSAT_OK, "there is nothing to wait for");
    expect_only_statistics(attestor);
    psat_attestor_free(attestor);
}

static void *shut_down(void *attestor) {
    return (void *)(intptr_t)psat_attestor_shutdown((psat_attestor_t *)attestor, 0);
}

static void several_threads_may_shut_down_at_once(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    pthread_t callers[CALLERS];
    int at;
    submit_endless(attestor, queue, 5);
    for (at = 0; at < CALLERS; at++) {
        MUST(pthread_create(&callers[at], NULL, shut_down, attestor) == 0, "a thread starts");
    }
    for (at = 0; at < CALLERS; at++) {
        void *code;
        pthread_join(callers[at], &code);
        CHECK((intptr_t)code == PSAT_OK, "each of them is told that all is answered");
    }
    expect_completion(queue, 5, GRPC_UNAVAILABLE, "SHUTTING_DOWN");
    psat_queue_free(queue);
    psat_attestor_free(attestor);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(set_up),
        CASE(callers_and_queue_are_told_before_it_returns),
        CASE(everything_but_statistics_answers_that_it_is_over),
        CASE(an_attestor_without_configuration_can_be_shut_down),
        CASE(several_threads_may_shut_down_at_once),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
