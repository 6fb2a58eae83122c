/* A process that ends with work pending ends well: by exit, by a return from main, and with work that begins only then. */

#include "world.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static world w;
static const char *own_path;

/* Held to the end: what a host has lost the way to is a leak, and no work that is pending. */
static psat_attestor_t *attestor;
static psat_queue_t *queue, *untaken;

static void *take_completions(void *nothing) {
    psat_completion_t completion;
    size_t count = 0;
    while (psat_queue_next(queue, &completion, 1, -1, &count) == PSAT_OK) {
        if (count == 1) {
            psat_string_free(completion.json);
        }
    }
    return nothing;
}

/* Work in every form: a caller inside, operations that run and wait, completions nobody takes, a consumer inside. */
static void leave_work_behind(const char *config) {
    pthread_t thread;
    int at;
    queue = new_queue();
    untaken = new_queue();
    MUST(psat_attestor_new(config, strlen(config), &attestor, NULL) == PSAT_OK, "an attestor is made");
    MUST(pthread_create(&thread, NULL, attest_endless, attestor) == 0, "a caller starts");
    MUST(pthread_create(&thread, NULL, take_completions, NULL) == 0, "a consumer starts");
    for (at = 0; at < 10; at++) {
        submit_endless(attestor, queue, 1);
        psat_attestor_submit(attestor, WITHOUT_CREDENTIALS, NOTHING, queue, 2, NULL);
        psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, untaken, 3, NULL);
    }
    MUST(stats_become(attestor, "in_flight", 4), "the slots are taken");
}

/* Whether the end takes a while. */
static int slowly;

/* Of all that runs at the end the last, and so after the library's own if it is linked in. */
__attribute__((destructor(101))) static void take_a_while(void) {
    if (slowly) {
        check_sleep_ms(150);
    }
}

static void *begin_late(void *attestor) {
    check_sleep_ms(50);
    return attest_endless(attestor);
}

/* The first connection is opened while the process ends. */
static void begin_at_the_end(const char *config) {
    psat_attestor_t *attestor = NULL;
    pthread_t thread;
    MUST(psat_attestor_new(config, strlen(config), &attestor, NULL) == PSAT_OK, "an attestor is made");
    MUST(pthread_create(&thread, NULL, begin_late, attestor) == 0, "a caller starts");
    slowly = 1;
}

/* Runs this program again, as a process that leaves work behind. */
static int ends_well(const char *how) {
    pid_t child;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        alarm(15);
        execl(own_path, own_path, how, w.config, (char *)NULL);
        _exit(2);
    }
    return child > 0 && check_exited_well(child);
}

static void many_end_well(const char *how) {
    int rounds = check_rounds(50);
    int at;
    world_open(&w, "\"max_in_flight\":4", "");
    if (strcmp(how, "late") == 0) {
        world_speaks_tls(&w);
    }
    for (at = 0; at < rounds; at++) {
        CHECK(ends_well(how), "round %d ends well", at);
    }
    world_close(&w);
}

static void exit_is_safe(void) {
    many_end_well("exit");
}

static void a_return_from_main_is_safe(void) {
    many_end_well("return");
}

static void work_that_begins_at_the_end_is_safe(void) {
    many_end_well("late");
}

int main(int argc, char **argv) {
    static const check_case cases[] = {
        CASE(exit_is_safe),
        CASE(a_return_from_main_is_safe),
        CASE(work_that_begins_at_the_end_is_safe),
    };
    own_path = argv[0];
    if (argc == 3 && strcmp(argv[1], "late") == 0) {
        begin_at_the_end(argv[2]);
        return 0;
    }
    if (argc == 3) {
        leave_work_behind(argv[2]);
        if (strcmp(argv[1], "exit") == 0) {
            exit(0);
        }
        return 0;
    }
    return CHECK_RUN(cases);
}
