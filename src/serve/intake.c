#include "serve/intake.h"

#include "base/err.h"
#include "base/mem.h"
#include "chat/conversation.h"
#include "chat/medium.h"

struct intake {
    uv_work_t work;
    struct intake_options options;
    struct chat_conversation *conversation;
    struct err err;
    bool ok;
};

static bool decode_part(struct intake *intake, struct chat_part *part, struct err *err)
{
    const struct chat_medium *sent = part->medium;
    if (sent == NULL) {
        return true;
    }
    struct chat_medium *decoded = intake->options.decode(intake->options.decode_context, sent->file,
                                                         sent->file_size, sent->picture, err);
    if (decoded == NULL) {
        return false;
    }
    chat_medium_release(part->medium);
    part->medium = decoded;
    return true;
}

static void on_thread(uv_work_t *work)
{
    struct intake *intake = work->data;
    intake->ok = true;
    for (size_t i = 0; intake->ok && i < intake->conversation->count; i++) {
        struct chat_message *message = &intake->conversation->messages[i];
        for (size_t k = 0; intake->ok && k < message->part_count; k++) {
            if (!decode_part(intake, &message->parts[k], &intake->err)) {
                intake->ok = err_prefix(&intake->err, "messages[%zu]: content[%zu]", i, k);
            }
        }
    }
}

static void on_done(uv_work_t *work, int status)
{
    struct intake *intake = work->data;
    if (status != 0) { /* it never began */
        intake->ok = err_set(&intake->err, ERR_CANCELLED, "decoding was cancelled");
    }
    intake->options.done(intake->options.context, intake->ok ? NULL : &intake->err);
    mem_free(intake);
}

void intake_start(const struct intake_options *options, struct chat_conversation *conversation)
{
    struct intake *intake = mem_zero(1, sizeof *intake);
    intake->options = *options;
    intake->conversation = conversation;
    intake->work.data = intake;
    uv_queue_work(options->loop, &intake->work, on_thread, on_done);
}
