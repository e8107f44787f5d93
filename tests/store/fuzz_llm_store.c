/* The store of the program `llm`, any bytes: conversations come out of it or words say why not, and
 * the file stays as it was. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take(void *context, const struct store_birth *birth,
                 const struct chat_conversation *messages, struct err *err)
{
    size_t *count = context;
    (void)err;
    if (messages->count == 0 || strncmp(birth->origin, "llm:", 4) != 0) {
        abort();
    }
    ++*count;
    return true;
}

static void check_unchanged(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *now = malloc(size + 1);
    if (file == NULL || now == NULL || fread(now, 1, size + 1, file) != size ||
        memcmp(now, data, size) != 0) {
        abort();
    }
    free(now);
    fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "carat-fuzz-llm-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    close(fd);
    struct err err = {0};
    size_t count = 0;
    int64_t left_out;
    if (!store_llm_read(path, take, &count, &left_out, &err) && err.text[0] == '\0') {
        abort();
    }
    check_unchanged(path, data, size);
    unlink(path);
    /* SQLite's own files beside one that says to have a write-ahead log. */
    static const char *const beside[] = {"-wal", "-shm"};
    for (size_t i = 0; i < 2; i++) {
        char name[sizeof path + 4];
        snprintf(name, sizeof name, "%s%s", path, beside[i]);
        unlink(name);
    }
    return 0;
}
