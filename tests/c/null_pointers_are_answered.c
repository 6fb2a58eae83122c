/* Every pointer that may not be NULL, and every one that may. */

#include "world.h"

static char untouched;

static void free_functions_take_null(void) {
    psat_string_free(NULL);
    psat_attestor_free(NULL);
    psat_queue_free(NULL);
}

static void queue_functions_answer_null(void) {
    psat_queue_t *queue = new_queue();
    psat_completion_t completion;
    size_t count = 7;

    CHECK(psat_queue_new(NULL) == PSAT_NULL_POINTER, "a queue needs a place to be put");
    CHECK(psat_queue_fd(NULL) == -1, "NULL has no descriptor");
    psat_queue_wake(NULL);
    psat_queue_close(NULL);

    CHECK(psat_queue_next(NULL, &completion, 1, 0, &count) == PSAT_NULL_POINTER, "next needs a queue");
    CHECK(count == 0, "the count is written in spite of it");
    count = 7;
    CHECK(psat_queue_next(queue, NULL, 1, 0, &count) == PSAT_NULL_POINTER, "next needs room");
    CHECK(count == 0, "the count is written in spite of it");
    CHECK(psat_queue_next(queue, &completion, 1, 0, NULL) == PSAT_NULL_POINTER, "next needs a count");
    psat_queue_free(queue);
}

static void attestor_functions_answer_null(void) {
    char *json = &untouched;
    EXPECT(psat_attestor_configure(NULL, NOTHING, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    json = &untouched;
    EXPECT(psat_attestor_attest(NULL, PAYLOAD, NOTHING, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    json = &untouched;
    EXPECT(psat_attestor_stats(NULL, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    json = &untouched;
    EXPECT(psat_attestor_new(NOTHING, NULL, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    CHECK(psat_attestor_shutdown(NULL, 1) == PSAT_NULL_POINTER, "shutdown needs an attestor");
    CHECK(psat_attestor_cancel(NULL, 1) == PSAT_NULL_POINTER, "cancel needs an attestor");
}

static void null_bytes_with_a_length_are_answered(void) {
    psat_attestor_t *attestor = unconfigured_attestor();
    psat_attestor_t *made = attestor;
    char *json = &untouched;
    EXPECT(psat_config_validate(NULL, 1, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    json = &untouched;
    EXPECT(psat_attestor_new(NULL, 1, &made, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    CHECK(made == NULL, "no attestor is handed out");
    json = &untouched;
    EXPECT(psat_attestor_configure(attestor, NULL, 1, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    json = &untouched;
    EXPECT(psat_attestor_attest(attestor, NULL, 1, NOTHING, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    json = &untouched;
    EXPECT(psat_attestor_attest(attestor, PAYLOAD, NULL, 1, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    psat_attestor_free(attestor);
}

static void a_length_that_no_object_has_is_answered(void) {
    psat_attestor_t *attestor = unconfigured_attestor();
    char *json = &untouched;
    EXPECT(psat_attestor_attest(attestor, "", SIZE_MAX, NOTHING, &json), PSAT_NULL_POINTER, "NULL_POINTER", &json);
    psat_attestor_free(attestor);
}

static void submit_answers_null_and_writes_the_operation(void) {
    psat_attestor_t *attestor = unconfigured_attestor();
    psat_queue_t *queue = new_queue();
    uint64_t operation = 7;
    CHECK(psat_attestor_submit(NULL, PAYLOAD, NOTHING, queue, 1, &operation) == PSAT_NULL_POINTER, "no attestor");
    CHECK(operation == 0, "the operation is written without an attestor");
    operation = 7;
    CHECK(psat_attestor_submit(attestor, PAYLOAD, NOTHING, NULL, 1, &operation) == PSAT_NULL_POINTER, "no queue");
    CHECK(operation == 0, "the operation is written without a queue");
    operation = 7;
    CHECK(psat_attestor_submit(attestor, NULL, 1, NOTHING, queue, 1, &operation) == PSAT_NULL_POINTER, "no payload");
    CHECK(operation == 0, "the operation is written without a payload");
    operation = 7;
    CHECK(psat_attestor_submit(attestor, PAYLOAD, NULL, 1, queue, 1, &operation) == PSAT_NULL_POINTER, "no options");
    CHECK(operation == 0, "the operation is written without options");

    psat_queue_close(queue);
    psat_queue_free(queue);
    psat_attestor_free(attestor);
}

static void null_with_length_zero_is_nothing(void) {
    psat_attestor_t *attestor = unconfigured_attestor();
    psat_queue_t *queue = new_queue();
    char *json = NULL;
    EXPECT(psat_config_validate(NOTHING, &json), PSAT_OK, "OK", &json);
    EXPECT(psat_attestor_attest(attestor, NOTHING, NOTHING, &json), GRPC_FAILED_PRECONDITION, "NOT_CONFIGURED", &json);
    CHECK(psat_attestor_submit(attestor, NOTHING, NOTHING, queue, 5, NULL) == PSAT_OK, "operation may be NULL");
    expect_completion(queue, 5, GRPC_FAILED_PRECONDITION, "NOT_CONFIGURED");
    psat_queue_free(queue);
    psat_attestor_free(attestor);
}

int main(void) {
    static const check_case cases[] = {
        CASE(free_functions_take_null),
        CASE(queue_functions_answer_null),
        CASE(attestor_functions_answer_null),
        CASE(null_bytes_with_a_length_are_answered),
        CASE(a_length_that_no_object_has_is_answered),
        CASE(submit_answers_null_and_writes_the_operation),
        CASE(null_with_length_zero_is_nothing),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
