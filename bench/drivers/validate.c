/* Checks a configuration many times: validate CONFIG COUNT. For counting instructions. */

#include "process.h"

#include <psat_attestor.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    static char config[65536];
    size_t length;
    long count;
    FILE *file;
    must(argc == 3, "usage: validate CONFIG COUNT");
    file = fopen(argv[1], "rb");
    must(file != NULL, argv[1]);
    length = fread(config, 1, sizeof config, file);
    fclose(file);
    for (count = strtol(argv[2], NULL, 10); count > 0; count--) {
        char *document;
        must(psat_config_validate(config, length, &document) == PSAT_OK, document);
        psat_string_free(document);
    }
    return 0;
}
