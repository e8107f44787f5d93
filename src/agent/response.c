/* response: the agent's own words to the model, in one table.
 *
 * The wording "denied by the user" is the one that models are tuned on here; errors begin with
 * "error: " like those of the tools.
 */
#include "agent/response.h"

#include <stdlib.h>
#include <string.h>

#include "base/rows.h"
#include "base/str.h"
#include "base/utf8.h"

static const struct {
    const char *text, *before_detail;
} refusals[] = {
    [TURN_REASON_DENIED] = {"denied by the user", ": "},
    [TURN_REASON_UNREADABLE] = {"error", ": "},
    [TURN_REASON_REPEATED] = {"error: not run again: this exact call was made before in this turn; "
                              "use the result you have or try something else",
                              NULL},
    [TURN_REASON_LIMIT] = {"error: not run: the limit of this turn is reached", NULL},
    [TURN_REASON_CANCELLED] = {"error: not run: the turn was stopped", NULL},
    [TURN_REASON_NO_SANDBOX] = {"error: not run: the sandbox is not available", ": "},
    [TURN_REASON_HOOK] = {"denied by a hook", ": "},
    [TURN_REASON_NOBODY] = {"denied: nobody is there to approve this call", NULL},
};

static json_t *output(const char *text, size_t length)
{
    struct str repaired;
    str_init(&repaired);
    utf8_append_repaired(&repaired, text, length);
    json_t *response = json_pack("{s:s%}", "output", repaired.data, repaired.length);
    str_finish(&repaired);
    return response;
}

json_t *response_refusal(enum turn_reason reason, const char *detail)
{
    struct str text;
    str_init(&text);
    str_append(&text, refusals[reason].text);
    if (detail != NULL && detail[0] != '\0' && refusals[reason].before_detail != NULL) {
        str_append(&text, refusals[reason].before_detail);
        str_append(&text, detail);
    }
    json_t *response = output(text.data, text.length);
    str_finish(&text);
    return response;
}

json_t *response_interrupted(bool started)
{
    const char *text = started ? "error: carat was stopped while this ran; its outcome is unknown"
                               : "error: carat was stopped before this was run; nothing was done";
    return output(text, strlen(text));
}

json_t *response_unseen(const json_t *response)
{
    const char *kind = json_string_value(json_object_get(response, "output"));
    bool cut = json_object_get(response, "whole") != NULL; /* the picture's place is not shown */
    struct str text;
    str_init(&text);
    str_append_format(&text, "%s%s, which you cannot see: this model has no encoder of pictures%s",
                      kind != NULL ? kind : "a picture", cut ? "\n[a picture goes with it" : "",
                      cut ? "]" : "");
    json_t *unseen = json_copy((json_t *)response), *object = output(text.data, text.length);
    json_object_update(unseen, object);
    json_decref(object);
    str_finish(&text);
    return unseen;
}

bool response_too_large(const json_t *response, struct str *whole)
{
    const json_t *text = json_object_get(response, "output");
    if (json_string_length(text) > RESPONSE_LIMIT) {
        str_append_bytes(whole, json_string_value(text), json_string_length(text));
        return true;
    }
    /* Escapes make the dump longer than the text; only what is far over is a flood elsewhere. */
    char *dump = json_dumps(response, JSON_COMPACT);
    bool too_large = dump != NULL && strlen(dump) > 8 * (size_t)RESPONSE_LIMIT;
    if (too_large) {
        str_append(whole, dump);
    }
    free(dump);
    return too_large;
}

/* The other members of a result (exit_code, status) are small and stay; whatever is not goes. */
static json_t *small_members(const json_t *response)
{
    json_t *kept = json_object();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)response, name, value)
    {
        if (json_is_number(value) || json_is_boolean(value)) {
            json_object_set(kept, name, value);
        }
    }
    return kept;
}

json_t *response_cut(const json_t *response, const struct str *whole, const char *handle)
{
    size_t length = whole->length < RESPONSE_LIMIT ? whole->length : RESPONSE_LIMIT;
    length = utf8_complete_length(whole->data, length);
    struct str text;
    str_init(&text);
    str_append_bytes(&text, whole->data, length);
    str_append_format(&text, "\n[cut: the first %zu of %zu bytes", length, whole->length);
    if (handle[0] != '\0') {
        str_append_format(&text,
                          "; more_output {\"handle\": \"%s\", \"start_line\": %zu} shows the rest",
                          handle, rows_within(whole->data, whole->length, length).count + 1);
    }
    str_append(&text, "]");
    json_t *cut = small_members(response);
    json_t *beginning = output(text.data, text.length);
    json_object_update(cut, beginning);
    json_decref(beginning);
    str_finish(&text);
    return cut;
}
