#include "lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

int64_t lines_now_ms;
const json_t *lines_tools;
const char *lines_servers;
static json_t *written, *none;
static int ids;

static void keep(void *context, const char *line, size_t length)
{
    assert_ptr_equal(context, &written);
    assert_null(memchr(line, '\n', length));
    json_t *parsed = json_loadb(line, length, 0, NULL);
    assert_non_null(parsed);
    json_array_append_new(written, parsed);
}

static int64_t now(void)
{
    return lines_now_ms;
}

static void count_up(char out[EVENT_LINES_ID_SIZE])
{
    snprintf(out, EVENT_LINES_ID_SIZE, "id-%d", ++ids);
}

static bool told_tools(void *context, const json_t **tools)
{
    assert_ptr_equal(context, &written);
    *tools = lines_tools;
    return lines_tools != NULL;
}

static json_t *told_servers(void *context)
{
    assert_ptr_equal(context, &written);
    return json_loads(lines_servers, 0, NULL);
}

struct event_lines_options lines_begin(void)
{
    lines_finish();
    written = json_array();
    lines_tools = none = json_array();
    lines_servers = "[]";
    ids = 0;
    lines_now_ms = 1700000000789;
    return (struct event_lines_options){.write = keep,
                                        .context = &written,
                                        .wall_ms = now,
                                        .make_id = count_up,
                                        .tools = told_tools,
                                        .servers = told_servers,
                                        .workspace = "/w",
                                        .model = "wanted"};
}

void lines_finish(void)
{
    json_decref(written);
    json_decref(none);
    written = none = NULL;
}

void lines_feed(struct event_lines *events, struct agent_event event)
{
    event_lines_feed(events, &event, "0199-id");
}

size_t lines_count(void)
{
    return json_array_size(written);
}

const json_t *lines_parsed(size_t number)
{
    const json_t *line = json_array_get(written, number);
    assert_non_null(line);
    return line;
}

void lines_equal(size_t number, const char *expected)
{
    json_t *wanted = json_loads(expected, 0, NULL);
    assert_non_null(wanted);
    char *line = json_dumps(lines_parsed(number), JSON_COMPACT | JSON_SORT_KEYS);
    char *text = json_dumps(wanted, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(line, text);
    mem_free(line);
    mem_free(text);
    json_decref(wanted);
}

struct chat_message lines_answer(const char *thought, const char *text)
{
    struct chat_message message;
    chat_message_init(&message, CHAT_MODEL);
    chat_message_set_text(&message, text, strlen(text));
    mem_free(message.thought);
    message.thought = mem_strdup(thought);
    return message;
}
