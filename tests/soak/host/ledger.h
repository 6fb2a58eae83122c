/* Every submission has a number; how often each was completed stands here. */

#ifndef LEDGER_H
#define LEDGER_H

#include "mix.h"

#include <psat_attestor.h>

extern mix kinds;
extern uint64_t seed;

/* Makes room for `total` submissions, all of it at once: what grows later is the library's. */
void ledger_open(uint64_t total);

/* Numbers may be taken up to here. */
void ledger_let(uint64_t limit);

/* Takes the next number; false if there is none for now. */
int ledger_take(uint64_t *number);

/* Submissions that were completed, and whether all that were let are. */
uint64_t ledger_done(void);
int ledger_all_done(void);

/* Submits a number. A completion of it must come. */
uint64_t ledger_submit(psat_attestor_t *attestor, psat_queue_t *queue, uint64_t number);

/* Whether the attestor may be shut down meanwhile, and so answer with that. */
typedef enum { STAYS, MAY_END } life;

/* Enters completions that can be read within `timeout_ms`, and frees them; how many there were. */
size_t ledger_drain(psat_queue_t *queue, int timeout_ms, life attestor);

/* Enters one answer, and frees it. */
void ledger_enter(uint64_t number, char *document, life attestor);

/* Says what is wrong, in the words of printf. */
__attribute__((format(printf, 1, 2))) void complain(const char *sentence, ...);

/* Prints how many an end of their attestor ended, what was lost and doubled, and every outcome. */
void ledger_print(void);

#endif
