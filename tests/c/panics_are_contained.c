/* A fault inside the library is one attestation's failure. Needs a library with the feature `fault-injection`. */

#include "world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const PLACES[] = {"check", "connection", "completion"};
enum { PLACES_COUNT = sizeof PLACES / sizeof PLACES[0] };

static world w;
static psat_attestor_t *attestor;
static psat_queue_t *queue;
static uint64_t bystander;
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

static void expect_silence(void) {
    char text[256];
    ssize_t length = read(stderr_now, text, sizeof text - 1);
    CHECK(length <= 0, "nothing is written to stderr: %.*s", length > 0 ? (int)length : 0, text);
    dup2(stderr_before, STDERR_FILENO);
    close(stderr_before);
    close(stderr_now);
}

static void set_up(void) {
    capture_stderr();
    world_open(&w, "", "");
    attestor = world_attestor(&w);
    queue = new_queue();
    bystander = submit_endless(attestor, queue, 99);
    CHECK(stats_become(attestor, "in_flight", 1), "one runs that has nothing to do with it");
}

static int options_for(const char *place, char *options, size_t size) {
    return snprintf(options, size, "{\"panic_in\":\"%s\",\"timeout_ms\":5000}", place);
}

static void a_blocking_call_is_told(void) {
    size_t at;
    for (at = 0; at < PLACES_COUNT; at++) {
        char *json = NULL;
        char options[64];
        size_t length = (size_t)options_for(PLACES[at], options, sizeof options);
        int32_t code = psat_attestor_attest(attestor, PAYLOAD, options, length, &json);
        CHECK(json == NULL || strstr(json, "injected") == NULL, "the panic's text stays inside: %s", json);
        EXPECT(code, GRPC_INTERNAL, "INTERNAL_PANIC", &json);
    }
}

static void a_submission_completes(void) {
    size_t at;
    for (at = 0; at < PLACES_COUNT; at++) {
        char options[64];
        size_t length = (size_t)options_for(PLACES[at], options, sizeof options);
        CHECK(psat_attestor_submit(attestor, PAYLOAD, options, length, queue, at, NULL) == PSAT_OK, "accepted");
        expect_completion(queue, at, GRPC_INTERNAL, "INTERNAL_PANIC");
    }
}

static void a_refusal_on_the_callers_thread_is_contained_too(void) {
    char *json = NULL;
    char options[64];
    size_t length = (size_t)options_for("completion", options, sizeof options);
    EXPECT(psat_attestor_attest(attestor, UNKNOWN_CLUSTER, options, length, &json), GRPC_INTERNAL, "INTERNAL_PANIC",
           &json);
    CHECK(psat_attestor_submit(attestor, UNKNOWN_CLUSTER, options, length, queue, 7, NULL) == PSAT_OK, "accepted");
    expect_completion(queue, 7, GRPC_INTERNAL, "INTERNAL_PANIC");
}

static void every_panic_is_counted(void) {
    long long wanted = 2 * PLACES_COUNT + 2;
    CHECK(stats_number(attestor, "panics_caught") == wanted, "%lld panics are counted, not %lld", wanted,
          stats_number(attestor, "panics_caught"));
    CHECK(stats_number(attestor, "INTERNAL_PANIC") == wanted, "and %lld attestations that ended so, not %lld", wanted,
          stats_number(attestor, "INTERNAL_PANIC"));
}

static void others_go_on(void) {
    char *json = NULL;
    CHECK(stats_number(attestor, "in_flight") == 1, "the slots of those that failed are free");
    EXPECT(psat_attestor_attest(attestor, WITHOUT_CREDENTIALS, NOTHING, &json), GRPC_FAILED_PRECONDITION,
           "CREDENTIALS_UNAVAILABLE", &json);
    CHECK(psat_attestor_cancel(attestor, bystander) == PSAT_OK, "the bystander runs still");
    expect_completion(queue, 99, GRPC_CANCELED, "CANCELED");
    CHECK(psat_attestor_shutdown(attestor, 0) == PSAT_OK, "nothing is outstanding");
}

static void tear_down_in_silence(void) {
    psat_queue_free(queue);
    psat_attestor_free(attestor);
    world_close(&w);
    expect_silence();
}

int main(void) {
    static const check_case cases[] = {
        CASE(set_up),
        CASE(a_blocking_call_is_told),
        CASE(a_submission_completes),
        CASE(a_refusal_on_the_callers_thread_is_contained_too),
        CASE(every_panic_is_counted),
        CASE(others_go_on),
        CASE(tear_down_in_silence),
        CASE(no_document_is_left),
    };
    return CHECK_RUN(cases);
}
