#include "operator.h"

#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *text;
    size_t length;
} document;

static document configurations[VARIANTS];
static document refused;
/* Which configuration is in force at the attestor that is acted on. */
static int variant;
static uint64_t turns;

typedef struct {
    const char *name;
    void (*act)(psat_attestor_t *attestor);
    uint64_t count;
} deed;

void operator_open(const char *folder) {
    int at;
    for (at = 0; at < VARIANTS; at++) {
        char name[32];
        snprintf(name, sizeof name, "config-%d.json", at);
        configurations[at].text = read_file(folder, name, &configurations[at].length);
    }
    refused.text = read_file(folder, "config-refused.json", &refused.length);
}

psat_attestor_t *operator_attestor(void) {
    psat_attestor_t *attestor = NULL;
    char *json = NULL;
    if (psat_attestor_new(configurations[0].text, configurations[0].length, &attestor, &json) != PSAT_OK) {
        complain("no attestor: %s", json);
        exit(1);
    }
    psat_string_free(json);
    return attestor;
}

static void configure(psat_attestor_t *attestor) {
    const document *next = &configurations[(variant + 1) % VARIANTS];
    char *json = NULL;
    if (psat_attestor_configure(attestor, next->text, next->length, &json) == PSAT_OK) {
        variant = (variant + 1) % VARIANTS;
    } else {
        complain("configure: %s", json);
    }
    psat_string_free(json);
}

static void configure_wrongly(psat_attestor_t *attestor) {
    char *json = NULL;
    if (psat_attestor_configure(attestor, refused.text, refused.length, &json) != 3) {
        complain("a wrong configuration: %s", json);
    }
    psat_string_free(json);
}

static void explain(psat_attestor_t *attestor) {
    kind *k = mix_pick(&kinds, ~seed, turns);
    char *json = NULL;
    psat_attestor_explain(attestor, k->payload, k->payload_len, k->options, strlen(k->options), &json);
    if (!mix_judge(k, json)) {
        complain("%s, explained: %s", k->name, json);
    }
    psat_string_free(json);
}

static void check(psat_attestor_t *attestor) {
    static const char options[] = "{\"timeout_ms\":300}";
    char *json = NULL;
    int32_t code = psat_attestor_check(attestor, options, strlen(options), &json);
    if (code < 0 || code > 16) {
        complain("check: %s", json);
    }
    psat_string_free(json);
}

/* Submits some, lets a few of them complete, and frees the attestor under the others. */
static void come_and_go(psat_attestor_t *unused) {
    enum { CROWD = 24 };
    psat_attestor_t *attestor = operator_attestor();
    psat_queue_t *queue = NULL;
    uint64_t number;
    size_t outstanding = 0;
    (void)unused;
    if (psat_queue_new(&queue) != PSAT_OK) {
        complain("there is no queue");
        exit(1);
    }
    while (outstanding < CROWD && ledger_take(&number)) {
        ledger_submit(attestor, queue, number);
        outstanding++;
    }
    if (outstanding > 0) {
        outstanding -= ledger_drain(queue, (int)(scrambled(turns) % 16), MAY_END);
    }
    psat_attestor_free(attestor);
    while (outstanding > 0) {
        size_t count = ledger_drain(queue, 0, MAY_END);
        if (count == 0) {
            complain("free left %u operations without a completion", (unsigned)outstanding);
            exit(1);
        }
        outstanding -= count;
    }
    psat_queue_free(queue);
}

static deed deeds[] = {
    {"configured", configure, 0},
    {"explained", explain, 0},
    {"attestors that came and went", come_and_go, 0},
    {"checked", check, 0},
    {"wrong configurations refused", configure_wrongly, 0},
};

void operator_act(psat_attestor_t *attestor) {
    deed *next = &deeds[turns++ % (sizeof deeds / sizeof *deeds)];
    next->act(attestor);
    next->count++;
}

void operator_print(void) {
    size_t at;
    for (at = 0; at < sizeof deeds / sizeof *deeds; at++) {
        printf("deed\t%s\t%llu\n", deeds[at].name, (unsigned long long)deeds[at].count);
    }
}
