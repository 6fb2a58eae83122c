/* Queue before attestor and after, with completions that wait and operations that run. */

#include "world.h"

#include <pthread.h>

static world w;

static void submit_some(psat_attestor_t *attestor, psat_queue_t *queue) {
    int at;
    for (at = 0; at < 3; at++) {
        CHECK(psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, 1, NULL) == PSAT_OK, "accepted");
        submit_endless(attestor, queue, 2);
        CHECK(psat_attestor_submit(attestor, WITHOUT_CREDENTIALS, NOTHING, queue, 3, NULL) == PSAT_OK, "accepted");
    }
}

static void a_queue_is_freed_before_its_attestor(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    submit_some(attestor, queue);
    psat_queue_free(queue);
    CHECK(psat_attestor_shutdown(attestor, 0) == PSAT_OK, "what runs ends without its queue");
    CHECK(stats_number(attestor, "documents_alive") == 0, "and without a document that nobody can free");
    psat_attestor_free(attestor);
}

static void an_attestor_is_freed_before_its_queue(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    uint64_t tag = 0;
    submit_endless(attestor, queue, 0);
    submit_endless(attestor, queue, 1);
    psat_attestor_free(attestor);
    for (tag = 0; tag < 2; tag++) {
        psat_completion_t completion = next_completion(queue);
        EXPECT(completion.code, GRPC_UNAVAILABLE, "SHUTTING_DOWN", &completion.json);
    }
    psat_queue_free(queue);
}

static void a_queue_is_freed_with_what_waits_in_it(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    submit_some(attestor, queue);
    psat_attestor_free(attestor);
    psat_queue_free(queue);
}

static void two_attestors_share_a_queue(void) {
    psat_attestor_t *one = world_attestor(&w);
    psat_attestor_t *other = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    uint64_t operation;
    submit_endless(one, queue, 1);
    operation = submit_endless(other, queue, 2);
    psat_attestor_free(one);
    expect_completion(queue, 1, GRPC_UNAVAILABLE, "SHUTTING_DOWN");
    psat_attestor_cancel(other, operation);
    expect_completion(queue, 2, GRPC_CANCELED, "CANCELED");
    psat_attestor_free(other);
    psat_queue_free(queue);
}

static void callers_inside_an_attestor_survive_its_free(void) {
    enum { CALLERS = 4 };
    psat_attestor_t *attestor = world_attestor(&w);
    pthread_t callers[CALLERS];
    int at;
    for (at = 0; at < CALLERS; at++) {
        MUST(pthread_create(&callers[at], NULL, attest_endless, attestor) == 0, "a thread starts");
    }
    /* Every caller is inside: each holds the slot of an attestation that does not end. */
    CHECK(stats_become(attestor, "in_flight", CALLERS), "all callers are inside");
    psat_attestor_free(attestor);
    for (at = 0; at < CALLERS; at++) {
        void *code;
        pthread_join(callers[at], &code);
        CHECK((intptr_t)code == GRPC_UNAVAILABLE, "the caller is told that the attestor ends, not %d",
              (int)(intptr_t)code);
    }
    world_close(&w);
}

static void set_up(void) {
    world_open(&w, "", "");
}

int main(void) {
    static const check_case cases[] = {
        CASE(set_up),
        CASE(a_queue_is_freed_before_its_attestor),
        CASE(an_attestor_is_freed_before_its_queue),
        CASE(a_queue_is_freed_with_what_waits_in_it),
        CASE(two_attestors_share_a_queue),
        CASE(callers_inside_an_attestor_survive_its_free),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
