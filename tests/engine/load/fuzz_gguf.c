/* A foreign model file, all the way to a tokenized text: whatever the bytes are, an answer or an
 * error, and the error names the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#include "load/gguf.h"
#include "load/hparams.h"
#include "load/tokenizer.h"
#include "load/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_error(const struct err *err)
{
    require(err->code != ERR_NONE && strncmp(err->text, "fuzz.gguf: ", 11) == 0);
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

static void tokenize(const struct gguf *gguf)
{
    static const char text[] = " abc<|turn>\n\xE2\x96\x81\xFF<0x41>";
    struct err err = {0};
    struct tokenizer *tokenizer = tokenizer_create(gguf, &err);
    if (tokenizer == NULL) {
        check_error(&err);
        return;
    }
    for (int control = 0; control < 2; control++) {
        int32_t *ids;
        size_t count;
        require(
            tokenizer_encode(tokenizer, text, sizeof text - 1, control != 0, &ids, &count, &err));
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hparams hparams;
    static struct weights weights;
    struct err err = {0};
    struct gguf *gguf = gguf_open_bytes("fuzz.gguf", data, size, &err);
    if (gguf == NULL) {
        check_error(&err);
        return 0;
    }
    gguf_fingerprint(gguf);
    tokenize(gguf);
    if (!hparams_read(&hparams, gguf, &err) || !weights_bind(&weights, &hparams, gguf, &err)) {
        check_error(&err);
    } else {
        touch(&weights.embedding);
        touch(&weights.head);
        for (int32_t i = 0; i < hparams.num_hidden_layers; i++) {
            touch(&weights.layers[i].q);
            touch(&weights.layers[i].k);
            touch(&weights.layers[i].v);
            touch(&weights.layers[i].down);
        }
    }
    gguf_close(gguf);
    return 0;
}
