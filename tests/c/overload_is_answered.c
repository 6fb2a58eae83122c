/* Slots, the queue before them, and what is told to those who find both full. */

#include "world.h"

/* A world in which one attestation holds the only slot. */
typedef struct {
    world w;
    psat_attestor_t *attestor;
    psat_queue_t *queue;
} full_world;

enum { OCCUPIER = 1 };

static void full_world_open(full_world *full, const char *cluster, const char *engine) {
    world_open(&full->w, cluster, engine);
    full->attestor = world_attestor(&full->w);
    full->queue = new_queue();
    submit_endless(full->attestor, full->queue, OCCUPIER);
    CHECK(stats_become(full->attestor, "in_flight", 1), "the slot is taken");
}

static void full_world_close(full_world *full) {
    psat_attestor_free(full->attestor);
    expect_completion(full->queue, OCCUPIER, GRPC_UNAVAILABLE, "SHUTTING_DOWN");
    psat_queue_free(full->queue);
    world_close(&full->w);
}

static void expect_overload_at_once(full_world *full) {
    char *json = NULL;
    EXPECT(psat_attestor_attest(full->attestor, PAYLOAD, NOTHING, &json), GRPC_RESOURCE_EXHAUSTED, "OVERLOADED", &json);
    CHECK(psat_attestor_submit(full->attestor, PAYLOAD, NOTHING, full->queue, 2, NULL) == PSAT_OK,
          "overload is said by the completion");
    expect_completion(full->queue, 2, GRPC_RESOURCE_EXHAUSTED, "OVERLOADED");
}

static void without_a_queue_the_next_one_is_refused(void) {
    full_world full;
    full_world_open(&full, "\"max_in_flight\":1,\"max_queued\":0", "");
    expect_overload_at_once(&full);
    full_world_close(&full);
}

static void a_full_queue_refuses(void) {
    full_world full;
    uint64_t waiting;
    full_world_open(&full, "\"max_in_flight\":1,\"max_queued\":1", "");
    waiting = submit_endless(full.attestor, full.queue, 3);
    expect_overload_at_once(&full);
    psat_attestor_cancel(full.attestor, waiting);
    expect_completion(full.queue, 3, GRPC_CANCELED, "CANCELED");
    full_world_close(&full);
}

static void memory_for_those_who_wait_is_bounded(void) {
    full_world full;
    full_world_open(&full, "\"max_in_flight\":1", "\"max_queued_bytes\":8");
    expect_overload_at_once(&full);
    CHECK(stats_number(full.attestor, "queued_bytes") == 0, "what was refused holds none");
    full_world_close(&full);
}

static void half_of_the_time_is_the_most_that_is_waited(void) {
    full_world full;
    char *json = NULL;
    long long begun;
    long long took;
    full_world_open(&full, "\"max_in_flight\":1", "");
    begun = check_now_ms();
    EXPECT(psat_attestor_attest(full.attestor, PAYLOAD, TEXT("{\"timeout_ms\":400}"), &json), GRPC_RESOURCE_EXHAUSTED,
           "OVERLOADED", &json);
    took = check_now_ms() - begun;
    CHECK(took >= 199, "half of the time is waited: %lld ms", took);
    CHECK(took < 400 + check_slack_ms(), "and not all of it: %lld ms", took);
    full_world_close(&full);
}

static void refusals_that_need_no_call_need_no_slot(void) {
    full_world full;
    char *json = NULL;
    full_world_open(&full, "\"max_in_flight\":1,\"max_queued\":0", "");
    EXPECT(psat_attestor_attest(full.attestor, UNKNOWN_CLUSTER, NOTHING, &json), GRPC_INVALID_ARGUMENT,
           "CLUSTER_UNKNOWN", &json);
    EXPECT(psat_attestor_attest(full.attestor, WITHOUT_CREDENTIALS, NOTHING, &json), GRPC_FAILED_PRECONDITION,
           "CREDENTIALS_UNAVAILABLE", &json);
    full_world_close(&full);
}

int main(void) {
    static const check_case cases[] = {
        CASE(without_a_queue_the_next_one_is_refused),
        CASE(a_full_queue_refuses),
        CASE(memory_for_those_who_wait_is_bounded),
        CASE(half_of_the_time_is_the_most_that_is_waited),
        CASE(refusals_that_need_no_call_need_no_slot),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
