/* What ends psat_queue_next: completions, time, wake and close. */

#include "world.h"

#include <pthread.h>

static world w;
static psat_attestor_t *attestor;

/* Takes up to one completion; the code. The caller wants none. */
static int32_t next_of_nothing(psat_queue_t *queue, int32_t timeout_ms) {
    psat_completion_t completion;
    size_t count = 7;
    int32_t code = psat_queue_next(queue, &completion, 1, timeout_ms, &count);
    CHECK(count == 0, "nothing is taken, not %zu", count);
    return code;
}

/* A thread's body: waits for ever and comes back with the code. */
static void *wait_for_ever(void *queue) {
    return (void *)(intptr_t)next_of_nothing((psat_queue_t *)queue, -1);
}

static void set_up(void) {
    world_open(&w, "", "");
    attestor = world_attestor(&w);
}

static void a_timeout_ends_next_with_nothing(void) {
    psat_queue_t *queue = new_queue();
    long long begun = check_now_ms();
    CHECK(next_of_nothing(queue, 0) == PSAT_OK, "a poll comes back");
    CHECK(next_of_nothing(queue, 30) == PSAT_OK, "time runs out");
    CHECK(check_now_ms() - begun >= 29, "and not before");
    psat_queue_free(queue);
}

static void a_wake_waits_for_the_next_call(void) {
    psat_queue_t *queue = new_queue();
    psat_queue_wake(queue);
    CHECK(next_of_nothing(queue, -1) == PSAT_OK, "the wake was kept");
    psat_queue_free(queue);
}

static void several_wakes_count_as_one(void) {
    psat_queue_t *queue = new_queue();
    long long begun;
    psat_queue_wake(queue);
    psat_queue_wake(queue);
    psat_queue_wake(queue);
    CHECK(next_of_nothing(queue, -1) == PSAT_OK, "the first call comes back at once");
    begun = check_now_ms();
    CHECK(next_of_nothing(queue, 30) == PSAT_OK, "the second waits");
    CHECK(check_now_ms() - begun >= 29, "for all its time");
    psat_queue_free(queue);
}

static void a_wake_ends_a_call_that_waits(void) {
    psat_queue_t *queue = new_queue();
    pthread_t waiting;
    void *code;
    MUST(pthread_create(&waiting, NULL, wait_for_ever, queue) == 0, "a thread starts");
    check_sleep_ms(10);
    psat_queue_wake(queue);
    pthread_join(waiting, &code);
    CHECK((intptr_t)code == PSAT_OK, "the thread was woken");
    psat_queue_free(queue);
}

static void a_wake_costs_no_completion(void) {
    psat_queue_t *queue = new_queue();
    CHECK(psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, 9, NULL) == PSAT_OK, "accepted");
    psat_queue_wake(queue);
    expect_completion(queue, 9, GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN");
    psat_queue_free(queue);
}

static void no_more_than_the_capacity_is_taken(void) {
    psat_queue_t *queue = new_queue();
    psat_completion_t taken[3];
    size_t count = 7;
    uint64_t tag;
    for (tag = 0; tag < 5; tag++) {
        CHECK(psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, tag, NULL) == PSAT_OK, "accepted");
    }
    CHECK(psat_queue_next(queue, taken, 0, 0, &count) == PSAT_OK && count == 0, "no room, no completion");
    CHECK(psat_queue_next(queue, taken, 3, 0, &count) == PSAT_OK && count == 3, "three of five, not %zu", count);
    for (tag = 0; tag < 3; tag++) {
        CHECK(taken[tag].tag == tag, "they come in order");
        psat_string_free(taken[tag].json);
    }
    CHECK(psat_queue_next(queue, taken, 3, 0, &count) == PSAT_OK && count == 2, "two are left, not %zu", count);
    psat_string_free(taken[0].json);
    psat_string_free(taken[1].json);
    CHECK(next_of_nothing(queue, 0) == PSAT_OK, "an open queue is never at its end");
    psat_queue_free(queue);
}

static void a_closed_queue_refuses_submissions(void) {
    psat_queue_t *queue = new_queue();
    uint64_t operation = 7;
    psat_queue_close(queue);
    psat_queue_close(queue);
    CHECK(psat_attestor_submit(attestor, PAYLOAD, NOTHING, queue, 1, &operation) == PSAT_CLOSED, "it is closed");
    CHECK(operation == 0, "no operation began");
    CHECK(next_of_nothing(queue, -1) == PSAT_CLOSED, "nothing comes any more");
    CHECK(next_of_nothing(queue, 0) == PSAT_CLOSED, "and that stays so");
    psat_queue_free(queue);
}

static void accepted_operations_complete_into_a_closed_queue(void) {
    psat_queue_t *queue = new_queue();
    uint64_t operation = submit_endless(attestor, queue, 1);
    CHECK(psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, 2, NULL) == PSAT_OK, "accepted");
    psat_queue_close(queue);
    expect_completion(queue, 2, GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN");
    CHECK(next_of_nothing(queue, 0) == PSAT_OK, "one is outstanding");
    CHECK(next_of_nothing(queue, 10) == PSAT_OK, "it still is");
    psat_attestor_cancel(attestor, operation);
    expect_completion(queue, 1, GRPC_CANCELED, "CANCELED");
    CHECK(next_of_nothing(queue, -1) == PSAT_CLOSED, "now nothing is");
    psat_queue_free(queue);
}

static void close_ends_all_calls_that_wait(void) {
    enum { WAITING = 3 };
    psat_queue_t *queue = new_queue();
    pthread_t waiting[WAITING];
    int at;
    for (at = 0; at < WAITING; at++) {
        MUST(pthread_create(&waiting[at], NULL, wait_for_ever, queue) == 0, "a thread starts");
    }
    check_sleep_ms(10);
    psat_queue_close(queue);
    for (at = 0; at < WAITING; at++) {
        void *code;
        pthread_join(waiting[at], &code);
        CHECK((intptr_t)code == PSAT_CLOSED, "the thread learns that the queue is closed");
    }
    psat_queue_free(queue);
}

static void tear_down(void) {
    psat_attestor_free(attestor);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(set_up),
        CASE(a_timeout_ends_next_with_nothing),
        CASE(a_wake_waits_for_the_next_call),
        CASE(several_wakes_count_as_one),
        CASE(a_wake_ends_a_call_that_waits),
        CASE(a_wake_costs_no_completion),
        CASE(no_more_than_the_capacity_is_taken),
        CASE(a_closed_queue_refuses_submissions),
        CASE(accepted_operations_complete_into_a_closed_queue),
        CASE(close_ends_all_calls_that_wait),
        CASE(tear_down),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
