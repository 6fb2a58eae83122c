#include "beside.h"

#include "payloads.h"
#include "process.h"

#include <pthread.h>
#include <string.h>

static const char OPTIONS[] = "{\"timeout_ms\":2000}";

static struct {
    psat_attestor_t *attestor;
    struct payloads payloads;
    psat_queue_t *queue;
    size_t in_flight;
    pthread_t thread;
} beside;

static int32_t submit(void) {
    return psat_attestor_submit(beside.attestor, beside.payloads.text, beside.payloads.length, OPTIONS, strlen(OPTIONS),
                                beside.queue, 0, NULL);
}

/* Puts a new one in the place of each that ends, until the queue is closed and all have ended. */
static void *keep_going(void *unused) {
    psat_completion_t done;
    size_t count;
    while (psat_queue_next(beside.queue, &done, 1, -1, &count) == PSAT_OK) {
        if (count == 1) {
            int32_t code;
            psat_string_free(done.json);
            code = submit();
            must(code == PSAT_OK || code == PSAT_CLOSED, "a submission beside is accepted");
        }
    }
    return unused;
}

void beside_start(psat_attestor_t *attestor, const char *payloads, size_t in_flight) {
    size_t i;
    beside.attestor = attestor;
    beside.in_flight = in_flight;
    payloads_open(&beside.payloads, payloads);
    payloads_read(&beside.payloads, 0);
    must(psat_queue_new(&beside.queue) == PSAT_OK, "a queue is made");
    for (i = 0; i < in_flight; i++) {
        must(submit() == PSAT_OK, "a submission beside is accepted");
    }
    must(pthread_create(&beside.thread, NULL, keep_going, NULL) == 0, "a thread is made");
}

void beside_stop(void) {
    psat_queue_close(beside.queue);
    pthread_join(beside.thread, NULL);
    psat_queue_free(beside.queue);
    payloads_close(&beside.payloads);
}
