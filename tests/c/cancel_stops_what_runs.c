/* psat_attestor_cancel: what runs or waits ends soon, what is done or unknown is left alone. */

#include "world.h"

static world w;
static psat_attestor_t *attestor;
static psat_queue_t *queue;

static void set_up(void) {
    world_open(&w, "\"max_in_flight\":1", "");
    attestor = world_attestor(&w);
    queue = new_queue();
}

static void expect_nothing_more(void) {
    psat_completion_t completion;
    size_t count = 7;
    CHECK(psat_queue_next(queue, &completion, 1, 20, &count) == PSAT_OK && count == 0, "no second completion comes");
}

static void what_runs_ends_soon(void) {
    uint64_t operation = submit_endless(attestor, queue, 1);
    long long begun;
    CHECK(stats_become(attestor, "in_flight", 1), "it runs");
    begun = check_now_ms();
    CHECK(psat_attestor_cancel(attestor, operation) == PSAT_OK, "it is cancelled");
    expect_completion(queue, 1, GRPC_CANCELED, "CANCELED");
    CHECK(check_now_ms() - begun < 1000 + check_slack_ms(), "the time of the attestation is not waited for");
}

static void what_waits_for_a_slot_ends_soon(void) {
    uint64_t running = submit_endless(attestor, queue, 1);
    uint64_t waiting = submit_endless(attestor, queue, 2);
    CHECK(stats_become(attestor, "queued", 1), "the second waits for the slot of the first");
    CHECK(psat_attestor_cancel(attestor, waiting) == PSAT_OK, "the second is cancelled");
    expect_completion(queue, 2, GRPC_CANCELED, "CANCELED");
    CHECK(stats_become(attestor, "queued", 0), "its place is free again");
    CHECK(psat_attestor_cancel(attestor, running) == PSAT_OK, "the first is cancelled");
    expect_completion(queue, 1, GRPC_CANCELED, "CANCELED");
    CHECK(stats_become(attestor, "in_flight", 0), "its slot is free again");
}

static void a_slot_of_what_was_cancelled_goes_to_the_next(void) {
    uint64_t first = submit_endless(attestor, queue, 1);
    uint64_t second = submit_endless(attestor, queue, 2);
    psat_attestor_cancel(attestor, first);
    expect_completion(queue, 1, GRPC_CANCELED, "CANCELED");
    CHECK(stats_become(attestor, "queued", 0) && stats_become(attestor, "in_flight", 1), "the next one runs");
    psat_attestor_cancel(attestor, second);
    expect_completion(queue, 2, GRPC_CANCELED, "CANCELED");
}

static void cancelling_twice_completes_once(void) {
    uint64_t operation = submit_endless(attestor, queue, 3);
    CHECK(psat_attestor_cancel(attestor, operation) == PSAT_OK, "once");
    CHECK(psat_attestor_cancel(attestor, operation) == PSAT_OK, "twice");
    expect_completion(queue, 3, GRPC_CANCELED, "CANCELED");
    CHECK(psat_attestor_cancel(attestor, operation) == PSAT_OK, "and when it is done");
    expect_nothing_more();
}

static void what_is_done_stays_as_it_is(void) {
    uint64_t operation = 0;
    CHECK(psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, 4, &operation) == PSAT_OK, "accepted");
    CHECK(psat_attestor_cancel(attestor, operation) == PSAT_OK, "it is done, and that is fine");
    expect_completion(queue, 4, GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN");
    expect_nothing_more();
}

static void unknown_operations_are_left_alone(void) {
    CHECK(psat_attestor_cancel(attestor, 0) == PSAT_OK, "0 names none");
    CHECK(psat_attestor_cancel(attestor, UINT64_MAX) == PSAT_OK, "nor does this");
}

static void tear_down(void) {
    psat_queue_free(queue);
    psat_attestor_free(attestor);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(set_up),
        CASE(what_runs_ends_soon),
        CASE(what_waits_for_a_slot_ends_soon),
        CASE(a_slot_of_what_was_cancelled_goes_to_the_next),
        CASE(cancelling_twice_completes_once),
        CASE(what_is_done_stays_as_it_is),
        CASE(unknown_operations_are_left_alone),
        CASE(tear_down),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
