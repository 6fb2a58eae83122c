/* psat_attestor_events: the library's log records, beside the attestations of a queue. */

#include "world.h"

#include <poll.h>
#include <string.h>

enum { ERRORS = 1, WARNINGS = 2, INFOS = 3, EVERYTHING = 5, MOST_WAITING = 1024 };

static world w;

/* Takes what comes without waiting; false if nothing does. */
static int take(psat_queue_t *queue, psat_completion_t *completion) {
    size_t count = 0;
    CHECK(psat_queue_next(queue, completion, 1, 0, &count) == PSAT_OK, "the queue is open");
    return count == 1;
}

/* Takes all that waits; how many events have this text in them. */
static int take_events_with(psat_queue_t *queue, const char *text) {
    psat_completion_t event;
    int found = 0;
    while (take(queue, &event)) {
        CHECK(event.kind == PSAT_COMPLETION_EVENT, "it is an event");
        CHECK(event.tag == 0 && event.operation == 0 && event.code == 0, "an event belongs to no submission");
        CHECK(is_object(event.json) && event.json_len == strlen(event.json), "it is a JSON object: %s", event.json);
        CHECK(strstr(event.json, "\"level\":\"") != NULL, "it says how much it matters: %s", event.json);
        CHECK(document_number(event.json, "unix_ms") > 0, "it says when it happened: %s", event.json);
        CHECK(strstr(event.json, TOKEN) == NULL, "it holds no token: %s", event.json);
        found += strstr(event.json, text) != NULL;
        psat_string_free(event.json);
    }
    return found;
}

static void refuse_one(psat_attestor_t *attestor) {
    CHECK(psat_attestor_attest(attestor, UNKNOWN_CLUSTER, NOTHING, NULL) == GRPC_INVALID_ARGUMENT, "an agent errs");
}

static void the_start_can_be_seen(void) {
    psat_attestor_t *attestor = unconfigured_attestor();
    psat_queue_t *queue = new_queue();
    world_open(&w, "", "");
    CHECK(psat_attestor_events(attestor, queue, INFOS) == PSAT_OK, "events begin");
    CHECK(psat_attestor_configure(attestor, w.config, strlen(w.config), NULL) == PSAT_OK, "it is configured");
    CHECK(take_events_with(queue, "\"config_generation\":1") == 1, "one event tells of the configuration");
    CHECK(psat_attestor_configure(attestor, TEXT("{"), NULL) == GRPC_INVALID_ARGUMENT, "another is refused");
    CHECK(take_events_with(queue, "\"level\":\"error\"") > 0, "so does one of the refusal");
    psat_attestor_free(attestor);
    psat_queue_free(queue);
}

static void a_level_takes_those_before_it(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    CHECK(psat_attestor_events(attestor, queue, ERRORS) == PSAT_OK, "errors alone");
    refuse_one(attestor);
    CHECK(take_events_with(queue, "CLUSTER_UNKNOWN") == 0, "a refused agent is no error");
    CHECK(psat_attestor_events(attestor, queue, WARNINGS) == PSAT_OK, "warnings too");
    refuse_one(attestor);
    CHECK(take_events_with(queue, "CLUSTER_UNKNOWN") == 1, "but a warning");
    CHECK(psat_attestor_events(attestor, queue, EVERYTHING) == PSAT_OK, "everything");
    refuse_one(attestor);
    psat_attestor_attest(attestor, PAYLOAD, TEXT("{\"timeout_ms\":1000}"), NULL);
    CHECK(take_events_with(queue, "\"level\":\"trace\"") > 0, "a call is told of");
    CHECK(psat_attestor_events(attestor, NULL, 0) == PSAT_OK, "nothing");
    refuse_one(attestor);
    CHECK(take_events_with(queue, "") == 0, "nothing comes");
    psat_attestor_free(attestor);
    psat_queue_free(queue);
}

static void a_second_call_replaces_the_first(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *first = new_queue();
    psat_queue_t *second = new_queue();
    CHECK(psat_attestor_events(attestor, first, WARNINGS) == PSAT_OK, "to the first");
    CHECK(psat_attestor_events(attestor, second, WARNINGS) == PSAT_OK, "to the second");
    refuse_one(attestor);
    CHECK(take_events_with(first, "") == 0, "nothing comes to the first");
    CHECK(take_events_with(second, "CLUSTER_UNKNOWN") == 1, "but to the second");
    psat_queue_free(second);
    refuse_one(attestor);
    psat_attestor_free(attestor);
    psat_queue_free(first);
}

static void attestations_are_handed_out_before_events(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    struct pollfd polled;
    CHECK(psat_attestor_events(attestor, queue, WARNINGS) == PSAT_OK, "events begin");
    refuse_one(attestor);
    polled.fd = psat_queue_fd(queue);
    polled.events = POLLIN;
    CHECK(poll(&polled, 1, 0) == 1, "an event makes the descriptor readable");
    CHECK(psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, 4, NULL) == PSAT_OK, "accepted");
    expect_completion(queue, 4, GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN");
    CHECK(take_events_with(queue, "CLUSTER_UNKNOWN") == 2, "two events come behind it");
    CHECK(poll(&polled, 1, 0) == 0, "nothing waits");
    psat_attestor_free(attestor);
    psat_queue_free(queue);
}

static void the_oldest_make_room(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    psat_completion_t event;
    int at;
    CHECK(psat_attestor_events(attestor, queue, WARNINGS) == PSAT_OK, "events begin");
    for (at = 0; at < MOST_WAITING + 3; at++) {
        refuse_one(attestor);
    }
    CHECK(stats_number(attestor, "events_dropped") == 3, "three are counted, not %lld",
          stats_number(attestor, "events_dropped"));
    CHECK(take(queue, &event), "events wait");
    CHECK(strstr(event.json, "\"operation\":\"4\"") != NULL, "the oldest is the fourth: %s", event.json);
    psat_string_free(event.json);
    CHECK(take_events_with(queue, "CLUSTER_UNKNOWN") == MOST_WAITING - 1, "as many wait as may");
    psat_attestor_free(attestor);
    psat_queue_free(queue);
}

static void nothing_comes_after_a_shutdown(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    CHECK(psat_attestor_events(attestor, queue, EVERYTHING) == PSAT_OK, "events begin");
    submit_endless(attestor, queue, 6);
    CHECK(psat_attestor_shutdown(attestor, 0) == PSAT_OK, "it is shut down");
    expect_completion(queue, 6, GRPC_UNAVAILABLE, "SHUTTING_DOWN");
    take_events_with(queue, "");
    CHECK(psat_attestor_attest(attestor, UNKNOWN_CLUSTER, NOTHING, NULL) == GRPC_UNAVAILABLE, "it is over");
    check_sleep_ms(20);
    CHECK(take_events_with(queue, "") == 0, "nothing comes");
    CHECK(psat_attestor_events(attestor, queue, WARNINGS) == GRPC_UNAVAILABLE, "and nothing can be asked for");
    psat_attestor_free(attestor);
    psat_queue_free(queue);
}

static void a_closed_queue_gets_none(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    psat_completion_t event;
    size_t count = 7;
    CHECK(psat_attestor_events(attestor, queue, WARNINGS) == PSAT_OK, "events begin");
    psat_queue_close(queue);
    refuse_one(attestor);
    CHECK(psat_queue_next(queue, &event, 1, -1, &count) == PSAT_CLOSED && count == 0, "nothing comes");
    CHECK(psat_attestor_events(attestor, queue, WARNINGS) == PSAT_CLOSED, "and nothing can be asked for");
    psat_attestor_free(attestor);
    psat_queue_free(queue);
}

static void wrong_arguments_are_answered(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    CHECK(psat_attestor_events(NULL, queue, WARNINGS) == PSAT_NULL_POINTER, "events need an attestor");
    CHECK(psat_attestor_events(attestor, NULL, WARNINGS) == PSAT_NULL_POINTER, "and a queue");
    CHECK(psat_attestor_events(attestor, queue, 6) == PSAT_OPTIONS_MALFORMED, "there is no level 6");
    CHECK(psat_attestor_events(attestor, queue, -1) == PSAT_OPTIONS_MALFORMED, "nor one below 0");
    psat_queue_free(queue);
    psat_attestor_free(attestor);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(the_start_can_be_seen),
        CASE(a_level_takes_those_before_it),
        CASE(a_second_call_replaces_the_first),
        CASE(attestations_are_handed_out_before_events),
        CASE(the_oldest_make_room),
        CASE(nothing_comes_after_a_shutdown),
        CASE(a_closed_queue_gets_none),
        CASE(wrong_arguments_are_answered),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
