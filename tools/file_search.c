/* search_files: "file:line: text" for each line that matches an extended regular expression.
 *
 * The matcher's time grows with the square of what it is given at once, so a long line is matched
 * in pieces, each of which begins in the middle of the one before, and the clock is looked at
 * between them and between pieces of a file. Of a long line what is around the match is shown. What
 * was not searched, or did not fit, is counted.
 */
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/utf8.h"

#include "capped.h"
#include "file_kind.h"
#include "files.h"
#include "line_reader.h"
#include "search_pattern.h"
#include "tool.h"
#include "walk.h"

enum {
    LINE_SHOWN = 300,
    LINE_SEARCHED = 1024 * 1024,
    PIECE = 8 * 1024,            /* of a line, matched at once: time grows with its square */
    CHARACTERS_PIECE = 2 * 1024, /* the same where it is matched by characters */
};

struct search {
    struct tool_context *tool;
    struct search_pattern pattern;
    struct capped text;
    struct files_remarks remarks;
    int64_t deadline_us;
    size_t shown;
    size_t more, more_files; /* matches that did not fit, and in how many files they are */
    size_t unread;           /* files that could not be opened or read */
    size_t no_text;          /* files that were passed over */
    size_t partly;           /* lines in which a match may have been overlooked */
    bool out_of_time, cancelled;
};

/* True when the search must end. */
static bool over(void *context)
{
    struct search *search = context;
    search->cancelled = search->cancelled || files_cancelled(search->tool);
    search->out_of_time = search->out_of_time || clock_monotonic_us() > search->deadline_us;
    return search->cancelled || search->out_of_time;
}

/* Where a character begins: `at`, or up to three bytes before it. */
static size_t character_start(const char *line, size_t at)
{
    size_t least = at < 3 ? 0 : at - 3, start = at;
    while (start > least && (line[start] & 0xC0) == 0x80) {
        start--;
    }
    return (line[start] & 0xC0) == 0x80 ? at : start;
}

/* Where to begin so that `most` bytes of the line show the match, or its beginning. */
static size_t window(const struct line_reader *reader, const regmatch_t *match, size_t most)
{
    size_t begin = (size_t)match->rm_so;
    if ((size_t)match->rm_eo <= most) {
        return 0;
    }
    begin -= begin < most / 3 ? begin : most / 3;
    if (reader->length < begin + most) {
        begin = reader->length < most ? 0 : reader->length - most;
    }
    return character_start(reader->line, begin);
}

static bool show(struct search *search, const char *path, const struct line_reader *reader,
                 const regmatch_t *match)
{
    struct capped *text = &search->text;
    size_t before = text->length;
    size_t most = text->limit / 4 < LINE_SHOWN ? text->limit / 4 : LINE_SHOWN;
    size_t begin = window(reader, match, most), rest = reader->length - begin;
    size_t cut = rest > most + 3 ? utf8_complete_length(reader->line + begin, most) : rest;
    bool whole = begin + cut == reader->size;
    bool ok = capped_format(text, "%s%s:%" PRIu64 ": %s", before > 0 ? "\n" : "", path,
                            reader->number, begin > 0 ? "... " : "") &&
              capped_add(text, reader->line + begin, cut) &&
              (whole || capped_add(text, " ...", 4)) &&
              ((whole && begin == 0) || capped_add(text, " (line cut)", 11));
    if (!ok) {
        text->length = before;
        text->data[before] = '\0';
    }
    return ok;
}

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The end of the piece that begins at `start`: not inside a word, where one ends soon enough, or
 * `\>` would match there. */
static size_t piece_end(const struct line_reader *reader, size_t start, size_t most)
{
    size_t end = start + most, least = end - most / 8;
    while (end > least && is_word(reader->line[end - 1]) && is_word(reader->line[end])) {
        end--;
    }
    return end > least ? end : start + most;
}

/* Whether the line matches, and where. The end of what was kept of it is not taken for its end. */
static bool matches(struct search *search, const struct line_reader *reader, regmatch_t *match)
{
    struct search_pattern *pattern = &search->pattern;
    bool cut = reader->size > reader->length;
    size_t length = cut ? utf8_complete_length(reader->line, reader->length) : reader->length;
    bool characters = search_pattern_needs_characters(pattern, reader->line, length);
    size_t most = characters ? CHARACTERS_PIECE : PIECE;
    /* Without a repetition it matches little more than it has bytes. */
    bool partly = cut || (length > most && pattern->repeats);
    for (size_t at = 0;; at += most / 2) {
        bool last = length - at <= most;
        size_t start = at, end = last ? length : piece_end(reader, at, most);
        if (characters) {
            start = character_start(reader->line, start);
            end = last ? end : character_start(reader->line, end);
        }
        *match = (regmatch_t){(regoff_t)start, (regoff_t)end};
        int code = search_pattern_match(pattern, characters, reader->line, match,
                                        last && !cut ? 0 : REG_NOTEOL);
        if (code == 0) {
            return true;
        }
        partly = partly || code != REG_NOMATCH;
        if (last || over(search)) {
            break;
        }
    }
    search->partly += partly;
    return false;
}

/* Shows the matching lines of one open file; false when the search must end. */
static bool search_file(struct search *search, const char *path, int fd)
{
    char kind[FILE_KIND_NAME];
    struct line_reader reader;
    size_t more = search->more;
    if (!file_kind_of(fd, kind)) {
        search->no_text++;
        return true;
    }
    if (!line_reader_init(&reader, fd, LINE_SEARCHED, over, search)) {
        line_reader_finish(&reader);
        search->unread++;
        return true;
    }
    while (line_reader_next(&reader)) {
        regmatch_t match;
        if (!matches(search, &reader, &match)) {
            continue;
        }
        if (search->more == 0 && show(search, path, &reader, &match)) {
            search->shown++;
        } else {
            search->more++;
        }
    }
    search->unread += reader.failed;
    search->more_files += search->more > more;
    line_reader_finish(&reader);
    return !reader.stopped;
}

static bool visit(void *context, const struct walk_entry *entry)
{
    struct search *search = context;
    if (entry->kind != WALK_FILE) {
        return true;
    }
    int fd = workspace_open_file(search->tool->workspace, entry->path, NULL);
    if (fd < 0) {
        search->unread++;
        return true;
    }
    bool go_on = search_file(search, entry->path, fd);
    close(fd);
    return go_on;
}

static struct files_remarks finish(struct search *search, const struct walk_report *report)
{
    struct files_remarks remarks = {""};
    if (search->shown == 0 && search->more == 0) {
        capped_add(&search->text, "no matches", 10);
    }
    if (search->more > 0) {
        files_remark(&remarks, "%zu more matches in %zu files", search->more, search->more_files);
    }
    if (search->out_of_time) {
        files_remark(&remarks, "stopped after %d s", WALK_SECONDS);
    }
    if (search->unread + report->left_out > 0) {
        files_remark(&remarks, "%zu files or directories could not be read",
                     search->unread + report->left_out);
    }
    files_remark_walk(&remarks, report);
    if (search->partly > 0) {
        files_remark(&remarks, "%zu long lines only searched in part", search->partly);
    }
    if (search->no_text > 0) {
        files_remark(&remarks, "%zu binary or UTF-16 files not searched", search->no_text);
    }
    return remarks;
}

/* Searches what `relative` names, a file or a directory. False with the result failed. */
static bool run(struct search *search, const char *relative, struct tool_result *result)
{
    struct walk_report report = {0};
    struct err as_file, err;
    if (walk_is_denied(search->tool, relative)) {
        tool_fail(result, "%.200s is denied by a rule of the user's", relative);
        return false;
    }
    int fd = workspace_open_file(search->tool->workspace, relative, &as_file);
    if (fd >= 0) {
        search_file(search, relative, fd);
        close(fd);
    } else if (!walk_run(search->tool, relative, true, visit, search, &report, &err)) {
        tool_fail(result,
                  "%s. Expected a file or directory in the workspace, for example "
                  "{\"pattern\": \"main\", \"path\": \".\"}",
                  err.code == ERR_ARGUMENT ? as_file.text : err.text); /* it is no folder */
        return false;
    }
    search->cancelled = search->cancelled || report.end == WALK_CANCELLED;
    search->out_of_time = search->out_of_time || report.end == WALK_OUT_OF_TIME;
    if (search->cancelled) {
        tool_fail(result, "searching %.200s was cancelled", relative);
        return false;
    }
    search->remarks = finish(search, &report);
    return true;
}

void file_search_call(struct tool_context *context, const json_t *arguments,
                      struct tool_result *result)
{
    char relative[WORKSPACE_PATH_LIMIT];
    struct search search = {.tool = context};
    size_t length;
    const char *pattern = files_text(arguments, "pattern", NULL, &length, result);
    if (pattern == NULL || !files_path(context, arguments, ".", relative, result) ||
        !search_pattern_init(&search.pattern, pattern, length, result)) {
        return;
    }
    search.deadline_us = clock_monotonic_us() + (int64_t)WALK_SECONDS * 1000000;
    if (!capped_init_whole(&search.text, context->policy)) {
        tool_fail(result, "no memory to search %.200s", relative);
    } else if (run(&search, relative, result)) {
        files_succeed(&search.text, &search.remarks, context->policy, result);
    }
    capped_finish(&search.text);
    search_pattern_finish(&search.pattern);
}
