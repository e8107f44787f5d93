/* A foreign file with an audio encoder: it is refused with a reason, or it can be run. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "audio/audio_encoder.h"
#include "audio/log_mel.h"
#include "base/err.h"
#include "compute/tensor.h"
#include "load/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAMES = 5 };

static void check_error(const struct err *err)
{
    if (err->code == ERR_NONE || err->text[0] == '\0') {
        abort();
    }
}

static void run(const struct gguf *gguf, size_t columns)
{
    static const float mel[FRAMES * LOG_MEL_BANDS];
    struct err err = {0};
    struct tensor_machine machine;
    if (!tensor_machine_init(&machine, NULL, 1, columns, &err)) {
        if (!MEMORY_FAILS) {
            abort();
        }
        return;
    }
    struct audio_encoder *encoder = audio_encoder_create(gguf, &machine, &err);
    if (encoder == NULL) {
        check_error(&err);
    } else {
        size_t values = audio_encoder_tokens(FRAMES) * (size_t)audio_encoder_width(encoder);
        float *soft = malloc(values * sizeof *soft);
        if (!audio_encoder_run(encoder, mel, FRAMES, soft, &err)) {
            check_error(&err);
        }
        free(soft);
    }
    audio_encoder_destroy(encoder);
    tensor_machine_finish(&machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    size_t columns;
    struct gguf *gguf = gguf_open_bytes("fuzz.gguf", data, size, &err);
    if (gguf == NULL || !audio_encoder_columns(gguf, &columns, &err)) {
        check_error(&err);
    } else {
        run(gguf, columns);
    }
    gguf_close(gguf);
    return 0;
}
