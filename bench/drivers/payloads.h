/* A file with one payload on each line. */

#ifndef PAYLOADS_H
#define PAYLOADS_H

#include <stddef.h>

struct payloads {
    int file;
    long *ends; /* where each line ends, its line break included */
    size_t count;
    size_t held; /* the one that is in text, or count */
    char text[65537];
    size_t length;
};

void payloads_open(struct payloads *, const char *path);
void payloads_close(struct payloads *);

/* Brings a payload into text; after the last one the first comes again. They are not all kept in memory, where they would
 * count as the attestor's. */
void payloads_read(struct payloads *, size_t index);

#endif
