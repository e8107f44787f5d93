/* Requests as clients send them, in each protocol: what is taken, and which member a refusal
 * names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "serve/answer.h"

static const struct infer_model model = {.context = 4096, .sampling = {.top_p = 1}};

/* Reads `text`; false: *fault says why. `task` is to be finished in any case. */
static bool read(const struct dialect *dialect, const char *text, struct task *task,
                 struct fault *fault)
{
    json_t *body = json_loads(text, 0, NULL);
    if (body == NULL) {
        fail_msg("not JSON: %s", text);
    }
    *fault = (struct fault){.status = 0};
    task_init(task, &model);
    bool ok = dialect->read(task, body, fault);
    json_decref(body);
    return ok;
}

static void expect(const struct dialect *dialect, const char *const (*rows)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct task task;
        struct fault fault;
        bool ok = read(dialect, rows[i][0], &task, &fault);
        if (ok != (rows[i][1] == NULL)) {
            fail_msg("%s: %s", rows[i][0], ok ? "taken" : fault.text);
        }
        if (!ok && strstr(fault.text, rows[i][1]) == NULL) {
            fail_msg("%s: \"%s\" does not say %s", rows[i][0], fault.text, rows[i][1]);
        }
        assert_true(ok || fault.status == 400);
        task_finish(&task);
    }
}

#define MESSAGES              "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define EXPECT(dialect, rows) expect(dialect, rows, sizeof rows / sizeof rows[0])

static void test_ollama_chat(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{" MESSAGES "}", NULL},
        {"{" MESSAGES ",\"stream\":false,\"think\":true,\"format\":\"json\"}", NULL},
        {"{" MESSAGES ",\"format\":\"\"}", NULL},
        {"{" MESSAGES ",\"format\":null,\"options\":null}", NULL},
        {"{" MESSAGES ",\"format\":{\"type\":\"object\"}}", NULL},
        {"{" MESSAGES ",\"format\":{\"type\":\"float\"}}", "float"},
        {"{" MESSAGES ",\"format\":\"xml\"}", ""},
        {"{" MESSAGES ",\"options\":{\"num_predict\":-2,\"num_gpu\":9,\"stop\":[\"a\"],"
         "\"repeat_penalty\":1.1,\"temperature\":0}}",
         NULL},
        {"{" MESSAGES ",\"options\":[]}", "options"},
        {"{" MESSAGES ",\"options\":{\"num_predict\":-3}}", "num_predict"},
        {"{" MESSAGES ",\"options\":{\"num_predict\":1.5}}", "num_predict"},
        {"{" MESSAGES ",\"options\":{\"repeat_penalty\":0}}", "repeat_penalty"},
        {"{" MESSAGES ",\"options\":{\"stop\":7}}", "stop"},
        {"{" MESSAGES ",\"options\":{\"top_p\":\"x\"}}", "top_p"},
        {"{" MESSAGES ",\"stream\":1}", "stream"},
        {"{\"messages\":7}", "messages"},
        {"{}", "messages"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"images\":[\"%%\"]}]}", ""},
        {"{\"messages\":[{\"role\":\"user\",\"images\":[7]}]}", ""},
        {"{" MESSAGES ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
         "\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]}",
         NULL},
        {"{" MESSAGES ",\"tools\":7}", "tools"},
    };
    EXPECT(&ollama_chat_dialect, rows);
    struct task task;
    struct fault fault;
    assert_true(read(&ollama_chat_dialect,
                     "{" MESSAGES ",\"think\":\"low\",\"options\":{\"num_predict\":7}}", &task,
                     &fault));
    assert_true(task.thinking && task.stream && !task.completion);
    assert_int_equal(task.max_tokens, 7);
    assert_int_equal(task.conversation.count, 1);
    assert_string_equal(task.conversation.messages[0].text, "hi");
    task_finish(&task);
    assert_true(read(&ollama_chat_dialect,
                     "{" MESSAGES ",\"stream\":false,\"options\":{\"num_predict\":-1}}", &task,
                     &fault));
    assert_true(!task.thinking && !task.stream && task.max_tokens == 0);
    task_finish(&task);
    /* A picture, as base64 alone, stands before the text. */
    assert_true(read(&ollama_chat_dialect,
                     "{\"messages\":[{\"role\":\"user\",\"content\":\"what\",\"images\":"
                     "[\"iVBORw0KGgo=\"]},{\"role\":\"assistant\",\"content\":\"a\"},"
                     "{\"role\":\"user\",\"images\":[\"iVBORw0KGgo=\"]}]}",
                     &task, &fault));
    assert_int_equal(task.media_count, 2);
    assert_int_equal(task.conversation.messages[0].part_count, 2);
    assert_int_equal(task.conversation.messages[0].parts[0].kind, CHAT_PART_IMAGE);
    assert_string_equal(task.conversation.messages[0].parts[1].text, "what");
    assert_int_equal(task.conversation.messages[2].part_count, 1);
    task_finish(&task);
}

static void test_ollama_generate(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"prompt\":\"p\"}", NULL},
        {"{\"prompt\":\"p\",\"raw\":false,\"suffix\":\"\",\"template\":null,\"context\":[]}", NULL},
        {"{\"prompt\":\"p\",\"raw\":true}", "raw"},
        {"{\"prompt\":\"p\",\"suffix\":\"s\"}", "suffix"},
        {"{\"prompt\":\"p\",\"template\":\"t\"}", "template"},
        {"{\"prompt\":\"p\",\"context\":[1]}", "context"},
        {"{\"prompt\":\"p\",\"context\":{}}", "context"},
        {"{\"prompt\":\"p\",\"images\":[\"iVBORw0KGgo=\"]}", NULL},
        {"{\"prompt\":\"p\",\"system\":7}", NULL},
        {"{\"prompt\":7}", ""},
        {"{\"prompt\":\"p\",\"options\":{\"seed\":\"x\"}}", "seed"},
    };
    EXPECT(&ollama_generate_dialect, rows);
    struct task task;
    struct fault fault;
    assert_true(
        read(&ollama_generate_dialect, "{\"prompt\":\"p\",\"system\":\"s\"}", &task, &fault));
    assert_true(task.completion);
    assert_int_equal(task.conversation.count, 2);
    assert_int_equal(task.conversation.messages[0].role, CHAT_SYSTEM);
    assert_string_equal(task.conversation.messages[0].text, "s");
    assert_string_equal(task.conversation.messages[1].text, "p");
    task_finish(&task);
    assert_true(
        read(&ollama_generate_dialect, "{\"prompt\":\"p\",\"system\":\"\"}", &task, &fault));
    assert_int_equal(task.conversation.count, 1);
    task_finish(&task);
}

static void test_openai(void **state)
{
    (void)state;
    static const char *const chat[][2] = {
        {"{" MESSAGES "}", NULL},
        {"{" MESSAGES ",\"n\":1,\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
         NULL},
        {"{" MESSAGES ",\"n\":2}", "n"},
        {"{" MESSAGES ",\"max_tokens\":0}", "max_tokens"},
        {"{" MESSAGES ",\"max_completion_tokens\":5}", NULL},
        {"{" MESSAGES ",\"temperature\":-1}", "temperature"},
        {"{" MESSAGES ",\"top_p\":-1}", "top_p"},
        {"{" MESSAGES ",\"stop\":[\"a\",7]}", "stop"},
        {"{" MESSAGES ",\"logprobs\":true,\"top_logprobs\":2}", NULL},
        {"{" MESSAGES ",\"top_logprobs\":99}", "top_logprobs"},
        {"{" MESSAGES ",\"response_format\":{\"type\":\"text\"}}", NULL},
        {"{" MESSAGES ",\"response_format\":{\"type\":\"json_object\"}}", NULL},
        {"{" MESSAGES ",\"response_format\":{\"type\":\"xml\"}}", "response_format"},
        {"{" MESSAGES ",\"response_format\":{\"type\":\"json_schema\"}}", "response_format"},
        {"{" MESSAGES ",\"tool_choice\":\"sometimes\"}", "tool_choice"},
        {"{" MESSAGES ",\"frequency_penalty\":0,\"presence_penalty\":null,\"logit_bias\":{}}",
         NULL},
        {"{" MESSAGES ",\"frequency_penalty\":0.5}", "frequency_penalty"},
        {"{" MESSAGES ",\"presence_penalty\":\"0\"}", "presence_penalty"},
        {"{" MESSAGES ",\"logit_bias\":{\"1\":2}}", "logit_bias"},
        {"{" MESSAGES ",\"n\":null,\"functions\":null}", NULL},
        {"{" MESSAGES ",\"functions\":[]}", "functions"},
        {"{" MESSAGES ",\"function_call\":\"auto\"}", "function_call"},
        {"{" MESSAGES ",\"audio\":{}}", "audio"},
        {"{" MESSAGES ",\"logprobs\":1}", "logprobs"},
        {"{" MESSAGES ",\"top_logprobs\":2}", "top_logprobs"},
        {"{" MESSAGES ",\"stream\":7}", "stream"},
        {"{" MESSAGES ",\"stream_options\":{\"include_usage\":7}}", "include_usage"},
        {"{" MESSAGES ",\"parallel_tool_calls\":7}", "parallel_tool_calls"},
        {"{" MESSAGES ",\"repetition_penalty\":0}", "repetition_penalty"},
        {"{" MESSAGES ",\"max_completion_tokens\":0}", "max_completion_tokens"},
        {"{\"messages\":[]}", "messages"},
        {"{\"messages\":[7]}", "messages"},
        {"{\"messages\":[{\"role\":\"king\",\"content\":\"x\"}]}", "role"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":7}]}", "content"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"smell\"}]}]}", "smell"},
    };
    EXPECT(&openai_chat_dialect, chat);
    static const char *const responses[][2] = {
        {"{\"input\":\"hi\"}", NULL},
        {"{\"input\":[{\"role\":\"user\",\"content\":\"hi\"}],\"instructions\":\"i\"}", NULL},
        {"{\"input\":7}", "input"},
        {"{}", "input"},
        {"{\"input\":\"hi\",\"max_output_tokens\":0}", "max_output_tokens"},
        {"{\"input\":\"hi\",\"background\":false,\"prompt\":null}", NULL},
        {"{\"input\":\"hi\",\"background\":true}", "background"},
        {"{\"input\":\"hi\",\"previous_response_id\":\"r\"}", "previous_response_id"},
        {"{\"input\":\"hi\",\"stream\":7}", "stream"},
        {"{\"input\":\"hi\",\"parallel_tool_calls\":7}", "parallel_tool_calls"},
        {"{\"input\":[{\"type\":\"item_reference\"}]}", "item_reference"},
        {"{\"input\":[{\"type\":\"reasoning\"},{\"type\":\"message\",\"role\":\"user\",\"content\":"
         "[{\"type\":\"input_text\",\"text\":\"a\"},{\"type\":\"output_text\",\"text\":\"b\"}]}]}",
         NULL},
        {"{\"input\":[{\"role\":\"user\",\"content\":[{\"text\":\"a\"}]}]}", ""},
        {"{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_smell\"}]}]}", "smell"},
        {"{\"input\":\"hi\",\"tools\":[{\"type\":\"web_search\"},{\"type\":\"function\",\"name\":"
         "\"f\",\"parameters\":{}}"
         "],"
         "\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}}",
         NULL},
        {"{\"input\":\"hi\",\"tool_choice\":{\"type\":\"function\",\"name\":\"g\"}}",
         "tool_choice"},
    };
    EXPECT(&openai_responses_dialect, responses);
    static const struct {
        const char *effort;
        bool thinks;
    } efforts[] = {{"none", false}, {"minimal", false}, {"low", true}, {"high", true}};
    for (size_t i = 0; i < sizeof efforts / sizeof efforts[0]; i++) {
        char text[128];
        struct task task;
        struct fault fault;
        snprintf(text, sizeof text, "{" MESSAGES ",\"reasoning_effort\":\"%s\"}",
                 efforts[i].effort);
        assert_true(read(&openai_chat_dialect, text, &task, &fault));
        assert_int_equal(task.thinking, efforts[i].thinks);
        task_finish(&task);
        snprintf(text, sizeof text, "{\"input\":\"hi\",\"reasoning\":{\"effort\":\"%s\"}}",
                 efforts[i].effort);
        assert_true(read(&openai_responses_dialect, text, &task, &fault));
        assert_int_equal(task.thinking, efforts[i].thinks);
        task_finish(&task);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ollama_chat),
        cmocka_unit_test(test_ollama_generate),
        cmocka_unit_test(test_openai),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
