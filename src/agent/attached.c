#include "agent/attached.h"

#include "agent/journal.h"
#include "attachment/attachment.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "chat/conversation.h"
#include "chat/medium.h"
#include "store/store.h"

bool attached_open(struct attached *attached, const struct attachment_tool *tool, const char *path,
                   bool picture, struct err *err)
{
    struct chat_medium *medium = attachment_open(tool, path, picture, err);
    if (medium == NULL) {
        return false;
    }
    attached_add(attached, medium);
    chat_medium_release(medium);
    return true;
}

void attached_add(struct attached *attached, struct chat_medium *medium)
{
    vec_room(&attached->items, &attached->capacity, attached->count + 1, sizeof *attached->items);
    attached->items[attached->count++] = chat_medium_keep(medium);
}

void attached_cut(struct attached *attached, size_t count)
{
    while (attached->count > count) {
        chat_medium_release(attached->items[--attached->count]);
    }
}

void attached_release(struct attached *attached)
{
    attached_cut(attached, 0);
    mem_free(attached->items);
    *attached = (struct attached){0};
}

static bool add_part(struct journal *journal, struct chat_message *message,
                     enum chat_part_kind kind, struct chat_medium *medium, struct err *err)
{
    char handle[16];
    struct chat_part *part = &message->parts[message->part_count++];
    part->kind = kind;
    part->medium = chat_medium_keep(medium);
    if (!journal_result(journal, medium->file, medium->file_size, handle, err)) {
        return false;
    }
    part->handle = mem_strdup(handle);
    return true;
}

static bool add_frame(struct journal *journal, struct chat_message *message,
                      struct chat_medium *frame, struct err *err)
{
    struct str time;
    str_init(&time);
    str_append_format(&time, "%02u:%02u", frame->second / 60, frame->second % 60);
    message->parts[message->part_count].text = str_take(&time);
    return add_part(journal, message, CHAT_PART_VIDEO, frame, err);
}

static bool add_medium(struct journal *journal, struct chat_message *message,
                       struct chat_medium *medium, struct err *err)
{
    bool ok = true;
    if (medium->frames == NULL) {
        return add_part(journal, message, medium->picture ? CHAT_PART_IMAGE : CHAT_PART_AUDIO,
                        medium, err);
    }
    for (size_t i = 0; ok && i < medium->frame_count; i++) {
        ok = add_frame(journal, message, medium->frames[i], err);
    }
    return ok;
}

/* How many parts they take. */
static size_t count_parts(const struct attached *attached)
{
    size_t count = 0;
    for (size_t i = 0; i < attached->count; i++) {
        count += attached->items[i]->frames != NULL ? attached->items[i]->frame_count : 1;
    }
    return count;
}

bool attached_to_message(const struct attached *attached, struct journal *journal,
                         struct chat_message *message, struct err *err)
{
    if (attached->count == 0) {
        return true;
    }
    message->parts = mem_zero(count_parts(attached) + 1, sizeof *message->parts);
    bool ok = true;
    for (size_t i = 0; ok && i < attached->count; i++) {
        ok = !attached->items[i]->picture || add_medium(journal, message, attached->items[i], err);
    }
    if (message->text[0] != '\0') {
        message->parts[message->part_count++] =
            (struct chat_part){.kind = CHAT_PART_TEXT, .text = mem_strdup(message->text)};
    }
    for (size_t i = 0; ok && i < attached->count; i++) {
        ok = attached->items[i]->picture || add_medium(journal, message, attached->items[i], err);
    }
    return ok;
}

bool attached_to_result(struct chat_medium *picture, struct journal *journal,
                        struct chat_message *message, struct err *err)
{
    message->parts = mem_zero(1, sizeof *message->parts);
    return add_medium(journal, message, picture, err);
}

bool attached_missing(const struct chat_conversation *conversation, size_t *message, size_t *part)
{
    for (; *message < conversation->count; ++*message, *part = 0) {
        const struct chat_message *at = &conversation->messages[*message];
        for (; *part < at->part_count; ++*part) {
            if (at->parts[*part].handle != NULL && at->parts[*part].medium == NULL &&
                at->parts[*part].kind != CHAT_PART_TEXT) {
                return true;
            }
        }
    }
    return false;
}

bool attached_read(struct journal *journal, const struct chat_part *part, char **bytes,
                   size_t *size, struct err *err)
{
    return store_result_get(journal->store, journal->id, part->handle, bytes, size, err);
}

void attached_lose(struct chat_part *part)
{
    const char *text = part->kind == CHAT_PART_AUDIO
                           ? "(a sound was here; its file cannot be read any more)"
                           : "(a picture was here; its file cannot be read any more)";
    part->kind = CHAT_PART_TEXT;
    mem_free(part->text); /* a frame's time */
    part->text = mem_strdup(text);
}
