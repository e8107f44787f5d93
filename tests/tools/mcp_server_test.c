/* The server against a client on the other ends of two pipes: both protocol generations, every
 * error, live output, cancellation, and frames of every shape. The tools are small ones under names
 * that the declarations know. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "base/utf8.h"

#include "declaration.h"
#include "mcp_server.h"
#include "tool.h"

/* ---- tools ---- */

/* Waits, as a tool should, until it is cancelled; for a second and a half at most. */
static void wait_for_cancel(struct tool_context *context, struct tool_result *result)
{
    int64_t end = clock_monotonic_us() + 1500000;
    context->progress(context->host, "waiting\n", 8);
    while (clock_monotonic_us() < end) {
        struct pollfd input = {.fd = context->cancel_fd, .events = POLLIN};
        poll(&input, 1, 20);
        if (context->cancelled(context->host)) {
            tool_fail(result, "cancelled");
            return;
        }
    }
    tool_succeed(result, "nobody came", 11);
}

/* Two megabytes of live output in characters of three bytes, cut anywhere, and an unfinished one.
 */
static void chatter(struct tool_context *context, struct tool_result *result)
{
    struct str text;
    str_init(&text);
    for (int i = 0; i < 700000; i++) {
        str_append(&text, "\xE2\x82\xAC");
    }
    for (size_t at = 0, size = 1; at < text.length; at += size, size = size * 7 % 99991 + 1) {
        size_t left = text.length - at;
        context->progress(context->host, text.data + at, left < size ? left : size);
    }
    context->progress(context->host, "end\xE2\x82", 5);
    str_finish(&text);
    tool_succeed(result, "chattered", 9);
}

/* Until the client says that it does not wait; what other notices say means nothing. */
static void wait_for_background(struct tool_context *context, struct tool_result *result)
{
    context->progress(context->host, "waiting\n", 8);
    while (!context->cancelled(context->host) && !context->background(context->host)) {
        struct pollfd input = {.fd = context->cancel_fd, .events = POLLIN};
        poll(&input, 1, 1000);
    }
    tool_succeed(result, "alone", 5);
}

/* Until it is to end; how long what runs would have for it. */
static void tell_grace(struct tool_context *context, struct tool_result *result)
{
    char text[16];
    while (!context->cancelled(context->host)) {
        struct pollfd input = {.fd = context->cancel_fd, .events = POLLIN};
        poll(&input, 1, 1000);
    }
    snprintf(text, sizeof text, "%d", context->grace_ms);
    tool_succeed(result, text, strlen(text));
}

static int flooded[2]; /* a pipe in which the tool below says that it is through */

/* A second of live output: twenty full messages, more than the pipe to the client holds. */
static void flood(struct tool_context *context, struct tool_result *result)
{
    char text[8192];
    memset(text, 'x', sizeof text);
    int64_t end = clock_monotonic_us() + 1000000;
    while (clock_monotonic_us() < end) {
        context->progress(context->host, text, sizeof text);
        poll(NULL, 0, 5);
    }
    bool said = write(flooded[1], "!", 1) == 1;
    tool_succeed(result, said ? "through" : "lost", said ? 7 : 4);
}

static void list_files(struct tool_context *context, const json_t *arguments,
                       struct tool_result *result)
{
    const char *path = json_string_value(json_object_get(arguments, "path"));
    if (path != NULL && strcmp(path, "wait") == 0) {
        wait_for_cancel(context, result);
    } else if (path != NULL && strcmp(path, "background") == 0) {
        wait_for_background(context, result);
    } else if (path != NULL && strcmp(path, "grace") == 0) {
        tell_grace(context, result);
    } else if (path != NULL && strcmp(path, "chatter") == 0) {
        chatter(context, result);
    } else if (path != NULL && strcmp(path, "flood") == 0) {
        flood(context, result);
    } else if (path != NULL && strcmp(path, "binary") == 0) {
        tool_succeed(result, "a\0b\xFF", 4);
    } else if (path != NULL && strcmp(path, "nothing") == 0) {
        result->response = NULL;
    } else {
        char *text = json_dumps(arguments, JSON_COMPACT);
        tool_succeed(result, text, strlen(text));
        free(text);
    }
}

static const struct tool tools[] = {
    {"list_files", list_files}, {"shell", list_files}, {NULL, NULL}};

/* ---- client ---- */

static struct {
    int to, from; /* the client's ends */
    int server_in, server_out;
    const char *only;
    pthread_t thread;
    struct str buffer;
} peer;

static void *serve(void *unused)
{
    (void)unused;
    struct tool_context context = {.cancel_fd = -1};
    mcp_server_run(peer.server_in, peer.server_out, tools, peer.only, &context);
    close(peer.server_in);
    close(peer.server_out);
    return NULL;
}

static int start_only(const char *only)
{
    int in[2], out[2];
    if (pipe(in) != 0 || pipe(out) != 0) {
        return -1;
    }
    peer.server_in = in[0];
    peer.to = in[1];
    peer.from = out[0];
    peer.server_out = out[1];
    peer.only = only;
    str_init(&peer.buffer);
    return pthread_create(&peer.thread, NULL, serve, NULL);
}

static int start(void **state)
{
    (void)state;
    return start_only(NULL);
}

static int stop(void **state)
{
    (void)state;
    if (peer.to >= 0) {
        close(peer.to);
    }
    int problem = pthread_join(peer.thread, NULL);
    if (peer.from >= 0) {
        close(peer.from);
    }
    str_finish(&peer.buffer);
    return problem;
}

static void send_bytes(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(peer.to, bytes, length);
        assert_true(written > 0);
        bytes += written;
        length -= (size_t)written;
    }
}

static void send_line(const char *line)
{
    send_bytes(line, strlen(line));
    send_bytes("\n", 1);
}

/* The next message of the server, or NULL when none comes within the time or it has ended. */
static json_t *receive_within(int timeout_ms)
{
    for (;;) {
        char *newline = memchr(peer.buffer.data, '\n', peer.buffer.length);
        if (newline != NULL) {
            size_t length = (size_t)(newline - peer.buffer.data);
            assert_true(utf8_valid(peer.buffer.data, length));
            json_t *message = json_loadb(peer.buffer.data, length, JSON_ALLOW_NUL, NULL);
            assert_non_null(message);
            assert_string_equal(json_string_value(json_object_get(message, "jsonrpc")), "2.0");
            str_remove(&peer.buffer, 0, length + 1);
            return message;
        }
        struct pollfd output = {.fd = peer.from, .events = POLLIN};
        if (poll(&output, 1, timeout_ms) != 1) {
            return NULL;
        }
        char chunk[4096];
        ssize_t got = read(peer.from, chunk, sizeof chunk);
        if (got <= 0) {
            return NULL;
        }
        str_append_bytes(&peer.buffer, chunk, (size_t)got);
    }
}

static json_t *receive(void)
{
    json_t *message = receive_within(10000);
    assert_non_null(message);
    return message;
}

/* Takes the message and holds it against JSON text, where "ANY" stands for any value. */
static bool matches(const json_t *expected, const json_t *got)
{
    const char *text = json_string_value(expected);
    if (text != NULL && strcmp(text, "ANY") == 0) {
        return got != NULL;
    }
    if (!json_is_object(expected) || !json_is_object(got)) {
        return json_equal(expected, got);
    }
    bool same = json_object_size(expected) == json_object_size(got);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)expected, key, value)
    {
        same = same && matches(value, json_object_get(got, key));
    }
    return same;
}

static void expect(const char *expected)
{
    json_t *message = receive();
    json_t *wanted = json_loads(expected, 0, NULL);
    assert_non_null(wanted);
    if (!matches(wanted, message)) {
        char *text = json_dumps(message, JSON_COMPACT);
        fail_msg("expected %s\n     got %s", expected, text);
    }
    json_decref(wanted);
    json_decref(message);
}

static void exchange(const char *line, const char *expected)
{
    send_line(line);
    expect(expected);
}

static void expect_error(const char *line, const char *id, int code)
{
    char expected[200];
    snprintf(expected, sizeof expected,
             "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":\"ANY\"}}", id,
             code);
    exchange(line, expected);
}

#define CALL(id, rest)                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{" \
    "\"name\":\"list_files\"" rest "}}"
#define CANCEL(id) \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":" id "}}"
#define BACKGROUND(id)                                                                \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/carat/background\",\"params\":{" \
    "\"requestId\":" id "}}"
#define STOP(id)                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/carat/stop\",\"params\":{\"requestId\":" id \
    ",\"graceMs\":70}}"
#define HELLO                                                                                  \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":" \
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}"
#define WELCOME                                                                                    \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-11-25\","                \
    "\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"carat-tool\",\"version\":\"ANY\"}" \
    "}}"
#define ANSWER(id, text)                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"content\":[{\"type\":\"text\",\"text\":" \
    "\"" text "\"}],\"structuredContent\":{\"output\":\"" text "\"},\"isError\":false}}"
#define META(version)                                                   \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" version \
    "\",\"io.modelcontextprotocol/clientCapabilities\":{}}"

static void shake_hands(void)
{
    exchange(HELLO, WELCOME);
    send_line("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
}

/* ---- tests ---- */

static void test_handshake(void **state)
{
    (void)state;
    shake_hands();
    exchange("{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}",
             "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"result\":{}}");
    exchange(CALL("1", ",\"arguments\":{\"path\":\"src\"}"),
             ANSWER("1", "{\\\"path\\\":\\\"src\\\"}"));
    exchange(CALL("2", ""), ANSWER("2", "{}"));
    exchange(CALL("3", ",\"arguments\":{\"path\":\"binary\"}"), ANSWER("3", "a\xEF\xBF\xBD"
                                                                            "b\xEF\xBF\xBD"));
    /* Versions: one that we know is kept, another answered with ours. */
    exchange("{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"initialize\",\"params\":"
             "{\"protocolVersion\":\"2025-06-18\"}}",
             "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{\"protocolVersion\":\"2025-06-18\","
             "\"capabilities\":\"ANY\",\"serverInfo\":\"ANY\"}}");
    exchange("{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"initialize\",\"params\":"
             "{\"protocolVersion\":\"1999-01-01\"}}",
             "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"protocolVersion\":\"2025-11-25\","
             "\"capabilities\":\"ANY\",\"serverInfo\":\"ANY\"}}");
}

static void test_stateless(void **state)
{
    (void)state;
    exchange("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\",\"params\":{" META(
                 "2026-07-28") "}}",
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"supportedVersions\":[\"2026-07-28\","
             "\"2025-11-25\"],\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":"
             "\"carat-tool\",\"version\":\"ANY\"},\"ttlMs\":\"ANY\",\"cacheScope\":\"private\","
             "\"resultType\":\"complete\",\"_meta\":\"ANY\"}}");
    /* With its version in _meta, and without any sign of a protocol. */
    exchange(CALL("2", ",\"arguments\":{}," META("2026-07-28")),
             "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":\"ANY\",\"structuredContent\":"
             "\"ANY\",\"isError\":false,\"resultType\":\"complete\",\"_meta\":\"ANY\"}}");
    exchange(CALL("3", ""),
             "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"content\":\"ANY\",\"structuredContent\":"
             "\"ANY\",\"isError\":false,\"resultType\":\"complete\",\"_meta\":\"ANY\"}}");
    exchange("{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/list\",\"params\":{" META(
                 "2026-07-28") "}}",
             "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"tools\":\"ANY\",\"ttlMs\":\"ANY\","
             "\"cacheScope\":\"private\",\"resultType\":\"complete\",\"_meta\":\"ANY\"}}");
    exchange(
        "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/list\",\"params\":{" META(
            "2031-01-01") "}}",
        "{\"jsonrpc\":\"2.0\",\"id\":4,\"error\":{\"code\":-32022,\"message\":\"ANY\",\"data\":"
        "{\"supported\":[\"2026-07-28\",\"2025-11-25\"],\"requested\":\"2031-01-01\"}}}");
}

static void test_list(void **state)
{
    (void)state;
    shake_hands();
    send_line("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
    json_t *message = receive();
    const json_t *list = json_object_get(json_object_get(message, "result"), "tools");
    assert_int_equal(json_array_size(list), 2);
    json_t *wanted = json_loads(
        "{\"name\":\"list_files\",\"description\":\"List files and directories.\",\"inputSchema\":"
        "{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\",\"description\":"
        "\"Directory.\"},\"pattern\":{\"type\":\"string\",\"description\":\"Glob, for example "
        "*.c.\"}}},\"annotations\":{\"readOnlyHint\":true,\"destructiveHint\":false}}",
        0, NULL);
    assert_true(json_equal(wanted, json_array_get(list, 0)));
    const json_t *hints = json_object_get(json_array_get(list, 1), "annotations");
    assert_true(json_is_false(json_object_get(hints, "readOnlyHint")));
    assert_true(json_is_true(json_object_get(hints, "destructiveHint")));
    json_decref(wanted);
    json_decref(message);
}

static int start_shell_only(void **state)
{
    (void)state;
    return start_only("shell");
}

static void test_only_one_tool(void **state)
{
    (void)state;
    shake_hands();
    send_line("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
    json_t *message = receive();
    const json_t *list = json_object_get(json_object_get(message, "result"), "tools");
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "name")),
                        "shell");
    json_decref(message);
    expect_error(CALL("2", ""), "2", -32602);
}

static void test_protocol_errors(void **state)
{
    (void)state;
    shake_hands();
    expect_error("nonsense", "null", -32700);
    expect_error("{\"jsonrpc\":\"2.0\",\"id\":1", "null", -32700);
    expect_error("\xFF\xFE", "null", -32700);
    expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", "null", -32700);
    expect_error(
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\",\"params\":{\"a\":\"\\ud83d\"}}", "7",
        -32700);
    expect_error(
        "{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"params\":{\"a\":\"\xFF\"},\"id\":\"x\"}",
        "\"x\"", -32700);
    expect_error("[]", "null", -32600);
    expect_error("3", "null", -32600);
    expect_error("{}", "null", -32600);
    expect_error("{\"id\":1,\"method\":\"ping\"}", "1", -32600);
    expect_error("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", "1", -32600);
    expect_error("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", "null", -32600);
    expect_error("{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", "null", -32600);
    expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", "1", -32600);
    expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", "1", -32602);
    expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/destroy\"}", "1", -32601);
    expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}", "1", -32602);
    expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}", "1", -32602);
    expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
                 "\"read_file\"}}",
                 "1", -32602);
    expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
                 "\"rm\"}}",
                 "1", -32602);
    expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
                 "\"list_files\\u0000x\"}}",
                 "1", -32602);
    expect_error("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\\u0000x\"}", "1", -32600);
    expect_error(CALL("1", ",\"arguments\":{\"path\":\"nothing\"}"), "1", -32603);
    /* Silence for notifications, answers that nobody asked for, and blank lines. */
    send_line("{\"jsonrpc\":\"2.0\",\"method\":\"no/such/notification\"}");
    send_line("{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"shell\"}}");
    send_line("{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}");
    send_line(CANCEL("77"));
    send_line(" \t\r");
    exchange("{\"jsonrpc\":\"2.0\",\"id\":10,\"method\":\"ping\"}\r",
             "{\"jsonrpc\":\"2.0\",\"id\":10,\"result\":{}}");
}

/* Arguments that do not fit are the model's to correct: a result, with all it needs for that. */
static void test_invalid_arguments(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "\"command\" is missing. Received {};"},
        {"{\"command\":3}",
         "\"command\" must be a string, not an integer. Received {\"command\":3}"},
        {"{\"command\":\"ls\",\"timeout_s\":\"9\"}",
         "\"timeout_s\" must be an integer, not a string"},
        {"{\"command\":\"ls\",\"timeout_s\":1.5}",
         "must be an integer, not a number with a fraction"},
        {"{\"command\":\"ls\",\"cwd\":\"/\"}", "\"cwd\" is not a parameter"},
        {"{\"command\":\"l\\u0000s\"}", "\"command\" holds a NUL character"},
        {"[\"ls\"]", "the arguments are an array. Received [\"ls\"]"},
        {"null", "the arguments are null"},
        {"\"ls\"", "the arguments are a string"},
    };
    shake_hands();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[400];
        snprintf(line, sizeof line,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
                 "\"shell\",\"arguments\":%s}}",
                 cases[i][0]);
        send_line(line);
        json_t *message = receive();
        const json_t *result = json_object_get(message, "result");
        assert_true(json_is_true(json_object_get(result, "isError")));
        const char *text = json_string_value(
            json_object_get(json_object_get(result, "structuredContent"), "output"));
        assert_non_null(text);
        assert_int_equal(strncmp(text, "error: shell: ", 14), 0);
        if (strstr(text, cases[i][1]) == NULL) {
            fail_msg("%s does not say %s", text, cases[i][1]);
        }
        assert_non_null(strstr(text,
                               "expected an object with command (string, required), timeout_s "
                               "(integer); for example {\"command\": \"ls -l\"}"));
        json_decref(message);
    }
}

/* What was received may be long; it is cut between characters. */
static void test_long_argument_quoted(void **state)
{
    (void)state;
    struct str line;
    str_init(&line);
    str_append(&line,
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
               "\"shell\",\"arguments\":{\"text\":\"");
    for (int i = 0; i < 5000; i++) {
        str_append(&line, "\xE2\x82\xAC");
    }
    str_append(&line, "\"}}}");
    send_line(line.data);
    str_finish(&line);
    json_t *message = receive();
    char *text = json_dumps(message, JSON_COMPACT);
    assert_true(strlen(text) < 2000);
    assert_non_null(strstr(text, "... (15011 bytes)"));
    free(text);
    json_decref(message);
}

/* Every tool's example must itself be right, and every tool must have one. */
static void test_examples(void **state)
{
    (void)state;
    json_t *table = declaration_table(NULL);
    assert_true(json_array_size(table) >= 7);
    json_t *wrong = json_true();
    for (size_t i = 0; i < json_array_size(table); i++) {
        const json_t *declaration = json_array_get(table, i);
        struct str problem;
        str_init(&problem);
        assert_false(declaration_check(declaration, wrong, &problem));
        const char *mark = "; for example ", *at = strstr(problem.data, mark);
        assert_non_null(at);
        json_t *example = json_loads(at + strlen(mark), 0, NULL);
        assert_non_null(example);
        assert_true(declaration_check(declaration, example, &problem));
        json_decref(example);
        str_finish(&problem);
    }
    json_decref(wrong);
    json_decref(table);
}

static void expect_progress(const char *token, const char *text)
{
    char expected[300];
    snprintf(expected, sizeof expected,
             "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
             "\"progressToken\":%s,\"progress\":\"ANY\",\"message\":\"%s\"}}",
             token, text);
    expect(expected);
}

static void test_progress(void **state)
{
    (void)state;
    shake_hands();
    int64_t began = clock_monotonic_us();
    send_line(
        CALL("1", ",\"arguments\":{\"path\":\"chatter\"},\"_meta\":{\"progressToken\":\"t\"}"));
    expect_progress("\"t\"", ""); /* it has begun */
    json_int_t before = 0;
    int count = 0;
    struct str all;
    str_init(&all);
    for (;;) {
        json_t *message = receive();
        const json_t *params = json_object_get(message, "params");
        if (params == NULL) {
            assert_int_equal(json_integer_value(json_object_get(message, "id")), 1);
            json_decref(message);
            break;
        }
        json_int_t progress = json_integer_value(json_object_get(params, "progress"));
        const char *text = json_string_value(json_object_get(params, "message"));
        assert_true(progress > before);
        assert_true(strlen(text) <= 8192);
        assert_string_equal(json_string_value(json_object_get(params, "progressToken")), "t");
        before = progress;
        count++;
        str_append(&all, text);
        json_decref(message);
    }
    int64_t took_ms = (clock_monotonic_us() - began) / 1000;
    assert_true(count >= 2 && count <= took_ms / 50 + 2);
    assert_true(before == 2100005);
    assert_non_null(strstr(all.data, " bytes not shown ...]\n"));
    /* Only the unfinished character at the very end was repaired. */
    const char *repaired = strstr(all.data, "\xEF\xBF\xBD");
    assert_non_null(repaired);
    assert_true(str_ends_with(all.data, "\xE2\x82\xAC"
                                        "end\xEF\xBF\xBD"));
    assert_int_equal(strlen(repaired), 3);
    str_finish(&all);
    /* Without a token there is none. */
    exchange(CALL("2", ",\"arguments\":{\"path\":\"chatter\"}"), ANSWER("2", "chattered"));
}

/* A client that asks for live output and does not read it: the call still runs to its end, and what
 * was too much is left out, not waited for. */
static void test_slow_client(void **state)
{
    (void)state;
    shake_hands();
    int64_t began = clock_monotonic_us();
    send_line(CALL("1", ",\"arguments\":{\"path\":\"flood\"},\"_meta\":{\"progressToken\":1}"));
    struct pollfd done = {.fd = flooded[0], .events = POLLIN};
    assert_int_equal(poll(&done, 1, 10000), 1);
    assert_true(clock_monotonic_us() - began < 5000000);
    size_t bytes = 0;
    for (;;) {
        json_t *message = receive();
        bool last = json_object_get(message, "id") != NULL;
        bytes += last ? 0
                      : strlen(json_string_value(
                            json_object_get(json_object_get(message, "params"), "message")));
        json_decref(message);
        if (last) {
            break;
        }
    }
    assert_true(bytes > 8192 && bytes <= 65536 + 2 * 8192);
}

static void test_cancel(void **state)
{
    (void)state;
    shake_hands();
    send_line(CALL("\"c\"", ",\"arguments\":{\"path\":\"wait\"},\"_meta\":{\"progressToken\":5}"));
    expect_progress("5", "");
    expect_progress("5", "waiting\\n");
    /* While it runs: a ping is answered, others wait, one of those is cancelled unseen, and a
     * cancellation of something else changes nothing. */
    exchange("{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}",
             "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"result\":{}}");
    send_line(CALL("2", ""));
    send_line(CALL("3", ""));
    send_line(CALL("4", ",\"arguments\":{\"path\":\"last\"}"));
    send_line(CANCEL("3"));
    send_line(CANCEL("\"x\""));
    assert_null(receive_within(100));
    int64_t began = clock_monotonic_us();
    send_line(CANCEL("\"c\""));
    /* The cancelled call is not answered. */
    expect(ANSWER("2", "{}"));
    assert_true(clock_monotonic_us() - began < 1000000);
    expect(ANSWER("4", "{\\\"path\\\":\\\"last\\\"}"));
    assert_null(receive_within(50));
    exchange(CALL("5", ""), ANSWER("5", "{}"));
}

static void test_background(void **state)
{
    (void)state;
    shake_hands();
    send_line(
        CALL("7", ",\"arguments\":{\"path\":\"background\"},\"_meta\":{\"progressToken\":5}"));
    expect_progress("5", "");
    expect_progress("5", "waiting\\n");
    send_line(BACKGROUND("8"));
    assert_null(receive_within(100));
    send_line(BACKGROUND("7"));
    expect(ANSWER("7", "alone"));
    send_line(BACKGROUND("9")); /* of a call that is to come: means nothing */
    send_line(
        CALL("9", ",\"arguments\":{\"path\":\"background\"},\"_meta\":{\"progressToken\":6}"));
    expect_progress("6", "");
    expect_progress("6", "waiting\\n");
    assert_null(receive_within(100));
    send_line(CANCEL("9"));
    exchange(CALL("10", ""), ANSWER("10", "{}"));
}

/* One that is to end is answered all the same, and what it is given for it is its own. */
static void test_stop(void **state)
{
    (void)state;
    shake_hands();
    send_line(CALL("7", ",\"arguments\":{\"path\":\"grace\"}"));
    send_line(STOP("8"));
    assert_null(receive_within(100));
    send_line(STOP("7"));
    expect(ANSWER("7", "70"));
    send_line(CALL("8", ",\"arguments\":{\"path\":\"grace\"},\"_meta\":{\"progressToken\":5}"));
    expect_progress("5", "");
    send_line(CANCEL("8"));
    exchange(CALL("9", ""), ANSWER("9", "{}"));
}

static void test_too_many_waiting(void **state)
{
    (void)state;
    shake_hands();
    send_line(CALL("\"c\"", ",\"arguments\":{\"path\":\"wait\"}"));
    for (int i = 0; i < 64; i++) {
        char line[200];
        snprintf(line, sizeof line, CALL("%d", ""), i);
        send_line(line);
    }
    expect_error(CALL("64", ""), "64", -32000);
    send_line(CANCEL("\"c\""));
    for (int i = 0; i < 64; i++) {
        json_t *message = receive();
        assert_int_equal(json_integer_value(json_object_get(message, "id")), i);
        json_decref(message);
    }
}

/* The client writes its request, closes its end, and reads: the call goes on and is answered. */
static void test_end_during_call(void **state)
{
    (void)state;
    shake_hands();
    send_line(CALL("1", ",\"arguments\":{\"path\":\"wait\"}"));
    close(peer.to);
    peer.to = -1;
    expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":\"ANY\",\"structuredContent\":{"
           "\"output\":\"nobody came\"},\"isError\":false}}");
    assert_null(receive_within(5000));
}

/* Nobody reads any more: EPIPE ends the server; the join in stop() would hang otherwise. */
static void test_client_gone(void **state)
{
    (void)state;
    shake_hands();
    close(peer.from);
    peer.from = -1;
    send_line("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
}

static void test_oversized(void **state)
{
    (void)state;
    shake_hands();
    char *large = malloc(9 * 1024 * 1024);
    assert_non_null(large);
    memset(large, 'x', 9 * 1024 * 1024);
    send_bytes(large, 9 * 1024 * 1024);
    send_bytes("\n", 1);
    expect("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"ANY\"}}");
    /* One byte over the limit, and exactly the limit: spaces around a ping. */
    const char *ping = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";
    memset(large, ' ', 9 * 1024 * 1024);
    memcpy(large, ping, strlen(ping));
    send_bytes(large, 4 * 1024 * 1024 + 1);
    send_bytes("\n", 1);
    expect("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"ANY\"}}");
    send_bytes(large, 4 * 1024 * 1024);
    send_bytes("\n", 1);
    expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    free(large);
    assert_null(receive_within(50));
}

/* Byte by byte, many in one write, and the last one without its newline. */
static void test_split_frames(void **state)
{
    (void)state;
    for (const char *at = HELLO "\n"; *at != '\0'; at++) {
        send_bytes(at, 1);
    }
    expect(WELCOME);
    const char *three = CALL("1", "") "\n" CALL("2", "") "\n\n" CALL("3", "");
    send_bytes(three, strlen(three));
    expect(ANSWER("1", "{}"));
    expect(ANSWER("2", "{}"));
    close(peer.to);
    peer.to = -1;
    expect(ANSWER("3", "{}"));
    assert_null(receive_within(5000));
}

int main(void)
{
    if (pipe(flooded) != 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_handshake, start, stop),
        cmocka_unit_test_setup_teardown(test_stateless, start, stop),
        cmocka_unit_test_setup_teardown(test_list, start, stop),
        cmocka_unit_test_setup_teardown(test_only_one_tool, start_shell_only, stop),
        cmocka_unit_test_setup_teardown(test_protocol_errors, start, stop),
        cmocka_unit_test_setup_teardown(test_invalid_arguments, start, stop),
        cmocka_unit_test_setup_teardown(test_long_argument_quoted, start, stop),
        cmocka_unit_test(test_examples),
        cmocka_unit_test_setup_teardown(test_progress, start, stop),
        cmocka_unit_test_setup_teardown(test_slow_client, start, stop),
        cmocka_unit_test_setup_teardown(test_cancel, start, stop),
        cmocka_unit_test_setup_teardown(test_background, start, stop),
        cmocka_unit_test_setup_teardown(test_stop, start, stop),
        cmocka_unit_test_setup_teardown(test_too_many_waiting, start, stop),
        cmocka_unit_test_setup_teardown(test_end_during_call, start, stop),
        cmocka_unit_test_setup_teardown(test_client_gone, start, stop),
        cmocka_unit_test_setup_teardown(test_oversized, start, stop),
        cmocka_unit_test_setup_teardown(test_split_frames, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
