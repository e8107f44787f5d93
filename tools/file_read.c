/* read_file: a text file with line numbers, a page at a time.
 *
 * "1: first line", as many lines as the cap allows, and when that is not all of them a last line
 * that says how many there are and how to go on. The whole file is hashed first, in pieces: reading
 * a page counts as having read the file as it is now, and a change after the hash shows later as
 * stale. What is not seen, line ends in CRLF and a byte order mark, is said. A PNG or JPEG file
 * comes as a picture, undecoded, beside a text that names its kind and
 * size. Left out: other binary files, which are named.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

#include "capped.h"
#include "file_kind.h"
#include "files.h"
#include "line_reader.h"
#include "tool.h"

enum {
    LINE_SHOWN = 1000,
    READ_SECONDS = 10,
    PICTURE_LIMIT = 5 * 1024 * 1024 / 2 /* as base64 it fits in a frame */
};

/* What is asked for, and what came of it. */
struct page {
    struct tool_context *tool;
    const char *relative;
    int64_t deadline_us;
    uint64_t first, count;
    uint64_t shown;   /* lines */
    uint64_t total;   /* lines in the file; only when counted */
    uint64_t foreign; /* the first line on the page with bytes that are no UTF-8; 0 = none */
    struct replacement_form form; /* of what was looked at */
    bool counted;
    bool full; /* no room for more */
    bool cancelled;
};

static bool stop(void *context)
{
    struct page *page = context;
    page->cancelled = files_cancelled(page->tool);
    return page->cancelled || clock_monotonic_us() > page->deadline_us;
}

static bool is_text(const char *line, size_t length)
{
    return utf8_valid(line, length) && memchr(line, '\0', length) == NULL;
}

static bool add_line(struct capped *text, struct page *page, const struct line_reader *reader)
{
    const char *line = reader->line;
    size_t length = reader->length, before = text->length;
    if (reader->number == 1 && reader->form.mark) {
        line += 3; /* the byte order mark is no part of the text */
        length -= 3;
    }
    /* A quarter of the room, because each byte may turn out to be no UTF-8 and become three: so the
     * first line of a page always fits. */
    size_t most = text->limit / 4 < LINE_SHOWN ? text->limit / 4 : LINE_SHOWN;
    size_t cut = length > most ? utf8_complete_length(line, most) : length;
    bool ok = (before == 0 || capped_add(text, "\n", 1)) &&
              capped_format(text, "%" PRIu64 ": ", reader->number) && capped_add(text, line, cut);
    if (ok && cut < length) {
        ok = capped_format(text, " ... (line cut: it has %" PRIu64 " bytes)", reader->size);
    }
    if (!ok) {
        text->length = before;
        text->data[before] = '\0';
    } else if (page->foreign == 0 && !is_text(line, cut)) {
        page->foreign = reader->number;
    }
    return ok;
}

static const char *example_of(struct files_example *example, const char *relative, uint64_t line)
{
    return files_example(example, ", for example ",
                         json_pack("{s:s, s:I}", "path", relative, "start_line", (json_int_t)line));
}

/* Lines up to the page are skipped, those after it only counted: not in files too large to hash,
 * where counting would take long. False with the result failed. */
static bool read_page(struct line_reader *reader, struct page *page, struct capped *text,
                      bool count_all, struct tool_result *result)
{
    const char *relative = page->relative;
    struct files_example example;
    bool enough = false;
    while ((!enough || count_all) && line_reader_next(reader)) {
        if (reader->number >= page->first && !enough) {
            page->full = !add_line(text, page, reader);
            page->shown += !page->full;
            enough = page->full || page->shown == page->count;
        }
    }
    if (reader->failed) {
        tool_fail(result, "reading %.200s: %s", relative, strerror(errno));
        return false;
    }
    if (page->cancelled) {
        tool_fail(result, "reading %.200s was cancelled", relative);
        return false;
    }
    if (reader->stopped && page->shown == 0) {
        tool_fail(result,
                  "%.200s is too large: after %d s line %" PRIu64 " was reached, and start_line is "
                  "%" PRIu64 ". Expected a smaller start_line%s",
                  relative, READ_SECONDS, reader->number, page->first,
                  example_of(&example, relative, 1));
        return false;
    }
    page->counted = !reader->stopped && (!enough || count_all);
    page->total = reader->number;
    page->form = reader->form;
    return true;
}

/* Where a page is shown the file counts as read. */
static void finish_page(const struct page *page, const struct workspace_state *state,
                        struct capped *text, struct tool_result *result)
{
    const char *relative = page->relative;
    uint64_t last = page->first + page->shown - 1;
    struct files_remarks remarks = {""};
    struct files_example example;
    if (page->counted && page->total == 0) {
        capped_add(text, "(empty file)", 12);
    } else if (page->shown == 0) {
        tool_fail(result,
                  "start_line is %" PRIu64 ", but %.200s has %" PRIu64 " lines. Expected a line "
                  "that exists%s",
                  page->first, relative, page->total, example_of(&example, relative, page->total));
        return;
    } else if (!page->counted) {
        files_remark(&remarks,
                     "lines %" PRIu64 "-%" PRIu64 " of a file of %" PRId64
                     " bytes; ask for start_line %" PRIu64,
                     page->first, last, state->size, last + 1);
    } else if (last < page->total) {
        files_remark(&remarks,
                     "lines %" PRIu64 "-%" PRIu64 " of %" PRIu64 "; ask for start_line %" PRIu64,
                     page->first, last, page->total, last + 1);
    } else if (page->first > 1) {
        files_remark(&remarks, "lines %" PRIu64 "-%" PRIu64 " of %" PRIu64, page->first, last,
                     page->total);
    }
    if (page->foreign > 0) {
        files_remark(&remarks,
                     "bytes that are not UTF-8 are shown as \xEF\xBF\xBD, first in line %" PRIu64
                     "; edit_file keeps them, write_file would not",
                     page->foreign);
    }
    if (page->form.two_ends > 0) {
        files_remark(&remarks, "%s end in CRLF",
                     replacement_all_two(&page->form) ? "lines" : "some lines");
    }
    if (page->form.mark) {
        files_remark(&remarks, "begins with a BOM");
    }
    files_remarks_end(&remarks, text);
    tool_succeed(result, text->data, text->length);
    workspace_remember(page->tool->workspace, relative, state);
}

static const char *picture_kind(const char *kind)
{
    return strncmp(kind, "a PNG image", 11) == 0    ? "image/png"
           : strncmp(kind, "a JPEG image", 12) == 0 ? "image/jpeg"
                                                    : NULL;
}

static void read_picture(int fd, const char *relative, const char *kind,
                         const struct workspace_state *state, struct tool_result *result)
{
    if (state->size > PICTURE_LIMIT) {
        tool_fail(result, "%.200s is %s of %" PRId64 " bytes; pictures of at most %d are read",
                  relative, kind, state->size, PICTURE_LIMIT);
        return;
    }
    size_t size = (size_t)state->size, done = 0;
    char *bytes = mem_try_alloc(size + 1, 1);
    ssize_t got = 1;
    while (bytes != NULL && done < size && got > 0) {
        got = pread(fd, bytes + done, size - done, (off_t)done);
        done += got > 0 ? (size_t)got : 0;
    }
    if (bytes == NULL || done < size) {
        mem_free(bytes);
        tool_fail(result, "reading %.200s: %s", relative,
                  bytes == NULL ? "no memory"
                  : got < 0     ? strerror(errno)
                                : "it became shorter");
        return;
    }
    tool_succeed(result, kind, strlen(kind));
    result->picture = bytes;
    result->picture_size = size;
    result->picture_kind = picture_kind(kind);
}

/* Everything after the file is open; what it takes is given back by the caller. */
static void read_open_file(int fd, struct page *page, struct tool_result *result)
{
    struct tool_context *context = page->tool;
    const char *relative = page->relative;
    char kind[FILE_KIND_NAME];
    struct workspace_state state;
    struct line_reader reader;
    struct capped text;
    struct err err;
    if (!workspace_state_of(fd, &state, &err)) {
        tool_fail(result, "%s (%.200s)", err.text, relative);
        return;
    }
    bool is_text = file_kind_of(fd, kind);
    if (!is_text && picture_kind(kind) != NULL) {
        read_picture(fd, relative, kind, &state, result);
        return;
    }
    if (!is_text) {
        tool_fail(result,
                  "%.200s is %s (%" PRId64 " bytes); only text and pictures (PNG, JPEG) are read, "
                  "for example {\"path\": \"notes.md\"}",
                  relative, kind, state.size);
        return;
    }
    if (!capped_init(&text, context->policy)) {
        tool_fail(result, "no memory to read %.200s", relative);
        return;
    }
    if (!line_reader_init(&reader, fd, LINE_READER_LEAST, stop, page)) {
        tool_fail(result, "no memory to read %.200s", relative);
    } else if (read_page(&reader, page, &text, state.size <= WORKSPACE_HASH_LIMIT, result)) {
        finish_page(page, &state, &text, result);
    }
    line_reader_finish(&reader);
    capped_finish(&text);
}

void file_read_call(struct tool_context *context, const json_t *arguments,
                    struct tool_result *result)
{
    char relative[WORKSPACE_PATH_LIMIT];
    int64_t first, count;
    struct err err;
    if (!files_path(context, arguments, NULL, relative, result) ||
        !files_number(arguments, "start_line", 1, &first, result) ||
        !files_number(arguments, "line_count", INT64_MAX, &count, result)) {
        return;
    }
    int fd = workspace_open_file(context->workspace, relative, &err);
    if (fd < 0) {
        files_fail(result, &err,
                   "Expected a file in the workspace (list_files shows them), for example "
                   "{\"path\": \"notes.md\"}");
        return;
    }
    struct page page = {
        .tool = context,
        .relative = relative,
        .deadline_us = clock_monotonic_us() + (int64_t)READ_SECONDS * 1000000,
        .first = (uint64_t)first,
        .count = (uint64_t)count,
    };
    read_open_file(fd, &page, result);
    close(fd);
}
