/* A foreign file with a picture encoder: it is refused with a reason, or a picture can be run. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "compute/tensor.h"
#include "load/gguf.h"
#include "load/mmproj.h"
#include "vision/patches.h"
#include "vision/vision_encoder.h"
#include "vision/vision_weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIDE = VISION_WEIGHTS_POOL, WIDEST = 4096, LAYERS = 4 };

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_error(const struct err *err)
{
    require(err->code == ERR_MEMORY ? MEMORY_FAILS : err->code != ERR_NONE && err->text[0] != '\0');
}

static void run(const struct vision_weights *weights)
{
    static const float patches[SIDE * SIDE * PATCHES_VALUES];
    struct err err = {0};
    struct tensor_machine machine;
    if (!tensor_machine_init(&machine, NULL, 1, vision_encoder_widest(weights), &err)) {
        check_error(&err);
        return;
    }
    float *soft = calloc((size_t)weights->text_hidden_size, sizeof *soft);
    require(soft != NULL && vision_encoder_plan(weights, &machine, SIDE, SIDE) > 0);
    if (!vision_encoder_run(weights, &machine, patches, SIDE, SIDE, soft, NULL, NULL, &err)) {
        check_error(&err);
    }
    free(soft);
    tensor_machine_finish(&machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vision_weights weights;
    struct err err = {0};
    char path[64];
    int fd = memfd_create("fuzz.gguf", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct gguf *gguf = mmproj_open(path, &err);
    if (gguf == NULL || !vision_weights_bind(&weights, gguf, &err)) {
        check_error(&err);
    } else {
        if (vision_encoder_widest(&weights) <= WIDEST && weights.num_hidden_layers <= LAYERS) {
            run(&weights);
        }
        vision_weights_finish(&weights);
    }
    gguf_close(gguf);
    close(fd);
    return 0;
}
