/* Threads and descriptors: what an attestor or a queue takes is no other program's, and gone after its free. */

#include "world.h"

#include <dirent.h>
#include <fcntl.h>
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

static void descriptors_are_close_on_exec(void) {
    enum { MOST = 256 };
    char open_before[MOST];
    psat_attestor_t *attestor;
    psat_queue_t *queue;
    int taken = 0;
    int descriptor;
    world w;
    world_open(&w, "", "");
    for (descriptor = 0; descriptor < MOST; descriptor++) {
        open_before[descriptor] = fcntl(descriptor, F_GETFD) >= 0;
    }
    attestor = world_attestor(&w);
    queue = new_queue();
    CHECK(psat_queue_fd(queue) >= 0, "the queue has a descriptor");
    submit_endless(attestor, queue, 1);
    CHECK(psat_attestor_attest(attestor, PAYLOAD, TEXT("{\"timeout_ms\":50}"), NULL) == GRPC_DEADLINE_EXCEEDED,
          "a connection is there");
    for (descriptor = 0; descriptor < MOST; descriptor++) {
        int flags = fcntl(descriptor, F_GETFD);
        if (flags >= 0 && !open_before[descriptor]) {
            taken++;
            CHECK((flags & FD_CLOEXEC) != 0, "descriptor %d is close-on-exec", descriptor);
        }
    }
    CHECK(taken >= 3, "descriptors of the runtime, the queue and a connection are there, not %d", taken);
    psat_queue_free(queue);
    psat_attestor_free(attestor);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(threads_and_descriptors_end_with_their_handles),
        CASE(descriptors_are_close_on_exec),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
