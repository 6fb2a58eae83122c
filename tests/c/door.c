/*
 * The conformance runner's door to C: requests on stdin, replies on stdout, psat_attestor.h between them.
 * tests/conformance/README.md has the protocol. Each request has an attestor, and if need be a queue, of its own.
 *
 * C99; compiles as C++11 too.
 */
#include "psat_attestor.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NULL_BLOB 0xFFFFFFFFu
#define CROWD 3
#define PATIENCE_MS 60000
#define ATTESTATION 1u /* psat_completion_t.kind */
#define CLOSED 1001    /* psat_queue_next when nothing more comes */

typedef struct blob {
    char *bytes; /* NULL = the NULL pointer */
    size_t length;
} blob_t;

typedef struct request {
    int verb;
    blob_t config, payload, options;
} request_t;

/* The library broke a promise that no document can tell of, or the runner went away. */
static void give_up(const char *why) {
    fprintf(stderr, "door: %s\n", why);
    exit(3);
}

static void expect(int holds, const char *promise) {
    if (!holds) {
        give_up(promise);
    }
}

/* ---- protocol ---- */

static void read_bytes(void *to, size_t length) {
    expect(fread(to, 1, length, stdin) == length, "a request is cut short");
}

static uint32_t read_number(void) {
    unsigned char bytes[4];
    read_bytes(bytes, sizeof bytes);
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void write_number(uint32_t number) {
    unsigned char bytes[4];
    int i;
    for (i = 0; i < 4; i++) {
        bytes[i] = (unsigned char)(number >> (8 * i));
    }
    fwrite(bytes, 1, sizeof bytes, stdout);
}

static blob_t read_blob(void) {
    blob_t blob = {NULL, 0};
    uint32_t length = read_number();
    if (length != NULL_BLOB) {
        /* Exactly as long as it is told: a read past the end is seen by valgrind. An empty one is not NULL. */
        blob.bytes = (char *)malloc(length > 0 ? length : 1);
        expect(blob.bytes != NULL, "no memory");
        blob.length = length;
        read_bytes(blob.bytes, length);
    }
    return blob;
}

/* Sends a code and a document, and frees the document. NULL is an empty one. */
static void reply(int32_t code, char *json) {
    size_t length = json == NULL ? 0 : strlen(json);
    write_number((uint32_t)code);
    write_number((uint32_t)length);
    fwrite(json == NULL ? "" : json, 1, length, stdout);
    expect(fflush(stdout) == 0, "the runner went away");
    psat_string_free(json);
}

/* ---- verbs ---- */

/* A new attestor with the request's configuration; NULL if that is refused, which is then the reply. */
static psat_attestor_t *made(const request_t *request) {
    psat_attestor_t *attestor = NULL;
    char *json = NULL;
    int32_t code = psat_attestor_new(request->config.bytes, request->config.length, &attestor, &json);
    expect(json != NULL, "psat_attestor_new set no document");
    if (code != 0) {
        expect(attestor == NULL, "psat_attestor_new failed and left a handle");
        reply(code, json);
        return NULL;
    }
    expect(attestor != NULL, "psat_attestor_new succeeded without a handle");
    psat_string_free(json);
    return attestor;
}

typedef int32_t blocking_call_t(psat_attestor_t *, const char *, size_t, const char *, size_t, char **);

static void attest(const request_t *request, blocking_call_t *call) {
    psat_attestor_t *attestor = made(request);
    if (attestor != NULL) {
        char *json = NULL;
        int32_t code = call(attestor, request->payload.bytes, request->payload.length, request->options.bytes,
                            request->options.length, &json);
        expect(json != NULL, "a blocking call set no document");
        reply(code, json);
    }
    psat_attestor_free(attestor);
}

static int32_t submit(psat_attestor_t *attestor, const request_t *request, psat_queue_t *queue, uint64_t tag,
                      uint64_t *operation) {
    return psat_attestor_submit(attestor, request->payload.bytes, request->payload.length, request->options.bytes,
                                request->options.length, queue, tag, operation);
}

/* The next attestation's completion. Its document is the caller's. */
static psat_completion_t next(psat_queue_t *queue) {
    psat_completion_t completion;
    size_t count = 0;
    memset(&completion, 0, sizeof completion);
    expect(psat_queue_next(queue, &completion, 1, PATIENCE_MS, &count) == 0, "psat_queue_next failed");
    expect(count == 1, "no completion came in time");
    expect(completion.kind == ATTESTATION, "a completion of another kind came");
    expect(completion.json != NULL && completion.json_len == strlen(completion.json), "json_len is wrong");
    return completion;
}

static void end(psat_queue_t *queue) {
    psat_completion_t completion;
    size_t count = 1;
    psat_queue_close(queue);
    expect(psat_queue_next(queue, &completion, 1, 0, &count) == CLOSED && count == 0,
           "a closed queue with nothing outstanding must say so");
    psat_queue_free(queue);
}

/* Through a queue, on an attestor that is made empty and configured afterwards. */
static void attest_through_a_queue(const request_t *request) {
    const uint64_t tag = 0xFEDCBA9876543210u;
    psat_attestor_t *attestor = NULL;
    psat_queue_t *queue = NULL;
    uint64_t operation = 0;
    char *json = NULL;
    int32_t code = 0;

    expect(psat_attestor_new(NULL, 0, &attestor, NULL) == 0, "an empty attestor cannot be made");
    if (request->config.bytes != NULL) {
        code = psat_attestor_configure(attestor, request->config.bytes, request->config.length, &json);
        expect(json != NULL, "psat_attestor_configure set no document");
    }
    if (code != 0) {
        reply(code, json);
        psat_attestor_free(attestor);
        return;
    }
    psat_string_free(json);

    expect(psat_queue_new(&queue) == 0, "a queue cannot be made");
    code = submit(attestor, request, queue, tag, &operation);
    if (code != 0) {
        expect(operation == 0, "a refused submission left an operation");
        reply(code, NULL);
    } else {
        psat_completion_t completion = next(queue);
        expect(completion.tag == tag, "the completion has another tag");
        expect(operation != 0 && completion.operation == operation, "the completion has another operation");
        reply(completion.code, completion.json);
    }
    end(queue);
    psat_attestor_free(attestor);
}

/* Several at once; the first answer counts, the others are cancelled. */
static void attest_in_a_crowd(const request_t *request) {
    psat_attestor_t *attestor = made(request);
    psat_queue_t *queue = NULL;
    uint64_t operations[CROWD];
    unsigned seen = 0;
    int i;

    if (attestor == NULL) {
        return;
    }
    expect(psat_queue_new(&queue) == 0, "a queue cannot be made");
    for (i = 0; i < CROWD; i++) {
        expect(submit(attestor, request, queue, (uint64_t)i, &operations[i]) == 0, "a submission was refused");
    }
    for (i = 0; i < CROWD; i++) {
        psat_completion_t completion = next(queue);
        expect(completion.tag < CROWD && (seen & 1u << completion.tag) == 0, "a tag is unknown or came twice");
        expect(completion.operation == operations[completion.tag], "the completion has another operation");
        seen |= 1u << completion.tag;
        if (i > 0) {
            psat_string_free(completion.json);
        } else {
            int other;
            reply(completion.code, completion.json);
            for (other = 0; other < CROWD; other++) {
                expect(psat_attestor_cancel(attestor, operations[other]) == 0, "cancelling failed");
            }
        }
    }
    end(queue);
    psat_attestor_free(attestor);
}

static void validate(const request_t *request) {
    char *json = NULL;
    int32_t code = psat_config_validate(request->config.bytes, request->config.length, &json);
    expect(json != NULL, "psat_config_validate set no document");
    reply(code, json);
}

/* The statistics, of an attestor without configuration: documents_alive is of the whole process. */
static void finish(void) {
    psat_attestor_t *attestor = NULL;
    char *json = NULL;
    int32_t code;
    expect(psat_attestor_new(NULL, 0, &attestor, NULL) == 0, "an empty attestor cannot be made");
    code = psat_attestor_stats(attestor, &json);
    expect(json != NULL, "psat_attestor_stats set no document");
    reply(code, json);
    psat_attestor_free(attestor);
}

int main(void) {
    expect(psat_abi_version() == PSAT_ABI_VERSION, "header and library are of different versions");
    for (;;) {
        request_t request;
        request.verb = getchar();
        if (request.verb == EOF) {
            return 0;
        }
        request.config = read_blob();
        request.payload = read_blob();
        request.options = read_blob();
        switch (request.verb) {
        case 'A': attest(&request, psat_attestor_attest); break;
        case 'E': attest(&request, psat_attestor_explain); break;
        case 'Q': attest_through_a_queue(&request); break;
        case 'T': attest_in_a_crowd(&request); break;
        case 'V': validate(&request); break;
        case 'X': finish(); break;
        default: give_up("a verb is unknown");
        }
        free(request.config.bytes);
        free(request.payload.bytes);
        free(request.options.bytes);
        if (request.verb == 'X') {
            return 0;
        }
    }
}
