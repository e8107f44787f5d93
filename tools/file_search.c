/* search_files: "file:line: text" for each line that matches an extended regular expression.
 *
 * POSIX regcomp and regexec, in the C locale: '.' is one byte. The pattern comes from the model, so
 * what makes glibc's matcher slow or deep is refused before it is compiled: back-references (they
 * are not part of the standard either), deep nesting, multiplied repetitions. Its time still grows
 * with the square of what it is given at once, so a long line is matched in pieces, each of which
 * begins in the middle of the one before, and the clock is looked at between them and between
 * pieces of a file. What was not searched, or did not fit, is counted.
 */
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/utf8.h"

#include "capped.h"
#include "file_kind.h"
#include "files.h"
#include "line_reader.h"
#include "tool.h"
#include "walk.h"

enum {
    LINE_SHOWN = 300,
    LINE_SEARCHED = 1024 * 1024,
    PIECE = 8 * 1024, /* of a line, matched at once */
    PATTERN_LIMIT = 500,
    NESTING_LIMIT = 20,
    REPETITION_LIMIT = 255, /* the product of all upper bounds */
};

struct search {
    struct tool_context *tool;
    regex_t regex;
    struct capped text;
    struct files_remarks remarks;
    int64_t deadline_us;
    size_t shown;
    size_t more, more_files; /* matches that did not fit, and in how many files they are */
    size_t unread;           /* files that could not be opened or read */
    size_t no_text;          /* files that were passed over */
    size_t partly;           /* lines in which a match may have been overlooked */
    bool long_matches;       /* the pattern can match more than half a piece */
    bool out_of_time, cancelled;
};

/* Spellings of other dialects that would compile and quietly mean something else. */
static const struct foreign {
    const char *spelling, *instead;
} foreign_spellings[] = {
    {"\\d", "[0-9]"},        {"\\D", "[^0-9]"},
    {"\\t", "a tab itself"}, {"\\n", "a pattern for one line"},
    {"(?", "a plain ( )"},
};

/* The upper bound of a repetition {m,n}, {m}, {m,} or glibc's {,n} that begins at `at`; 1 when it
 * is none. */
static unsigned long upper_bound(const char *at)
{
    char *end;
    unsigned long bound = strtoul(at + 1, &end, 10);
    if (*end == ',' && end[1] >= '0' && end[1] <= '9') {
        bound = strtoul(end + 1, NULL, 10);
    }
    return bound == 0 ? 1 : bound;
}

/* NULL when glibc can be trusted with the pattern, else what is wrong with it. */
static const char *refuse_pattern(const char *pattern, size_t length)
{
    unsigned long repetition = 1;
    int nesting = 0;
    if (length == 0) {
        return "is empty";
    }
    if (length > PATTERN_LIMIT) {
        return "is longer than 500 bytes";
    }
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at == '\\' && at[1] >= '1' && at[1] <= '9') {
            return "holds a back-reference, which extended regular expressions do not have";
        }
        at += *at == '\\' && at[1] != '\0';
        nesting += *at == '(';
        nesting -= *at == ')';
        if (nesting > NESTING_LIMIT) {
            return "is nested too deeply";
        }
        if (*at == '{') {
            unsigned long bound = upper_bound(at);
            repetition = bound > REPETITION_LIMIT ? bound : repetition * bound;
            if (repetition > REPETITION_LIMIT) {
                return "repeats too often";
            }
        }
    }
    return NULL;
}

static bool compile(struct search *search, const char *pattern, size_t length,
                    struct tool_result *result)
{
    const char *reason = refuse_pattern(pattern, length);
    if (reason != NULL) {
        tool_fail(result,
                  "the pattern \"%.100s\" %s. Expected an extended regular expression, for "
                  "example {\"pattern\": \"int main\\\\(.*\\\\)\"}",
                  pattern, reason);
        return false;
    }
    for (size_t i = 0; i < sizeof foreign_spellings / sizeof foreign_spellings[0]; i++) {
        const char *found = strstr(pattern, foreign_spellings[i].spelling);
        if (found != NULL && (found == pattern || found[-1] != '\\')) {
            tool_fail(result,
                      "the pattern \"%.100s\" holds %s, which extended regular expressions "
                      "do not know. Write %s, for example {\"pattern\": \"v[0-9]+\"}",
                      pattern, foreign_spellings[i].spelling, foreign_spellings[i].instead);
            return false;
        }
    }
    /* Without a repetition it matches little more than it has bytes. */
    search->long_matches = strpbrk(pattern, "*+{") != NULL;
    int code = regcomp(&search->regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        char why[100];
        regerror(code, &search->regex, why, sizeof why);
        tool_fail(result,
                  "the pattern \"%.100s\" is not an extended regular expression: %s. To "
                  "find a special character put \\ before it, for example {\"pattern\": "
                  "\"main\\\\(\"}",
                  pattern, why);
        return false;
    }
    return true;
}

/* True when the search must end. */
static bool over(void *context)
{
    struct search *search = context;
    search->cancelled = search->cancelled || files_cancelled(search->tool);
    search->out_of_time = search->out_of_time || clock_monotonic_us() > search->deadline_us;
    return search->cancelled || search->out_of_time;
}

static bool show(struct search *search, const char *path, const struct line_reader *reader)
{
    struct capped *text = &search->text;
    size_t before = text->length;
    size_t most = text->limit / 4 < LINE_SHOWN ? text->limit / 4 : LINE_SHOWN;
    size_t cut = reader->length > most ? utf8_complete_length(reader->line, most) : reader->length;
    bool ok =
        capped_format(text, "%s%s:%" PRIu64 ": ", before > 0 ? "\n" : "", path, reader->number) &&
        capped_add(text, reader->line, cut) &&
        (cut == reader->length || capped_add(text, " ... (line cut)", 15));
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
static size_t piece_end(const struct line_reader *reader, size_t start)
{
    size_t end = start + PIECE, least = end - PIECE / 8;
    while (end > least && is_word(reader->line[end - 1]) && is_word(reader->line[end])) {
        end--;
    }
    return end > least ? end : start + PIECE;
}

/* Whether the line matches. The end of what was kept of it is not taken for its end. */
static bool matches(struct search *search, const struct line_reader *reader)
{
    bool cut = reader->size > reader->length;
    bool partly = cut || (reader->length > PIECE && search->long_matches);
    for (size_t start = 0;; start += PIECE / 2) {
        bool last = reader->length - start <= PIECE;
        size_t end = last ? reader->length : piece_end(reader, start);
        regmatch_t piece = {.rm_so = (regoff_t)start, .rm_eo = (regoff_t)end};
        int flags = REG_STARTEND | (last && !cut ? 0 : REG_NOTEOL);
        int code = regexec(&search->regex, reader->line, 1, &piece, flags);
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
        if (!matches(search, &reader)) {
            continue;
        }
        if (search->more == 0 && show(search, path, &reader)) {
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
        !compile(&search, pattern, length, result)) {
        return;
    }
    search.deadline_us = clock_monotonic_us() + (int64_t)WALK_SECONDS * 1000000;
    if (!capped_init_whole(&search.text, context->policy)) {
        tool_fail(result, "no memory to search %.200s", relative);
    } else if (run(&search, relative, result)) {
        files_succeed(&search.text, &search.remarks, context->policy, result);
    }
    capped_finish(&search.text);
    regfree(&search.regex);
}
