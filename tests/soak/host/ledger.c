#include "ledger.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

mix kinds;
uint64_t seed;

typedef struct {
    uint64_t operation;
    unsigned completions;
} entry;

/* No operation has this ID. */
static const uint64_t NOBODY = UINT64_MAX;

static entry *entries;
static uint64_t total;
static uint64_t limit;
static uint64_t next;
static uint64_t done;
static uint64_t ended;
static uint64_t complaints;
static const char *spoil;

void ledger_open(uint64_t count) {
    uint64_t number;
    total = count;
    entries = malloc(total * sizeof *entries);
    if (entries == NULL) {
        perror("the ledger");
        exit(2);
    }
    /* Not with zeros: those would be memory that is taken only when it is written to. */
    for (number = 0; number < total; number++) {
        entries[number].operation = NOBODY;
        entries[number].completions = 0;
    }
    spoil = getenv("SOAK_SPOIL");
}

void complain(const char *sentence, ...) {
    enum { MOST = 20 };
    if (__atomic_fetch_add(&complaints, 1, __ATOMIC_RELAXED) < MOST) {
        char text[2048];
        va_list words;
        va_start(words, sentence);
        vsnprintf(text, sizeof text, sentence, words);
        va_end(words);
        printf("complaint\t%s\n", text);
        fflush(stdout);
    }
}

void ledger_let(uint64_t until) {
    __atomic_store_n(&limit, until, __ATOMIC_SEQ_CST);
}

int ledger_take(uint64_t *number) {
    *number = __atomic_load_n(&next, __ATOMIC_SEQ_CST);
    do {
        if (*number >= __atomic_load_n(&limit, __ATOMIC_SEQ_CST)) {
            return 0;
        }
    } while (!__atomic_compare_exchange_n(&next, number, *number + 1, 1, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return 1;
}

uint64_t ledger_done(void) {
    return __atomic_load_n(&done, __ATOMIC_SEQ_CST);
}

int ledger_all_done(void) {
    return ledger_done() >= __atomic_load_n(&limit, __ATOMIC_SEQ_CST);
}

uint64_t ledger_submit(psat_attestor_t *attestor, psat_queue_t *queue, uint64_t number) {
    const kind *k = mix_pick(&kinds, seed, number);
    int32_t code = psat_attestor_submit(attestor, k->payload, k->payload_len, k->options, strlen(k->options), queue,
                                        number, &entries[number].operation);
    if (code != PSAT_OK) {
        complain("submission %llu was answered with %d", (unsigned long long)number, code);
        exit(1);
    }
    return entries[number].operation;
}

/* Whether this answer is to be treated wrongly, so that it can be seen that somebody notices: one of a hundred. */
static int spoilt(const char *how, uint64_t number) {
    return spoil != NULL && strcmp(spoil, how) == 0 && number % 100 == 0;
}

void ledger_enter(uint64_t number, char *document, life attestor) {
    kind *k = mix_pick(&kinds, seed, spoilt("mistake", number) ? number + 1 : number);
    if (attestor == MAY_END && mix_is_outcome(document, "SHUTTING_DOWN")) {
        __atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
    } else if (!mix_judge(k, document)) {
        complain("%s: %s", k->name, document);
    }
    if (!spoilt("lose", number)) {
        __atomic_fetch_add(&entries[number].completions, spoilt("double", number) ? 2 : 1, __ATOMIC_SEQ_CST);
    }
    if (!spoilt("leak", number)) {
        psat_string_free(document);
    }
    __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
}

size_t ledger_drain(psat_queue_t *queue, int timeout_ms, life attestor) {
    psat_completion_t taken[32];
    size_t count = 0;
    size_t at;
    int32_t code = psat_queue_next(queue, taken, sizeof taken / sizeof *taken, timeout_ms, &count);
    if (code != PSAT_OK && code != PSAT_CLOSED) {
        complain("next answers with %d", code);
    }
    for (at = 0; at < count; at++) {
        if (taken[at].tag >= total || taken[at].operation != entries[taken[at].tag].operation) {
            complain("nobody submitted operation %llu with tag %llu", (unsigned long long)taken[at].operation,
                     (unsigned long long)taken[at].tag);
            exit(1);
        }
        ledger_enter(taken[at].tag, taken[at].json, attestor);
    }
    return count;
}

void ledger_print(void) {
    uint64_t lost = 0;
    uint64_t doubled = 0;
    uint64_t number;
    for (number = 0; number < total; number++) {
        lost += entries[number].completions == 0;
        doubled += entries[number].completions > 1;
    }
    printf("deed\tended with their attestor\t%llu\n", (unsigned long long)ended);
    printf("ledger\t%llu\t%llu\t%llu\t%llu\n", (unsigned long long)total, (unsigned long long)lost,
           (unsigned long long)doubled, (unsigned long long)complaints);
    mix_print(&kinds);
}
