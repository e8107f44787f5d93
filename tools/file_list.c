/* list_files: names, one a line, directories with '/'.
 *
 * Without a pattern, and with one that holds no slash and no "**", the directory's own entries;
 * else everything beneath it whose path from there matches. Dotfiles are shown, .git never, nor
 * what .gitignore names. Names with control characters are shown with '?' in their place, so that
 * one line stays one name.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/glob.h"

#include "capped.h"
#include "files.h"
#include "tool.h"
#include "walk.h"

struct listing {
    const char *pattern; /* NULL = all */
    struct capped text;
    size_t shown, more;
};

static bool visit(void *context, const struct walk_entry *entry)
{
    struct listing *listing = context;
    if (listing->pattern != NULL && !glob_match(listing->pattern, entry->name)) {
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
    if (listing->shown == 0 && listing->more == 0) {
        capped_add(&listing->text, "(empty)", 7);
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
    if (length >= 1024) {
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
        listing.pattern = files_text(arguments, "pattern", NULL, &length, result);
        if (listing.pattern == NULL) {
            return;
        }
        const char *reason = refuse_pattern(listing.pattern, length);
        if (reason != NULL) {
            tool_fail(result,
                      "the pattern \"%.100s\" %s. Expected a glob, for example "
                      "{\"path\": \".\", \"pattern\": \"*.c\"} or \"src/**/*.c\"",
                      listing.pattern, reason);
            return;
        }
    }
    bool recursive = listing.pattern != NULL && (strchr(listing.pattern, '/') != NULL ||
                                                 strstr(listing.pattern, "**") != NULL);
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
