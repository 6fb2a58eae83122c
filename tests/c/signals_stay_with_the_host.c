/* Signals are the host's: no handler, no mask of its threads, no SIGPIPE for what a peer does. */

#include "world.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Those that a thread causes itself: a host's crash handler must still see them on every thread. */
static const int OWN[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

static int may_be_open(int number) {
    size_t at;
    for (at = 0; at < sizeof OWN / sizeof OWN[0]; at++) {
        if (OWN[at] == number) {
            return 1;
        }
    }
    /* Nobody can block the first two; the C library keeps those below SIGRTMIN for itself. */
    return number == SIGKILL || number == SIGSTOP || (number >= 32 && number < SIGRTMIN);
}

static void expect_blocked(const char *id, const char *name) {
    static const char key[] = "SigBlk:\t";
    char path[64];
    char line[256];
    unsigned long long mask = 0;
    int number;
    FILE *status;
    snprintf(path, sizeof path, "/proc/self/task/%.20s/status", id);
    status = fopen(path, "r");
    MUST(status != NULL, "the thread's status can be read");
    while (fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, key, sizeof key - 1) == 0) {
            mask = strtoull(line + sizeof key - 1, NULL, 16);
        }
    }
    fclose(status);
    /* The last one is valgrind's. */
    for (number = 1; number < SIGRTMAX; number++) {
        CHECK(may_be_open(number) || (mask >> (number - 1) & 1) != 0, "thread %s (%s) blocks signal %d", name, id,
              number);
    }
}

static void no_handler_and_no_mask_changes(void) {
    struct sigaction before[65];
    struct sigaction after;
    sigset_t mask_before;
    sigset_t mask_after;
    int number;
    world w;
    psat_attestor_t *attestor;
    world_open(&w, "", "");
    for (number = 1; number < 65; number++) {
        memset(&before[number], 0, sizeof before[number]);
        sigaction(number, NULL, &before[number]);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
    attestor = world_attestor(&w);
    psat_attestor_attest(attestor, PAYLOAD, TEXT("{\"timeout_ms\":20}"), NULL);
    psat_attestor_attest(attestor, WITHOUT_CREDENTIALS, NOTHING, NULL);
    for (number = 1; number < 65; number++) {
        memset(&after, 0, sizeof after);
        sigaction(number, NULL, &after);
        CHECK(after.sa_handler == before[number].sa_handler && after.sa_flags == before[number].sa_flags,
              "signal %d is handled as before", number);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
    for (number = 1; number < 65; number++) {
        CHECK(sigismember(&mask_before, number) == sigismember(&mask_after, number), "signal %d is masked as before",
              number);
    }
    psat_attestor_free(attestor);
    world_close(&w);
}

static void threads_of_the_library_block_asynchronous_signals(void) {
    world w;
    psat_attestor_t *attestor;
    int end_of_pipe;
    world_open(&w, "", "\"worker_threads\":2");
    attestor = world_attestor(&w);
    /* A kubeconfig that nobody writes holds the thread that reads it. */
    MUST(unlink(w.kubeconfig) == 0 && mkfifo(w.kubeconfig, 0600) == 0, "the kubeconfig becomes a pipe");
    psat_attestor_attest(attestor, PAYLOAD, TEXT("{\"timeout_ms\":100}"), NULL);
    CHECK(library_threads(expect_blocked) >= 3, "workers and a reader of files are there");
    psat_attestor_free(attestor);
    end_of_pipe = open(w.kubeconfig, O_RDWR | O_NONBLOCK);
    MUST(end_of_pipe >= 0, "the reader gets its other end");
    close(end_of_pipe);
    world_close(&w);
}

static pthread_t main_thread;
static volatile sig_atomic_t delivered;
static volatile sig_atomic_t elsewhere;

static void note(int number) {
    (void)number;
    delivered = delivered + 1;
    if (!pthread_equal(pthread_self(), main_thread)) {
        elsewhere = 1;
    }
}

static void signals_of_the_process_come_to_the_host(void) {
    struct sigaction noting;
    struct sigaction before;
    psat_attestor_t *attestor = unconfigured_attestor();
    int rounds = check_rounds(100);
    int at;
    main_thread = pthread_self();
    memset(&noting, 0, sizeof noting);
    noting.sa_handler = note;
    noting.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &noting, &before);
    for (at = 0; at < rounds; at++) {
        kill(getpid(), SIGUSR1);
    }
    CHECK(delivered == rounds, "%d of %d signals came", (int)delivered, rounds);
    CHECK(!elsewhere, "the host's thread took them all");
    sigaction(SIGUSR1, &before, NULL);
    psat_attestor_free(attestor);
}

/* Resets connections: some at once, some when the request has begun to come. */
static void *reset_connections(void *listener) {
    int connection;
    int turn = 0;
    while ((connection = accept((int)(intptr_t)listener, NULL, NULL)) >= 0) {
        struct linger at_once;
        char request[64];
        at_once.l_onoff = 1;
        at_once.l_linger = 0;
        if (turn++ % 2 == 0) {
            CHECK(read(connection, request, sizeof request) > 0, "a request begins");
        }
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(connection);
    }
    return NULL;
}

static void peers_that_reset_connections_kill_nobody(void) {
    world w;
    psat_attestor_t *attestor;
    pthread_t peer;
    int rounds = check_rounds(200);
    int at;
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR, "SIGPIPE would end this process");
    world_open(&w, "", "");
    MUST(pthread_create(&peer, NULL, reset_connections, (void *)(intptr_t)w.listener) == 0, "a peer starts");
    attestor = world_attestor(&w);
    for (at = 0; at < rounds; at++) {
        char *json = NULL;
        EXPECT(psat_attestor_attest(attestor, PAYLOAD, NOTHING, &json), GRPC_UNAVAILABLE, "API_UNREACHABLE", &json);
    }
    psat_attestor_free(attestor);
    shutdown(w.listener, SHUT_RDWR);
    pthread_join(peer, NULL);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(no_handler_and_no_mask_changes),
        CASE(threads_of_the_library_block_asynchronous_signals),
        CASE(signals_of_the_process_come_to_the_host),
        CASE(peers_that_reset_connections_kill_nobody),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
