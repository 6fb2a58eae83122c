/* Time limits against a server that takes connections and never answers, and against a file that cannot be read. */

#include "world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMIT_MS = 200, TRIES = 5 };

/* Takes the time of several attestations with these options: none ends early, the best is hardly late. */
static void expect_deadline(psat_attestor_t *attestor, const char *options) {
    long long best = -1;
    int at;
    for (at = 0; at < TRIES; at++) {
        char *json = NULL;
        long long begun = check_now_ms();
        int32_t code = psat_attestor_attest(attestor, PAYLOAD, options, strlen(options), &json);
        long long took = check_now_ms() - begun;
        EXPECT(code, GRPC_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", &json);
        CHECK(took >= LIMIT_MS - 1, "the time is used: %lld ms", took);
        CHECK(took < 10 * LIMIT_MS + check_slack_ms(), "no attestation takes many times its time: %lld ms", took);
        best = best < 0 || took < best ? took : best;
    }
    CHECK(best <= LIMIT_MS + check_slack_ms(), "the answer comes in time, not after %lld ms", best);
}

static void an_attestation_ends_in_the_time_of_its_options(void) {
    world w;
    psat_attestor_t *attestor;
    world_open(&w, "", "");
    attestor = world_attestor(&w);
    expect_deadline(attestor, "{\"timeout_ms\":200}");
    psat_attestor_free(attestor);
    world_close(&w);
}

static void an_attestation_ends_in_the_time_that_is_configured(void) {
    world w;
    psat_attestor_t *attestor;
    world_open(&w, "", "\"attest_timeout_ms\":200");
    attestor = world_attestor(&w);
    expect_deadline(attestor, "");
    psat_attestor_free(attestor);
    world_close(&w);
}

static void a_call_ends_in_the_time_that_is_configured(void) {
    world w;
    psat_attestor_t *attestor;
    world_open(&w, "\"call_timeout_ms\":200", "");
    attestor = world_attestor(&w);
    expect_deadline(attestor, "");
    psat_attestor_free(attestor);
    world_close(&w);
}

static void a_submission_ends_in_its_time(void) {
    world w;
    psat_attestor_t *attestor;
    psat_queue_t *queue = new_queue();
    long long begun;
    world_open(&w, "", "");
    attestor = world_attestor(&w);
    begun = check_now_ms();
    CHECK(psat_attestor_submit(attestor, PAYLOAD, TEXT("{\"timeout_ms\":200}"), queue, 8, NULL) == PSAT_OK, "accepted");
    CHECK(check_now_ms() - begun < LIMIT_MS, "submit does not wait");
    expect_completion(queue, 8, GRPC_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED");
    psat_queue_free(queue);
    psat_attestor_free(attestor);
    world_close(&w);
}

static void no_time_at_all_is_a_deadline_too(void) {
    world w;
    psat_attestor_t *attestor;
    char *json = NULL;
    world_open(&w, "", "");
    attestor = world_attestor(&w);
    EXPECT(psat_attestor_attest(attestor, PAYLOAD, TEXT("{\"timeout_ms\":0}"), &json), GRPC_DEADLINE_EXCEEDED,
           "DEADLINE_EXCEEDED", &json);
    psat_attestor_free(attestor);
    world_close(&w);
}

/* A named pipe without a writer: whoever opens it hangs. */
static void a_file_that_hangs_holds_up_nobody(void) {
    world w;
    psat_attestor_t *attestor;
    long long begun;
    int writer;
    world_open(&w, "", "");
    attestor = world_attestor(&w);
    MUST(unlink(w.kubeconfig) == 0 && mkfifo(w.kubeconfig, 0600) == 0, "the kubeconfig becomes a pipe");
    expect_deadline(attestor, "{\"timeout_ms\":200}");
    begun = check_now_ms();
    psat_attestor_free(attestor);
    CHECK(check_now_ms() - begun < 4000, "free does not wait for the thread that hangs");
    /* Lets the thread go, before valgrind counts what it holds. */
    writer = open(w.kubeconfig, O_RDWR | O_NONBLOCK);
    CHECK(writer >= 0, "the pipe gets a writer");
    check_sleep_ms(20);
    close(writer);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(an_attestation_ends_in_the_time_of_its_options),
        CASE(an_attestation_ends_in_the_time_that_is_configured),
        CASE(a_call_ends_in_the_time_that_is_configured),
        CASE(a_submission_ends_in_its_time),
        CASE(no_time_at_all_is_a_deadline_too),
        CASE(a_file_that_hangs_holds_up_nobody),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
