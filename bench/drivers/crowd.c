#include "crowd.h"

#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 64 };

void crowd_new(struct crowd *c, psat_attestor_t *attestor, struct payloads *payloads, size_t count) {
    memset(c, 0, sizeof *c);
    c->attestor = attestor;
    c->payloads = payloads;
    c->count = count;
    c->latencies = (int64_t *)calloc(count + 1, sizeof *c->latencies);
    must(c->latencies != NULL, "memory for the latencies");
}

void crowd_free(struct crowd *c) {
    free(c->latencies);
}

static void note_lookup(struct crowd *c, const char *document) {
    static const char key[] = "\"lookup\":\"";
    const char *found = strstr(document, key);
    if (found != NULL) {
        found += sizeof key - 1;
        snprintf(c->lookup, sizeof c->lookup, "%.*s", (int)strcspn(found, "\""), found);
    }
}

static void answered(struct crowd *c, int32_t code, char *document) {
    must(code >= 0 && code < CODES, document);
    c->answers[code]++;
    if (code == PSAT_OK) {
        note_lookup(c, document);
    } else if (c->refusal[0] == '\0') {
        snprintf(c->refusal, sizeof c->refusal, "%s", document);
    }
    psat_string_free(document);
}

void crowd_attest(struct crowd *c) {
    size_t i;
    for (i = 0; i < c->count; i++) {
        char *document;
        int32_t code;
        int64_t begun;
        payloads_read(c->payloads, i);
        begun = wall_now();
        code = psat_attestor_attest(c->attestor, c->payloads->text, c->payloads->length, NULL, 0, &document);
        c->latencies[i] = wall_now() - begun;
        answered(c, code, document);
    }
}

static void submit(struct crowd *c, psat_queue_t *queue, size_t i) {
    int32_t code;
    payloads_read(c->payloads, i);
    c->latencies[i] = wall_now();
    code = psat_attestor_submit(c->attestor, c->payloads->text, c->payloads->length, NULL, 0, queue, i, NULL);
    must(code == PSAT_OK, "a submission is accepted");
}

void crowd_submit(struct crowd *c, size_t in_flight) {
    psat_completion_t done[BATCH];
    psat_queue_t *queue;
    size_t submitted = 0;
    size_t completed = 0;
    must(psat_queue_new(&queue) == PSAT_OK, "a queue is made");
    while (completed < c->count) {
        size_t count;
        size_t i;
        int64_t now;
        while (submitted < c->count && submitted - completed < in_flight) {
            submit(c, queue, submitted++);
        }
        must(psat_queue_next(queue, done, BATCH, -1, &count) == PSAT_OK, "completions come");
        now = wall_now();
        for (i = 0; i < count; i++) {
            c->latencies[done[i].tag] = now - c->latencies[done[i].tag];
            answered(c, done[i].code, done[i].json);
        }
        completed += count;
    }
    psat_queue_free(queue);
}
