/* A whole folder of foreign files: what they hold, taken together, is a model or encoders that can
 * be read to its end, or an error.
 *
 * The first byte: bit 0 the encoders instead of the text model, bit 1 the path is that of the file
 * with the tensors. Then config.json, tokenizer.json, generation_config.json, the index and the
 * file with the tensors, a NUL between each two; one without a byte is not there. The last is in
 * there twice by two names, so that an index can name several files.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

#include "load/gguf.h"
#include "load/hf_folder.h"
#include "load/hparams.h"
#include "load/tokenizer.h"
#include "load/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TOWERS = 1, BY_FILE = 2, NAMES = 6 };

static const char *const names[NAMES] = {
    "config.json",
    "tokenizer.json",
    "generation_config.json",
    "model.safetensors.index.json",
    "model.safetensors",
    "more.safetensors",
};

static char folder[] = "carat-fuzz-folder-XXXXXX";

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void remove_folder(void)
{
    for (size_t i = 0; i < NAMES; i++) {
        unlink(path_of(names[i]));
    }
    rmdir(folder);
}

static void put(const char *name, const uint8_t *data, size_t size)
{
    const char *path = path_of(name);
    unlink(path);
    if (size > 0) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
        close(fd);
    }
}

/* Each value of each tensor can be read where it is said to be. */
static void touch(const struct gguf *gguf)
{
    volatile unsigned char sink = 0;
    uint64_t bytes = gguf_own_bytes(gguf) + gguf_metadata_bytes(gguf);
    for (size_t i = 0; i < gguf_tensor_count(gguf); i++) {
        const struct gguf_tensor *tensor = gguf_tensor_at(gguf, i);
        require(gguf_tensor_find(gguf, tensor->name) == tensor);
        gguf_read_sparsely(gguf, tensor);
        for (uint64_t at = 0; at < tensor->bytes; at++) {
            sink = (unsigned char)(sink + tensor->data[at]);
        }
    }
    require(bytes > 0 && strncmp(gguf_path(gguf), folder, strlen(folder)) == 0);
    require(!gguf_is_broken(gguf) && gguf_file_bytes(gguf) > 0);
    gguf_fingerprint(gguf);
}

static void read_model(const struct gguf *gguf)
{
    static struct hparams hparams;
    static struct weights weights;
    struct err err = {0};
    tokenizer_destroy(tokenizer_create(gguf, &err));
    if (hparams_read(&hparams, gguf, &err)) {
        weights_bind(&weights, &hparams, gguf, &err);
    } else {
        hparams_read_drafter(&hparams, gguf, &err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    if (size == 0) {
        return 0;
    }
    static bool made;
    if (!made) {
        made = mkdtemp(folder) != NULL && atexit(remove_folder) == 0;
        require(made);
    }
    const uint8_t *at = data + 1, *end = data + size;
    for (size_t i = 0; i < NAMES - 1; i++) {
        const uint8_t *zero =
            i < NAMES - 2 && at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
        const uint8_t *stop = zero != NULL ? zero : end;
        put(names[i], at, (size_t)(stop - at));
        if (i == NAMES - 2) {
            put(names[i + 1], at, (size_t)(stop - at));
        }
        at = zero != NULL ? zero + 1 : end;
    }
    bool is_folder = (data[0] & BY_FILE) == 0, towers = (data[0] & TOWERS) != 0;
    const char *path = is_folder ? folder : path_of("model.safetensors");
    bool has_towers = hf_folder_has_towers(path, is_folder);
    struct gguf *gguf = (towers ? hf_folder_open_towers : hf_folder_open)(path, is_folder, &err);
    require(gguf != NULL || (err.code != ERR_NONE && err.text[0] != '\0'));
    if (gguf != NULL) {
        require(!towers || has_towers || MEMORY_FAILS);
        touch(gguf);
        if (!towers) {
            read_model(gguf);
        }
    }
    gguf_close(gguf);
    return 0;
}
