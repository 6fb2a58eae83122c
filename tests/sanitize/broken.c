/*
 * Breaks a rule on purpose, the one that its argument names: each is a fault that a sanitizer has to report. A run that
 * finds no fault elsewhere means something only where this program is caught.
 */

#include <psat_attestor.h>

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The compiler cannot know these, and so cannot see the fault either. */
static volatile size_t beyond = 1;
static volatile int most = INT_MAX;

static char *document(void) {
    char *json = NULL;
    psat_config_validate("{}", 2, &json);
    return json;
}

/* The host reads behind a document's end. */
static void document_is_read_beyond_its_end(void) {
    char *json = document();
    printf("%d\n", json[strlen(json) + beyond]);
    psat_string_free(json);
}

/* The host writes into a document that it has freed. */
static void document_is_written_when_freed(void) {
    char *json = document();
    psat_string_free(json);
    *(volatile char *)json = '!';
}

/* The library frees a document again. */
static void document_is_freed_twice(void) {
    char *json = document();
    psat_string_free(json);
    psat_string_free(json);
}

static void document_is_never_freed(void) {
    char *json = document();
    printf("%zu\n", strlen(json));
}

/* The library, and not the host, reads behind the end of what it was given. */
static void input_is_shorter_than_its_length(void) {
    char *config = (char *)malloc(8);
    memset(config, ' ', 8);
    psat_config_validate(config, 8 + beyond, NULL);
    free(config);
}

/* The library, and not the host, uses a queue that was freed. */
static void queue_is_used_when_freed(void) {
    psat_queue_t *queue = NULL;
    psat_queue_new(&queue);
    psat_queue_free(queue);
    psat_queue_wake(queue);
}

static void number_is_too_large(void) {
    printf("%d\n", most + (int)beyond);
}

/* One byte, so that no other access can push this one out of ThreadSanitizer's short memory. */
static char shared = ' ';

static void *write_shared(void *nothing) {
    shared = '\t';
    return nothing;
}

/* The library reads an input while the host writes it. */
static void input_is_written_meanwhile(void) {
    pthread_t writer;
    if (pthread_create(&writer, NULL, write_shared, NULL) != 0) {
        exit(2);
    }
    psat_config_validate(&shared, 1, NULL);
    pthread_join(writer, NULL);
}

static const struct {
    const char *name;
    void (*commit)(void);
} FAULTS[] = {
#define FAULT(function) { #function, function }
    FAULT(document_is_read_beyond_its_end),
    FAULT(document_is_written_when_freed),
    FAULT(document_is_freed_twice),
    FAULT(document_is_never_freed),
    FAULT(input_is_shorter_than_its_length),
    FAULT(queue_is_used_when_freed),
    FAULT(number_is_too_large),
    FAULT(input_is_written_meanwhile),
};

int main(int argc, char **argv) {
    size_t at;
    for (at = 0; at < sizeof FAULTS / sizeof FAULTS[0]; at++) {
        if (argc == 2 && strcmp(argv[1], FAULTS[at].name) == 0) {
            FAULTS[at].commit();
            return 0;
        }
    }
    fprintf(stderr, "usage: broken FAULT\n");
    return 2;
}
