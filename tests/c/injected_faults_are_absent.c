/* A shipped library knows nothing of the faults that tests can ask for. */

#include "world.h"

#include <stdio.h>

static void a_shipped_library_passes_over_the_key(void) {
    static const char *const places[] = {"check", "connection", "completion"};
    size_t at;
    world w;
    psat_attestor_t *attestor;
    world_open(&w, "", "");
    attestor = world_attestor(&w);
    for (at = 0; at < sizeof places / sizeof places[0]; at++) {
        char *json = NULL;
        char options[64];
        int length = snprintf(options, sizeof options, "{\"panic_in\":\"%s\",\"timeout_ms\":50}", places[at]);
        EXPECT(psat_attestor_attest(attestor, PAYLOAD, options, (size_t)length, &json), GRPC_DEADLINE_EXCEEDED,
               "DEADLINE_EXCEEDED", &json);
        EXPECT(psat_attestor_attest(attestor, UNKNOWN_CLUSTER, options, (size_t)length, &json), GRPC_INVALID_ARGUMENT,
               "CLUSTER_UNKNOWN", &json);
    }
    CHECK(stats_number(attestor, "panics_caught") == 0, "nothing panicked");
    psat_attestor_free(attestor);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(a_shipped_library_passes_over_the_key),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
