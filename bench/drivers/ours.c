/* Attests many agents with the shipped library, and tells what it cost, as a JSON object.
 *
 *   ours --config FILE --payloads FILE [--count N] [--warm-up N] [--in-flight N | --blocking 1]
 *        [--beside FILE --beside-in-flight N]
 *
 * The programs in ../go take the same arguments and print the same object. */

#include "beside.h"
#include "crowd.h"
#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    const char *config;
    const char *payloads;
    const char *beside;
    size_t count;
    size_t warm_up;
    size_t in_flight;
    size_t beside_in_flight;
    size_t blocking;
};

static struct arguments parse(int argc, char **argv) {
    struct arguments a = {NULL, NULL, NULL, 0, 0, 1, 0, 0};
    int i;
    for (i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i];
        const char *value = argv[i + 1];
        const char **text = strcmp(name, "--config") == 0     ? &a.config
                            : strcmp(name, "--payloads") == 0 ? &a.payloads
                            : strcmp(name, "--beside") == 0   ? &a.beside
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

static psat_attestor_t *attestor_of(const char *path, int64_t *took) {
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
    begun = wall_now();
    must(psat_attestor_new(config, (size_t)size, &attestor, &document) == PSAT_OK, document);
    *took = wall_now() - begun;
    psat_string_free(document);
    free(config);
    return attestor;
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

static void run(struct crowd *c, const struct arguments *a) {
    if (a->blocking) {
        crowd_attest(c);
    } else {
        crowd_submit(c, a->in_flight);
    }
}

int main(int argc, char **argv) {
    struct arguments a = parse(argc, argv);
    struct payloads payloads;
    struct crowd warm_up;
    struct crowd crowd;
    struct mark before;
    struct mark after;
    psat_attestor_t *attestor;
    int64_t new_ns;

    payloads_open(&payloads, a.payloads);
    printf("{\"start_rss_kb\":%ld,", memory_kb("VmRSS"));
    attestor = attestor_of(a.config, &new_ns);
    printf("\"new_ns\":%lld,\"new_rss_kb\":%ld,", (long long)new_ns, memory_kb("VmRSS"));
    printf("\"new_descriptors\":%d,\"new_threads\":%d,", entries("/proc/self/fd"), entries("/proc/self/task"));

    if (a.beside != NULL) {
        beside_start(attestor, a.beside, a.beside_in_flight);
    }
    crowd_new(&warm_up, attestor, &payloads, a.warm_up);
    run(&warm_up, &a);
    crowd_free(&warm_up);
    crowd_new(&crowd, attestor, &payloads, a.count);
    before = mark_now();
    run(&crowd, &a);
    after = mark_now();
    if (a.beside != NULL) {
        beside_stop();
    }

    printf("\"wall_ns\":%lld,\"cpu_ns\":%lld,", (long long)(after.wall - before.wall), (long long)(after.cpu - before.cpu));
    printf("\"allocations\":%llu,\"allocated_bytes\":%llu,", after.allocations.calls - before.allocations.calls,
           after.allocations.bytes - before.allocations.bytes);
    print_latencies(&crowd);
    print_answers(&crowd);
    printf("\"peak_rss_kb\":%ld}\n", memory_kb("VmHWM"));
    crowd_free(&crowd);
    payloads_close(&payloads);
    psat_attestor_free(attestor);
    return 0;
}
