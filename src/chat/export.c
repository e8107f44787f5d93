/* export: one walk over the messages; what differs between the two forms is a table of functions.
 */
#include "chat/export.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/visible.h"

/* How a form writes the pieces of a message. */
struct form {
    void (*heading)(struct str *out, const char *text);
    void (*prose)(struct str *out, const char *text);
    void (*block)(struct str *out, const char *text);
    /* The file of a medium; false: it cannot be shown. NULL: nothing can. */
    bool (*medium)(struct str *out, const char *bytes, size_t length);
    const struct chat_export_files *files;
};

/* --- Markdown --- */

/* Control characters would reach the terminal of whoever prints the file. */
static void append_clean(struct str *out, const char *text)
{
    visible_append(out, text, strlen(text), VISIBLE_TEXT);
}

static void markdown_heading(struct str *out, const char *text)
{
    str_append_format(out, "\n## %s\n\n", text);
}

static void markdown_prose(struct str *out, const char *text)
{
    struct str clean;
    str_init(&clean);
    append_clean(&clean, text);
    str_append(out, "> ");
    for (size_t i = 0; i < clean.length; i++) {
        str_append_char(out, clean.data[i]);
        if (clean.data[i] == '\n') {
            str_append(out, "> ");
        }
    }
    str_append(out, "\n");
    str_finish(&clean);
}

static size_t longest_fence(const char *text)
{
    size_t longest = 0;
    for (const char *at = text; *at != '\0';) {
        size_t run = strspn(at, "`");
        longest = run > longest ? run : longest;
        at += run > 0 ? run : 1;
    }
    return longest;
}

static void markdown_block(struct str *out, const char *text)
{
    struct str clean;
    str_init(&clean);
    append_clean(&clean, text);
    size_t fence = longest_fence(clean.data) < 3 ? 3 : longest_fence(clean.data) + 1;
    for (int end = 0; end < 2; end++) {
        for (size_t i = 0; i < fence; i++) {
            str_append_char(out, '`');
        }
        str_append(out, "\n");
        if (end == 0) {
            str_append(out, clean.data);
            str_append(out, str_ends_with(clean.data, "\n") ? "" : "\n");
        }
    }
    str_finish(&clean);
}

/* --- HTML --- */

static void html_escape(struct str *out, const char *text)
{
    struct str clean;
    str_init(&clean);
    append_clean(&clean, text);
    for (size_t i = 0; i < clean.length; i++) {
        switch (clean.data[i]) {
        case '<':
            str_append(out, "&lt;");
            break;
        case '>':
            str_append(out, "&gt;");
            break;
        case '&':
            str_append(out, "&amp;");
            break;
        case '"':
            str_append(out, "&quot;");
            break;
        case '\'':
            str_append(out, "&#39;");
            break;
        default:
            str_append_char(out, clean.data[i]);
        }
    }
    str_finish(&clean);
}

static void html_heading(struct str *out, const char *text)
{
    str_append(out, "<h2>");
    html_escape(out, text);
    str_append(out, "</h2>\n");
}

static void html_prose(struct str *out, const char *text)
{
    str_append(out, "<p>");
    html_escape(out, text);
    str_append(out, "</p>\n");
}

static void html_block(struct str *out, const char *text)
{
    str_append(out, "<pre>");
    html_escape(out, text);
    str_append(out, "</pre>\n");
}

/* Only what a browser shows without running anything. */
static const struct {
    const char *magic;
    size_t length;
    const char *before, *type, *after;
} shown[] = {
    {"\x89PNG\r\n\x1A\n", 8, "<p><img alt=\"a picture\" src=\"", "image/png", "\"></p>\n"},
    {"\xFF\xD8\xFF", 3, "<p><img alt=\"a picture\" src=\"", "image/jpeg", "\"></p>\n"},
    {"RIFF", 4, "<p><audio controls src=\"", "audio/wav", "\"></audio></p>\n"},
};

static bool html_medium(struct str *out, const char *bytes, size_t length)
{
    size_t i = 0, count = sizeof shown / sizeof shown[0];
    while (i < count &&
           (length < shown[i].length || memcmp(bytes, shown[i].magic, shown[i].length) != 0)) {
        i++;
    }
    if (i == count) {
        return false;
    }
    size_t size = base64_length(length);
    char *text = mem_zero(size + 1, 1);
    base64_encode(bytes, length, text);
    str_append_format(out, "%sdata:%s;base64,", shown[i].before, shown[i].type);
    str_append_bytes(out, text, size);
    str_append(out, shown[i].after);
    mem_free(text);
    return true;
}

/* --- the walk --- */

static bool show_medium(struct str *out, const struct form *form, const struct chat_part *part)
{
    char *bytes;
    size_t length;
    if (form->medium == NULL || form->files == NULL || part->handle == NULL ||
        !form->files->read(form->files->context, part->handle, &bytes, &length)) {
        return false;
    }
    bool is_shown = form->medium(out, bytes, length);
    mem_free(bytes);
    return is_shown;
}

static void export_parts(struct str *out, const struct form *form,
                         const struct chat_message *message)
{
    static const char *const names[] = {[CHAT_PART_IMAGE] = "(a picture)",
                                        [CHAT_PART_AUDIO] = "(a sound)",
                                        [CHAT_PART_VIDEO] = "(a video)"};
    for (size_t i = 0; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        if (i > 0 && part->kind == CHAT_PART_VIDEO && part[-1].kind == CHAT_PART_VIDEO) {
            continue; /* another frame of it */
        }
        if (part->kind == CHAT_PART_TEXT) {
            form->prose(out, part->text);
        } else if (!show_medium(out, form, part)) {
            form->prose(out, names[part->kind]);
        }
    }
}

/* Of a message with media the text stands among its parts, too. */
static bool parts_tell(const struct chat_message *message)
{
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].kind == CHAT_PART_TEXT) {
            return true;
        }
    }
    return false;
}

static void export_call(struct str *out, const struct form *form, const struct chat_call *call)
{
    char *arguments = json_dumps(call->arguments, JSON_INDENT(2));
    struct str text;
    str_init(&text);
    str_append_format(&text, "%s %s", call->name, arguments != NULL ? arguments : "{}");
    form->block(out, text.data);
    str_finish(&text);
    free(arguments);
}

static void export_result(struct str *out, const struct form *form,
                          const struct chat_message *message)
{
    const char *output = json_string_value(json_object_get(message->result, "output"));
    char *dump = output == NULL && message->result != NULL
                     ? json_dumps(message->result, JSON_INDENT(2))
                     : NULL;
    form->block(out, output != NULL ? output : dump != NULL ? dump : message->text);
    free(dump);
}

static void export_message(struct str *out, const struct form *form,
                           const struct chat_message *message)
{
    static const char *const speakers[] = {[CHAT_SYSTEM] = "System",
                                           [CHAT_USER] = "You",
                                           [CHAT_MODEL] = "carat",
                                           [CHAT_TOOL] = "Result"};
    form->heading(out, message->failed ? "Result (failed)" : speakers[message->role]);
    if (message->role == CHAT_TOOL) {
        export_result(out, form, message);
        return;
    }
    if (message->thought[0] != '\0') {
        form->prose(out, "(thought)");
        form->block(out, message->thought);
    }
    if (message->text[0] != '\0' && !parts_tell(message)) {
        form->prose(out, message->text);
    }
    export_parts(out, form, message);
    for (size_t i = 0; i < message->call_count; i++) {
        export_call(out, form, &message->calls[i]);
    }
    if (!message->complete) {
        form->prose(out, "(interrupted here)");
    }
}

static void export_messages(struct str *out, const struct form *form,
                            const struct chat_conversation *conversation)
{
    for (size_t i = 0; i < conversation->count; i++) {
        export_message(out, form, &conversation->messages[i]);
    }
}

void chat_export_markdown(struct str *out, const char *title,
                          const struct chat_conversation *conversation)
{
    static const struct form form = {
        .heading = markdown_heading, .prose = markdown_prose, .block = markdown_block};
    str_append(out, "# Conversation\n\n");
    markdown_prose(out, title);
    export_messages(out, &form, conversation);
}

void chat_export_html(struct str *out, const char *title,
                      const struct chat_conversation *conversation,
                      const struct chat_export_files *files)
{
    const struct form form = {html_heading, html_prose, html_block, html_medium, files};
    str_append(out, "<!doctype html>\n<html><head><meta charset=\"utf-8\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                    "style-src 'unsafe-inline'; img-src data:; media-src data:\">\n<title>");
    html_escape(out, title);
    str_append(out, "</title>\n<style>body{max-width:50em;margin:2em auto;font-family:sans-serif}"
                    "p{white-space:pre-wrap}pre{background:#eee;padding:.5em;white-space:pre-wrap}"
                    "h2{font-size:1em;color:#666}img{max-width:100%}</style></head><body>\n<h1>");
    html_escape(out, title);
    str_append(out, "</h1>\n");
    export_messages(out, &form, conversation);
    str_append(out, "</body></html>\n");
}
