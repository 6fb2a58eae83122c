/* The static library in one program with another Rust archive: neither sees the other's runtime. */

#include "world.h"

#ifdef __cplusplus
extern "C"
#endif
int32_t other_answer(void);

static void both_archives_work(void) {
    psat_attestor_t *attestor = unconfigured_attestor();
    char *json = NULL;
    CHECK(other_answer() == 42, "the other one works");
    EXPECT(psat_attestor_attest(attestor, PAYLOAD, NOTHING, &json), GRPC_FAILED_PRECONDITION, "NOT_CONFIGURED", &json);
    CHECK(other_answer() == 42, "and still works beside this one");
    psat_attestor_free(attestor);
}

int main(void) {
    static const check_case cases[] = {
        CASE(both_archives_work),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
