#include "attachment/recording.h"

#include <string.h>

#include "base/mem.h"
#include "chat/medium.h"
#include "media/sound_write.h"

struct chat_medium *recording_create(const float *samples, size_t count)
{
    struct chat_medium *medium = chat_medium_create();
    medium->count = count;
    medium->samples = mem_alloc(count + 1, sizeof *samples);
    memcpy(medium->samples, samples, count * sizeof *samples);
    medium->file_size = sound_write_size(count);
    medium->file = mem_alloc(medium->file_size, 1);
    sound_write(medium->samples, count, (unsigned char *)medium->file);
    return medium;
}
