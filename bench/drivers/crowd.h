/* Agents that attest, each once. */

#ifndef CROWD_H
#define CROWD_H

#include "payloads.h"

#include <psat_attestor.h>

#include <stdint.h>

enum { CODES = 17 };

struct crowd {
    psat_attestor_t *attestor;
    struct payloads *payloads;
    size_t count;
    int64_t *latencies;  /* of each, in nanoseconds */
    int answers[CODES];  /* by code; faults of this program end it */
    char refusal[1024];  /* the first refused answer's document, cut to this size */
    char lookup[32];     /* how the last accepted one was looked up */
};

void crowd_new(struct crowd *, psat_attestor_t *, struct payloads *, size_t count);
void crowd_free(struct crowd *);

/* All of them, one after the other, by the call that blocks. */
void crowd_attest(struct crowd *);

/* All of them through one queue, this many at the same time. */
void crowd_submit(struct crowd *, size_t in_flight);

#endif
