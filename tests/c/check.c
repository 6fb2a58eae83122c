#include "check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What hangs ends here; with slack for slow machines. */
static const unsigned PATIENCE_SECONDS = 60;

static const char *running = "setting up";
static int failures;

static void say(const char *file, int line, const char *sentence, va_list words) {
    char text[512];
    vsnprintf(text, sizeof text, sentence, words);
    printf("FAILED %s: %s (%s:%d)\n", running, text, file, line);
    fflush(stdout);
}

int check_that(int holds, const char *file, int line, const char *sentence, ...) {
    if (!holds) {
        va_list words;
        va_start(words, sentence);
        say(file, line, sentence, words);
        va_end(words);
        __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
    }
    return holds;
}

void check_must(int holds, const char *file, int line, const char *sentence, ...) {
    if (!holds) {
        va_list words;
        va_start(words, sentence);
        say(file, line, sentence, words);
        va_end(words);
        _exit(1);
    }
}

static int number_from(const char *variable, int fallback) {
    const char *text = getenv(variable);
    int number = text != NULL ? atoi(text) : 0;
    return number > 0 ? number : fallback;
}

int check_rounds(int rounds) {
    int most = number_from("PSAT_TEST_ROUNDS", rounds);
    return most < rounds ? most : rounds;
}

int check_slack_ms(void) {
    return number_from("PSAT_TEST_SLACK_MS", 150);
}

long long check_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void check_sleep_ms(int milliseconds) {
    struct timespec left;
    left.tv_sec = milliseconds / 1000;
    left.tv_nsec = (long)(milliseconds % 1000) * 1000000;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

int check_exited_well(int child) {
    int status = 0;
    pid_t ended;
    do {
        ended = waitpid((pid_t)child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    if (ended == child && WIFSIGNALED(status)) {
        printf("the child was ended by signal %d\n", WTERMSIG(status));
    }
    return ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int check_in_child(void (*body)(void)) {
    const char held = 'y';
    char verdict = 'n';
    int ends[2];
    pid_t child;
    MUST(pipe(ends) == 0, "a pipe is made");
    fflush(stdout);
    child = fork();
    MUST(child >= 0, "a child is made");
    if (child == 0) {
        alarm(PATIENCE_SECONDS / 4);
        failures = 0;
        body();
        fflush(stdout);
        /* Not by the exit code: valgrind changes it, as what the threads held that a fork does not copy is lost. */
        _exit(failures == 0 && write(ends[1], &held, 1) != 1);
    }
    close(ends[1]);
    if (read(ends[0], &verdict, 1) != 1) {
        printf("the child has ended without a verdict\n");
    }
    close(ends[0]);
    waitpid(child, NULL, 0);
    return verdict == held;
}

int check_run(const check_case *cases, size_t count) {
    size_t passed = 0;
    size_t at;
    alarm(PATIENCE_SECONDS * (unsigned)(check_slack_ms() > 1000 ? 4 : 1));
    for (at = 0; at < count; at++) {
        int before = __atomic_load_n(&failures, __ATOMIC_RELAXED);
        running = cases[at].name;
        cases[at].run();
        if (__atomic_load_n(&failures, __ATOMIC_RELAXED) == before) {
            printf("ok %s\n", running);
            fflush(stdout);
            passed++;
        }
    }
    printf("%zu passed, %zu failed\n", passed, count - passed);
    return failures == 0 ? 0 : 1;
}
