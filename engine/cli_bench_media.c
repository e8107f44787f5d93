/* cli_bench_media: see cli_bench_media.h. */
#include "cli_bench_media.h"

#include <stdint.h>
#include <stdio.h>

#include <sys/resource.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli_audio.h"
#include "cli_image.h"
#include "cli_media.h"
#include "cli_options.h"
#include "engine/engine.h"
#include "engine/engine_media.h"

/* Of the second time; processor time in user mode. */
struct measured {
    size_t tokens;
    double seconds, processor_seconds;
};

static double processor_seconds(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return 0;
    }
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec * 1e-6;
}

struct input {
    uint8_t *rgb;
    size_t width, height;
    int32_t budget;
    float *samples;
    size_t count;
};

static bool encode(struct engine_media *media, const struct input *input, struct measured *bench,
                   struct err *err)
{
    struct engine_soft soft;
    struct engine_error error;
    double processor = processor_seconds();
    int64_t start = clock_monotonic_us();
    bool ok = input->rgb != NULL
                  ? engine_media_image(media, input->rgb, input->width, input->height,
                                       input->budget, &soft, &error)
                  : engine_media_sound(media, input->samples, input->count, &soft, &error);
    if (!ok) {
        return err_set(err, ERR_ARGUMENT, "%s", error.text);
    }
    bench->seconds = (double)(clock_monotonic_us() - start) * 1e-6;
    bench->processor_seconds = processor_seconds() - processor;
    bench->tokens = soft.count;
    engine_free(soft.values);
    return true;
}

static bool read_input(struct input *input, const struct cli_options *options, struct err *err)
{
    if (options->images.count + options->audios.count != 1) {
        return err_set(err, ERR_ARGUMENT, "bench takes one --image or one --audio");
    }
    if (options->images.count == 1) {
        input->budget = options->budget == 0 ? CLI_BUDGET : (int32_t)options->budget;
        return cli_image_read(options->images.paths[0], &input->rgb, &input->width, &input->height,
                              err);
    }
    return cli_audio_read(options->audios.paths[0], &input->samples, &input->count, err);
}

static bool measure(struct measured *bench, const struct cli_options *options,
                    const struct engine_model_info *model, struct err *err)
{
    struct input input = {0};
    struct engine_media *media = cli_media_open(options, model, err);
    bool ok =
        media != NULL && read_input(&input, options, err) && encode(media, &input, bench, err);
    if (ok && input.rgb != NULL) {
        input.rgb[0] ^= 1;
    } else if (ok && input.count > 0) {
        input.samples[0] += 1.0f / 32768;
    }
    ok = ok && encode(media, &input, bench, err);
    mem_free(input.rgb);
    mem_free(input.samples);
    if (media != NULL) {
        engine_media_close(media);
    }
    return ok;
}

static void print(const struct measured *bench, const struct cli_options *options,
                  const struct engine_model_info *model)
{
    if (options->number) {
        printf("%.3f\n", bench->seconds * 1e3);
    } else if (options->json) {
        printf("{\"test\": \"%s\", \"tokens\": %zu, \"kernels\": \"%s\", \"threads\": %d, "
               "\"arithmetic\": \"%s\", \"seconds\": %.6f, \"processor_seconds\": %.6f}\n",
               options->images.count > 0 ? "image" : "sound", bench->tokens, model->kernels,
               model->threads, options->arithmetic, bench->seconds, bench->processor_seconds);
    } else {
        printf("kernels %s, threads %d: %zu soft tokens in %.1f ms (%.1f ms of processor time)\n",
               model->kernels, model->threads, bench->tokens, bench->seconds * 1e3,
               bench->processor_seconds * 1e3);
    }
}

bool cli_bench_media(const struct cli_options *options, const struct engine_model_info *model,
                     struct err *err)
{
    struct measured measured;
    if (!measure(&measured, options, model, err)) {
        return false;
    }
    print(&measured, options, model);
    return true;
}
