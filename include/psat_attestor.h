/**
 * @file
 * SPIRE's k8s_psat node attestation, server side, as a C library.
 *
 * Bytes in, one JSON document out, one int32_t that says how it went: 0, a gRPC status code (1 to 16), or from 1000 a fault of
 * the calling program. docs/abi.md describes the documents; docs/reasons.md lists the reason words.
 *
 *   - Inputs are borrowed for the call and need not end in NUL; NULL is allowed with length 0 alone.
 *   - Every document that a function hands out, on failure too, is freed with psat_string_free.
 *   - Every function may return PSAT_PANIC: a fault inside the library ended the call, and nothing else.
 *   - Handles may be used from any number of threads at once.
 *   - After fork, calls on handles of the parent return PSAT_FORKED; make new ones.
 */

#ifndef PSAT_ATTESTOR_H
#define PSAT_ATTESTOR_H

/* Generated from src/ffi by `make generate`. Do not edit. */

#include <stddef.h>
#include <stdint.h>

/**
 * The version of this ABI. It changes only when programs that were built with an earlier one would break.
 */
#define PSAT_ABI_VERSION 1

/**
 * The call succeeded.
 */
#define PSAT_OK 0

/**
 * A pointer that must not be NULL was.
 */
#define PSAT_NULL_POINTER 1000

/**
 * The queue is closed.
 */
#define PSAT_CLOSED 1001

/**
 * The handle was made before a fork and is used in the child.
 */
#define PSAT_FORKED 1002

/**
 * A fault inside the library ended the call.
 */
#define PSAT_PANIC 1003

/**
 * `options` is not the JSON object that the function takes.
 */
#define PSAT_OPTIONS_MALFORMED 1004

/**
 * `psat_completion_t.kind`: an attestation has ended.
 */
#define PSAT_COMPLETION_ATTESTATION 1

/**
 * `psat_completion_t.kind`: a log record.
 */
#define PSAT_COMPLETION_EVENT 2

/**
 * An attestor. Opaque.
 */
typedef struct psat_attestor_t psat_attestor_t;

/**
 * A completion queue. Opaque.
 */
typedef struct psat_queue_t psat_queue_t;

/**
 * One finished operation, or one event. The layout is frozen.
 */
typedef struct {
  /**
   * `PSAT_COMPLETION_ATTESTATION` or `PSAT_COMPLETION_EVENT`. Free and skip kinds that you do not know.
   */
  uint32_t kind;
  /**
   * The operation's code, the same as `code` in the document; 0 for an event.
   */
  int32_t code;
  /**
   * The tag that came with the submission; 0 for an event.
   */
  uint64_t tag;
  /**
   * The operation's ID, as `psat_attestor_submit` wrote it; 0 for an event.
   */
  uint64_t operation;
  /**
   * The document, NUL-terminated. Yours: free it with `psat_string_free`.
   */
  char *json;
  /**
   * The document's length in bytes, without the NUL.
   */
  size_t json_len;
} psat_completion_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the ABI that the library speaks.
 *
 * Compare it with the `PSAT_ABI_VERSION` that your program was built with before you call anything else.
 *
 * Threads: may be called at any time, in a forked child too.
 */
uint32_t psat_abi_version(void);

/**
 * The version of the library, such as "0.1.0".
 *
 * Returns a static string: it is never freed.
 *
 * Threads: may be called at any time, in a forked child too.
 */
const char *psat_version(void);

/**
 * Frees a document that a function of this library handed out.
 *
 * NULL is fine. Any other pointer must come from a `json` argument or from `psat_completion_t.json`, and is freed
 * once, its text as long as it was. `free()` of the C library must not be used.
 *
 * Threads: any thread may free any document, in a forked child too.
 */
void psat_string_free(char *json);

/**
 * Checks a configuration. Makes nothing and touches no network.
 *
 * `config` is a JSON document of `config_len` bytes, which need not end in NUL; NULL with 0 is an empty one.
 * `*json` becomes a document with `valid` and `notes`; `json` may be NULL.
 *
 * Returns 0 if it is valid, 3 (`CONFIG_INVALID`) if not, or `PSAT_NULL_POINTER` if `config` is NULL with a length.
 *
 * Threads: any.
 */
int32_t psat_config_validate(const char *config,
                             size_t config_len,
                             char **json);

/**
 * Makes an attestor, with threads of its own. Touches no network.
 *
 * `config` is a JSON document of `config_len` bytes, which need not end in NUL. NULL with 0, or a document with
 * `engine` alone, makes an attestor that has yet to be configured: until then it answers 9 (`NOT_CONFIGURED`).
 * `*out` becomes the attestor, NULL unless 0 is returned; free it with `psat_attestor_free`. `*json` becomes a document
 * with `notes`, on success too; `json` may be NULL.
 *
 * Returns 0, 3 (`CONFIG_INVALID`), 13 (`RUNTIME_UNAVAILABLE`: threads or descriptors are short), or
 * `PSAT_NULL_POINTER` if `out` is NULL, or `config` is NULL with a length.
 *
 * Threads: any. After `fork`, make a new attestor in the child.
 */
int32_t psat_attestor_new(const char *config,
                          size_t config_len,
                          psat_attestor_t **out,
                          char **json);

/**
 * Replaces an attestor's configuration.
 *
 * The new one is built first and then swapped: if it is refused, the old one stays in force. Running attestations finish
 * on the one that they began with. Calls are serialised. A cluster whose settings are unchanged keeps its connections
 * and counters. `engine.worker_threads` is not read again.
 *
 * Returns 0, 3 (`CONFIG_INVALID`), 14 (`SHUTTING_DOWN`), `PSAT_NULL_POINTER` or `PSAT_FORKED`; `*json` becomes a document
 * with `notes`; `json` may be NULL.
 *
 * Threads: any.
 */
int32_t psat_attestor_configure(psat_attestor_t *attestor,
                                const char *config,
                                size_t config_len,
                                char **json);

/**
 * Refuses new work (14, `SHUTTING_DOWN`), stops what runs, blocking calls too, and returns when every accepted operation
 * has delivered its completion.
 *
 * `timeout_ms` 0 means 5000. Afterwards `psat_attestor_stats` still works, and everything else answers 14.
 *
 * Returns 0; 4 if the time passed first, and then it may be called again; `PSAT_NULL_POINTER` or `PSAT_FORKED`.
 *
 * Threads: any.
 */
int32_t psat_attestor_shutdown(psat_attestor_t *attestor,
                               uint32_t timeout_ms);

/**
 * Shuts an attestor down, allowing 5 s, and frees it. Never waits for a thread that is stuck in a file read or a look-up.
 *
 * NULL does nothing; in a forked child the attestor is leaked on purpose.
 *
 * Threads: calls that are inside the attestor end safely; none may start any more.
 */
void psat_attestor_free(psat_attestor_t *attestor);

/**
 * Attests and waits for the answer.
 *
 * `payload` is what the agent sent, `payload_len` bytes that need not end in NUL. `options` is NULL with 0, or a JSON object
 * from the host, never from the agent: `timeout_ms` (the clock starts now and covers waiting for a slot), `peer`,
 * `traceparent`, `request_id`. Both are borrowed for the call. `*json` becomes the document, on success and on failure;
 * `json` may be NULL.
 *
 * Returns 0, a gRPC status code to hand on as it is (`message` in the document may be shown to the agent), or from 1000 a
 * fault of the calling program.
 *
 * Threads: any number at once; the calling thread sleeps.
 */
int32_t psat_attestor_attest(psat_attestor_t *attestor,
                             const char *payload,
                             size_t payload_len,
                             const char *options,
                             size_t options_len,
                             char **json);

/**
 * Attests, and shows what became of every check: why is this agent refused, and what is to be changed?
 *
 * Arguments, return value and document are those of `psat_attestor_attest`. The document has `steps` besides, one for each
 * check in their order: `{"check":…,"outcome":"pass"|"fail"|"warn"|"skip","detail":…}`, where it fails with its `reason`, and
 * with a `remedy` where there is something to do. It goes on past a failure with facts that TokenReview vouches for, so that
 * one run shows all that is wrong; what cannot be known is skipped. `steps` are for the operator: they name addresses, files
 * and users, and never hold a credential.
 *
 * It takes a slot like any attestation, may make more calls than one, and is not counted among attestations by
 * `psat_attestor_stats`.
 *
 * Threads: any number at once; the calling thread sleeps.
 */
int32_t psat_attestor_explain(psat_attestor_t *attestor,
                              const char *payload,
                              size_t payload_len,
                              const char *options,
                              size_t options_len,
                              char **json);

/**
 * Begins an attestation whose answer comes through `queue`. Never blocks.
 *
 * Arguments are as for `psat_attestor_attest`. If 0 is returned, exactly one completion with this `tag` comes, whatever
 * happens; otherwise none does. The completion may be readable before this function returns, so register the tag first.
 * `*operation` becomes the operation's ID for `psat_attestor_cancel`, before the completion can be read, and 0 on failure;
 * `operation` may be NULL.
 *
 * Returns 0; 14 (`SHUTTING_DOWN`); `PSAT_CLOSED` if the queue is closed; `PSAT_OPTIONS_MALFORMED`, `PSAT_NULL_POINTER` or
 * `PSAT_FORKED`. Whatever is wrong with the payload, or with the load, is said by the completion.
 *
 * Threads: any number at once.
 */
int32_t psat_attestor_submit(psat_attestor_t *attestor,
                             const char *payload,
                             size_t payload_len,
                             const char *options,
                             size_t options_len,
                             psat_queue_t *queue,
                             uint64_t tag,
                             uint64_t *operation);

/**
 * Cancels an operation: it completes soon with 1 (`CANCELED`), unless it is done already.
 *
 * An operation that is done or unknown is left alone, and 0 is returned.
 *
 * Returns 0; 14 (`SHUTTING_DOWN`); `PSAT_NULL_POINTER` or `PSAT_FORKED`.
 *
 * Threads: any.
 */
int32_t psat_attestor_cancel(psat_attestor_t *attestor, uint64_t operation);

/**
 * Counters since the attestor was made, as a document. Works after `psat_attestor_shutdown` too.
 *
 * Returns 0, `PSAT_NULL_POINTER` or `PSAT_FORKED`; `json` may be NULL.
 *
 * Threads: any.
 */
int32_t psat_attestor_stats(const psat_attestor_t *attestor, char **json);

/**
 * Delivers this attestor's log records to `queue` as completions of kind `PSAT_COMPLETION_EVENT`.
 *
 * `level` is 1 error, 2 warn, 3 info, 4 debug or 5 trace, and takes those before it too; 0 ends the delivery, and `queue`
 * may then be NULL. A second call replaces the first. Each record is a document `{"level":…,"unix_ms":…,"message":…,
 * "fields":{…}}`. At most 1024 wait in a queue; then the oldest is dropped, which `psat_attestor_stats` counts. Nothing comes
 * any more once `psat_attestor_shutdown` has returned.
 *
 * To see the start: `psat_attestor_new` with `engine` alone, then this, then `psat_attestor_configure`.
 *
 * Returns 0; 14 (`SHUTTING_DOWN`); `PSAT_CLOSED` if the queue is closed; `PSAT_OPTIONS_MALFORMED` for another level;
 * `PSAT_NULL_POINTER` or `PSAT_FORKED`.
 *
 * Threads: any.
 */
int32_t psat_attestor_events(psat_attestor_t *attestor,
                             psat_queue_t *queue,
                             int32_t level);

/**
 * Looks at the configured clusters and waits for the answer: can they be used, and if not, why, and what helps?
 *
 * `options` is NULL with 0, or a JSON object from the host: `timeout_ms`, for all of it (absent = `attest_timeout_ms`), and
 * `clusters`, a list of names (absent or empty = all). It is borrowed for the call. `*json` becomes a document with, for
 * each cluster, the `steps` that an attestation needs, in the order in which it needs them; `json` may be NULL. It is for
 * operators and may name addresses, files and users; it never holds a credential. Nothing is attested, and no slot is taken.
 *
 * Returns 0 if all can be used, else the code of the first failed step of the first that cannot; 3 (`CLUSTER_UNKNOWN`),
 * 9 (`NOT_CONFIGURED`), 14 (`SHUTTING_DOWN`: also when the attestor is shut down meanwhile), or from 1000 a fault of the
 * calling program.
 *
 * Threads: any number at once; the calling thread sleeps.
 */
int32_t psat_attestor_check(psat_attestor_t *attestor,
                            const char *options,
                            size_t options_len,
                            char **json);

/**
 * Makes a completion queue.
 *
 * Any number of attestors may complete into it, and any number of threads may empty it. Free it with
 * `psat_queue_free`; queue and attestors may be freed in either order.
 *
 * Returns 0, or `PSAT_NULL_POINTER` if `out` is NULL. `*out` is NULL unless 0 is returned.
 */
int32_t psat_queue_new(psat_queue_t **out);

/**
 * A descriptor that is readable while completions or events wait, after `psat_queue_wake` until the next
 * `psat_queue_next`, and for ever after `psat_queue_close`. On a closed queue, let `psat_queue_next` wait for what is
 * still outstanding.
 *
 * For poll, epoll, kqueue and event loops, level-triggered. Poll it, never read or write or close it. It is
 * close-on-exec and valid until `psat_queue_free`.
 *
 * Returns -1 for NULL, in a forked child, where the platform has no such descriptor, and where none is left.
 *
 * Threads: any.
 */
int psat_queue_fd(const psat_queue_t *queue);

/**
 * Takes finished operations, and after them events.
 *
 * Waits up to `timeout_ms` milliseconds for the first (0 polls, a negative number waits for ever) and takes at most
 * `capacity` of those that wait into `out`. `*count` is how many were taken, and is 0 after a timeout and after
 * `psat_queue_wake`; with a `capacity` of 0 it is 0 at once. Each completion goes to one caller, which owns its `json`.
 *
 * Returns 0; `PSAT_CLOSED` once the queue is closed, nothing waits in it and nothing is outstanding;
 * `PSAT_NULL_POINTER` if `queue`, `out` or `count` is NULL; `PSAT_FORKED` in a forked child.
 *
 * Threads: any number at once.
 */
int32_t psat_queue_next(psat_queue_t *queue,
                        psat_completion_t *out,
                        size_t capacity,
                        int32_t timeout_ms,
                        size_t *count);

/**
 * Ends the current `psat_queue_next`, or the following one, with a count of 0. Several calls before that count as
 * one.
 *
 * NULL and a forked child do nothing.
 *
 * Threads: any.
 */
void psat_queue_wake(psat_queue_t *queue);

/**
 * Refuses new submissions to this queue, and ends events. Operations that were accepted before still complete into it.
 *
 * NULL and a forked child do nothing; closing again does nothing.
 *
 * Threads: any.
 */
void psat_queue_close(psat_queue_t *queue);

/**
 * Closes a queue and frees it, with the completions that wait in it. Later completions for it are freed as they come.
 *
 * NULL does nothing; in a forked child the queue is leaked on purpose.
 *
 * Threads: no thread may be inside `psat_queue_next` of this queue, and no call may start on it any more.
 */
void psat_queue_free(psat_queue_t *queue);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PSAT_ATTESTOR_H */
