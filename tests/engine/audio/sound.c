/* sound: see sound.h. */
#include "sound.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "audio/log_mel.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "media/sound_file.h"

enum { WAV_BYTES_MAX = 16 * 1024 * 1024 };

void sound_path(char path[512], const char *folder, const char *name)
{
    assert_in_range(snprintf(path, 512, "%s/%s", folder, name), 1, 511);
}

bool sound_exists(const char *path)
{
    return access(path, R_OK) == 0;
}

float *sound_read(const char *path, size_t *count)
{
    struct err err;
    struct str bytes;
    float *samples = NULL;
    str_init(&bytes);
    if (!file_read(path, WAV_BYTES_MAX, &bytes, &err) ||
        !sound_file_decode(bytes.data, bytes.length, &samples, count, &err)) {
        fail_msg("%s: %s", path, err.text);
    }
    str_finish(&bytes);
    return samples;
}

float *sound_log_mel(const float *samples, size_t count, size_t *frames)
{
    static struct log_mel log_mel;
    log_mel_init(&log_mel);
    *frames = log_mel_frames(count);
    float *mel = mem_alloc(*frames * LOG_MEL_BANDS + 1, sizeof *mel);
    log_mel_compute(&log_mel, samples, count, mel);
    return mel;
}

const float *sound_tensor(struct safetensors *file, const char *name, size_t *rows, size_t *columns)
{
    struct safetensors_view view = {0};
    if (!safetensors_get(file, name, &view) || strcmp(view.dtype, "F32") != 0 || view.rank == 0) {
        fail_msg("no tensor %s of float32", name);
    }
    *rows = view.shape[0];
    *columns = view.shape[1] * view.shape[2] * view.shape[3];
    return view.data;
}

void sound_close(const char *what, const float *found, const float *expected, size_t count,
                 float limit)
{
    for (size_t i = 0; i < count; i++) {
        float distance = fabsf(found[i] - expected[i]);
        if (!(distance <= limit)) {
            fail_msg("%s: value %zu is %.7g instead of %.7g (limit %g)", what, i, (double)found[i],
                     (double)expected[i], (double)limit);
        }
    }
}
