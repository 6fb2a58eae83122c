/* Threads and descriptors: what an attestor or a queue took is gone after its free. */

#include "world.h"

#include <dirent.h>
#include <string.h>

static int entries_of(const char *folder) {
    DIR *open_folder = opendir(folder);
    int count = 0;
    MUST(open_folder != NULL, "%s can be read", folder);
    while (readdir(open_folder) != NULL) {
        count++;
    }
    closedir(open_folder);
    return count;
}

/* The threads that ended are reaped by the kernel a moment later. */
static int entries_become(const char *folder, int wanted) {
    int tries;
    for (tries = 0; tries < 5000; tries++) {
        if (entries_of(folder) == wanted) {
            return 1;
        }
        check_sleep_ms(1);
    }
    return 0;
}

static void use_everything(const world *w) {
    psat_attestor_t *attestor = world_attestor(w);
    psat_queue_t *queue = new_queue();
    CHECK(psat_queue_fd(queue) >= 0, "the queue has a descriptor");
    CHECK(psat_attestor_configure(attestor, w->config, strlen(w->config), NULL) == PSAT_OK, "it is configured again");
    CHECK(psat_attestor_attest(attestor, PAYLOAD, TEXT("{\"timeout_ms\":20}"), NULL) == GRPC_DEADLINE_EXCEEDED,
          "a connection is made");
    CHECK(psat_attestor_attest(attestor, WITHOUT_CREDENTIALS, NOTHING, NULL) == GRPC_FAILED_PRECONDITION,
          "files are read");
    submit_endless(attestor, queue, 1);
    CHECK(stats_become(attestor, "in_flight", 1), "something runs");
    CHECK(entries_of("/proc/self/task") > 2, "threads work");
    psat_attestor_free(attestor);
    psat_queue_free(queue);
}

static void threads_and_descriptors_end_with_their_handles(void) {
    int rounds = check_rounds(20);
    int threads;
    int descriptors;
    int at;
    world w;
    world_open(&w, "", "\"worker_threads\":2");
    threads = entries_of("/proc/self/task");
    descriptors = entries_of("/proc/self/fd");
    for (at = 0; at < rounds; at++) {
        use_everything(&w);
    }
    CHECK(entries_become("/proc/self/task", threads), "%d threads, where there were %d", entries_of("/proc/self/task"),
          threads);
    CHECK(entries_become("/proc/self/fd", descriptors), "%d descriptors, where there were %d",
          entries_of("/proc/self/fd"), descriptors);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(threads_and_descriptors_end_with_their_handles),
        CASE(no_document_is_left),
    };
    return CHECK_RUN(cases);
}
