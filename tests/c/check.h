/* Assertions that speak, and a runner for the cases of a program. */

#ifndef CHECK_H
#define CHECK_H

#include <stddef.h>

typedef struct {
    const char *name;
    void (*run)(void);
} check_case;

#define CASE(function) { #function, function }

/*
 * Runs the cases, prints `ok name` or `FAILED name: sentence` for each and the sum of all, and gives the program's exit
 * code.
 */
#define CHECK_RUN(cases) check_run(cases, sizeof(cases) / sizeof((cases)[0]))
int check_run(const check_case *cases, size_t count);

/* Holds or fails the running case with a sentence, in the words of printf. May be used in any thread. */
#define CHECK(condition, ...) check_that((condition) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

/* The same for what the rest of the case is built on: a failure ends the process. */
#define MUST(condition, ...) check_must((condition) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 4, 5))) int check_that(int holds, const char *file, int line, const char *sentence, ...);
__attribute__((format(printf, 4, 5))) void check_must(int holds, const char *file, int line, const char *sentence, ...);

/* Runs `body` in a forked child; true if it ended there by itself and all held. */
int check_in_child(void (*body)(void));

/* Waits for a child; true if it exited with 0. */
int check_exited_well(int child);

/* How often to do what is done many times: `rounds`, or fewer if PSAT_TEST_ROUNDS says so. */
int check_rounds(int rounds);

/* How late an answer may be: 150 ms, or more where PSAT_TEST_SLACK_MS says that the machine is slow. */
int check_slack_ms(void);

/* A clock that only goes forward. */
long long check_now_ms(void);

void check_sleep_ms(int milliseconds);

#endif
