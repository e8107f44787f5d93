/* Runs a fuzz target over every file of its corpus: what was once found stays found. Each input is
 * in memory of exactly its size, as libFuzzer gives it, so that AddressSanitizer sees a byte too
 * many. Exits 1 when the corpus is missing or empty, because a replay of nothing proves nothing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    DIR *corpus = argc == 2 ? opendir(argv[1]) : NULL;
    if (corpus == NULL) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER (that exists)\n", argv[0]);
        return 1;
    }
    int count = 0;
    for (struct dirent *entry; (entry = readdir(corpus)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        struct str path, content;
        struct err err;
        str_init(&path);
        str_init(&content);
        str_append_format(&path, "%s/%s", argv[1], entry->d_name);
        if (!file_read(path.data, 64 * 1024 * 1024, &content, &err)) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        uint8_t *exact = mem_alloc(content.length, 1);
        memcpy(exact, content.data, content.length);
        LLVMFuzzerTestOneInput(exact, content.length);
        mem_free(exact);
        str_finish(&content);
        str_finish(&path);
        count++;
    }
    closedir(corpus);
    printf("%d inputs replayed\n", count);
    return count == 0;
}
