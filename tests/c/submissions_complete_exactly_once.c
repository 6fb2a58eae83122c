/* One completion for each accepted submission, under its tag and operation, whoever takes it. */

#include "world.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONSUMERS = 4, SUBMITTERS = 2, MOST = 1000 };

static world w;
static psat_attestor_t *attestor;
static psat_queue_t *queue;
static int total;

/* By tag: what submit wrote, and how often a completion came. */
static uint64_t operations[MOST];
static int completed[MOST];

static int operation_is_in_document(const psat_completion_t *completion) {
    char member[48];
    snprintf(member, sizeof member, "\"operation\":\"%llu\"", (unsigned long long)completion->operation);
    return strstr(completion->json, member) != NULL;
}

static void *consume(void *unused) {
    for (;;) {
        psat_completion_t taken[8];
        size_t count = 0;
        size_t at;
        if (psat_queue_next(queue, taken, 8, -1, &count) == PSAT_CLOSED) {
            return unused;
        }
        for (at = 0; at < count; at++) {
            uint64_t tag = taken[at].tag;
            if (CHECK(tag < MOST, "the tag is one of those submitted")) {
                CHECK(operations[tag] == taken[at].operation, "the operation was written before its completion");
                __atomic_fetch_add(&completed[tag], 1, __ATOMIC_RELAXED);
            }
            CHECK(operation_is_in_document(&taken[at]), "the document names the operation: %s", taken[at].json);
            psat_string_free(taken[at].json);
        }
    }
}

/* Every second submission is refused at once, the others end on the library's threads. */
static void *submit_a_share(void *first) {
    int tag;
    for (tag = (int)(intptr_t)first; tag < total; tag += SUBMITTERS) {
        int32_t code =
            tag / SUBMITTERS % 2 == 0
                ? psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, (uint64_t)tag, &operations[tag])
                : psat_attestor_submit(attestor, WITHOUT_CREDENTIALS, NOTHING, queue, (uint64_t)tag, &operations[tag]);
        CHECK(code == PSAT_OK, "the submission is accepted, not answered with %d", code);
    }
    return NULL;
}

static void several_consumers_get_each_completion_once(void) {
    pthread_t consumers[CONSUMERS];
    pthread_t submitters[SUBMITTERS];
    int at;
    total = check_rounds(MOST);
    world_open(&w, "", "");
    attestor = world_attestor(&w);
    queue = new_queue();
    for (at = 0; at < CONSUMERS; at++) {
        MUST(pthread_create(&consumers[at], NULL, consume, NULL) == 0, "a thread starts");
    }
    for (at = 0; at < SUBMITTERS; at++) {
        MUST(pthread_create(&submitters[at], NULL, submit_a_share, (void *)(intptr_t)at) == 0, "a thread starts");
    }
    for (at = 0; at < SUBMITTERS; at++) {
        pthread_join(submitters[at], NULL);
    }
    psat_queue_close(queue);
    for (at = 0; at < CONSUMERS; at++) {
        pthread_join(consumers[at], NULL);
    }
    for (at = 0; at < total; at++) {
        CHECK(completed[at] == 1, "tag %d completed %d times", at, completed[at]);
    }
    psat_queue_free(queue);
}

static int by_value(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void operations_are_never_named_twice(void) {
    int at;
    qsort(operations, (size_t)total, sizeof operations[0], by_value);
    CHECK(operations[0] != 0, "no operation is 0");
    for (at = 1; at < total; at++) {
        CHECK(operations[at - 1] != operations[at], "operation %llu was used twice",
              (unsigned long long)operations[at]);
    }
}

static void blocking_calls_count_in_the_same_row(void) {
    uint64_t before = 0;
    uint64_t after = 0;
    queue = new_queue();
    psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, 1, &before);
    psat_attestor_attest(attestor, UNKNOWN_CLUSTER, NOTHING, NULL);
    psat_attestor_configure(attestor, w.config, strlen(w.config), NULL);
    psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, 2, &after);
    CHECK(after == before + 2, "operation %llu follows %llu", (unsigned long long)after, (unsigned long long)before);
    psat_queue_free(queue);
}

static void every_tag_is_possible(void) {
    queue = new_queue();
    psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, UINT64_MAX, NULL);
    expect_completion(queue, UINT64_MAX, GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN");
    psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, 0, NULL);
    psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, 0, NULL);
    expect_completion(queue, 0, GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN");
    expect_completion(queue, 0, GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN");
    psat_queue_free(queue);
    psat_attestor_free(attestor);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(several_consumers_get_each_completion_once),
        CASE(operations_are_never_named_twice),
        CASE(blocking_calls_count_in_the_same_row),
        CASE(every_tag_is_possible),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
