/* decoding: see decoding.h. */
#include "agent/decoding.h"

#include <stdbool.h>

#include <uv.h>

#include "agent/attachment.h"
#include "base/err.h"
#include "base/mem.h"
#include "chat/medium.h"

struct decoding {
    uv_work_t work;
    char *program, *workspace, *bytes;
    size_t size;
    decoding_done *done; /* NULL: forgotten */
    void *context;
    struct chat_medium *medium;
    struct err err;
};

static void on_thread(uv_work_t *work)
{
    struct decoding *decoding = work->data;
    const struct attachment_tool tool = {decoding->program, decoding->workspace};
    decoding->medium =
        attachment_decode(&tool, decoding->bytes, decoding->size, true, &decoding->err);
}

static void on_done(uv_work_t *work, int status)
{
    struct decoding *decoding = work->data;
    if (status != 0) {
        err_set(&decoding->err, ERR_CANCELLED, "decoding was cancelled");
    }
    if (decoding->done != NULL) {
        decoding->done(decoding->context, decoding, decoding->medium, &decoding->err);
    }
    chat_medium_release(decoding->medium);
    mem_free(decoding->program);
    mem_free(decoding->workspace);
    mem_free(decoding->bytes);
    mem_free(decoding);
}

struct decoding *decoding_start(struct uv_loop_s *loop, const struct attachment_tool *tool,
                                const char *bytes, size_t size, decoding_done *done, void *context)
{
    struct decoding *decoding = mem_zero(1, sizeof *decoding);
    decoding->program = mem_strdup(tool->program);
    decoding->workspace = mem_strdup(tool->workspace);
    decoding->bytes = mem_strndup(bytes, size);
    decoding->size = size;
    decoding->done = done;
    decoding->context = context;
    decoding->work.data = decoding;
    uv_queue_work(loop, &decoding->work, on_thread, on_done);
    return decoding;
}

void decoding_forget(struct decoding *decoding)
{
    decoding->done = NULL;
    uv_cancel((uv_req_t *)&decoding->work); /* when it has not begun */
}
