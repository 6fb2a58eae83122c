/* psat_queue_fd under poll: readable exactly while psat_queue_next would not wait. */

#include "world.h"

#include <fcntl.h>
#include <poll.h>

static world w;
static psat_attestor_t *attestor;

static int readable_within(psat_queue_t *queue, int timeout_ms) {
    struct pollfd polled;
    polled.fd = psat_queue_fd(queue);
    polled.events = POLLIN;
    polled.revents = 0;
    MUST(polled.fd >= 0, "the queue has a descriptor");
    return poll(&polled, 1, timeout_ms) == 1 && polled.revents == POLLIN;
}

static int readable(psat_queue_t *queue) {
    return readable_within(queue, 0);
}

static void submit_refused(psat_queue_t *queue, uint64_t tag) {
    CHECK(psat_attestor_submit(attestor, UNKNOWN_CLUSTER, NOTHING, queue, tag, NULL) == PSAT_OK, "accepted");
}

static int32_t take_nothing(psat_queue_t *queue) {
    psat_completion_t completion;
    size_t count = 7;
    int32_t code = psat_queue_next(queue, &completion, 1, 0, &count);
    CHECK(count == 0, "nothing is there");
    return code;
}

static void set_up(void) {
    world_open(&w, "", "");
    attestor = world_attestor(&w);
}

static void it_is_one_descriptor_and_close_on_exec(void) {
    psat_queue_t *queue = new_queue();
    psat_queue_t *other = new_queue();
    int descriptor = psat_queue_fd(queue);
    CHECK(descriptor >= 0, "there is one");
    CHECK(psat_queue_fd(queue) == descriptor, "asking again gives the same");
    CHECK(psat_queue_fd(other) != descriptor, "each queue has its own");
    CHECK((fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0, "it is close-on-exec");
    psat_queue_free(other);
    psat_queue_free(queue);
    CHECK(fcntl(descriptor, F_GETFD) == -1, "it ends with its queue");
}

static void it_is_readable_while_completions_wait(void) {
    psat_queue_t *queue = new_queue();
    CHECK(!readable(queue), "an empty queue is not");
    submit_refused(queue, 1);
    submit_refused(queue, 2);
    CHECK(readable(queue), "two wait");
    CHECK(readable(queue), "polling takes nothing away");
    expect_completion(queue, 1, GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN");
    CHECK(readable(queue), "one waits");
    expect_completion(queue, 2, GRPC_INVALID_ARGUMENT, "CLUSTER_UNKNOWN");
    CHECK(!readable(queue), "none waits");
    CHECK(take_nothing(queue) == PSAT_OK, "a poll of the empty queue");
    CHECK(!readable(queue), "changes nothing");
    psat_queue_free(queue);
}

static void it_is_readable_for_what_came_before_it_was_asked_for(void) {
    psat_queue_t *queue = new_queue();
    psat_queue_t *woken = new_queue();
    psat_queue_t *closed = new_queue();
    submit_refused(queue, 1);
    psat_queue_wake(woken);
    psat_queue_close(closed);
    CHECK(readable(queue), "a completion waits");
    CHECK(readable(woken), "a wake waits");
    CHECK(readable(closed), "it is closed");
    psat_queue_free(closed);
    psat_queue_free(woken);
    psat_queue_free(queue);
}

static void it_ends_a_poll_when_a_completion_comes(void) {
    psat_queue_t *queue = new_queue();
    uint64_t operation = submit_endless(attestor, queue, 4);
    CHECK(!readable(queue), "it runs");
    psat_attestor_cancel(attestor, operation);
    CHECK(readable_within(queue, 10000), "poll comes back");
    expect_completion(queue, 4, GRPC_CANCELED, "CANCELED");
    CHECK(!readable(queue), "it is taken");
    psat_queue_free(queue);
}

static void it_is_readable_after_a_wake_until_the_next_call(void) {
    psat_queue_t *queue = new_queue();
    psat_queue_wake(queue);
    psat_queue_wake(queue);
    CHECK(readable(queue), "a wake waits");
    CHECK(take_nothing(queue) == PSAT_OK, "it ends the call");
    CHECK(!readable(queue), "and is gone");
    psat_queue_free(queue);
}

static void it_is_readable_for_ever_after_close(void) {
    psat_queue_t *queue = new_queue();
    uint64_t operation = submit_endless(attestor, queue, 6);
    psat_queue_close(queue);
    CHECK(readable(queue), "it is closed");
    CHECK(take_nothing(queue) == PSAT_OK, "one is outstanding");
    CHECK(readable(queue), "it is still closed");
    psat_attestor_cancel(attestor, operation);
    expect_completion(queue, 6, GRPC_CANCELED, "CANCELED");
    CHECK(take_nothing(queue) == PSAT_CLOSED, "none is outstanding");
    CHECK(readable(queue), "it stays closed");
    psat_queue_free(queue);
}

static void tear_down(void) {
    psat_attestor_free(attestor);
    world_close(&w);
}

int main(void) {
    static const check_case cases[] = {
        CASE(set_up),
        CASE(it_is_one_descriptor_and_close_on_exec),
        CASE(it_is_readable_while_completions_wait),
        CASE(it_is_readable_for_what_came_before_it_was_asked_for),
        CASE(it_ends_a_poll_when_a_completion_comes),
        CASE(it_is_readable_after_a_wake_until_the_next_call),
        CASE(it_is_readable_for_ever_after_close),
        CASE(tear_down),
        CASE(nothing_is_left),
    };
    return CHECK_RUN(cases);
}
