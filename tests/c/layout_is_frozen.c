/* The struct, the constants and the version that programs were compiled with. */

#include "world.h"

#include <stdio.h>
#include <string.h>

static void completion_has_its_size_and_offsets(void) {
    CHECK(sizeof(psat_completion_t) == 40, "a completion has 40 bytes, not %zu", sizeof(psat_completion_t));
    CHECK(offsetof(psat_completion_t, kind) == 0, "kind is at 0");
    CHECK(offsetof(psat_completion_t, code) == 4, "code is at 4");
    CHECK(offsetof(psat_completion_t, tag) == 8, "tag is at 8");
    CHECK(offsetof(psat_completion_t, operation) == 16, "operation is at 16");
    CHECK(offsetof(psat_completion_t, json) == 24, "json is at 24");
    CHECK(offsetof(psat_completion_t, json_len) == 32, "json_len is at 32");
}

static void constants_have_their_values(void) {
    CHECK(PSAT_ABI_VERSION == 1, "this is version 1 of the ABI");
    CHECK(PSAT_OK == 0, "PSAT_OK is 0");
    CHECK(PSAT_NULL_POINTER == 1000, "PSAT_NULL_POINTER is 1000");
    CHECK(PSAT_CLOSED == 1001, "PSAT_CLOSED is 1001");
    CHECK(PSAT_FORKED == 1002, "PSAT_FORKED is 1002");
    CHECK(PSAT_PANIC == 1003, "PSAT_PANIC is 1003");
    CHECK(PSAT_OPTIONS_MALFORMED == 1004, "PSAT_OPTIONS_MALFORMED is 1004");
    CHECK(PSAT_COMPLETION_ATTESTATION == 1, "PSAT_COMPLETION_ATTESTATION is 1");
    CHECK(PSAT_COMPLETION_EVENT == 2, "PSAT_COMPLETION_EVENT is 2");
}

static void library_speaks_the_version_of_the_header(void) {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned patch = 0;
    CHECK(psat_abi_version() == PSAT_ABI_VERSION, "library and header have one version");
    CHECK(sscanf(psat_version(), "%u.%u.%u", &major, &minor, &patch) == 3, "\"%s\" is a version", psat_version());
    CHECK(psat_version() == psat_version(), "the version is one static string");
}

int main(void) {
    static const check_case cases[] = {
        CASE(completion_has_its_size_and_offsets),
        CASE(constants_have_their_values),
        CASE(library_speaks_the_version_of_the_header),
    };
    return CHECK_RUN(cases);
}
