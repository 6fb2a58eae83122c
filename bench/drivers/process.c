#include "process.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

void must(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "ours: failed: %s\n", what);
        exit(1);
    }
}

int64_t wall_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct mark mark_now(void) {
    struct mark mark = {0, 0, {0, 0}};
    struct rusage usage;
    struct allocations (*counted)(void);
    /* ISO C has no cast from an object pointer to a function. */
    *(void **)&counted = dlsym(RTLD_DEFAULT, "allocations_until_now");
    must(getrusage(RUSAGE_SELF, &usage) == 0, "getrusage");
    mark.cpu = ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
               ((int64_t)usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
    if (counted != NULL) {
        mark.allocations = counted();
    }
    mark.wall = wall_now();
    return mark;
}

long memory_kb(const char *key) {
    char line[256];
    size_t length = strlen(key);
    long kilobytes = -1;
    FILE *status = fopen("/proc/self/status", "r");
    must(status != NULL, "/proc/self/status");
    while (kilobytes < 0 && fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, key, length) == 0 && line[length] == ':') {
            kilobytes = strtol(line + length + 1, NULL, 10);
        }
    }
    fclose(status);
    must(kilobytes >= 0, key);
    return kilobytes;
}

int entries(const char *folder) {
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    int count = 0;
    must(directory != NULL, folder);
    while ((entry = readdir(directory)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}
