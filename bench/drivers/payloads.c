#include "payloads.h"

#include "process.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void line_ends(struct payloads *p, long end) {
    if (p->count % 1024 == 0) {
        p->ends = (long *)realloc(p->ends, (p->count + 1024) * sizeof *p->ends);
        must(p->ends != NULL, "memory for the payloads");
    }
    p->ends[p->count++] = end;
}

void payloads_open(struct payloads *p, const char *path) {
    char block[4096];
    long at = 0;
    ssize_t got;
    memset(p, 0, sizeof *p);
    p->file = open(path, O_RDONLY | O_CLOEXEC);
    must(p->file >= 0, path);
    while ((got = read(p->file, block, sizeof block)) > 0) {
        ssize_t i;
        for (i = 0; i < got; i++) {
            if (block[i] == '\n') {
                line_ends(p, at + i + 1);
            }
        }
        at += got;
    }
    must(got == 0 && p->count > 0, path);
    p->held = p->count;
}

void payloads_close(struct payloads *p) {
    close(p->file);
    free(p->ends);
}

void payloads_read(struct payloads *p, size_t index) {
    long begin;
    index %= p->count;
    if (index == p->held) {
        return;
    }
    begin = index == 0 ? 0 : p->ends[index - 1];
    p->length = (size_t)(p->ends[index] - 1 - begin);
    must(p->length < sizeof p->text, "a payload of at most 64 KiB");
    must(pread(p->file, p->text, p->length, begin) == (ssize_t)p->length, "reading a payload");
    p->held = index;
}
