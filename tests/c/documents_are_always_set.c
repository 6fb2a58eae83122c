/* A document on every path, with the code that was returned and without what an agent sent in confidence. */

#include "world.h"

#include <stdlib.h>
#include <string.h>

static world w;
static psat_attestor_t *attestor;

static int32_t attest(const char *payload, size_t length, char **json) {
    return psat_attestor_attest(attestor, payload, length, NOTHING, json);
}

static void set_up(void) {
    world_open(&w, "", "");
    attestor = world_attestor(&w);
}

static void refused_payloads_have_a_document(void) {
    char *json = NULL;
    EXPECT(attest(NOTHING, &json), GRPC_INVALID_ARGUMENT, "PAYLOAD_MISSING", &json);
    EXPECT(attest(TEXT("{"), &json), GRPC_INVALID_ARGUMENT, "PAYLOAD_MALFORMED", &json);
    EXPECT(attest(TEXT("\xff"), &json), GRPC_INVALID_ARGUMENT, "PAYLOAD_MALFORMED", &json);
    EXPECT(attest(TEXT("{\"token\":\"" TOKEN "\"}"), &json), GRPC_INVALID_ARGUMENT, "CLUSTER_MISSING", &json);
    EXPECT(attest(TEXT("{\"cluster\":\"demo\"}"), &json), GRPC_INVALID_ARGUMENT, "TOKEN_MISSING", &json);
    EXPECT(attest(UNKNOWN_CLUSTER, &json), GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN", &json);
    EXPECT(attest(TEXT("{\"cluster\":\"demo\",\"token\":\"no.jws\"}"), &json), GRPC_UNAUTHENTICATED, "TOKEN_MALFORMED",
           &json);
}

static void an_oversized_payload_has_a_document(void) {
    size_t length = 64 * 1024 + 1;
    char *payload = (char *)malloc(length);
    char *json = NULL;
    MUST(payload != NULL, "there is memory");
    memset(payload, ' ', length);
    EXPECT(attest(payload, length, &json), GRPC_INVALID_ARGUMENT, "PAYLOAD_TOO_LARGE", &json);
    EXPECT(attest(payload, length - 1, &json), GRPC_INVALID_ARGUMENT, "PAYLOAD_MALFORMED", &json);
    free(payload);
}

static void failed_calls_have_a_document(void) {
    char *json = NULL;
    EXPECT(attest(WITHOUT_CREDENTIALS, &json), GRPC_FAILED_PRECONDITION, "CREDENTIALS_UNAVAILABLE", &json);
}

static void a_token_in_the_wrong_place_is_not_repeated(void) {
    char *json = NULL;
    EXPECT(attest(TEXT("{\"cluster\":\"" TOKEN "\",\"token\":\"" TOKEN "\"}"), &json), GRPC_INVALID_ARGUMENT,
           "CLUSTER_UNKNOWN", &json);
    EXPECT(attest(TEXT("{\"cluster\":\"demo\",\"token\":[\"" TOKEN "\"]}"), &json), GRPC_INVALID_ARGUMENT,
           "PAYLOAD_MALFORMED", &json);
    EXPECT(attest(TEXT("\"" TOKEN "\""), &json), GRPC_INVALID_ARGUMENT, "PAYLOAD_MALFORMED", &json);
}

static void inputs_need_not_end_in_nul(void) {
    /* The byte behind what counts would make it malformed. */
    static const char payload[] = "{\"cluster\":\"demo\"}]";
    static const char options[] = "{}]";
    char *json = NULL;
    EXPECT(psat_attestor_attest(attestor, payload, sizeof payload - 2, options, sizeof options - 2, &json),
           GRPC_INVALID_ARGUMENT, "TOKEN_MISSING", &json);
}

static void malformed_options_are_the_callers_fault(void) {
    static const char *const options[] = {"{", "[]", "null", "5", "{\"timeout_ms\":\"1\"}", "{\"peer\":1}", "{} {}",
                                          "{\"timeout_ms\":-1}", "\xff"};
    psat_queue_t *queue = new_queue();
    size_t at;
    for (at = 0; at < sizeof options / sizeof options[0]; at++) {
        uint64_t operation = 7;
        char *json = NULL;
        size_t length = strlen(options[at]);
        EXPECT(psat_attestor_attest(attestor, UNKNOWN_CLUSTER, options[at], length, &json), PSAT_OPTIONS_MALFORMED,
               "OPTIONS_MALFORMED", &json);
        CHECK(psat_attestor_submit(attestor, UNKNOWN_CLUSTER, options[at], length, queue, 1, &operation) ==
                  PSAT_OPTIONS_MALFORMED,
              "submit refuses %s", options[at]);
        CHECK(operation == 0, "no operation begins with %s", options[at]);
    }
    psat_queue_close(queue);
    {
        psat_completion_t completion;
        size_t count = 7;
        CHECK(psat_queue_next(queue, &completion, 1, -1, &count) == PSAT_CLOSED, "what was refused is not outstanding");
    }
    psat_queue_free(queue);
}

static void options_are_echoed_and_decide_nothing(void) {
    char *json = NULL;
    int32_t code = psat_attestor_attest(attestor, UNKNOWN_CLUSTER,
                                        TEXT("{\"peer\":\"192.0.2.1\",\"request_id\":\"r-1\","
                                             "\"traceparent\":\"00-a-b-01\",\"unheard_of\":{\"a\":[1]}}"),
                                        &json);
    MUST(json != NULL, "there is a document");
    CHECK(strstr(json, "\"peer\":\"192.0.2.1\"") != NULL, "the peer is echoed: %s", json);
    CHECK(strstr(json, "\"request_id\":\"r-1\"") != NULL, "the request's ID is echoed: %s", json);
    CHECK(strstr(json, "\"traceparent\":\"00-a-b-01\"") != NULL, "the trace context is echoed: %s", json);
    CHECK(strstr(json, "unheard_of") == NULL, "unknown options are passed over: %s", json);
    EXPECT(code, GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN", &json);
}

static void statistics_are_a_document(void) {
    char *json = NULL;
    EXPECT(psat_attestor_stats(attestor, &json), PSAT_OK, "OK", &json);
}

static void json_may_be_unwanted(void) {
    psat_attestor_t *other = NULL;
    CHECK(psat_config_validate(NOTHING, NULL) == PSAT_OK, "validate without a document");
    CHECK(psat_config_validate(TEXT("{"), NULL) == GRPC_INVALID_ARGUMENT, "a refusal without a document");
    CHECK(psat_attestor_new(w.config, strlen(w.config), &other, NULL) == PSAT_OK, "new without a document");
    CHECK(psat_attestor_configure(other, w.config, strlen(w.config), NULL) == PSAT_OK, "configure without a document");
    CHECK(psat_attestor_attest(other, UNKNOWN_CLUSTER, NOTHING, NULL) == GRPC_INVALID_ARGUMENT, "attest without one");
    CHECK(psat_attestor_attest(other, WITHOUT_CREDENTIALS, NOTHING, NULL) == GRPC_FAILED_PRECONDITION, "nor later");
    CHECK(psat_attestor_stats(other, NULL) == PSAT_OK, "statistics without a document");
    psat_attestor_free(other);
}

static void tear_down(void) {
    psat_attestor_free(attestor);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(set_up),
        CASE(refused_payloads_have_a_document),
        CASE(an_oversized_payload_has_a_document),
        CASE(failed_calls_have_a_document),
        CASE(a_token_in_the_wrong_place_is_not_repeated),
        CASE(inputs_need_not_end_in_nul),
        CASE(malformed_options_are_the_callers_fault),
        CASE(options_are_echoed_and_decide_nothing),
        CASE(statistics_are_a_document),
        CASE(json_may_be_unwanted),
        CASE(tear_down),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
