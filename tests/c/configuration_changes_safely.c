/* From an attestor without configuration to one with another, and what a refused configuration leaves behind. */

#include "world.h"

#include <string.h>

static world w;

static int32_t configure(psat_attestor_t *attestor, const char *config, char **json) {
    return psat_attestor_configure(attestor, config, strlen(config), json);
}

static void validation_makes_nothing_and_says_all(void) {
    char *json = NULL;
    int32_t code;
    world_open(&w, "", "");
    EXPECT(psat_config_validate(w.config, strlen(w.config), &json), PSAT_OK, "OK", &json);
    EXPECT(psat_config_validate(TEXT("no JSON"), &json), GRPC_INVALID_ARGUMENT, "CONFIG_INVALID", &json);

    code = psat_config_validate(TEXT("{\"trust_domain\":\"Not Valid\",\"clusters\":{\"demo\":{}}}"), &json);
    MUST(json != NULL, "there is a document");
    CHECK(strstr(json, "\"valid\":false") != NULL, "it is not valid: %s", json);
    CHECK(strstr(json, "\"path\":\"trust_domain\"") != NULL, "one note is about the trust domain: %s", json);
    CHECK(strstr(json, "\"path\":\"clusters.demo.service_account_allow_list\"") != NULL, "another about the list: %s",
          json);
    EXPECT(code, GRPC_INVALID_ARGUMENT, "CONFIG_INVALID", &json);
}

static void a_refused_configuration_makes_no_attestor(void) {
    psat_attestor_t *attestor = (psat_attestor_t *)&w;
    char *json = NULL;
    EXPECT(psat_attestor_new(TEXT("{\"trust_domain\":5}"), &attestor, &json), GRPC_INVALID_ARGUMENT, "CONFIG_INVALID",
           &json);
    CHECK(attestor == NULL, "*out is NULL");
}

static void an_attestor_without_configuration_says_so(void) {
    static const char engine_alone[] = "{\"engine\":{\"worker_threads\":1}}";
    psat_attestor_t *attestor = NULL;
    psat_queue_t *queue = new_queue();
    char *json = NULL;
    EXPECT(psat_attestor_new(TEXT(engine_alone), &attestor, &json), PSAT_OK, "OK", &json);
    MUST(attestor != NULL, "an attestor is made");
    EXPECT(psat_attestor_attest(attestor, PAYLOAD, NOTHING, &json), GRPC_FAILED_PRECONDITION, "NOT_CONFIGURED", &json);
    CHECK(psat_attestor_submit(attestor, PAYLOAD, NOTHING, queue, 3, NULL) == PSAT_OK, "it takes submissions");
    expect_completion(queue, 3, GRPC_FAILED_PRECONDITION, "NOT_CONFIGURED");
    CHECK(stats_number(attestor, "config_generation") == 0, "there is no generation yet");

    EXPECT(configure(attestor, w.config, &json), PSAT_OK, "OK", &json);
    CHECK(stats_number(attestor, "config_generation") == 1, "the first configuration is generation 1");
    EXPECT(psat_attestor_attest(attestor, UNKNOWN_CLUSTER, NOTHING, &json), GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN",
           &json);
    psat_queue_free(queue);
    psat_attestor_free(attestor);
}

static void a_refused_configuration_leaves_the_old_one_in_force(void) {
    static const char *const refused[] = {"", "{", "{}", "{\"engine\":{}}",
                                          "{\"trust_domain\":\"example.org\",\"clusters\":5}"};
    psat_attestor_t *attestor = world_attestor(&w);
    size_t at;
    for (at = 0; at < sizeof refused / sizeof refused[0]; at++) {
        char *json = NULL;
        EXPECT(configure(attestor, refused[at], &json), GRPC_INVALID_ARGUMENT, "CONFIG_INVALID", &json);
        CHECK(stats_number(attestor, "config_generation") == 1, "\"%s\" does not count", refused[at]);
        EXPECT(psat_attestor_attest(attestor, WITHOUT_CREDENTIALS, NOTHING, &json), GRPC_FAILED_PRECONDITION,
               "CREDENTIALS_UNAVAILABLE", &json);
    }
    psat_attestor_free(attestor);
}

static void a_new_configuration_replaces_the_old_one(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    char *json = NULL;
    EXPECT(configure(attestor, "{\"trust_domain\":\"example.org\",\"clusters\":{}}", &json), PSAT_OK, "OK", &json);
    CHECK(stats_number(attestor, "config_generation") == 2, "the second configuration is generation 2");
    EXPECT(psat_attestor_attest(attestor, PAYLOAD, NOTHING, &json), GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN", &json);
    psat_attestor_free(attestor);
}

static void a_running_attestation_stays_with_the_configuration_it_began_with(void) {
    psat_attestor_t *attestor = world_attestor(&w);
    psat_queue_t *queue = new_queue();
    psat_completion_t completion;
    char *json = NULL;
    uint64_t operation = submit_endless(attestor, queue, 1);
    EXPECT(configure(attestor, "{\"trust_domain\":\"example.org\",\"clusters\":{}}", &json), PSAT_OK, "OK", &json);
    CHECK(psat_attestor_cancel(attestor, operation) == PSAT_OK, "it can be cancelled still");
    completion = next_completion(queue);
    CHECK(document_number(completion.json, "config_generation") == 1, "it ends in generation 1: %s", completion.json);
    EXPECT(completion.code, GRPC_CANCELED, "CANCELED", &completion.json);
    psat_queue_free(queue);
    psat_attestor_free(attestor);
}

/* Whether the only slot of the cluster is taken. */
static int slot_is_taken(psat_attestor_t *attestor) {
    int32_t code = psat_attestor_attest(attestor, PAYLOAD, TEXT("{\"timeout_ms\":30}"), NULL);
    CHECK(code == GRPC_RESOURCE_EXHAUSTED || code == GRPC_DEADLINE_EXCEEDED, "it is, or the call gets no answer: %d",
          code);
    return code == GRPC_RESOURCE_EXHAUSTED;
}

static void an_unchanged_cluster_keeps_its_slots_and_counters(void) {
    psat_attestor_t *attestor;
    psat_queue_t *queue = new_queue();
    world_configure(&w, "\"max_in_flight\":1,\"max_queued\":0", "");
    attestor = world_attestor(&w);
    submit_endless(attestor, queue, 1);
    CHECK(slot_is_taken(attestor), "one attestation runs");
    CHECK(configure(attestor, w.config, NULL) == PSAT_OK, "the same configuration again");
    CHECK(slot_is_taken(attestor), "the attestation that runs still counts");
    CHECK(stats_number(attestor, "peak_in_flight") == 1, "so do the cluster's counters");

    world_configure(&w, "\"max_in_flight\":1,\"max_queued\":0,\"call_timeout_ms\":9000", "");
    CHECK(configure(attestor, w.config, NULL) == PSAT_OK, "another configuration");
    CHECK(!slot_is_taken(attestor), "a changed cluster begins anew");
    psat_attestor_free(attestor);
    psat_queue_free(queue);
}

static void attestors_do_not_share_a_configuration(void) {
    psat_attestor_t *configured = world_attestor(&w);
    psat_attestor_t *other = unconfigured_attestor();
    char *json = NULL;
    EXPECT(psat_attestor_attest(other, UNKNOWN_CLUSTER, NOTHING, &json), GRPC_FAILED_PRECONDITION, "NOT_CONFIGURED",
           &json);
    EXPECT(psat_attestor_attest(configured, UNKNOWN_CLUSTER, NOTHING, &json), GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN",
           &json);
    psat_attestor_free(other);
    psat_attestor_free(configured);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(validation_makes_nothing_and_says_all),
        CASE(a_refused_configuration_makes_no_attestor),
        CASE(an_attestor_without_configuration_says_so),
        CASE(a_refused_configuration_leaves_the_old_one_in_force),
        CASE(a_new_configuration_replaces_the_old_one),
        CASE(a_running_attestation_stays_with_the_configuration_it_began_with),
        CASE(an_unchanged_cluster_keeps_its_slots_and_counters),
        CASE(attestors_do_not_share_a_configuration),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
