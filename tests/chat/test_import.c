/* Other agents' files, line by line: who said what, and which line is none. Messages stand here as
 * u: m: t: (user, model, tool), calls as name(arguments), thoughts in parentheses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "chat/import.h"

static void spell(const struct chat_import *import, struct str *out)
{
    for (size_t i = 0; i < import->conversation.count; i++) {
        const struct chat_message *message = &import->conversation.messages[i];
        str_append_format(out, "%s%c:", out->length > 0 ? " " : "", "sumt"[message->role]);
        if (message->thought[0] != '\0') {
            str_append_format(out, "(%s)", message->thought);
        }
        str_append_format(out, "%s%s", message->text, message->failed ? "!" : "");
        for (size_t k = 0; k < message->call_count; k++) {
            char *arguments = json_dumps(message->calls[k].arguments, JSON_COMPACT);
            str_append_format(out, "%s%s", message->calls[k].name, arguments);
            free(arguments); /* jansson's own allocator */
        }
    }
}

/* `lines` end in newlines. An expectation that begins with "! " is of an error's words. */
static void check(const char *lines, const char *origin, const char *expected)
{
    struct chat_import import;
    struct err err = {0};
    struct str out;
    bool ok = true;
    chat_import_init(&import);
    str_init(&out);
    for (const char *at = lines; ok && *at != '\0';) {
        size_t length = strcspn(at, "\n");
        ok = chat_import_line(&import, at, length, &err);
        at += length + (at[length] == '\n');
    }
    ok = ok && chat_import_end(&import, &err);
    if (expected[0] == '!') {
        if (ok || strstr(err.text, expected + 2) == NULL) {
            fail_msg("%s: \"%s\" does not say %s", lines, err.text, expected + 2);
        }
    } else {
        spell(&import, &out);
        if (!ok || strcmp(out.data, expected) != 0) {
            fail_msg("%s: %s, not %s %s", lines, out.data, expected, err.text);
        }
        assert_string_equal(import.origin.data != NULL ? import.origin.data : "", origin);
    }
    str_finish(&out);
    chat_import_finish(&import);
}

#define ITEM(text) "{\"type\":\"response_item\",\"payload\":{" text "}}\n"
#define SAID       ITEM("\"type\":\"message\",\"role\":\"user\",\"content\":\"hi\"")

static void test_codex(void **state)
{
    (void)state;
    check("{\"type\":\"session_meta\",\"payload\":{\"id\":\"i\",\"cwd\":\"/w\"}}\n"
          "{\"type\":\"session_meta\",\"payload\":{\"id\":\"other\"}}\n"
          "{\"type\":\"event_msg\",\"payload\":{}}\n \t\r\n" SAID,
          "codex:i", "u:hi");
    check("{\"id\":\"bare\",\"cwd\":\"/w\"}\n"
          "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
          "\"text\":\"a\"},{\"type\":\"input_image\"},{\"text\":\"b\"},{},7]}\n",
          "codex:bare", "u:a\n(input_image)\nb");
    check(ITEM("\"type\":\"message\",\"role\":\"user\",\"content\":\"<environment_context> x\"")
              ITEM("\"type\":\"message\",\"role\":\"developer\",\"content\":\"x\"")
                  SAID ITEM("\"type\":\"reasoning\",\"summary\":[{\"text\":\"think\"}]")
                      ITEM("\"type\":\"message\",\"role\":\"assistant\",\"content\":["
                           "{\"type\":\"output_image\"}]"),
          "", "u:hi m:(think)(output_image)");
    check(
        SAID ITEM("\"type\":\"function_call\",\"call_id\":\"1\",\"name\":\"f\","
                  "\"arguments\":\"{\\\"a\\\":1}\"")
            ITEM("\"type\":\"function_call_output\",\"call_id\":\"1\",\"output\":"
                 "{\"content\":\"bad\",\"success\":false}")
                ITEM("\"type\":\"custom_tool_call\",\"call_id\":\"2\",\"name\":\"g\","
                     "\"input\":\"raw\"")
                    ITEM("\"type\":\"custom_tool_call_output\",\"call_id\":\"2\","
                         "\"output\":[{\"text\":\"ok\"}]")
                        ITEM("\"type\":\"local_shell_call\",\"call_id\":\"3\","
                             "\"action\":{\"command\":[\"ls\"]}")
                            ITEM("\"type\":\"local_shell_call_output\",\"call_id\":\"3\","
                                 "\"output\":\"out\"") ITEM("\"type\":\"something\""),
        "",
        "u:hi m:f{\"a\":1} t:bad! m:g{\"input\":\"raw\"} t:ok m:shell{\"command\":[\"ls\"]} t:out");
    check(SAID ITEM("\"type\":\"message\",\"role\":\"user\",\"content\":7"), "",
          "! neither text nor a list");
    check(SAID ITEM("\"type\":\"message\",\"role\":\"user\""), "", "! neither text nor a list");
    check(SAID ITEM("\"type\":\"function_call\",\"call_id\":\"1\",\"name\":\"f\"")
              ITEM("\"type\":\"function_call_output\",\"call_id\":\"1\""),
          "", "! neither text nor a list");
}

#define BLOCKS(role, text)                                                                     \
    "{\"type\":\"" role "\",\"sessionId\":\"s\",\"cwd\":\"/w\",\"message\":{\"content\":" text \
    "}}\n"

static void test_claude(void **state)
{
    (void)state;
    check("{\"type\":\"summary\",\"summary\":\"A title\"}\n" BLOCKS("user", "\"hi\"")
              BLOCKS("assistant", "\"yes\""),
          "claude:s", "u:hi m:yes");
    check(BLOCKS("user", "[{\"type\":\"text\",\"text\":\"look\"},{\"type\":\"image\"},"
                         "{\"type\":\"other\"}]")
              BLOCKS("assistant", "[{\"type\":\"thinking\",\"thinking\":\"hm\"},"
                                  "{\"type\":\"image\"},{\"type\":\"text\",\"text\":\"t\"},"
                                  "{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\","
                                  "\"input\":{\"a\":[]}}]")
                  BLOCKS("user", "[{\"type\":\"tool_result\",\"tool_use_id\":\"1\","
                                 "\"is_error\":true,\"content\":[{\"text\":\"no\"}]}]")
                      BLOCKS("assistant", "[{\"type\":\"tool_use\",\"id\":\"2\",\"name\":\"g\"}]")
                          BLOCKS("user", "[{\"type\":\"tool_result\",\"tool_use_id\":\"2\"}]"),
          "claude:s", "u:look u:(a picture) m:(hm)tf{\"a\":[]} t:no! m:g{} t:");
    check("{\"type\":\"user\",\"isMeta\":true,\"message\":{\"content\":\"meta\"}}\n"
          "{\"type\":\"user\",\"isSidechain\":true,\"message\":{\"content\":\"side\"}}\n"
          "{\"type\":\"user\",\"message\":{\"content\":\"hi\"}}\n",
          "", "u:hi");
    check(BLOCKS("user", "7"), "", "! neither text nor a list");
    check(BLOCKS("user", "\"hi\"")
              BLOCKS("assistant", "[{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\"}]")
                  BLOCKS("user", "[{\"type\":\"tool_result\",\"tool_use_id\":\"1\","
                                 "\"content\":7}]"),
          "", "! neither text nor a list");
}

/* A line of a file with branches: its id, the one that it follows, and what it says. */
#define LINE(id, parent, type, content)                                   \
    "{\"type\":\"" type "\",\"uuid\":\"" id "\",\"parentUuid\":\"" parent \
    "\",\"message\":{\"content\":" content "}}\n"
#define CALL(id)   "[{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"f\"}]"
#define RESULT(id) "[{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\",\"content\":\"r" id "\"}]"

/* Of what was gone back from nothing is left; calls that ran side by side are no branches. */
static void test_branches(void **state)
{
    (void)state;
    check(LINE("1", "", "user", "\"a\"") LINE("2", "1", "assistant", "\"A\"")
              LINE("3", "2", "user", "\"wrong\"") LINE("4", "3", "assistant", "\"W\"")
                  LINE("5", "2", "user", "\"b\"") LINE("6", "5", "assistant", "\"B\""),
          "", "u:a m:A u:b m:B");
    check(LINE("1", "", "user", "\"a\"") LINE("2", "1", "assistant", CALL("x"))
              LINE("3", "2", "assistant", CALL("y")) LINE("4", "2", "user", RESULT("x"))
                  LINE("5", "3", "user", RESULT("y")) LINE("6", "5", "assistant", "\"A\"")
                      LINE("7", "5", "user", "\"b\""),
          "", "u:a m:f{}f{} t:rx t:ry u:b");
    /* Behind a line that says nothing itself, and to before the results. */
    check(
        LINE("1", "", "user", "\"a\"") LINE("2", "1", "assistant", CALL("x"))
            LINE("3", "2", "user", RESULT("x")) LINE(
                "4", "3", "assistant",
                "\"A\"") "{\"type\":\"system\",\"uuid\":\"5\",\"parentUuid\":\"3\"}\n" LINE("6",
                                                                                            "5",
                                                                                            "user",
                                                                                            "\"b\"")
                LINE("7", "2", "user", "\"c\""),
        "", "u:a m:f{} t:No result of this call was written down.! u:c");
    /* One that follows nothing that is here goes on at the end. */
    check(LINE("1", "", "user", "\"a\"") LINE("2", "1", "assistant", "\"A\"")
              LINE("3", "elsewhere", "user", "\"b\""),
          "", "u:a m:A u:b");
}

static void test_lines_that_are_none(void **state)
{
    (void)state;
    struct str text;
    str_init(&text);
    check("", "", "! ");
    check("[]\n", "", "! not a JSON object");
    check("{\n", "", "! byte ");
    check("{\"a\":1,\"a\":1}\n", "", "! byte ");
    check(SAID BLOCKS("user", "\"hi\""), "", "! mixes two forms");
    check(BLOCKS("user", "\"hi\"") SAID, "", "! mixes two forms");
    for (size_t length = 128; length <= 129; length++) {
        str_clear(&text);
        str_append(&text, "{\"id\":\"");
        for (size_t i = 0; i < length; i++) {
            str_append(&text, "i");
        }
        str_append(&text, "\"}\n");
        struct chat_import import;
        struct err err = {0};
        chat_import_init(&import);
        assert_int_equal(chat_import_line(&import, text.data, text.length, &err), length == 128);
        chat_import_finish(&import);
    }
    str_finish(&text);
    /* A call that nobody answered is answered as such. */
    check(SAID ITEM("\"type\":\"function_call\",\"call_id\":\"1\",\"name\":\"f\","
                    "\"arguments\":\"not JSON\""),
          "", "u:hi m:f{\"input\":\"not JSON\"} t:No result of this call was written down.!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codex),
        cmocka_unit_test(test_claude),
        cmocka_unit_test(test_branches),
        cmocka_unit_test(test_lines_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
