/* What is asked, and which answers are permitted: the table that the driver has written. */

#ifndef MIX_H
#define MIX_H

#include <stddef.h>
#include <stdint.h>

enum { VARIANTS = 2, MOST_OUTCOMES = 12, MOST_KINDS = 32 };

/* One permitted outcome, `REASON` or `OK=SPIFFE-ID`, and how often it came. */
typedef struct {
    char *text;
    uint64_t count;
} outcome;

/* One kind of attestation. Which outcomes are permitted depends on the configuration that judged. */
typedef struct {
    char *name;
    char *payload;
    size_t payload_len;
    char options[64];
    uint64_t weight;
    int cancelled;
    outcome permitted[VARIANTS][MOST_OUTCOMES];
} kind;

typedef struct {
    kind kinds[MOST_KINDS];
    size_t count;
    uint64_t weights;
} mix;

/* The bytes of a file, NUL-terminated. Ends the process if it cannot be read. */
char *read_file(const char *folder, const char *name, size_t *length);

/* Reads `kinds` in the folder and the payloads that it names. Ends the process if it cannot. */
void mix_read(mix *m, const char *folder);

/* The kind of a submission: the same whenever seed and number are. */
kind *mix_pick(mix *m, uint64_t seed, uint64_t number);

/* A number that looks random. */
uint64_t scrambled(uint64_t value);

/* Whether a document has this outcome. */
int mix_is_outcome(const char *document, const char *wanted);

/* Counts the outcome in a document; false if the kind does not permit it. */
int mix_judge(kind *k, const char *document);

/* Prints a line for every outcome that came. */
void mix_print(const mix *m);

#endif
