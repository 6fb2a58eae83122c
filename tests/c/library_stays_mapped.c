/* dlopen and dlclose: the library stays where it is, because its threads may still run. */

#include "check.h"
#include "psat_attestor.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY "libpsat_attestor.so.1"

typedef int32_t (*new_function)(const char *, size_t, psat_attestor_t **, char **);
typedef int32_t (*attest_function)(psat_attestor_t *, const char *, size_t, const char *, size_t, char **);
typedef void (*attestor_free_function)(psat_attestor_t *);

static void find(void *library, const char *name, void *function, size_t size) {
    void *symbol = dlsym(library, name);
    MUST(symbol != NULL, "%s is found", name);
    memcpy(function, &symbol, size);
}

/* Opens, uses and closes the library, with threads of its own still at their end when it is closed. */
static void *use_once(void *unused) {
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    psat_attestor_t *attestor = NULL;
    new_function make;
    attest_function attest;
    attestor_free_function release;
    MUST(library != NULL, "the library is opened: %s", dlerror());
    find(library, "psat_attestor_new", &make, sizeof make);
    find(library, "psat_attestor_attest", &attest, sizeof attest);
    find(library, "psat_attestor_free", &release, sizeof release);
    CHECK(make(NULL, 0, &attestor, NULL) == PSAT_OK, "an attestor is made");
    CHECK(attest(attestor, "", 0, NULL, 0, NULL) == 9, "it answers that it is not configured");
    release(attestor);
    CHECK(dlclose(library) == 0, "the library is closed");
    return unused;
}

static int is_mapped(void) {
    char line[512];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    MUST(maps != NULL, "the mappings can be read");
    while (fgets(line, sizeof line, maps) != NULL) {
        found = found || strstr(line, "libpsat_attestor.so") != NULL;
    }
    fclose(maps);
    return found;
}

static void it_is_mapped_when_all_have_closed_it(void) {
    void *again;
    CHECK(!is_mapped(), "this program does not link it");
    use_once(NULL);
    CHECK(is_mapped(), "it is still there");
    again = dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD);
    CHECK(again != NULL, "the loader knows it still");
    if (again != NULL) {
        dlclose(again);
    }
}

static void *use_many_times(void *unused) {
    int rounds = check_rounds(30);
    int at;
    for (at = 0; at < rounds; at++) {
        use_once(NULL);
    }
    return unused;
}

static void two_threads_open_and_close_it(void) {
    pthread_t threads[2];
    int at;
    for (at = 0; at < 2; at++) {
        MUST(pthread_create(&threads[at], NULL, use_many_times, NULL) == 0, "a thread starts");
    }
    for (at = 0; at < 2; at++) {
        pthread_join(threads[at], NULL);
    }
    CHECK(is_mapped(), "it is still there");
}

int main(void) {
    static const check_case cases[] = {
        CASE(it_is_mapped_when_all_have_closed_it),
        CASE(two_threads_open_and_close_it),
    };
    return CHECK_RUN(cases);
}
