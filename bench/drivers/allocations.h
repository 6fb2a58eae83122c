/* What a process has allocated since it began. */

#ifndef ALLOCATIONS_H
#define ALLOCATIONS_H

struct allocations {
    unsigned long long calls;
    unsigned long long bytes;
};

/* There where allocations.c is preloaded. */
struct allocations allocations_until_now(void);

#endif
