#include "screen/own_command.h"

#include <stdio.h>
#include <string.h>

#include "agent/toolproc.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"

static const char OPENING[] = "I ran this command myself:\n\n$ ";

bool own_command_start(struct own_command *own, struct toolproc *toolproc, const char *command,
                       struct err *err)
{
    command += strspn(command, " \t\n");
    if (command[0] == '\0') {
        return err_set(err, ERR_ARGUMENT, "! needs a command behind it: !git status");
    }
    if (own->running) {
        return err_set(err, ERR_ARGUMENT, "!%s still runs; Esc stops it", own->command);
    }
    mem_free(own->command);
    own->command = mem_strdup(command);
    snprintf(own->id, sizeof own->id, "own-%u", ++own->number);
    json_t *arguments = json_pack("{s:s}", "command", command);
    if (arguments == NULL) {
        return err_set(err, ERR_FORMAT, "the command is not UTF-8");
    }
    own->running = true;
    toolproc_start(toolproc, own->id, "shell", arguments);
    json_decref(arguments);
    return true;
}

void own_command_cancel(struct own_command *own, struct toolproc *toolproc)
{
    if (own->running) {
        toolproc_cancel(toolproc, own->id);
    }
}

bool own_command_is(const struct own_command *own, const char *call_id)
{
    return own->running && strcmp(own->id, call_id) == 0;
}

/* The beginning and the end of a long output, with a word about what is left out. */
static void append_bounded(struct str *out, const char *text)
{
    size_t length = strlen(text), half = OWN_COMMAND_SHOWN / 2;
    if (length <= OWN_COMMAND_SHOWN) {
        str_append(out, text);
        return;
    }
    size_t head = utf8_complete_length(text, half), tail = length - half;
    while (tail < length && ((unsigned char)text[tail] & 0xC0) == 0x80) {
        tail++;
    }
    str_append_bytes(out, text, head);
    str_append_format(out, "\n[%zu bytes left out]\n", tail - head);
    str_append(out, text + tail);
}

void own_command_end(struct own_command *own, const struct toolproc_result *result,
                     struct str *message, struct str *shown)
{
    const char *output = json_string_value(json_object_get(result->response, "output"));
    const json_t *code = json_object_get(result->response, "exit_code");
    output = result->unavailable != NULL ? result->unavailable : output != NULL ? output : "";
    own->running = false;
    str_append_format(message, "%s%s\n", OPENING, own->command);
    append_bounded(message, output);
    str_append(shown, output);
    if (json_integer_value(code) != 0) {
        str_append_format(message, "\n(exit status %lld)", (long long)json_integer_value(code));
    }
}

void own_command_leave(struct own_command *own, const char *told, struct str *message)
{
    own->running = false;
    str_append_format(message, "%s%s\n%s", OPENING, own->command, told);
}

bool own_command_is_note(const char *message)
{
    return strncmp(message, OPENING, sizeof OPENING - 1) == 0;
}

void own_command_finish(struct own_command *own)
{
    mem_free(own->command);
    *own = (struct own_command){0};
}
