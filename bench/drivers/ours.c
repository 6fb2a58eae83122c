/* Attests many agents with the shipped library, and tells what it cost, as a JSON object.
 *
 *   ours --config FILE --payloads FILE [--count N] [--in-flight N | --blocking 1]
 *        [--warm-up-payloads FILE --warm-up N] [--beside FILE --beside-in-flight N]
 *
 * Once it is warm it prints the line "ready", and goes on when a line comes, or the end of input. The programs in ../go
 * take the same arguments and print the same object. */

#include "beside.h"
#include "crowd.h"
#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    const char *config;
    const char *payloads;
    const char *warm_up_payloads;
    const char *beside;
    size_t count;
    size_t warm_up;
    size_t in_flight;
    size_t beside_in_flight;
    size_t blocking;
};

static struct arguments parse(int argc, char **argv) {
    struct arguments a = {NULL, NULL, NULL, NULL, 0, 0, 1, 0, 0};
    int i;
    for (i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i];
        const char *value = argv[i + 1];
        const char **text = strcmp(name, "--config") == 0             ? &a.config
                            : strcmp(name, "--payloads") == 0         ? &a.payloads
                            : strcmp(name, "--warm-up-payloads") == 0 ? &a.warm_up_payloads
                            : strcmp(name, "--beside") == 0           ? &a.beside
                                                                      : NULL;
        size_t *number = strcmp(name, "--count") == 0              ? &a.count
                         : strcmp(name, "--warm-up") == 0          ? &a.warm_up
                         : strcmp(name, "--in-flight") == 0        ? &a.in_flight
                         : strcmp(name, "--beside-in-flight") == 0 ? &a.beside_in_flight
                         : strcmp(name, "--blocking") == 0         ? &a.blocking
                                                                   : NULL;
        must(text != NULL || number != NULL, name);
        if (text != NULL) {
            *text = value;
        } else {
            *number = strtoul(value, NULL, 10);
        }
    }
    must(i == argc && a.config != NULL && a.payloads != NULL && a.in_flight > 0, "reading the arguments");
    return a;
}

/* What it took to make an attestor, and what the process had then. */
struct opened {
    long start_rss_kb;
    long rss_kb;
    int64_t took_ns;
    int descriptors;
    int threads;
};

static psat_attestor_t *attestor_of(const char *path, struct opened *opened) {
    psat_attestor_t *attestor;
    char *document;
    char *config;
    long size;
    int64_t begun;
    FILE *file = fopen(path, "rb");
    must(file != NULL && fseek(file, 0, SEEK_END) == 0, path);
    size = ftell(file);
    rewind(file);
    config = (char *)malloc((size_t)size);
    must(config != NULL && fread(config, 1, (size_t)size, file) == (size_t)size, path);
    fclose(file);
    opened->start_rss_kb = memory_kb("VmRSS");
    begun = wall_now();
    must(psat_attestor_new(config, (size_t)size, &attestor, &document) == PSAT_OK, document);
    opened->took_ns = wall_now() - begun;
    psat_string_free(document);
    free(config);
    opened->rss_kb = memory_kb("VmRSS");
    opened->descriptors = entries("/proc/self/fd");
    opened->threads = entries("/proc/self/task");
    return attestor;
}

static void print_opened(const struct opened *opened) {
    printf("\"new_ns\":%lld,", (long long)opened->took_ns);
    printf("\"start_rss_kb\":%ld,\"new_rss_kb\":%ld,", opened->start_rss_kb, opened->rss_kb);
    printf("\"new_descriptors\":%d,\"new_threads\":%d,", opened->descriptors, opened->threads);
}

static int by_size(const void *a, const void *b) {
    const int64_t left = *(const int64_t *)a;
    const int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void print_latencies(struct crowd *c) {
    static const int percents[] = {50, 90, 99, 100};
    static const char *const names[] = {"p50", "p90", "p99", "max"};
    size_t i;
    qsort(c->latencies, c->count, sizeof *c->latencies, by_size);
    printf("\"latency_ns\":{");
    for (i = 0; i < sizeof percents / sizeof *percents; i++) {
        size_t rank = c->count == 0 ? 0 : (c->count - 1) * (size_t)percents[i] / 100;
        printf("%s\"%s\":%lld", i == 0 ? "" : ",", names[i], (long long)c->latencies[rank]);
    }
    printf("},");
}

static void print_answers(const struct crowd *c) {
    const char *at;
    const char *comma = "";
    int code;
    printf("\"codes\":{");
    for (code = 0; code < CODES; code++) {
        if (c->answers[code] > 0) {
            printf("%s\"%d\":%d", comma, code, c->answers[code]);
            comma = ",";
        }
    }
    printf("},\"lookup\":\"%s\",\"refusal\":\"", c->lookup);
    for (at = c->refusal; *at != '\0'; at++) {
        printf(*at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
    }
    printf("\",");
}

static void attest(struct crowd *c, const struct arguments *a) {
    if (a->blocking) {
        crowd_attest(c);
    } else {
        crowd_submit(c, a->in_flight);
    }
}

static void warm_up(psat_attestor_t *attestor, const struct arguments *a) {
    struct payloads payloads;
    struct crowd crowd;
    int read;
    payloads_open(&payloads, a->warm_up_payloads != NULL ? a->warm_up_payloads : a->payloads);
    crowd_new(&crowd, attestor, &payloads, a->warm_up);
    attest(&crowd, a);
    crowd_free(&crowd);
    payloads_close(&payloads);
    printf("ready\n");
    fflush(stdout);
    do {
        read = getchar();
    } while (read != '\n' && read != EOF);
}

static void print_spent(const struct mark *before, const struct mark *after) {
    printf("\"wall_ns\":%lld,", (long long)(after->wall - before->wall));
    printf("\"cpu_ns\":%lld,", (long long)(after->cpu - before->cpu));
    printf("\"allocations\":%llu,", after->allocations.calls - before->allocations.calls);
    printf("\"allocated_bytes\":%llu,", after->allocations.bytes - before->allocations.bytes);
}

int main(int argc, char **argv) {
    struct arguments a = parse(argc, argv);
    struct opened opened;
    struct payloads payloads;
    struct crowd crowd;
    struct mark before;
    struct mark after;
    psat_attestor_t *attestor = attestor_of(a.config, &opened);

    if (a.beside != NULL) {
        beside_start(attestor, a.beside, a.beside_in_flight);
    }
    warm_up(attestor, &a);
    payloads_open(&payloads, a.payloads);
    crowd_new(&crowd, attestor, &payloads, a.count);
    before = mark_now();
    attest(&crowd, &a);
    after = mark_now();
    if (a.beside != NULL) {
        beside_stop();
    }

    printf("{");
    print_opened(&opened);
    print_spent(&before, &after);
    print_latencies(&crowd);
    print_answers(&crowd);
    printf("\"peak_rss_kb\":%ld}\n", memory_kb("VmHWM"));
    crowd_free(&crowd);
    payloads_close(&payloads);
    psat_attestor_free(attestor);
    return 0;
}
