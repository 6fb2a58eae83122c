#include "world.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_without_answering(int *port) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    /* The kernel completes the handshake; nobody ever reads. */
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    MUST(listener >= 0 && fcntl(listener, F_SETFD, FD_CLOEXEC) == 0, "a socket is made");
    MUST(bind(listener, (struct sockaddr *)&address, sizeof address) == 0, "the socket is bound");
    MUST(listen(listener, 512) == 0, "the socket listens");
    MUST(getsockname(listener, (struct sockaddr *)&address, &length) == 0, "the port is known");
    *port = ntohs(address.sin_port);
    return listener;
}

/* The server is the listener, spoken to as it is said by a URL's scheme. */
static void write_kubeconfig(const world *w, const char *scheme, const char *more) {
    FILE *file = fopen(w->kubeconfig, "w");
    MUST(file != NULL, "the kubeconfig is made");
    fprintf(file,
            "{\"apiVersion\":\"v1\",\"kind\":\"Config\",\"current-context\":\"demo\","
            "\"contexts\":[{\"name\":\"demo\",\"context\":{\"cluster\":\"demo\"}}],"
            "\"clusters\":[{\"name\":\"demo\",\"cluster\":{\"server\":\"%s://127.0.0.1:%d\"%s}}]}",
            scheme, w->port, more);
    MUST(fclose(file) == 0, "the kubeconfig is written");
}

void world_speaks_tls(const world *w) {
    write_kubeconfig(w, "https", ",\"insecure-skip-tls-verify\":true");
}

void world_open(world *w, const char *cluster, const char *engine) {
    memset(w, 0, sizeof *w);
    w->listener = listen_without_answering(&w->port);
    strcpy(w->folder, "/tmp/psat-test-XXXXXX");
    MUST(mkdtemp(w->folder) != NULL, "a folder is made");
    snprintf(w->kubeconfig, sizeof w->kubeconfig, "%s/kubeconfig", w->folder);
    write_kubeconfig(w, "http", "");
    world_configure(w, cluster, engine);
}

void world_configure(world *w, const char *cluster, const char *engine) {
    const char *comma = cluster[0] != '\0' ? "," : "";
    snprintf(w->config, sizeof w->config,
             "{\"trust_domain\":\"example.org\",\"engine\":{%s},\"clusters\":{"
             "\"demo\":{\"service_account_allow_list\":[\"spire:spire-agent\"],\"kube_config_file\":\"%s\"%s%s},"
             "\"missing\":{\"service_account_allow_list\":[\"spire:spire-agent\"],"
             "\"kube_config_file\":\"%s/missing\"}}}",
             engine, w->kubeconfig, comma, cluster, w->folder);
}

void world_close(world *w) {
    close(w->listener);
    unlink(w->kubeconfig);
    CHECK(rmdir(w->folder) == 0, "nothing else is left in the folder");
}

psat_attestor_t *world_attestor(const world *w) {
    psat_attestor_t *attestor = NULL;
    char *json = NULL;
    int32_t code = psat_attestor_new(w->config, strlen(w->config), &attestor, &json);
    MUST(attestor != NULL, "an attestor is made: %s", json);
    EXPECT(code, PSAT_OK, "OK", &json);
    return attestor;
}

psat_attestor_t *unconfigured_attestor(void) {
    psat_attestor_t *attestor = NULL;
    MUST(psat_attestor_new(NOTHING, &attestor, NULL) == PSAT_OK, "an attestor without configuration is made");
    return attestor;
}

psat_queue_t *new_queue(void) {
    psat_queue_t *queue = NULL;
    MUST(psat_queue_new(&queue) == PSAT_OK && queue != NULL, "a queue is made");
    return queue;
}

uint64_t submit_endless(psat_attestor_t *attestor, psat_queue_t *queue, uint64_t tag) {
    uint64_t operation = 0;
    int32_t code = psat_attestor_submit(attestor, PAYLOAD, NOTHING, queue, tag, &operation);
    MUST(code == PSAT_OK, "the submission is accepted, not answered with %d", code);
    return operation;
}

psat_completion_t next_completion(psat_queue_t *queue) {
    psat_completion_t completion;
    size_t count = 0;
    int32_t code = psat_queue_next(queue, &completion, 1, -1, &count);
    MUST(code == PSAT_OK && count == 1, "a completion comes, not %d with %zu", code, count);
    return completion;
}

void expect_completion(psat_queue_t *queue, uint64_t tag, int32_t code, const char *reason) {
    psat_completion_t completion = next_completion(queue);
    CHECK(completion.kind == PSAT_COMPLETION_ATTESTATION, "the completion is an attestation's");
    CHECK(completion.tag == tag, "the completion has tag %llu, not %llu", (unsigned long long)tag,
          (unsigned long long)completion.tag);
    CHECK(completion.json != NULL && completion.json_len == strlen(completion.json), "json_len is the length");
    EXPECT(completion.code, code, reason, &completion.json);
}

void *attest_endless(void *attestor) {
    char *json = NULL;
    int32_t code = psat_attestor_attest((psat_attestor_t *)attestor, PAYLOAD, NOTHING, &json);
    CHECK(document_number(json, "code") == code, "the document has the code that was returned");
    psat_string_free(json);
    return (void *)(intptr_t)code;
}

void expect_answer(int32_t code, int32_t wanted, const char *reason, char **json, const char *file, int line) {
    const char *document = *json;
    char member[64];
    snprintf(member, sizeof member, "\"reason\":\"%s\"", reason);
    if (check_that(document != NULL, file, line, "there is a document beside %d", code)) {
        check_that(code == wanted, file, line, "the code is %d, not %d: %s", wanted, code, document);
        check_that(is_object(document), file, line, "the document is a JSON object: %s", document);
        check_that(document_number(document, "code") == code, file, line, "code and document agree: %s", document);
        check_that(strstr(document, member) != NULL, file, line, "the reason is %s: %s", reason, document);
        check_that(strstr(document, TOKEN) == NULL, file, line, "the document holds no token");
    }
    psat_string_free(*json);
    *json = NULL;
}

int is_object(const char *json) {
    int depth = 0;
    int quoted = 0;
    const char *at;
    if (json == NULL || json[0] != '{') {
        return 0;
    }
    for (at = json; *at != '\0'; at++) {
        if (quoted) {
            if (*at == '\\' && at[1] != '\0') {
                at++;
            } else if (*at == '"') {
                quoted = 0;
            }
        } else if (*at == '"') {
            quoted = 1;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            if (depth == 0) {
                return *at == '}' && at[1] == '\0';
            }
        }
    }
    return 0;
}

long long document_number(const char *json, const char *key) {
    char member[64];
    const char *found;
    snprintf(member, sizeof member, "\"%s\":", key);
    found = json != NULL ? strstr(json, member) : NULL;
    return found != NULL ? strtoll(found + strlen(member), NULL, 10) : -1;
}

long long stats_number(const psat_attestor_t *attestor, const char *key) {
    char *json = NULL;
    long long number;
    CHECK(psat_attestor_stats(attestor, &json) == PSAT_OK && is_object(json), "there are statistics");
    number = document_number(json, key);
    psat_string_free(json);
    return number;
}

int stats_become(const psat_attestor_t *attestor, const char *key, long long wanted) {
    int tries;
    for (tries = 0; tries < 5000; tries++) {
        if (stats_number(attestor, key) == wanted) {
            return 1;
        }
        check_sleep_ms(1);
    }
    return 0;
}

int library_threads(void (*look)(const char *id, const char *name)) {
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *task;
    int count = 0;
    MUST(tasks != NULL, "the threads can be listed");
    while ((task = readdir(tasks)) != NULL) {
        char path[64];
        char name[32] = "";
        FILE *comm;
        snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", task->d_name);
        comm = fopen(path, "r");
        if (comm != NULL && fgets(name, sizeof name, comm) != NULL && strncmp(name, "psat-", 5) == 0) {
            name[strcspn(name, "\n")] = '\0';
            count++;
            if (look != NULL) {
                look(task->d_name, name);
            }
        }
        if (comm != NULL) {
            fclose(comm);
        }
    }
    closedir(tasks);
    return count;
}

/* How many threads this process has. */
static int threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *task;
    int count = 0;
    MUST(tasks != NULL, "the threads can be listed");
    while ((task = readdir(tasks)) != NULL) {
        count += task->d_name[0] != '.';
    }
    closedir(tasks);
    return count;
}

/* A checker may have a thread of its own. */
#ifdef __SANITIZE_THREAD__
static const int THREADS_LEFT = 2;
#else
static const int THREADS_LEFT = 1;
#endif

void nothing_is_left(void) {
    psat_attestor_t *attestor = unconfigured_attestor();
    long long alive = stats_number(attestor, "documents_alive");
    int tries;
    CHECK(alive == 0, "%lld documents were not freed", alive);
    psat_attestor_free(attestor);
    /* All threads count, whatever their names: one that has just started does not have its own yet. */
    for (tries = 0; tries < 5000 && threads() > THREADS_LEFT; tries++) {
        check_sleep_ms(1);
    }
    CHECK(threads() == THREADS_LEFT, "threads of freed attestors go on");
}
