/* more_output: a page of lines out of a kept result.
 *
 * Lines are numbered from 1, as read_file does; long ones are broken (base/rows.h) and have a
 * number for each piece. What is missing is in the note at the end, with the call that shows it.
 */
#include "agent/more_output.h"

#include <stdlib.h>
#include <string.h>

#include "agent/journal.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rows.h"
#include "base/str.h"
#include "base/utf8.h"

enum {
    BYTES_A_TOKEN = 4,
    NOTE_ROOM = 240,
    PATTERN_ROOM = 100,
    NUMBER_ROOM = 24,
    LEAST_TOKENS = 160
};

static json_t *output(const struct str *text)
{
    struct str repaired;
    str_init(&repaired);
    utf8_append_repaired(&repaired, text->data, text->length);
    json_t *object = json_pack("{s:s%}", "output", repaired.data, repaired.length);
    str_finish(&repaired);
    return object;
}

/* The number of the first line that is not wholly shown. What is shown begins as the whole does. */
static size_t first_left_out(const char *shown, const json_t *whole)
{
    const char *text = json_string_value(whole);
    size_t length = json_string_length(whole), same = 0;
    while (same < length && shown[same] != '\0' && shown[same] == text[same]) {
        same++;
    }
    return rows_within(text, length, same).count + 1;
}

json_t *more_output_keep(struct journal *journal, json_t *response, bool *kept, struct err *err)
{
    const json_t *whole = json_object_get(response, "whole");
    const char *shown = json_string_value(json_object_get(response, "output"));
    *kept = false;
    if (!json_is_string(whole) || shown == NULL) {
        return json_incref(response);
    }
    char handle[16];
    struct str text;
    str_init(&text);
    str_append(&text, shown);
    *kept =
        journal_result(journal, json_string_value(whole), json_string_length(whole), handle, err);
    if (*kept) {
        str_append_format(
            &text, "\n[cut; more_output {\"handle\": \"%s\", \"start_line\": %zu} shows the rest]",
            handle, first_left_out(shown, whole));
    } else {
        str_append(&text, "\n[cut; the rest could not be kept]");
    }
    json_t *bounded = json_copy(response);
    json_t *object = output(&text);
    json_object_del(bounded, "whole");
    json_object_update(bounded, object);
    json_decref(object);
    str_finish(&text);
    return bounded;
}

/* --- a page --- */

struct page {
    const char *bytes;
    size_t length, limit;
    long start, count; /* wanted; count 0 = as many as fit */
    const char *pattern;
    const char *handle;
    struct str text;
    long lines, shown, last; /* in all; on the page; number of the last on it */
    bool broken, full;
};

static void add_line(struct page *page, const char *line, size_t length)
{
    struct str *text = &page->text;
    if (page->full || (page->count > 0 && page->shown == page->count)) {
        page->full = true;
        return;
    }
    /* The first one is shown in any case, or there would be no reading on. */
    if (page->shown > 0 && text->length + NUMBER_ROOM + length > page->limit) {
        page->full = true;
        return;
    }
    str_append_format(text, "%ld| ", page->lines);
    str_append_bytes(text, line, length);
    str_append_char(text, '\n');
    page->shown++;
    page->last = page->lines;
}

/* Whether the pattern begins in the first `length` bytes of text[0..left): it may end in a later
 * piece of the same line. */
static bool begins(const char *text, size_t length, size_t left, const char *pattern)
{
    if (pattern == NULL) {
        return true;
    }
    size_t sought = strlen(pattern), beyond = sought > 0 ? sought - 1 : 0;
    size_t most = left - length > beyond ? length + beyond : left;
    const char *newline = memchr(text, '\n', most);
    most = newline != NULL ? (size_t)(newline - text) : most;
    return memmem(text, most, pattern, sought) != NULL;
}

static void fill(struct page *page)
{
    size_t step;
    for (size_t at = 0; at < page->length; at += step) {
        const char *line = page->bytes + at;
        size_t left = page->length - at, length = rows_first(line, left, &step);
        page->broken |= length == step && step < left;
        page->lines++;
        if (page->lines >= page->start && begins(line, length, left, page->pattern)) {
            add_line(page, line, length);
        }
    }
}

/* The end of a call that reads on; without the pattern it would show all lines. */
static void add_pattern(struct page *page)
{
    json_t *pattern = json_string(page->pattern);
    char *dump = pattern != NULL ? json_dumps(pattern, JSON_ENCODE_ANY) : NULL;
    if (dump != NULL && strlen(dump) <= PATTERN_ROOM) {
        str_append_format(&page->text, ", \"pattern\": %s", dump);
    }
    str_append(&page->text, "} ");
    str_append(&page->text,
               dump != NULL && strlen(dump) > PATTERN_ROOM ? "with the same pattern " : "");
    str_append(&page->text, "reads on]");
    free(dump);
    json_decref(pattern);
}

static void add_note(struct page *page)
{
    struct str *text = &page->text;
    const char *name = rows_name(page->broken);
    if (page->shown == 0) {
        str_append_format(text, "[no line from %ld on%s; %s has %ld %s]", page->start,
                          page->pattern != NULL ? " holds the pattern" : "", page->handle,
                          page->lines, name);
    } else if (page->full) {
        str_append_format(text,
                          "[%ld of %ld %s; more_output {\"handle\": \"%s\", \"start_line\": %ld",
                          page->shown, page->lines, name, page->handle, page->last + 1);
        add_pattern(page);
    } else {
        str_append_format(text, "[%ld of %ld %s; the end]", page->shown, page->lines, name);
    }
}

static json_t *complain(const char *what, bool *failed)
{
    struct str text;
    str_init(&text);
    str_append_format(
        &text, "error: %s. Expected for example {\"handle\": \"r1\", \"start_line\": 1}", what);
    json_t *response = output(&text);
    str_finish(&text);
    *failed = true;
    return response;
}

/* An optional whole number from 1 on. */
static bool read_number(const json_t *arguments, const char *name, long fallback, long *out,
                        struct err *err)
{
    const json_t *value = json_object_get(arguments, name);
    *out = value == NULL ? fallback : (long)json_integer_value(value);
    if (value != NULL && !json_is_integer(value)) {
        return err_set(err, ERR_ARGUMENT, "%s is not a whole number", name);
    }
    return value == NULL || *out >= 1 ||
           err_set(err, ERR_ARGUMENT, "%s is %ld, expected 1 or more", name, *out);
}

/* What the call asks for, as far as it makes sense. */
static bool read_arguments(const json_t *arguments, struct page *page, struct err *err)
{
    const json_t *handle = json_object_get(arguments, "handle");
    const json_t *pattern = json_object_get(arguments, "pattern");
    *page =
        (struct page){.handle = json_string_value(handle), .pattern = json_string_value(pattern)};
    if (page->handle == NULL) {
        return err_set(err, ERR_ARGUMENT, "the argument handle is %s",
                       handle == NULL ? "missing" : "not text");
    }
    if (pattern != NULL && page->pattern == NULL) {
        return err_set(err, ERR_ARGUMENT, "the argument pattern is not text");
    }
    return read_number(arguments, "start_line", 1, &page->start, err) &&
           read_number(arguments, "line_count", 0, &page->count, err);
}

json_t *more_output_page(const char *bytes, size_t length, const json_t *arguments, int tokens,
                         bool *failed)
{
    struct page page;
    struct err err;
    if (!read_arguments(arguments, &page, &err)) {
        return complain(err.text, failed);
    }
    page.bytes = bytes;
    page.length = length;
    page.limit =
        (size_t)(tokens < LEAST_TOKENS ? LEAST_TOKENS : tokens) * BYTES_A_TOKEN - NOTE_ROOM;
    str_init(&page.text);
    fill(&page);
    add_note(&page);
    json_t *response = output(&page.text);
    str_finish(&page.text);
    *failed = false;
    return response;
}

json_t *more_output_answer(struct journal *journal, const json_t *arguments, int tokens,
                           bool *failed)
{
    const char *handle = json_string_value(json_object_get(arguments, "handle"));
    struct err err = {0};
    char *bytes = NULL;
    size_t length = 0;
    if (handle != NULL &&
        !store_result_get(journal->store, journal->id, handle, &bytes, &length, &err)) {
        return complain(err.text, failed);
    }
    json_t *response = more_output_page(bytes, length, arguments, tokens, failed);
    mem_free(bytes);
    return response;
}

bool more_output_offered(const struct chat_conversation *conversation)
{
    for (size_t i = 0; i < conversation->count; i++) {
        const json_t *result = conversation->messages[i].result;
        const char *shown = json_string_value(json_object_get(result, "output"));
        if (shown != NULL && strstr(shown, "more_output {\"handle\": ") != NULL) {
            return true;
        }
    }
    return false;
}
