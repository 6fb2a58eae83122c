#include "mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void give_up(const char *what) {
    perror(what);
    exit(2);
}

char *read_file(const char *folder, const char *name, size_t *length) {
    char path[4096];
    char *text = malloc(1 << 17);
    FILE *file;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (file == NULL || text == NULL) {
        give_up(path);
    }
    *length = fread(text, 1, (1 << 17) - 1, file);
    text[*length] = '\0';
    fclose(file);
    return text;
}

/* The text up to the separator; `*rest` goes on behind it. */
static char *part(char **rest, const char *separator) {
    char *end = strpbrk(*rest, separator);
    char *begin = *rest;
    *rest = end != NULL ? end + 1 : begin + strlen(begin);
    if (end != NULL) {
        *end = '\0';
    }
    return begin;
}

static void read_outcomes(outcome *permitted, char *list) {
    size_t at;
    for (at = 0; at < MOST_OUTCOMES && *list != '\0'; at++) {
        permitted[at].text = part(&list, ",");
    }
    if (*list != '\0') {
        fprintf(stderr, "more outcomes than %d: %s\n", MOST_OUTCOMES, list);
        exit(2);
    }
}

void mix_read(mix *m, const char *folder) {
    size_t length;
    char *rest = read_file(folder, "kinds", &length);
    while (*rest != '\0' && m->count < MOST_KINDS) {
        char *line = part(&rest, "\n");
        kind *k = &m->kinds[m->count++];
        int variant;
        k->name = part(&line, "\t");
        k->weight = strtoull(part(&line, "\t"), NULL, 10);
        k->payload = read_file(folder, part(&line, "\t"), &k->payload_len);
        snprintf(k->options, sizeof k->options, "{\"timeout_ms\":%s}", part(&line, "\t"));
        k->cancelled = strcmp(part(&line, "\t"), "cancelled") == 0;
        for (variant = 0; variant < VARIANTS; variant++) {
            read_outcomes(k->permitted[variant], part(&line, "\t"));
        }
        m->weights += k->weight;
    }
}

/* The finaliser of splitmix64. */
uint64_t scrambled(uint64_t value) {
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

kind *mix_pick(mix *m, uint64_t seed, uint64_t number) {
    uint64_t drawn = scrambled(seed ^ scrambled(number)) % m->weights;
    kind *k = m->kinds;
    while (drawn >= k->weight) {
        drawn -= k->weight;
        k++;
    }
    return k;
}

/* Whether the document has `"key":"text"`. */
static int has_text(const char *document, const char *key, const char *text) {
    char member[4096];
    snprintf(member, sizeof member, "\"%s\":\"%s\"", key, text);
    return strstr(document, member) != NULL;
}

int mix_is_outcome(const char *document, const char *wanted) {
    static const char attested[] = "OK=";
    if (strncmp(wanted, attested, strlen(attested)) == 0) {
        return has_text(document, "reason", "OK") && has_text(document, "spiffe_id", wanted + strlen(attested));
    }
    return has_text(document, "reason", wanted);
}

/* Configurations take turns; the first is generation 1. */
static int variant_of(const char *document) {
    static const char key[] = "\"config_generation\":";
    const char *found = strstr(document, key);
    return found != NULL ? (int)((strtoull(found + strlen(key), NULL, 10) + 1) % VARIANTS) : 0;
}

int mix_judge(kind *k, const char *document) {
    outcome *permitted = k->permitted[variant_of(document)];
    size_t at;
    for (at = 0; at < MOST_OUTCOMES && permitted[at].text != NULL; at++) {
        if (mix_is_outcome(document, permitted[at].text)) {
            __atomic_fetch_add(&permitted[at].count, 1, __ATOMIC_RELAXED);
            return 1;
        }
    }
    return 0;
}

void mix_print(const mix *m) {
    const kind *k;
    for (k = m->kinds; k < m->kinds + m->count; k++) {
        int variant;
        size_t at;
        for (variant = 0; variant < VARIANTS; variant++) {
            for (at = 0; at < MOST_OUTCOMES && k->permitted[variant][at].text != NULL; at++) {
                const outcome *o = &k->permitted[variant][at];
                printf("outcome\t%s\t%s\t%llu\n", k->name, o->text, (unsigned long long)o->count);
            }
        }
    }
}
