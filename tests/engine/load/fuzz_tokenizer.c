/* Any bytes as text, through the tokenizer of the embedded model. The first byte says whether
 * control tokens may be recognised. What must hold: ids of the vocabulary, no control token unless
 * allowed, and the bytes of the tokens together are the text (U+2581 is how a space is written
 * inside, so both come back as spaces). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#include "load/gguf.h"
#include "load/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* Kept for the whole run: reading the model again for each input would be all the work. */
static struct tokenizer *tokenizer(void)
{
    static struct tokenizer *made;
    static struct gguf *gguf;
    struct err err;
    if (made == NULL) {
        gguf = gguf_open(TEST_MODELS "/nano.gguf", &err);
        require(gguf != NULL);
        made = tokenizer_create(gguf, &err);
        require(made != NULL);
    }
    return made;
}

/* The text with U+2581 as a space, in place; its new length. */
static size_t with_spaces(char *text, size_t length)
{
    size_t to = 0;
    for (size_t i = 0; i < length; to++) {
        bool mark = length - i >= 3 && memcmp(text + i, "\xE2\x96\x81", 3) == 0;
        text[to] = mark ? ' ' : text[i];
        i += mark ? 3 : 1;
    }
    return to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    bool control = (data[0] & 1) != 0;
    size_t length = size - 1, count, at = 0;
    int32_t *ids;
    struct err err = {0};
    const struct tokenizer *made = tokenizer();
    char *text = malloc(length + 1);
    memcpy(text, data + 1, length);
    if (!tokenizer_encode(made, text, length, control, &ids, &count, &err)) {
        require(MEMORY_FAILS && err.code == ERR_MEMORY);
        free(text);
        return 0;
    }
    length = with_spaces(text, length);
    for (size_t i = 0; i < count; i++) {
        const char *bytes;
        size_t n;
        require(ids[i] >= 0 && ids[i] < tokenizer_size(made));
        require(control || tokenizer_kind(made, ids[i]) != TOKENIZER_CONTROL);
        tokenizer_bytes(made, ids[i], &bytes, &n);
        require(n <= length - at && memcmp(text + at, bytes, n) == 0);
        at += n;
    }
    require(at == length);
    mem_free(ids);
    free(text);
    return 0;
}
