/* A fault inside the library is one attestation's failure. Needs a library with the feature `fault-injection`. */

#include "world.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static world w;
static int stderr_before;
static int stderr_now;

/* From here on what is written to stderr can be read. */
static void capture_stderr(void) {
    int ends[2];
    MUST(pipe(ends) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0, "a pipe is made");
    stderr_before = dup(STDERR_FILENO);
    MUST(stderr_before >= 0 && dup2(ends[1], STDERR_FILENO) >= 0, "stderr leads into it");
    close(ends[1]);
    stderr_now = ends[0];
}

static void set_up(void) {
    capture_stderr();
    /* The reading of the keys would come first, and panic in place of the attestation's own connection. */
    world_open(&w, "\"verify_signature\":\"off\"", "");
}

/* What panics on the library's threads, in a blocking call and in a submission. */
static void expect_containment(const char *options) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    char *json = NULL;
    int32_t code = psat_attestor_attest(attestor, PAYLOAD, options, strlen(options), &json);
    CHECK(json == NULL || strstr(json, "injected") == NULL, "the panic's text stays inside: %s", json);
    EXPECT(code, GRPC_INTERNAL, "INTERNAL_PANIC", &json);
    CHECK(psat_attestor_submit(attestor, PAYLOAD, options, strlen(options), queue, 1, NULL) == PSAT_OK, "accepted");
    expect_completion(queue, 1, GRPC_INTERNAL, "INTERNAL_PANIC");
    CHECK(stats_number(attestor, "panics_caught") == 2, "two panics are counted, not %lld",
          stats_number(attestor, "panics_caught"));
    CHECK(stats_number(attestor, "INTERNAL_PANIC") == 2, "and two attestations that ended so, not %lld",
          stats_number(attestor, "INTERNAL_PANIC"));
    CHECK(stats_become(attestor, "in_flight", 0), "their slots are free");
    EXPECT(psat_attestor_attest(attestor, PAYLOAD, TEXT("{\"timeout_ms\":50}"), &json), GRPC_DEADLINE_EXCEEDED,
           "DEADLINE_EXCEEDED", &json);
    CHECK(psat_attestor_shutdown(attestor, 0) == PSAT_OK, "nothing is outstanding");
    psat_queue_free(queue);
    psat_attestor_free(attestor);
}

static void a_panic_in_a_check_is_one_attestations_failure(void) {
    expect_containment("{\"panic_in\":\"check\",\"timeout_ms\":5000}");
}

static void a_panic_in_a_connection_is_one_attestations_failure(void) {
    expect_containment("{\"panic_in\":\"connection\",\"timeout_ms\":5000}");
}

static void a_panic_in_a_completion_is_one_attestations_failure(void) {
    expect_containment("{\"panic_in\":\"completion\",\"timeout_ms\":50}");
}

static void a_panic_in_a_check_of_clusters_is_its_failure(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    char *json = NULL;
    int32_t code = psat_attestor_check(attestor, TEXT("{\"panic_in\":\"check\"}"), &json);
    CHECK(json == NULL || strstr(json, "injected") == NULL, "the panic's text stays inside: %s", json);
    EXPECT(code, GRPC_INTERNAL, "INTERNAL_PANIC", &json);
    CHECK(stats_number(attestor, "panics_caught") == 1, "it is counted");
    EXPECT(psat_attestor_check(attestor, TEXT("{\"clusters\":[\"missing\"]}"), &json), GRPC_FAILED_PRECONDITION,
           "CREDENTIALS_UNAVAILABLE", &json);
    CHECK(psat_attestor_shutdown(attestor, 0) == PSAT_OK, "nothing is outstanding");
    psat_attestor_free(attestor);
}

static void a_panic_on_the_callers_thread_is_contained_too(void) {
    static const char options[] = "{\"panic_in\":\"completion\"}";
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    char *json = NULL;
    EXPECT(psat_attestor_attest(attestor, UNKNOWN_CLUSTER, TEXT(options), &json), GRPC_INTERNAL, "INTERNAL_PANIC",
           &json);
    CHECK(psat_attestor_submit(attestor, UNKNOWN_CLUSTER, TEXT(options), queue, 7, NULL) == PSAT_OK, "accepted");
    expect_completion(queue, 7, GRPC_INTERNAL, "INTERNAL_PANIC");
    CHECK(stats_number(attestor, "panics_caught") == 2, "two panics are counted");
    psat_queue_free(queue);
    psat_attestor_free(attestor);
}

static void an_event_tells_of_each(void) {
    static const char *const options[] = {"{\"panic_in\":\"check\"}", "{\"panic_in\":\"connection\"}",
                                          "{\"panic_in\":\"completion\",\"timeout_ms\":50}"};
    size_t at;
    for (at = 0; at < sizeof options / sizeof options[0]; at++) {
        psat_attestor_t *attestor = world_attestor(&w);
        psat_queue_t *queue = new_queue();
        psat_completion_t event;
        size_t count = 0;
        CHECK(psat_attestor_events(attestor, queue, 1) == PSAT_OK, "errors are delivered");
        psat_attestor_attest(attestor, PAYLOAD, options[at], strlen(options[at]), NULL);
        psat_queue_next(queue, &event, 1, 0, &count);
        if (CHECK(count == 1 && event.kind == PSAT_COMPLETION_EVENT, "an event tells of %s", options[at])) {
            CHECK(strstr(event.json, "injected") == NULL, "without the panic's text: %s", event.json);
            psat_string_free(event.json);
        }
        psat_queue_free(queue);
        psat_attestor_free(attestor);
    }
}

static void others_go_on(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    uint64_t bystander = submit_endless(attestor, queue, 1);
    char *json = NULL;
    CHECK(stats_become(attestor, "in_flight", 1), "the bystander runs");
    EXPECT(psat_attestor_attest(attestor, PAYLOAD, TEXT("{\"panic_in\":\"check\"}"), &json), GRPC_INTERNAL,
           "INTERNAL_PANIC", &json);
    CHECK(stats_become(attestor, "in_flight", 1), "the bystander runs still");
    EXPECT(psat_attestor_attest(attestor, WITHOUT_CREDENTIALS, NOTHING, &json), GRPC_FAILED_PRECONDITION,
           "CREDENTIALS_UNAVAILABLE", &json);
    CHECK(psat_attestor_cancel(attestor, bystander) == PSAT_OK, "it can be cancelled");
    expect_completion(queue, 1, GRPC_CANCELED, "CANCELED");
    psat_queue_free(queue);
    psat_attestor_free(attestor);
}

static void nothing_is_written_to_stderr(void) {
    char text[256];
    ssize_t length = read(stderr_now, text, sizeof text);
    CHECK(length <= 0, "this was written: %.*s", length > 0 ? (int)length : 0, text);
    dup2(stderr_before, STDERR_FILENO);
    close(stderr_before);
    close(stderr_now);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(set_up),
        CASE(a_panic_in_a_check_is_one_attestations_failure),
        CASE(a_panic_in_a_connection_is_one_attestations_failure),
        CASE(a_panic_in_a_completion_is_one_attestations_failure),
        CASE(a_panic_in_a_check_of_clusters_is_its_failure),
        CASE(a_panic_on_the_callers_thread_is_contained_too),
        CASE(an_event_tells_of_each),
        CASE(others_go_on),
        CASE(nothing_is_written_to_stderr),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
