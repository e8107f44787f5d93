#include "agent/compaction.h"

#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

enum { GOAL_LIMIT = 2000, ITEM_LIMIT = 200, ITEMS_LIMIT = 60 };

/* At most `limit` bytes, and a word about the rest. */
static void append_bounded(struct str *out, const char *text, size_t limit)
{
    size_t length = strlen(text);
    size_t kept = length <= limit ? length : utf8_complete_length(text, limit);
    str_append_bytes(out, text, kept);
    if (kept < length) {
        str_append_format(out, " (%zu bytes more)", length - kept);
    }
}

static void append_goal(struct str *out, const struct chat_conversation *conversation, size_t upto)
{
    for (size_t i = 0; i < upto; i++) {
        if (conversation->messages[i].role == CHAT_USER) {
            str_append(out, "\nThe user began with:\n");
            append_bounded(out, conversation->messages[i].text, GOAL_LIMIT);
            str_append(out, "\n");
            return;
        }
    }
}

static bool is_listed(const struct str *list, size_t from, const char *item)
{
    const char *found = strstr(list->data + from, item);
    return found != NULL;
}

/* One line for each different value of a field of the calls; the newest are kept when there are too
 * many. */
static void append_calls(struct str *out, const struct chat_conversation *conversation, size_t upto,
                         const char *field, const char *heading)
{
    struct str list;
    size_t count = 0, left_out = 0;
    str_init(&list);
    for (size_t i = upto; i-- > 0;) {
        const struct chat_message *message = &conversation->messages[i];
        for (size_t j = message->call_count; j-- > 0;) {
            const struct chat_call *call = &message->calls[j];
            const char *value = json_string_value(json_object_get(call->arguments, field));
            struct str item;
            if (value == NULL) {
                continue;
            }
            str_init(&item);
            str_append_format(&item, "- %s: ", call->name);
            append_bounded(&item, value, ITEM_LIMIT);
            str_append(&item, "\n");
            if (count >= ITEMS_LIMIT) {
                left_out++;
            } else if (!is_listed(&list, 0, item.data)) {
                str_append(&list, item.data);
                count++;
            }
            str_finish(&item);
        }
    }
    if (count > 0) {
        str_append_format(out, "\n%s\n%s", heading, list.data);
    }
    if (left_out > 0) {
        str_append_format(out, "- and %zu earlier ones\n", left_out);
    }
    str_finish(&list);
}

void compaction_append(struct str *out, const struct chat_conversation *conversation, size_t upto,
                       const char *summary)
{
    upto = upto < conversation->count ? upto : conversation->count;
    str_append(out, summary);
    str_append(out, "\n");
    append_goal(out, conversation, upto);
    append_calls(out, conversation, upto, "path", "Files that were read or changed, newest first:");
    append_calls(out, conversation, upto, "command",
                 "Commands that were run already, newest first:");
}
