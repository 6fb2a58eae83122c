/* Attestations of another cluster, which go on while something else is measured. */

#ifndef BESIDE_H
#define BESIDE_H

#include <psat_attestor.h>

#include <stddef.h>

/* Keeps this many going, each for at most 2 s. */
void beside_start(psat_attestor_t *, const char *payloads, size_t in_flight);
void beside_stop(void);

#endif
