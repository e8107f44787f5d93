/* Segments, appended. See the header. */
#include "chat/prompt_writer.h"

#include <string.h>

#include "base/vec.h"
#include "chat/medium.h"

static void append(struct prompt_writer *writer, struct chat_segment segment)
{
    struct chat_prompt *prompt = writer->prompt;
    vec_room(&prompt->segments, &prompt->capacity, prompt->count + 1, sizeof *prompt->segments);
    prompt->segments[prompt->count++] = segment;
}

static void flush(struct prompt_writer *writer)
{
    if (writer->text.length == 0) {
        return;
    }
    size_t length = writer->text.length;
    const char *text = arena_strndup(&writer->prompt->arena, writer->text.data, length);
    append(writer,
           (struct chat_segment){.kind = CHAT_SEGMENT_TEXT, .text = text, .length = length});
    str_clear(&writer->text);
}

void prompt_writer_init(struct prompt_writer *writer, struct chat_prompt *prompt)
{
    writer->prompt = prompt;
    str_init(&writer->text);
}

void prompt_writer_finish(struct prompt_writer *writer)
{
    flush(writer);
    str_finish(&writer->text);
}

void prompt_writer_text(struct prompt_writer *writer, const char *text)
{
    str_append(&writer->text, text);
}

void prompt_writer_bytes(struct prompt_writer *writer, const char *bytes, size_t length)
{
    str_append_bytes(&writer->text, bytes, length);
}

void prompt_writer_control(struct prompt_writer *writer, enum control control)
{
    flush(writer);
    append(writer, (struct chat_segment){.kind = CHAT_SEGMENT_CONTROL, .control = control});
}

void prompt_writer_medium(struct prompt_writer *writer, enum control slot,
                          struct chat_medium *medium)
{
    struct chat_prompt *prompt = writer->prompt;
    prompt_writer_control(writer, slot);
    vec_room(&prompt->media, &prompt->media_capacity, prompt->media_count + 1,
             sizeof *prompt->media);
    prompt->media[prompt->media_count++] = chat_medium_keep(medium);
}

void prompt_writer_tokens(struct prompt_writer *writer, const int32_t *tokens, size_t count)
{
    if (count == 0) {
        return;
    }
    flush(writer);
    int32_t *copy = arena_alloc(&writer->prompt->arena, count * sizeof *copy);
    memcpy(copy, tokens, count * sizeof *copy);
    append(writer, (struct chat_segment){
                       .kind = CHAT_SEGMENT_TOKENS, .tokens = copy, .token_count = count});
}

void prompt_writer_string(struct prompt_writer *writer, const char *bytes, size_t length)
{
    prompt_writer_control(writer, CONTROL_QUOTE);
    prompt_writer_bytes(writer, bytes, length);
    prompt_writer_control(writer, CONTROL_QUOTE);
}
