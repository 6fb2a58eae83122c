/* psat_attestor_explain: the answer of an attestation, and what became of each check. */

#include "world.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 27, TIMEOUT_MS = 200 };

static world w;
static psat_attestor_t *attestor;

static void set_up(void) {
    world_open(&w, "", "");
    attestor = world_attestor(&w);
}

static int steps_in(const char *json) {
    int count = 0;
    while ((json = strstr(json, "\"check\":")) != NULL) {
        json++;
        count++;
    }
    return count;
}

/* The outcome of one check; the text behind it is not looked at. */
static int stands(const char *json, const char *check, const char *outcome) {
    char step[128];
    snprintf(step, sizeof step, "\"check\":\"%s\",\"outcome\":\"%s\"", check, outcome);
    return strstr(json, step) != NULL;
}

static void a_refusal_before_any_call_is_shown(void) {
    char *json = NULL;
    int32_t code = psat_attestor_explain(attestor, UNKNOWN_CLUSTER, NOTHING, &json);
    MUST(json != NULL, "there is a document");
    CHECK(steps_in(json) == STEPS, "every check has a step, not %d", steps_in(json));
    CHECK(stands(json, "token_present", "pass"), "what was looked at passes");
    CHECK(stands(json, "cluster_configured", "fail"), "what ends it fails");
    CHECK(stands(json, "token_form", "skip"), "what comes after is not looked at");
    CHECK(strstr(json, "\"remedy\":") != NULL, "there is something to do");
    EXPECT(code, GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN", &json);
}

static void the_deadline_holds(void) {
    char *json = NULL;
    long long begun = check_now_ms();
    int32_t code = psat_attestor_explain(attestor, PAYLOAD, TEXT("{\"timeout_ms\":200}"), &json);
    long long took = check_now_ms() - begun;
    CHECK(took <= TIMEOUT_MS + check_slack_ms(), "it took %lld ms", took);
    MUST(json != NULL, "there is a document");
    CHECK(steps_in(json) == STEPS, "every check has a step, not %d", steps_in(json));
    CHECK(stands(json, "slot", "pass"), "it took a slot");
    CHECK(stands(json, "token_review", "fail"), "the call that hangs fails");
    CHECK(strstr(json, TOKEN) == NULL, "the token is not repeated");
    EXPECT(code, GRPC_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", &json);
}

static void it_is_not_counted_as_an_attestation(void) {
    char *json = NULL;
    CHECK(psat_attestor_stats(attestor, &json) == PSAT_OK, "statistics");
    MUST(json != NULL, "there is a document");
    CHECK(strstr(json, "CLUSTER_UNKNOWN") == NULL && strstr(json, "DEADLINE_EXCEEDED") == NULL, "%s", json);
    psat_string_free(json);
}

static void misuse_and_no_configuration_are_answered(void) {
    psat_attestor_t *empty = unconfigured_attestor();
    char *json = NULL;
    EXPECT(psat_attestor_explain(NULL, PAYLOAD, NOTHING, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    EXPECT(psat_attestor_explain(attestor, NULL, 1, NOTHING, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    EXPECT(psat_attestor_explain(attestor, PAYLOAD, TEXT("[]"), &json), PSAT_OPTIONS_MALFORMED, "OPTIONS_MALFORMED",
           &json);
    EXPECT(psat_attestor_explain(empty, PAYLOAD, NOTHING, &json), GRPC_FAILED_PRECONDITION, "NOT_CONFIGURED", &json);
    CHECK(psat_attestor_explain(empty, PAYLOAD, NOTHING, NULL) == GRPC_FAILED_PRECONDITION, "json is not wanted");
    psat_attestor_free(empty);
}

static void *explain_endless(void *handle) {
    char *json = NULL;
    int32_t code = psat_attestor_explain((psat_attestor_t *)handle, PAYLOAD, TEXT("{\"timeout_ms\":60000}"), &json);
    CHECK(json != NULL && steps_in(json) == STEPS, "every check has a step");
    CHECK(json != NULL && stands(json, "token_review", "skip"), "what it was at is not judged");
    psat_string_free(json);
    return (void *)(intptr_t)code;
}

static void a_shutdown_ends_it(void) {
    pthread_t caller;
    void *code;
    MUST(pthread_create(&caller, NULL, explain_endless, attestor) == 0, "a thread starts");
    CHECK(stats_become(attestor, "in_flight", 1), "it takes a slot");
    CHECK(psat_attestor_shutdown(attestor, 0) == PSAT_OK, "all is answered");
    pthread_join(caller, &code);
    CHECK((intptr_t)code == GRPC_UNAVAILABLE, "the caller is told, with %d", (int)(intptr_t)code);
}

static void tear_down(void) {
    psat_attestor_free(attestor);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(set_up),
        CASE(a_refusal_before_any_call_is_shown),
        CASE(the_deadline_holds),
        CASE(it_is_not_counted_as_an_attestation),
        CASE(misuse_and_no_configuration_are_answered),
        CASE(a_shutdown_ends_it),
        CASE(tear_down),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
