/* A foreign model file, all the way to a tokenized text, and back into the head of a new file:
 * whatever the bytes are, an answer or an error, and the error names the file. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

#include "load/gguf.h"
#include "load/gguf_file.h"
#include "load/gguf_head.h"
#include "load/hparams.h"
#include "load/tokenizer.h"
#include "load/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NEW_FILE_MOST = 1 << 20 };

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_error(const struct err *err)
{
    require(err->code == ERR_MEMORY
                ? MEMORY_FAILS
                : err->code != ERR_NONE && strncmp(err->text, "fuzz.gguf: ", 11) == 0);
}

/* Reads the first and the last byte of what was bound. */
static void touch(const struct weights_matrix *matrix)
{
    volatile unsigned char sink;
    if (matrix->data != NULL) {
        sink = matrix->data[0];
        sink = matrix->data[(uint64_t)matrix->rows * matrix->row_bytes - 1];
        (void)sink;
    }
}

/* Each key by each of the types that it may be asked for, whatever it is. */
static void look_up(const struct gguf *gguf)
{
    for (uint32_t i = 0; i < gguf->key_index.count; i++) {
        const struct name_text *name = &gguf->key_index.names[i];
        char key[128];
        struct err err = {0};
        struct gguf_text text;
        struct gguf_array array;
        int64_t integer;
        double real;
        bool flag;
        snprintf(key, sizeof key, "%.*s", (int)name->length, name->bytes);
        if (strlen(key) != name->length) {
            continue;
        }
        require(gguf_has(gguf, key));
        int found = gguf_integer(gguf, key, &integer, &err) + gguf_real(gguf, key, &real, &err) +
                    gguf_bool(gguf, key, &flag, &err) + gguf_string(gguf, key, &text, &err);
        require(found <= 1);
        check_error(&err);
        if (gguf_array(gguf, key, &array, &err) && array.count > 0) {
            size_t cursor = 0;
            if (array.type == GGUF_STRING) {
                require(gguf_array_text(&array, &cursor, &text));
            } else if (array.type != GGUF_ARRAY) {
                gguf_array_integer(&array, array.count - 1);
                gguf_array_real(&array, array.count - 1);
            }
        }
    }
}

static void tokenize(const struct gguf *gguf)
{
    static const char text[] = " abc<|turn>\n\xE2\x96\x81\xFF<0x41>";
    struct err err = {0};
    tokenizer_plan(gguf);
    struct tokenizer *tokenizer = tokenizer_create(gguf, &err);
    if (tokenizer == NULL) {
        check_error(&err);
        return;
    }
    require(tokenizer_kind(tokenizer, tokenizer_bos(tokenizer)) == TOKENIZER_CONTROL);
    require(tokenizer_find(tokenizer, "<0x41>") < tokenizer_size(tokenizer));
    for (int control = 0; control < 2; control++) {
        int32_t *ids;
        size_t count;
        if (!tokenizer_encode(tokenizer, text, sizeof text - 1, control != 0, &ids, &count, &err)) {
            require(MEMORY_FAILS && err.code == ERR_MEMORY);
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            const char *bytes;
            size_t length;
            require(ids[i] >= 0 && ids[i] < tokenizer_size(tokenizer));
            tokenizer_bytes(tokenizer, ids[i], &bytes, &length);
            require(length > 0 && memchr(bytes, '\0', length) == NULL);
        }
        mem_free(ids);
    }
    tokenizer_destroy(tokenizer);
}

/* What was read from bytes is the same in a file. */
static void open_as_file(const struct gguf *gguf)
{
    char path[64];
    struct err err = {0};
    int fd = memfd_create("fuzz.gguf", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, gguf->bytes, gguf->size) == (ssize_t)gguf->size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct gguf *file = gguf_open(path, &err);
    require(file != NULL || (MEMORY_FAILS && err.code == ERR_MEMORY));
    if (file != NULL) {
        require(gguf_fingerprint(file) == gguf_fingerprint(gguf) && !gguf_is_broken(file));
        require(gguf_file_bytes(file) == gguf->size && gguf_file_bytes(gguf) == gguf->size);
        require(gguf_metadata_bytes(file) <= gguf->size && gguf_own_bytes(file) > 0);
    }
    gguf_close(file);
    close(fd);
}

/* The file that the head is of; its values are as they were. */
static void write_anew(const struct gguf_head *head, const struct gguf_head_options *options,
                       const uint64_t *offsets)
{
    struct err err = {0};
    unsigned char *bytes = calloc(1, (size_t)head->file_bytes);
    require(bytes != NULL);
    memcpy(bytes, head->bytes, head->size);
    for (size_t i = 0; i < options->tensor_count; i++) {
        memcpy(bytes + head->size + offsets[i], options->tensors[i].data,
               (size_t)options->tensors[i].bytes);
    }
    struct gguf *made = gguf_open_bytes("fuzz.gguf", bytes, (size_t)head->file_bytes, &err);
    require(made != NULL || (MEMORY_FAILS && err.code == ERR_MEMORY));
    for (size_t i = 0; made != NULL && i < options->tensor_count; i++) {
        const struct gguf_tensor *old = &options->tensors[i];
        const struct gguf_tensor *found = gguf_tensor_find(made, old->name);
        require(found != NULL && found->type == old->type && found->bytes == old->bytes);
        require(memcmp(found->data, old->data, (size_t)old->bytes) == 0);
    }
    gguf_close(made);
    free(bytes);
}

static void convert(const struct gguf *gguf, const struct hparams *hparams)
{
    struct gguf_head head;
    struct err err = {0};
    size_t count = gguf_tensor_count(gguf);
    uint64_t *offsets = malloc((count + 1) * sizeof *offsets);
    struct gguf_head_options options = {.model = gguf,
                                        .hparams = hparams,
                                        .chat_template = "template",
                                        .chat_template_length = 8,
                                        .tensors = count > 0 ? gguf_tensor_at(gguf, 0) : NULL,
                                        .tensor_count = count};
    if (!gguf_head_make(&head, &options, offsets, &err)) {
        require(err.code != ERR_NONE);
    } else {
        if (head.file_bytes <= NEW_FILE_MOST) {
            write_anew(&head, &options, offsets);
        }
        mem_free(head.bytes);
    }
    free(offsets);
}

static void bind(const struct gguf *gguf)
{
    static struct hparams hparams;
    static struct weights weights;
    struct err err = {0};
    if (!hparams_read(&hparams, gguf, &err)) {
        check_error(&err);
        if (!hparams_read_drafter(&hparams, gguf, &err)) {
            check_error(&err);
        }
        return;
    }
    convert(gguf, &hparams);
    if (!weights_bind(&weights, &hparams, gguf, &err)) {
        check_error(&err);
        return;
    }
    touch(&weights.embedding);
    touch(&weights.head);
    for (int32_t i = 0; i < hparams.num_hidden_layers; i++) {
        touch(&weights.layers[i].q);
        touch(&weights.layers[i].k);
        touch(&weights.layers[i].v);
        touch(&weights.layers[i].down);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct gguf *gguf = gguf_open_bytes("fuzz.gguf", data, size, &err);
    if (gguf == NULL) {
        check_error(&err);
        return 0;
    }
    open_as_file(gguf);
    look_up(gguf);
    tokenize(gguf);
    bind(gguf);
    gguf_close(gguf);
    return 0;
}
