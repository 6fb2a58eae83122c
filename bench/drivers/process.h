/* What a process has used, and how it ends when something is wrong. */

#ifndef PROCESS_H
#define PROCESS_H

#include "allocations.h"

#include <stdint.h>

/* Ends the process unless this holds. */
void must(int holds, const char *what);

/* Used since the process began; times in nanoseconds. */
struct mark {
    int64_t wall;
    int64_t cpu;
    struct allocations allocations; /* 0 where nothing counts them */
};

struct mark mark_now(void);
int64_t wall_now(void);

/* A line of /proc/self/status that is in kB: "VmRSS", "VmHWM". */
long memory_kb(const char *key);

/* How many descriptors ("/proc/self/fd") or threads ("/proc/self/task") there are. */
int entries(const char *folder);

#endif
