/*
 * The host of the soak: attests through the shipped library, by blocking calls and through queues, and enters each answer.
 *
 *   host FOLDER TOTAL ROUNDS SEED
 *
 * It prints lines of words between tabs, and waits for a line of its driver after `ready` (nothing is made yet), `made` (nothing
 * is asked yet), each `pause` (nothing is under way) and `freed`, so that the driver can measure it.
 */

#include "ledger.h"
#include "operator.h"

#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CALLERS = 8,
    LOOPS = 2,
    WINDOW = 96,
    /* Operations that may yet be cancelled, by any loop. */
    CANCELS = 64,
    /* An operator acts each time when so many more are done. */
    PACE = 150,
    /* No answer takes so long: the longest timeout of the table is a minute. */
    PATIENCE_MS = 120000
};

static psat_attestor_t *attestor;
static uint64_t to_cancel[CANCELS];
static uint64_t cancelled;
static pthread_barrier_t gate;
static int over;

static int begins(void) {
    pthread_barrier_wait(&gate);
    return !over;
}

static void ends(void) {
    pthread_barrier_wait(&gate);
}

static void *call(void *unused) {
    while (begins()) {
        uint64_t number;
        while (ledger_take(&number)) {
            const kind *k = mix_pick(&kinds, seed, number);
            char *json = NULL;
            psat_attestor_attest(attestor, k->payload, k->payload_len, k->options, strlen(k->options), &json);
            ledger_enter(number, json, STAYS);
        }
        ends();
    }
    return unused;
}

/* Cancels the operation that stands in a random place, this loop's or another's, done or not, and puts this one there. */
static void cancel_later(uint64_t number, uint64_t operation) {
    uint64_t *place = &to_cancel[scrambled(seed + number) % CANCELS];
    uint64_t victim = __atomic_exchange_n(place, operation, __ATOMIC_SEQ_CST);
    if (victim != 0) {
        psat_attestor_cancel(attestor, victim);
        __atomic_fetch_add(&cancelled, 1, __ATOMIC_RELAXED);
    }
}

static void wait_until_readable(psat_queue_t *queue) {
    struct pollfd readable = {psat_queue_fd(queue), POLLIN, 0};
    if (poll(&readable, 1, PATIENCE_MS) == 0) {
        complain("completions are lost: none came for %d s", PATIENCE_MS / 1000);
        exit(1);
    }
}

static void *loop(void *argument) {
    psat_queue_t *queue = argument;
    while (begins()) {
        size_t outstanding = 0;
        int more = 1;
        do {
            uint64_t number;
            while (outstanding < WINDOW && (more = ledger_take(&number))) {
                uint64_t operation = ledger_submit(attestor, queue, number);
                outstanding++;
                if (mix_pick(&kinds, seed, number)->cancelled) {
                    cancel_later(number, operation);
                }
            }
            if (outstanding > 0) {
                wait_until_readable(queue);
                outstanding -= ledger_drain(queue, 0, STAYS);
            }
        } while (more || outstanding > 0);
        ends();
    }
    return NULL;
}

static void sleep_a_little(void) {
    struct timespec a_little = {0, 1000000};
    nanosleep(&a_little, NULL);
}

static void *operate(void *unused) {
    uint64_t due = PACE;
    while (begins()) {
        while (!ledger_all_done()) {
            if (ledger_done() < due) {
                sleep_a_little();
                continue;
            }
            operator_act(attestor);
            due = ledger_done() + PACE;
        }
        ends();
    }
    return unused;
}

/* Says something to the driver, and how much of the heap is in use, and waits for the driver's line. */
static void say(const char *word, const char *document) {
    char line[16];
    printf("%s\t%llu\t%zu\t%s\n", word, (unsigned long long)ledger_done(), mallinfo2().uordblks, document);
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL) {
        exit(2);
    }
}

static void pause_for_a_look(void) {
    char *json = NULL;
    psat_attestor_stats(attestor, &json);
    say("pause", json);
    psat_string_free(json);
}

static void start(pthread_t *thread, void *(*body)(void *), void *argument) {
    if (pthread_create(thread, NULL, body, argument) != 0) {
        perror("a thread");
        exit(2);
    }
}

int main(int argc, char **argv) {
    pthread_t threads[CALLERS + LOOPS + 1];
    psat_queue_t *queues[LOOPS];
    uint64_t total;
    uint64_t rounds;
    uint64_t round;
    int at;
    if (argc != 5) {
        fprintf(stderr, "usage: host FOLDER TOTAL ROUNDS SEED\n");
        return 2;
    }
    total = strtoull(argv[2], NULL, 10);
    rounds = strtoull(argv[3], NULL, 10);
    seed = strtoull(argv[4], NULL, 10);
    mix_read(&kinds, argv[1]);
    operator_open(argv[1]);
    ledger_open(total);
    pthread_barrier_init(&gate, NULL, CALLERS + LOOPS + 2);
    say("ready", "");

    attestor = operator_attestor();
    for (at = 0; at < LOOPS; at++) {
        if (psat_queue_new(&queues[at]) != PSAT_OK || psat_queue_fd(queues[at]) < 0) {
            fprintf(stderr, "there is no queue with a descriptor\n");
            return 2;
        }
        start(&threads[at], loop, queues[at]);
    }
    for (; at < LOOPS + CALLERS; at++) {
        start(&threads[at], call, NULL);
    }
    start(&threads[at], operate, NULL);
    say("made", "");

    for (round = 1; round <= rounds; round++) {
        ledger_let(total * round / rounds);
        pthread_barrier_wait(&gate);
        pthread_barrier_wait(&gate);
        pause_for_a_look();
    }
    over = 1;
    pthread_barrier_wait(&gate);
    for (at = 0; at < CALLERS + LOOPS + 1; at++) {
        pthread_join(threads[at], NULL);
    }
    psat_attestor_free(attestor);
    for (at = 0; at < LOOPS; at++) {
        psat_queue_close(queues[at]);
        ledger_drain(queues[at], 0, STAYS);
        psat_queue_free(queues[at]);
    }
    say("freed", "");
    printf("deed\tcancelled\t%llu\n", (unsigned long long)cancelled);
    operator_print();
    ledger_print();
    return 0;
}
