/* What the tests share: a peer on a port, a configuration that leads there, answers taken apart. */

#ifndef WORLD_H
#define WORLD_H

#include "check.h"
#include "psat_attestor.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes and length of a literal, as two arguments. */
#define TEXT(literal) literal, sizeof(literal) - 1

/* No bytes, as two arguments. */
#define NOTHING NULL, 0

/* Something in the form of a token: enough to be asked about. */
#define TOKEN "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"

/* A payload for the configured cluster; it takes a slot and a call to answer. */
#define PAYLOAD TEXT("{\"cluster\":\"demo\",\"token\":\"" TOKEN "\"}")

/* A payload that is refused where it stands. */
#define UNKNOWN_CLUSTER TEXT("{\"cluster\":\"elsewhere\",\"token\":\"" TOKEN "\"}")

/* A payload for a cluster whose kubeconfig does not exist: it ends on the library's threads, without a network. */
#define WITHOUT_CREDENTIALS TEXT("{\"cluster\":\"missing\",\"token\":\"" TOKEN "\"}")

/* The codes of gRPC that the tests meet. */
enum {
    GRPC_CANCELED = 1,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_FAILED_PRECONDITION = 9,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
    GRPC_UNAUTHENTICATED = 16
};

/* A port on this machine that takes connections and never answers, and a kubeconfig that leads to it. */
typedef struct {
    int listener;
    char folder[64];
    char kubeconfig[96];
    char config[1024];
    int port;
} world;

/* `cluster` and `engine` are further members of the cluster's and the engine's objects, such as "\"max_queued\":0". */
void world_open(world *w, const char *cluster, const char *engine);
/* Connections begin with a TLS handshake, which nobody answers either. */
void world_speaks_tls(const world *w);
void world_configure(world *w, const char *cluster, const char *engine);
void world_close(world *w);

/* An attestor with the world's configuration. */
psat_attestor_t *world_attestor(const world *w);

/* An attestor without any. */
psat_attestor_t *unconfigured_attestor(void);

psat_queue_t *new_queue(void);

/* Submits a payload that does not end by itself; the operation's ID. */
uint64_t submit_endless(psat_attestor_t *attestor, psat_queue_t *queue, uint64_t tag);

/* Takes one completion, waiting as long as it takes. */
psat_completion_t next_completion(psat_queue_t *queue);

/* Takes one completion, holds its tag and code, and frees it. */
void expect_completion(psat_queue_t *queue, uint64_t tag, int32_t code, const char *reason);

/* Blocks in an attestation with PAYLOAD; a thread's body. The code comes back as the thread's result. */
void *attest_endless(void *attestor);

/* Holds a return value and its document: JSON, code and reason as wanted. Frees the document, and leaves NULL there. */
#define EXPECT(code, wanted, reason, json) expect_answer(code, wanted, reason, json, __FILE__, __LINE__)
void expect_answer(int32_t code, int32_t wanted, const char *reason, char **json, const char *file, int line);

/* Whether a text is one JSON object, as far as brackets and quotes tell. */
int is_object(const char *json);

/* The number behind the first `"key":` of a document; -1 if there is none. */
long long document_number(const char *json, const char *key);

/* The number behind the first `"key":` of the attestor's statistics. */
long long stats_number(const psat_attestor_t *attestor, const char *key);

/* Waits until a number of the statistics is as wanted; false if it does not become so. */
int stats_become(const psat_attestor_t *attestor, const char *key, long long wanted);

/* Looks at each thread of the library, by its number and its name; how many there are. `look` may be NULL. */
int library_threads(void (*look)(const char *id, const char *name));

/* A last case for every program: whoever took a document has given it back, and the threads have ended. */
void nothing_is_left(void);

#endif
