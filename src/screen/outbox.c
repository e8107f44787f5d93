#include "screen/outbox.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"
#include "chat/medium.h"

struct entry {
    char *text; /* NULL = none */
    bool steers;
    struct decoding_source *sources; /* their paths are ours */
    size_t count;
    struct chat_medium **media; /* [got] references */
    size_t got;
};

struct outbox {
    struct uv_loop_s *loop;
    struct attachment_tool tool;
    struct outbox_callbacks callbacks;
    struct entry *entries;
    size_t count, capacity;
    struct decoding *decoding; /* of entries[0] */
    bool at_work;              /* a callback may post: the loop that called it goes on */
};

static void finish_entry(struct entry *entry)
{
    for (size_t i = 0; i < entry->count; i++) {
        mem_free((char *)entry->sources[i].path);
    }
    for (size_t i = 0; i < entry->got; i++) {
        chat_medium_release(entry->media[i]);
    }
    mem_free(entry->sources);
    mem_free(entry->media);
    mem_free(entry->text);
}

struct outbox *outbox_create(struct uv_loop_s *loop, const struct attachment_tool *tool,
                             const struct outbox_callbacks *callbacks)
{
    struct outbox *outbox = mem_zero(1, sizeof *outbox);
    outbox->loop = loop;
    outbox->tool = *tool;
    outbox->callbacks = *callbacks;
    return outbox;
}

void outbox_destroy(struct outbox *outbox)
{
    if (outbox == NULL) {
        return;
    }
    if (outbox->decoding != NULL) {
        decoding_forget(outbox->decoding);
    }
    for (size_t i = 0; i < outbox->count; i++) {
        finish_entry(&outbox->entries[i]);
    }
    mem_free(outbox->entries);
    mem_free(outbox);
}

static struct entry take_first(struct outbox *outbox)
{
    struct entry first = outbox->entries[0];
    outbox->count--;
    memmove(outbox->entries, outbox->entries + 1, outbox->count * sizeof first);
    return first;
}

static void send_first(struct outbox *outbox)
{
    struct entry entry = take_first(outbox);
    for (size_t i = 0; i < entry.got; i++) {
        outbox->callbacks.attached(outbox->callbacks.context, entry.media[i], entry.text != NULL);
    }
    if (entry.text != NULL) {
        outbox->callbacks.sent(outbox->callbacks.context, entry.text, entry.steers);
    }
    finish_entry(&entry);
}

static void work(struct outbox *outbox);

static void on_decoded(void *context, struct decoding *decoding, struct chat_medium *medium,
                       const struct err *err)
{
    struct outbox *outbox = context;
    (void)decoding;
    outbox->decoding = NULL;
    if (medium != NULL) {
        struct entry *entry = &outbox->entries[0];
        entry->media[entry->got++] = chat_medium_keep(medium);
    } else {
        struct entry entry = take_first(outbox);
        outbox->callbacks.failed(outbox->callbacks.context, entry.text, err);
        finish_entry(&entry);
    }
    work(outbox);
}

/* Sends what is ready, and starts on the first that is not. */
static void work(struct outbox *outbox)
{
    if (outbox->at_work) {
        return;
    }
    outbox->at_work = true;
    while (outbox->count > 0 && outbox->decoding == NULL) {
        const struct entry *entry = &outbox->entries[0];
        if (entry->got == entry->count) {
            send_first(outbox);
        } else {
            outbox->decoding = decoding_start(outbox->loop, &outbox->tool,
                                              &entry->sources[entry->got], on_decoded, outbox);
        }
    }
    outbox->at_work = false;
}

void outbox_post(struct outbox *outbox, const char *text, bool steers,
                 const struct decoding_source *sources, size_t count)
{
    struct entry entry = {.text = text != NULL ? mem_strdup(text) : NULL,
                          .steers = steers,
                          .sources = mem_zero(count + 1, sizeof *entry.sources),
                          .count = count,
                          .media = mem_zero(count + 1, sizeof *entry.media)};
    for (size_t i = 0; i < count; i++) {
        entry.sources[i] = sources[i];
        entry.sources[i].path = sources[i].path != NULL ? mem_strdup(sources[i].path) : NULL;
    }
    vec_room(&outbox->entries, &outbox->capacity, outbox->count + 1, sizeof *outbox->entries);
    outbox->entries[outbox->count++] = entry;
    work(outbox);
}

bool outbox_empty(const struct outbox *outbox)
{
    return outbox->count == 0;
}

bool outbox_stop(struct outbox *outbox)
{
    if (outbox->decoding == NULL) {
        return false;
    }
    decoding_stop(outbox->decoding);
    return true;
}
