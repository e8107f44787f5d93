/* decoding: see decoding.h. */
#include "attachment/decoding.h"

#include <stdatomic.h>

#include <uv.h>

#include "attachment/attachment.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/medium.h"
#include "desktop/clipboard.h"

struct decoding {
    uv_work_t work;
    struct decoding_source source; /* its strings are ours */
    char *program, *workspace, *bytes, *path;
    decoding_done *done; /* NULL: forgotten */
    void *context;
    atomic_bool stop;
    struct chat_medium *medium;
    struct err err;
};

/* From the desktop: the bytes of a PNG file, as foreign as any. */
static struct chat_medium *from_desktop(struct decoding *decoding,
                                        const struct attachment_tool *tool)
{
    struct str file;
    struct chat_medium *medium = NULL;
    str_init(&file);
    bool got = decoding->source.origin == DECODING_SCREEN
                   ? capture_take(decoding->source.area, &decoding->stop, &file, &decoding->err)
                   : clipboard_picture(&decoding->stop, &file, &decoding->err);
    if (got) {
        medium = attachment_decode(tool, file.data, file.length, true, &decoding->err);
    }
    str_finish(&file);
    return medium;
}

static void on_thread(uv_work_t *work)
{
    struct decoding *decoding = work->data;
    const struct attachment_tool tool = {decoding->program, decoding->workspace};
    const struct decoding_source *source = &decoding->source;
    switch (source->origin) {
    case DECODING_BYTES:
        decoding->medium =
            attachment_decode(&tool, source->bytes, source->size, source->picture, &decoding->err);
        break;
    case DECODING_FILE:
        decoding->medium = attachment_open(&tool, source->path, source->picture, &decoding->err);
        break;
    case DECODING_SCREEN:
    case DECODING_CLIPBOARD:
        decoding->medium = from_desktop(decoding, &tool);
        break;
    }
}

static void on_done(uv_work_t *work, int status)
{
    struct decoding *decoding = work->data;
    if (status != 0 || atomic_load(&decoding->stop)) {
        err_set(&decoding->err, ERR_CANCELLED, "stopped");
        chat_medium_release(decoding->medium);
        decoding->medium = NULL;
    }
    if (decoding->done != NULL) {
        decoding->done(decoding->context, decoding, decoding->medium, &decoding->err);
    }
    chat_medium_release(decoding->medium);
    mem_free(decoding->program);
    mem_free(decoding->workspace);
    mem_free(decoding->bytes);
    mem_free(decoding->path);
    mem_free(decoding);
}

struct decoding *decoding_start(struct uv_loop_s *loop, const struct attachment_tool *tool,
                                const struct decoding_source *source, decoding_done *done,
                                void *context)
{
    struct decoding *decoding = mem_zero(1, sizeof *decoding);
    decoding->source = *source;
    decoding->program = mem_strdup(tool->program);
    decoding->workspace = mem_strdup(tool->workspace);
    if (source->origin == DECODING_BYTES) {
        decoding->source.bytes = decoding->bytes = mem_strndup(source->bytes, source->size);
    } else if (source->origin == DECODING_FILE) {
        decoding->source.path = decoding->path = mem_strdup(source->path);
    }
    decoding->done = done;
    decoding->context = context;
    decoding->work.data = decoding;
    atomic_init(&decoding->stop, false);
    uv_queue_work(loop, &decoding->work, on_thread, on_done);
    return decoding;
}

void decoding_stop(struct decoding *decoding)
{
    atomic_store(&decoding->stop, true);
    uv_cancel((uv_req_t *)&decoding->work); /* when it has not begun */
}

void decoding_forget(struct decoding *decoding)
{
    decoding->done = NULL;
    decoding_stop(decoding);
}
