#include "chat/medium.h"

#include "base/mem.h"

struct chat_medium *chat_medium_create(void)
{
    struct chat_medium *medium = mem_zero(1, sizeof *medium);
    atomic_init(&medium->references, 1);
    return medium;
}

struct chat_medium *chat_medium_keep(struct chat_medium *medium)
{
    if (medium != NULL) {
        atomic_fetch_add(&medium->references, 1);
    }
    return medium;
}

void chat_medium_release(struct chat_medium *medium)
{
    if (medium != NULL && atomic_fetch_sub(&medium->references, 1) == 1) {
        mem_free(medium->rgb);
        mem_free(medium->samples);
        mem_free(medium->file);
        for (size_t i = 0; i < medium->frame_count; i++) {
            chat_medium_release(medium->frames[i]);
        }
        mem_free(medium->frames);
        mem_free(medium);
    }
}
