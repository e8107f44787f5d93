#include "tui/item.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "base/visible.h"
#include "tui/code.h"
#include "tui/markdown.h"
#include "tui/picture.h"
#include "tui/transcript.h"

/* Rows that a folded item shows of its text, and lines up to which a message is not folded. */
enum { FOLDED_OUTPUT = 6, FOLDED_USER = 12 };

/* Bytes of output that are kept of a running call; at least half of it always is. */
enum { RUNNING_LIMIT = 1024 * 1024 };

struct kind_look {
    enum theme_role text;
    const char *first, *rest; /* prefixes of its rows */
    enum wrap_mode wrap;
};

static const struct kind_look looks[] = {
    [ITEM_USER] = {THEME_USER, "> ", "  ", WRAP_WORDS},
    [ITEM_ANSWER] = {THEME_TEXT, "", "", WRAP_WORDS},
    [ITEM_THOUGHT] = {THEME_THOUGHT, "  ", "  ", WRAP_WORDS},
    [ITEM_CALL] = {THEME_OUTPUT, "  ", "  ", WRAP_CELLS},
    [ITEM_NOTICE] = {THEME_NOTICE, "- ", "  ", WRAP_WORDS},
    [ITEM_ERROR] = {THEME_FAILED, "! ", "  ", WRAP_WORDS},
    [ITEM_PICTURE] = {THEME_FAINT, "  ", "  ", WRAP_WORDS},
};

void item_init(struct item *item, enum item_kind kind)
{
    memset(item, 0, sizeof *item);
    item->kind = kind;
    item->open = true;
    item->stale = true;
    str_init(&item->text);
}

static void drop_parts(struct item *item, size_t keep)
{
    for (size_t i = keep; i < item->part_count; i++) {
        if (item->parts[i].layout != NULL) {
            layout_finish(item->parts[i].layout);
            mem_free(item->parts[i].layout);
        }
    }
    if (item->part_count > keep) {
        item->part_count = keep;
    }
}

void item_finish(struct item *item)
{
    drop_parts(item, 0);
    mem_free(item->parts);
    mem_free(item->call_id);
    mem_free(item->title);
    picture_destroy(item->picture);
    str_finish(&item->text);
}

void item_touch(struct item *item)
{
    drop_parts(item, 0);
    item->closed = 0;
    memset(&item->cursor, 0, sizeof item->cursor);
    item->stale = true;
}

void item_reset(struct item *item)
{
    str_clear(&item->text);
    item->pending_length = 0;
    item->lines = item->words = item->left_out = 0;
    item->in_word = false;
    item_touch(item);
}

static void count_words(struct item *item, size_t from)
{
    for (size_t i = from; i < item->text.length; i++) {
        char c = item->text.data[i];
        bool gap = c == ' ' || c == '\n' || c == '\t';
        item->words += !gap && !item->in_word;
        item->in_word = !gap;
        item->lines += c == '\n';
    }
}

/* Takes complete text; what is over the limit is only counted. */
static void take(struct item *item, const char *text, size_t length)
{
    size_t from = item->text.length;
    size_t room = from < TRANSCRIPT_ITEM_LIMIT ? TRANSCRIPT_ITEM_LIMIT - from : 0;
    if (length > room) {
        size_t fits = utf8_complete_length(text, room);
        item->left_out += length - fits;
        length = fits;
    }
    visible_append(&item->text, text, length, VISIBLE_TEXT);
    count_words(item, from);
}

/* A call may print for ever: while it runs only its last bytes are kept, for that is what is shown.
 * `lines` goes on counting all of them. */
static void drop_beginning(struct item *item)
{
    size_t cut = item->text.length - RUNNING_LIMIT / 2;
    const char *newline = memchr(item->text.data + cut, '\n', item->text.length - cut);
    if (newline != NULL) {
        cut = (size_t)(newline + 1 - item->text.data);
    }
    while (cut < item->text.length && ((unsigned char)item->text.data[cut] & 0xC0) == 0x80) {
        cut++;
    }
    str_remove(&item->text, 0, cut);
    item->left_out += cut;
    item_touch(item);
}

void item_append(struct item *item, const char *text, size_t length)
{
    item->stale = true;
    /* First the character that the last piece cut in two, byte by byte. */
    while (item->pending_length > 0 && length > 0) {
        item->pending[item->pending_length++] = *text++;
        length--;
        size_t complete = utf8_complete_length(item->pending, item->pending_length);
        if (complete > 0) {
            take(item, item->pending, complete);
            item->pending_length -= complete;
            memmove(item->pending, item->pending + complete, item->pending_length);
        }
    }
    size_t complete = utf8_complete_length(text, length);
    if (complete > 0 && complete == length && text[complete - 1] == '\r') {
        complete--; /* half of a CR LF, maybe */
    }
    take(item, text, complete);
    memcpy(item->pending + item->pending_length, text + complete, length - complete);
    item->pending_length += length - complete;
    if (item->running && item->text.length > RUNNING_LIMIT) {
        drop_beginning(item);
    }
}

void item_close(struct item *item)
{
    if (!item->open) {
        return;
    }
    take(item, item->pending, item->pending_length);
    item->pending_length = 0;
    item->open = false;
    item->stale = true;
}

bool item_between_blocks(const struct item *item, size_t *at)
{
    *at = item->cursor.at;
    return !item->raw && item->cursor.fence == 0 && !item->cursor.joined;
}

void item_take_rest(struct item *item, size_t at, struct str *rest)
{
    str_append_bytes(rest, item->text.data + at, item->text.length - at);
    str_append_bytes(rest, item->pending, item->pending_length);
    str_remove(&item->text, at, item->text.length - at);
    item->pending_length = 0;
    item_close(item);
}

/* --- parts --- */

static struct item_part *add_part(struct item *item, enum item_part_kind kind)
{
    vec_room(&item->parts, &item->part_capacity, item->part_count + 1, sizeof *item->parts);
    struct item_part *part = &item->parts[item->part_count++];
    memset(part, 0, sizeof *part);
    part->kind = kind;
    return part;
}

bool item_folds(const struct item *item)
{
    switch (item->kind) {
    case ITEM_THOUGHT:
    case ITEM_CALL:
        return true;
    case ITEM_USER:
        return item->lines >= FOLDED_USER || item->text.length > FOLDED_USER * 200;
    default:
        return false;
    }
}

/* What the code of the last part leaves open is so for code that goes on behind it. */
static void add_block(struct item *item, const struct block *block)
{
    struct item_part *part = add_part(item, ITEM_PART_BLOCK);
    part->block = *block;
    if (block->kind == BLOCK_CODE && block->joined && item->part_count > 1) {
        const struct item_part *before = part - 1;
        part->syntax = before->syntax;
        code_pass(item->text.data + before->block.info, before->block.info_length, &part->syntax,
                  item->text.data + before->block.start, before->block.length);
    }
}

static void cut_blocks(struct item *item)
{
    for (;;) {
        struct block block;
        bool closed =
            item->kind == ITEM_ANSWER && !item->raw
                ? block_next(item->text.data, item->text.length, &item->cursor, &block)
                : block_next_lines(item->text.data, item->text.length, &item->cursor, &block);
        if (block.length > 0) {
            add_block(item, &block);
        }
        if (!closed) {
            return;
        }
        item->closed = item->part_count;
    }
}

void item_prepare(struct item *item, bool expanded, bool raw)
{
    bool folded = item_folds(item) && !expanded;
    if (item->expanded == folded) {
        item_touch(item);
        item->expanded = !folded;
    }
    if (item->kind == ITEM_ANSWER && item->raw != raw) {
        item_touch(item);
        item->raw = raw;
    }
    if (!item->stale) {
        return;
    }
    item->stale = false;
    drop_parts(item, folded ? 0 : item->closed);
    if (item->kind == ITEM_CALL && item->part_count == 0) {
        add_part(item, ITEM_PART_TITLE);
        item->closed = 1;
    }
    if (folded) {
        if (item->kind == ITEM_THOUGHT || item->text.length > 0) {
            add_part(item, ITEM_PART_FOLDED);
        }
    } else {
        cut_blocks(item);
    }
}

/* --- looks --- */

static void write_title(const struct item *item, struct layout_writer *writer)
{
    enum theme_role role = item->open ? THEME_CALL : THEME_CALL_DONE;
    const char *mark = item->open ? "* " : "• ";
    if (item->failure[0] != '\0') {
        role = THEME_FAILED;
        mark = "x ";
    }
    layout_add(writer, item->title, strlen(item->title), THEME_STRONG);
    if (item->failure[0] != '\0') {
        layout_add(writer, " (", 2, THEME_FAILED);
        layout_add(writer, item->failure, strlen(item->failure), THEME_FAILED);
        layout_add(writer, ")", 1, THEME_FAILED);
    }
    layout_end_line(writer, mark, "  ", role, WRAP_WORDS);
}

static void write_more(struct layout_writer *writer, const char *text)
{
    writer->most = 0;
    writer->full = false;
    layout_add(writer, text, strlen(text), THEME_FAINT);
    layout_end_line(writer, "  ", "  ", THEME_FAINT, WRAP_WORDS);
}

/* "1 line", "2 lines" */
static void add_count(struct str *out, size_t number, const char *noun)
{
    str_append_format(out, "%zu %s%s", number, noun, number == 1 ? "" : "s");
}

/* The last lines of a call that is running. */
static size_t tail_start(const struct str *text, size_t lines)
{
    size_t at = text->length;
    if (at > 0 && text->data[at - 1] == '\n') {
        at--;
    }
    size_t bound = at > BLOCK_BYTES ? at - BLOCK_BYTES : 0;
    while (at > bound) {
        if (text->data[at - 1] == '\n' && --lines == 0) {
            break;
        }
        at--;
    }
    while (at > 0 && ((unsigned char)text->data[at] & 0xC0) == 0x80) {
        at--;
    }
    return at;
}

static size_t newlines(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += text[i] == '\n';
    }
    return count;
}

static void write_running(const struct item *item, struct layout_writer *writer)
{
    size_t start = tail_start(&item->text, FOLDED_OUTPUT);
    size_t earlier = item->lines - newlines(item->text.data + start, item->text.length - start);
    if (earlier > 0) {
        struct str note;
        str_init(&note);
        str_append(&note, "… ");
        add_count(&note, earlier, "earlier line");
        write_more(writer, note.data);
        str_finish(&note);
    }
    size_t first = writer->layout->count;
    layout_lines(writer, item->text.data + start, item->text.length - start, THEME_OUTPUT, "  ",
                 "  ", WRAP_CELLS);
    if (writer->layout->count - first > FOLDED_OUTPUT) {
        layout_drop_rows(writer->layout, first, writer->layout->count - FOLDED_OUTPUT);
    }
}

/* The first rows of a text, and how much more there is. */
static void write_beginning(const struct item *item, struct layout_writer *writer, size_t rows)
{
    const struct kind_look *look = &looks[item->kind];
    size_t length = item->text.length < BLOCK_BYTES
                        ? item->text.length
                        : utf8_complete_length(item->text.data, BLOCK_BYTES);
    writer->most = writer->layout->count + rows;
    size_t at = 0, shown = 0;
    while (at < length && !writer->full) {
        const char *newline = memchr(item->text.data + at, '\n', length - at);
        size_t end = newline == NULL ? length : (size_t)(newline - item->text.data);
        layout_add(writer, item->text.data + at, end - at, look->text);
        layout_end_line(writer, at == 0 ? look->first : look->rest, look->rest, look->text,
                        look->wrap);
        shown += !writer->full;
        at = end + 1;
    }
    if (writer->full || length < item->text.length) {
        size_t lines = item->lines + (item->text.data[item->text.length - 1] != '\n');
        struct str note;
        str_init(&note);
        str_append(&note, "… ");
        add_count(&note, lines > shown ? lines - shown : 1, "more line");
        str_append(&note, " (Ctrl+O shows)");
        write_more(writer, note.data);
        str_finish(&note);
    }
}

static void write_folded(const struct item *item, struct layout_writer *writer)
{
    if (item->kind == ITEM_THOUGHT) {
        struct str note;
        str_init(&note);
        str_append(&note, item->open ? "thinking, " : "thought, ");
        add_count(&note, item->words, "word");
        str_append(&note, " (Ctrl+O shows)");
        layout_add(writer, note.data, note.length, THEME_THOUGHT);
        layout_end_line(writer, "", "", THEME_THOUGHT, WRAP_WORDS);
        str_finish(&note);
    } else if (item->kind == ITEM_CALL && item->open) {
        write_running(item, writer);
    } else {
        write_beginning(item, writer, item->kind == ITEM_USER ? FOLDED_USER : FOLDED_OUTPUT);
    }
}

static void end_code_line(struct layout_writer *writer)
{
    layout_end_line(writer, "  ", "  ", THEME_TEXT, WRAP_CELLS);
}

static void write_block(const struct item *item, const struct item_part *part, bool first,
                        bool last, struct layout_writer *writer)
{
    const char *text = item->text.data + part->block.start;
    const struct kind_look *look = &looks[item->kind];
    if (item->kind == ITEM_CALL && code_is_difference(text, part->block.length)) {
        code_layout_difference(writer, text, part->block.length, end_code_line);
    } else if (item->kind != ITEM_ANSWER || item->raw) {
        layout_lines(writer, text, part->block.length, look->text, first ? look->first : look->rest,
                     look->rest, look->wrap);
    } else if (part->block.kind == BLOCK_CODE) {
        struct syntax_state syntax = part->syntax;
        code_layout(writer, item->text.data + part->block.info, part->block.info_length, &syntax,
                    text, part->block.length, end_code_line);
    } else {
        markdown_layout(text, part->block.length, item->open && last, writer);
    }
    if (last && item->left_out > 0) {
        struct str note;
        str_init(&note);
        str_append_format(&note, "… %zu bytes are not kept on the screen", item->left_out);
        write_more(writer, note.data);
        str_finish(&note);
    }
}

struct layout *item_layout(const struct item *item, size_t index, int width, bool gap)
{
    const struct item_part *part = &item->parts[index];
    struct layout *layout = mem_alloc(1, sizeof *layout);
    struct layout_writer writer;
    layout_init(layout);
    layout_writer_init(&writer, layout, width, 0);
    if (gap) {
        layout_end_line(&writer, "", "", THEME_TEXT, WRAP_WORDS);
    }
    if (item->picture != NULL && index == 0) {
        picture_layout(item->picture, width, &writer);
    }
    switch (part->kind) {
    case ITEM_PART_TITLE:
        write_title(item, &writer);
        break;
    case ITEM_PART_FOLDED:
        write_folded(item, &writer);
        break;
    case ITEM_PART_BLOCK:
        write_block(item, part, index == 0, index + 1 == item->part_count, &writer);
        break;
    }
    layout_writer_finish(&writer);
    return layout;
}
