/* list_files: names, one a line, directories with '/'.
 *
 * Without a pattern, and with one that holds no slash and no "**", the directory's own entries;
 * else everything beneath it whose path from there matches. A '/' at the pattern's end asks for
 * directories alone. Dotfiles are shown, .git never, nor what .gitignore names. Names with control
 * characters are shown with '?' in their place, so that one line stays one name.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/glob.h"

#include "capped.h"
#include "files.h"
#include "tool.h"
#include "walk.h"

enum { PATTERN_ROOM = 1024 };

struct listing {
    const char *asked;          /* the pattern as it came; NULL = all */
    char pattern[PATTERN_ROOM]; /* in the form that paths have */
    bool directories;           /* alone */
    struct capped text;
    size_t seen, shown, more;
};

static bool visit(void *context, const struct walk_entry *entry)
{
    struct listing *listing = context;
    listing->seen++;
    if (listing->asked != NULL && ((listing->directories && entry->kind != WALK_DIRECTORY) ||
                                   !glob_match(listing->pattern, entry->name))) {
        return true;
    }
    char line[WORKSPACE_PATH_LIMIT + 2];
    int length = snprintf(line, sizeof line, "%s%s%s", listing->shown > 0 ? "\n" : "", entry->name,
                          entry->kind == WALK_DIRECTORY ? "/" : "");
    for (int i = listing->shown > 0; i < length; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F) {
            line[i] = '?';
        }
    }
    /* Once one did not fit none is shown any more, or the order would have holes. */
    if (listing->more == 0 && capped_add(&listing->text, line, (size_t)length)) {
        listing->shown++;
    } else {
        listing->more++;
    }
    return true;
}

static struct files_remarks finish(struct listing *listing, const struct walk_report *report)
{
    struct files_remarks remarks = {""};
    bool none = listing->shown == 0 && listing->more == 0;
    if (none && listing->seen > 0) {
        capped_format(&listing->text, "no name matches %.100s (%zu entries)", listing->asked,
                      listing->seen);
    } else if (none) {
        capped_add(&listing->text, "(empty)", 7);
    }
    if (none && report->ignored > 0) {
        files_remark(&remarks, "%zu left out by .gitignore", report->ignored);
    }
    if (listing->more > 0) {
        files_remark(&remarks, "%zu more not shown; ask with a narrower path or pattern",
                     listing->more);
    }
    if (report->left_out > 0) {
        files_remark(&remarks, "%zu directories could not be read through", report->left_out);
    }
    if (report->end == WALK_OUT_OF_TIME) {
        files_remark(&remarks, "stopped after %d s", WALK_SECONDS);
    }
    files_remark_walk(&remarks, report);
    return remarks;
}

/* NULL when the pattern is fine, else why it is not. */
static const char *refuse_pattern(const char *pattern, size_t length)
{
    if (length == 0) {
        return "is empty";
    }
    if (length >= PATTERN_ROOM) {
        return "is longer than 1023 bytes";
    }
    if (pattern[0] == '/') {
        return "begins with '/', but is matched against paths from the directory on";
    }
    if (strchr(pattern, '{') != NULL) {
        return "holds '{', which has no meaning here; call once for each alternative";
    }
    return NULL;
}

/* Notes the pattern without "./" in front, doubled '/' and the one at the end. */
static void spell_pattern(struct listing *listing)
{
    const char *at = listing->asked;
    size_t length = 0;
    for (; *at != '\0'; at++) {
        bool begins = length == 0 || listing->pattern[length - 1] == '/';
        if (length == 0 && at[0] == '.' && at[1] == '/') {
            at++;
        } else if (*at != '/' || !begins) {
            listing->pattern[length++] = *at;
        }
    }
    listing->directories = at[-1] == '/';
    length -= length > 0 && listing->directories;
    listing->pattern[length] = '\0';
}

void file_list_call(struct tool_context *context, const json_t *arguments,
                    struct tool_result *result)
{
    char relative[WORKSPACE_PATH_LIMIT];
    struct listing listing = {0};
    struct walk_report report;
    struct err err;
    size_t length;
    if (!files_path(context, arguments, ".", relative, result)) {
        return;
    }
    if (json_object_get(arguments, "pattern") != NULL) {
        listing.asked = files_text(arguments, "pattern", NULL, &length, result);
        if (listing.asked == NULL) {
            return;
        }
        const char *reason = refuse_pattern(listing.asked, length);
        if (reason != NULL) {
            tool_fail(result,
                      "the pattern \"%.100s\" %s. Expected a glob, for example "
                      "{\"path\": \".\", \"pattern\": \"*.c\"} or \"src/**/*.c\"",
                      listing.asked, reason);
            return;
        }
        spell_pattern(&listing);
    }
    bool recursive = strchr(listing.pattern, '/') != NULL || strstr(listing.pattern, "**") != NULL;
    if (!capped_init_whole(&listing.text, context->policy)) {
        tool_fail(result, "no memory to list %.200s", relative);
        return;
    }
    if (!walk_run(context, relative, recursive, visit, &listing, &report, &err)) {
        tool_fail(result,
                  "%s. Expected a directory in the workspace, for example {\"path\": \".\"}",
                  err.text);
    } else if (report.end == WALK_CANCELLED) {
        tool_fail(result, "listing %.200s was cancelled", relative);
    } else {
        struct files_remarks remarks = finish(&listing, &report);
        files_succeed(&listing.text, &remarks, context->policy, result);
    }
    capped_finish(&listing.text);
}
