/* What an operator does beside the attestations. */

#ifndef OPERATOR_H
#define OPERATOR_H

#include <psat_attestor.h>

/* Reads the configurations in the folder. */
void operator_open(const char *folder);

/* Makes an attestor with the first configuration. */
psat_attestor_t *operator_attestor(void);

/* Does the next thing, by turns: configures, explains, checks, has a wrong configuration refused, or lets an attestor begin some
 * attestations and frees it at once. */
void operator_act(psat_attestor_t *attestor);

/* Prints how often each was done. */
void operator_print(void);

#endif
