/* Attests one payload: attest CONFIG PAYLOAD, both files. */
#include <psat_attestor.h>

#include <stdio.h>
#include <string.h>

static size_t read_file(const char *path, char *buffer, size_t size) {
    FILE *file = fopen(path, "rb");
    size_t length = file != NULL ? fread(buffer, 1, size, file) : 0;
    if (file == NULL) {
        perror(path);
    } else {
        fclose(file);
    }
    return length;
}

/* Prints the text behind "key": of a document. A program that needs more has a JSON library. */
static void print_member(const char *json, const char *key) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
    const char *at = strstr(json, quoted);
    if (at == NULL) {
        return;
    }
    printf("%s: ", key);
    for (at += strlen(quoted); *at != '"' && *at != '\0'; at++) {
        at += *at == '\\';
        putchar(*at);
    }
    putchar('\n');
}

int main(int argc, char **argv) {
    static char config[65536], payload[65537];
    if (argc != 3) {
        fprintf(stderr, "usage: attest CONFIG PAYLOAD\n");
        return 2;
    }
    size_t config_len = read_file(argv[1], config, sizeof config);
    size_t payload_len = read_file(argv[2], payload, sizeof payload);

    psat_attestor_t *attestor;
    char *json;
    if (psat_attestor_new(config, config_len, &attestor, &json) != PSAT_OK) {
        fprintf(stderr, "%s\n", json);
        psat_string_free(json);
        return 2;
    }
    psat_string_free(json);

    int32_t code = psat_attestor_attest(attestor, payload, payload_len, NULL, 0, &json);
    printf("%s\n", json);
    print_member(json, code == PSAT_OK ? "spiffe_id" : "reason");
    print_member(json, "message");
    psat_string_free(json);
    psat_attestor_free(attestor);
    return code == PSAT_OK ? 0 : 1;
}
