/* Attests payloads at the same time, from an event loop: attest_queue CONFIG PAYLOAD..., all files. */
#include <psat_attestor.h>

#include <poll.h>
#include <stdio.h>

static size_t read_file(const char *path, char *buffer, size_t size) {
    FILE *file = fopen(path, "rb");
    size_t length = file != NULL ? fread(buffer, 1, size, file) : 0;
    if (file == NULL) {
        perror(path);
    } else {
        fclose(file);
    }
    return length;
}

/* Prints what has come. The tag is what was said at the submission: here the number of the argument. */
static int take_completions(psat_queue_t *queue, char **argv, int *refused) {
    psat_completion_t done[16];
    size_t count;
    psat_queue_next(queue, done, 16, 0, &count);
    for (size_t at = 0; at < count; at++) {
        printf("%s: code %d\n%s\n", argv[done[at].tag], (int)done[at].code, done[at].json);
        *refused += done[at].code != PSAT_OK;
        psat_string_free(done[at].json);
    }
    return (int)count;
}

int main(int argc, char **argv) {
    static char config[65536], payload[65537];
    if (argc < 3) {
        fprintf(stderr, "usage: attest_queue CONFIG PAYLOAD...\n");
        return 2;
    }
    psat_attestor_t *attestor;
    char *json;
    size_t length = read_file(argv[1], config, sizeof config);
    if (psat_attestor_new(config, length, &attestor, &json) != PSAT_OK) {
        fprintf(stderr, "%s\n", json);
        psat_string_free(json);
        return 2;
    }
    psat_string_free(json);
    psat_queue_t *queue;
    psat_queue_new(&queue);

    int outstanding = 0;
    for (int at = 2; at < argc; at++) {
        length = read_file(argv[at], payload, sizeof payload);
        if (psat_attestor_submit(attestor, payload, length, NULL, 0, queue, (uint64_t)at, NULL) == PSAT_OK) {
            outstanding++;
        }
    }
    int refused = 0;
    struct pollfd watched = {psat_queue_fd(queue), POLLIN, 0};
    while (outstanding > 0 && poll(&watched, 1, -1) > 0) {
        outstanding -= take_completions(queue, argv, &refused);
    }
    psat_queue_free(queue);
    psat_attestor_free(attestor);
    return refused > 0 ? 1 : 0;
}
