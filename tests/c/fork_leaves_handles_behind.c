/* After fork: inherited handles answer at once, new ones work, and the parent goes on. */

#include "world.h"

#include <pthread.h>
#include <string.h>

static world w;
static psat_attestor_t *attestor;
static psat_queue_t *queue;
static uint64_t operation;

static void set_up(void) {
    world_open(&w, "", "\"worker_threads\":1");
    attestor = world_attestor(&w);
    queue = new_queue();
    operation = submit_endless(attestor, queue, 1);
    CHECK(psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, 2, NULL) == PSAT_OK, "one waits");
    CHECK(psat_queue_fd(queue) >= 0, "the parent's queue has a descriptor");
}

static void use_inherited_handles(void) {
    psat_completion_t completion;
    size_t count = 7;
    uint64_t begun = 7;
    char *json = NULL;
    EXPECT(psat_attestor_attest(attestor, PAYLOAD, NOTHING, &json), PSAT_FORKED, "FORKED", &json);
    EXPECT(psat_attestor_configure(attestor, w.config, strlen(w.config), &json), PSAT_FORKED, "FORKED", &json);
    EXPECT(psat_attestor_check(attestor, NOTHING, &json), PSAT_FORKED, "FORKED", &json);
    EXPECT(psat_attestor_stats(attestor, &json), PSAT_FORKED, "FORKED", &json);
    CHECK(psat_attestor_submit(attestor, PAYLOAD, NOTHING, queue, 3, &begun) == PSAT_FORKED, "submit");
    CHECK(begun == 0, "no operation begins");
    CHECK(psat_attestor_cancel(attestor, operation) == PSAT_FORKED, "cancel");
    CHECK(psat_attestor_shutdown(attestor, 0) == PSAT_FORKED, "shutdown");
    CHECK(psat_attestor_events(attestor, queue, 2) == PSAT_FORKED, "events");
    CHECK(psat_queue_next(queue, &completion, 1, -1, &count) == PSAT_FORKED, "next");
    CHECK(count == 0, "nothing is taken");
    CHECK(psat_queue_fd(queue) == -1, "there is no descriptor");
    psat_queue_wake(queue);
    psat_queue_close(queue);
}

/* What works in the child works with an inherited handle beside it: neither is the other's. */
static void use_new_handles(void) {
    psat_attestor_t *own = world_attestor(&w);
    psat_queue_t *own_queue = new_queue();
    char *json = NULL;
    uint64_t own_operation;
    CHECK(psat_queue_fd(own_queue) >= 0, "the child's own queue has a descriptor");
    EXPECT(psat_attestor_attest(own, WITHOUT_CREDENTIALS, NOTHING, &json), GRPC_FAILED_PRECONDITION,
           "CREDENTIALS_UNAVAILABLE", &json);
    own_operation = submit_endless(own, own_queue, 5);
    CHECK(psat_attestor_cancel(own, own_operation) == PSAT_OK, "cancel");
    expect_completion(own_queue, 5, GRPC_CANCELED, "CANCELED");
    CHECK(psat_attestor_submit(own, PAYLOAD, NOTHING, queue, 6, NULL) == PSAT_FORKED, "the parent's queue is no use");
    CHECK(psat_attestor_submit(attestor, PAYLOAD, NOTHING, own_queue, 6, NULL) == PSAT_FORKED, "nor its attestor");
    psat_queue_free(own_queue);
    psat_attestor_free(own);
}

static void free_inherited_handles(void) {
    psat_attestor_free(attestor);
    psat_queue_free(queue);
}

static void inherited_handles_answer_that_they_are(void) {
    CHECK(check_in_child(use_inherited_handles), "the child holds");
}

static void inherited_handles_are_leaked_by_free(void) {
    CHECK(check_in_child(free_inherited_handles), "the child holds");
}

static void a_child_makes_handles_of_its_own(void) {
    CHECK(check_in_child(use_new_handles), "the child holds");
}

static void use_handles_after_a_second_fork(void) {
    CHECK(check_in_child(use_inherited_handles), "the child's child holds");
}

static void a_childs_child_inherits_them_too(void) {
    CHECK(check_in_child(use_handles_after_a_second_fork), "the child holds");
}

static char *inherited_document;

static void free_the_document(void) {
    CHECK(is_object(inherited_document), "the child has it too");
    psat_string_free(inherited_document);
}

static void a_document_is_freed_on_both_sides(void) {
    CHECK(psat_attestor_stats(attestor, &inherited_document) == PSAT_OK, "the parent has statistics");
    CHECK(check_in_child(free_the_document), "the child holds");
    free_the_document();
}

static void the_parent_goes_on(void) {
    expect_completion(queue, 2, GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN");
    CHECK(psat_attestor_cancel(attestor, operation) == PSAT_OK, "what ran before the fork runs still");
    expect_completion(queue, 1, GRPC_CANCELED, "CANCELED");
}

static int busy;

static void *keep_busy(void *unused) {
    psat_queue_t *own = new_queue();
    psat_completion_t completion;
    size_t count;
    while (__atomic_load_n(&busy, __ATOMIC_RELAXED)) {
        psat_attestor_attest(attestor, UNKNOWN_CLUSTER, NOTHING, NULL);
        psat_attestor_submit(attestor, WITHOUT_CREDENTIALS, TEXT("{\"timeout_ms\":5}"), own, 1, NULL);
        if (psat_queue_next(own, &completion, 1, 20, &count) == PSAT_OK && count == 1) {
            psat_string_free(completion.json);
        }
    }
    psat_queue_free(own);
    return unused;
}

/* Whatever lock the parent's threads hold at that moment, the child needs none of them. */
static void forks_under_load_hang_no_child(void) {
    enum { BUSY = 2 };
    pthread_t threads[BUSY];
    int rounds = check_rounds(50);
    int at;
    busy = 1;
    for (at = 0; at < BUSY; at++) {
        MUST(pthread_create(&threads[at], NULL, keep_busy, NULL) == 0, "a thread starts");
    }
    for (at = 0; at < rounds; at++) {
        CHECK(check_in_child(use_inherited_handles), "the child of round %d holds", at);
        CHECK(at % 5 != 0 || check_in_child(use_new_handles), "the child of round %d makes its own", at);
    }
    __atomic_store_n(&busy, 0, __ATOMIC_RELAXED);
    for (at = 0; at < BUSY; at++) {
        pthread_join(threads[at], NULL);
    }
}

static void tear_down(void) {
    psat_attestor_free(attestor);
    psat_queue_free(queue);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(set_up),
        CASE(inherited_handles_answer_that_they_are),
        CASE(inherited_handles_are_leaked_by_free),
        CASE(a_child_makes_handles_of_its_own),
        CASE(a_childs_child_inherits_them_too),
        CASE(a_document_is_freed_on_both_sides),
        CASE(the_parent_goes_on),
        CASE(forks_under_load_hang_no_child),
        CASE(tear_down),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
