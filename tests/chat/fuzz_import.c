/* Lines of other agents' files, any bytes: each is understood or refused in words. What came of
 * them keeps the rules of a conversation (the results of a step's calls follow it, one each, in
 * their order), and its documents hold nothing that it could have put there: in HTML no tag but
 * ours and one heading a message, in Markdown one heading a message and every fence closed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/export.h"
#include "chat/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* --- the conversation --- */

static void check_results(const struct chat_conversation *all, size_t step)
{
    const struct chat_message *message = &all->messages[step];
    for (size_t i = 0; i < message->call_count; i++) {
        require(step + 1 + i < all->count);
        const struct chat_message *result = &all->messages[step + 1 + i];
        require(result->role == CHAT_TOOL);
        require(strcmp(result->call_id, message->calls[i].id) == 0);
        require(json_is_object(message->calls[i].arguments));
    }
    size_t behind = step + 1 + message->call_count;
    require(behind >= all->count || all->messages[behind].role != CHAT_TOOL);
}

static void check_conversation(const struct chat_conversation *all)
{
    require(all->count > 0 && all->messages[0].role != CHAT_TOOL);
    for (size_t i = 0; i < all->count; i++) {
        require(all->messages[i].role != CHAT_SYSTEM);
        if (all->messages[i].role != CHAT_TOOL) {
            check_results(all, i);
        }
    }
}

/* --- its documents --- */

static bool skip(const char **at, const char *expected)
{
    size_t length = strlen(expected);
    if (strncmp(*at, expected, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

/* Text up to the next tag: nothing in it can be anything else. */
static void skip_text(const char **at)
{
    *at += strcspn(*at, "<>\"'");
    require(**at == '<');
}

static void check_html(const struct chat_import *import)
{
    static const char *const tags[][2] = {
        {"<h2>", "</h2>\n"}, {"<p>", "</p>\n"}, {"<pre>", "</pre>\n"}};
    struct str page;
    size_t headings = 0;
    str_init(&page);
    chat_export_html(&page, import->title.data, &import->conversation, NULL);
    require(strlen(page.data) == page.length);
    const char *at = strstr(page.data, "<title>");
    require(at != NULL && skip(&at, "<title>"));
    skip_text(&at);
    require(skip(&at, "</title>\n<style>"));
    at = strstr(at, "</style>");
    require(at != NULL && skip(&at, "</style></head><body>\n<h1>"));
    skip_text(&at);
    require(skip(&at, "</h1>\n"));
    while (!skip(&at, "</body></html>\n")) {
        size_t which = 0;
        while (which < 3 && !skip(&at, tags[which][0])) {
            which++;
        }
        require(which < 3);
        headings += which == 0;
        skip_text(&at);
        require(skip(&at, tags[which][1]));
    }
    require(*at == '\0' && headings == import->conversation.count);
    str_finish(&page);
}

static void check_markdown(const struct chat_import *import)
{
    struct str text;
    size_t headings = 0, fence = 0; /* of the open one; 0 = none */
    str_init(&text);
    chat_export_markdown(&text, import->title.data, &import->conversation);
    for (const char *line = text.data; *line != '\0';) {
        size_t length = strcspn(line, "\n"), ticks = strspn(line, "`");
        if (fence > 0) {
            fence = ticks >= fence && ticks == length ? 0 : fence;
        } else if (ticks >= 3) {
            fence = ticks;
        } else {
            headings += strncmp(line, "## ", 3) == 0;
            require(length == 0 || strncmp(line, "## ", 3) == 0 || line[0] == '>' ||
                    strncmp(line, "# Conversation", length) == 0);
        }
        line += length + (line[length] == '\n');
    }
    require(fence == 0 && headings == import->conversation.count);
    str_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chat_import import;
    struct err err = {0};
    chat_import_init(&import);
    bool ok = true;
    for (size_t at = 0; ok && at < size;) {
        const uint8_t *newline = memchr(data + at, '\n', size - at);
        size_t end = newline != NULL ? (size_t)(newline - data) : size;
        ok = chat_import_line(&import, (const char *)data + at, end - at, &err);
        at = end + 1;
    }
    if (ok && chat_import_end(&import, &err)) {
        check_conversation(&import.conversation);
        check_html(&import);
        check_markdown(&import);
    } else {
        require(err.text[0] != '\0');
    }
    chat_import_finish(&import);
    return 0;
}
