/* psat_attestor_check: a document on every path, about the clusters that were asked for, in their time. */

#include "world.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { CALLERS = 32 };

static world w;
static psat_attestor_t *attestor;

static int32_t check(const char *options, char **json) {
    return psat_attestor_check(attestor, options, strlen(options), json);
}

static int has(const char *json, const char *text) {
    return json != NULL && strstr(json, text) != NULL;
}

/* Time enough to get somewhere; a check of the cluster `demo` ends at its time limit alone. */
static int limit_ms(void) {
    return 200 + check_slack_ms();
}

static int32_t check_briefly(psat_attestor_t *of, char **json) {
    char options[64];
    snprintf(options, sizeof options, "{\"timeout_ms\":%d}", limit_ms());
    return psat_attestor_check(of, options, strlen(options), json);
}

static void set_up(void) {
    world_open(&w, "\"max_in_flight\":1", "");
    attestor = world_attestor(&w);
}

static void each_cluster_has_its_steps_and_the_first_failure_has_the_code(void) {
    char *json = NULL;
    int32_t code = check("{\"clusters\":[\"missing\"]}", &json);
    CHECK(has(json, "\"clusters\":{\"missing\":{\"usable\":false,\"elapsed_us\":"), "the cluster is there: %s", json);
    CHECK(has(json, "{\"check\":\"credentials\",\"outcome\":\"fail\",\"reason\":\"CREDENTIALS_UNAVAILABLE\","),
          "the failure is there: %s", json);
    CHECK(has(json, w.folder) && has(json, "\"remedy\":\"Create "), "with the file, and what helps: %s", json);
    CHECK(has(json, "{\"check\":\"clock\",\"outcome\":\"skip\",\"detail\":\"not looked at: `credentials` failed\"}"),
          "and what was not come to: %s", json);
    CHECK(has(json, "\"message\":\"cluster \\\"missing\\\" cannot be used"), "a message says which: %s", json);
    CHECK(document_number(json, "config_generation") == 1, "and of which configuration: %s", json);
    EXPECT(code, GRPC_FAILED_PRECONDITION, "CREDENTIALS_UNAVAILABLE", &json);
}

static void an_empty_list_means_all(void) {
    char options[64];
    char *json = NULL;
    int32_t code;
    snprintf(options, sizeof options, "{\"clusters\":[],\"timeout_ms\":%d}", limit_ms());
    code = check(options, &json);
    CHECK(has(json, "\"demo\":{") && has(json, "\"missing\":{"), "both are there: %s", json);
    EXPECT(code, GRPC_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", &json);
}

static void a_cluster_that_hangs_keeps_no_other_from_its_report(void) {
    char *json = NULL;
    long long begun = check_now_ms();
    int32_t code = check_briefly(attestor, &json);
    long long took = check_now_ms() - begun;
    CHECK(took >= limit_ms() - 1 && took < 10 * limit_ms(), "it ends at its time: %lld ms", took);
    CHECK(has(json, "\"demo\":{\"usable\":false"), "the one that hangs is told of: %s", json);
    CHECK(has(json, "{\"check\":\"reach\",\"outcome\":\"pass\""), "as far as it came: %s", json);
    CHECK(has(json, "\"missing\":{\"usable\":false"), "so is the other: %s", json);
    CHECK(has(json, "\"reason\":\"CREDENTIALS_UNAVAILABLE\""), "with its own reason: %s", json);
    EXPECT(code, GRPC_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", &json);
}

static void an_unknown_cluster_is_told_by_its_name(void) {
    char *json = NULL;
    int32_t code = check("{\"clusters\":[\"missing\",\"elsewhere\"]}", &json);
    CHECK(has(json, "not configured for cluster \\\"elsewhere\\\""), "the name is there: %s", json);
    EXPECT(code, GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN", &json);
}

static void malformed_options_are_the_callers_fault(void) {
    static const char *const options[] = {"{", "[]", "null", "5", "{\"timeout_ms\":\"1\"}", "{\"clusters\":\"demo\"}",
                                          "{\"clusters\":[1]}", "{} {}", "\xff"};
    size_t at;
    for (at = 0; at < sizeof options / sizeof options[0]; at++) {
        char *json = NULL;
        EXPECT(check(options[at], &json), PSAT_OPTIONS_MALFORMED, "OPTIONS_MALFORMED", &json);
    }
}

static void unknown_options_are_passed_over(void) {
    char *json = NULL;
    EXPECT(check("{\"clusters\":[\"missing\"],\"peer\":5,\"color\":{}}", &json), GRPC_FAILED_PRECONDITION,
           "CREDENTIALS_UNAVAILABLE", &json);
}

static void pointers_are_answered_as_everywhere(void) {
    psat_attestor_t *unconfigured = unconfigured_attestor();
    char *json = NULL;
    EXPECT(psat_attestor_check(NULL, NOTHING, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    EXPECT(psat_attestor_check(attestor, NULL, 1, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    EXPECT(psat_attestor_check(unconfigured, NOTHING, &json), GRPC_FAILED_PRECONDITION, "NOT_CONFIGURED", &json);
    CHECK(psat_attestor_check(attestor, TEXT("{\"clusters\":[\"missing\"]}"), NULL) == GRPC_FAILED_PRECONDITION,
          "the document may be unwanted");
    psat_attestor_free(unconfigured);
}

static void it_takes_no_slot_and_is_no_attestation(void) {
    psat_queue_t *queue = new_queue();
    psat_attestor_t *own = world_attestor(&w);
    uint64_t operation = submit_endless(own, queue, 1);
    char *json = NULL;
    CHECK(stats_become(own, "in_flight", 1), "the only slot is taken");
    CHECK(check_briefly(own, &json) == GRPC_DEADLINE_EXCEEDED, "the check runs beside it");
    CHECK(has(json, "{\"check\":\"reach\",\"outcome\":\"pass\""), "and gets somewhere: %s", json);
    psat_string_free(json);
    CHECK(psat_attestor_cancel(own, operation) == PSAT_OK, "the attestation is cancelled");
    expect_completion(queue, 1, GRPC_CANCELED, "CANCELED");

    CHECK(psat_attestor_stats(own, &json) == PSAT_OK, "there are statistics");
    CHECK(has(json, "\"attestations\":{\"CANCELED\":1}"), "the attestation alone is counted: %s", json);
    CHECK(has(json, "\"probe\":{\"no_answer\":"), "the check's questions are counted: %s", strstr(json, "api_calls"));
    psat_string_free(json);
    psat_queue_free(queue);
    psat_attestor_free(own);
}

static void *check_endless(void *own) {
    char *json = NULL;
    int32_t code = psat_attestor_check((psat_attestor_t *)own, NOTHING, &json);
    CHECK(document_number(json, "code") == code, "the document has the code that was returned");
    psat_string_free(json);
    return (void *)(intptr_t)code;
}

static void shutdown_ends_the_checks_that_run(void) {
    psat_attestor_t *own = world_attestor(&w);
    pthread_t callers[CALLERS];
    long long begun;
    char *json = NULL;
    int at;
    for (at = 0; at < CALLERS; at++) {
        MUST(pthread_create(&callers[at], NULL, check_endless, own) == 0, "a thread starts");
    }
    /* Some have a turn, the others wait for theirs: all are to be told. */
    check_sleep_ms(100);
    begun = check_now_ms();
    CHECK(psat_attestor_shutdown(own, 0) == PSAT_OK, "all is answered");
    CHECK(check_now_ms() - begun < 1000 + check_slack_ms(), "at once");
    for (at = 0; at < CALLERS; at++) {
        void *code;
        pthread_join(callers[at], &code);
        CHECK((intptr_t)code == GRPC_UNAVAILABLE, "the caller is told, with %d", (int)(intptr_t)code);
    }
    EXPECT(psat_attestor_check(own, NOTHING, &json), GRPC_UNAVAILABLE, "SHUTTING_DOWN", &json);
    psat_attestor_free(own);
}

static void tear_down(void) {
    psat_attestor_free(attestor);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(set_up),
        CASE(each_cluster_has_its_steps_and_the_first_failure_has_the_code),
        CASE(an_empty_list_means_all),
        CASE(a_cluster_that_hangs_keeps_no_other_from_its_report),
        CASE(an_unknown_cluster_is_told_by_its_name),
        CASE(malformed_options_are_the_callers_fault),
        CASE(unknown_options_are_passed_over),
        CASE(pointers_are_answered_as_everywhere),
        CASE(it_takes_no_slot_and_is_no_attestation),
        CASE(shutdown_ends_the_checks_that_run),
        CASE(tear_down),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
