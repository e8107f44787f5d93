/* The renderer against its reference: 160 conversations whose exact bytes the canonical template
 * made, and the specification's worked examples (E22 and E24 are the template's own defects: there
 * the expected text is ours, or a refusal). Each is also encoded, and the ids must be those of the
 * spelled text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "cases.h"
#include "chat/render_json.h"
#include "chat/value.h"

/* Segments must alternate as promised, and their ids must be those of the text with its control
 * spellings recognised: no text of these cases spells one. */
static void check_ids(const struct chat_prompt *prompt, const struct str *spelled,
                      const char *label)
{
    struct chat_ids ids = {0}, expected = {0};
    struct chat_encoder encoder = cases_encoder();
    struct err err;
    if (!chat_prompt_encode(prompt, &encoder, &ids, &err)) {
        fail_msg("%s: %s", label, err.text);
    }
    cases_ids(&expected, spelled->data, spelled->length);
    if (ids.count != expected.count ||
        memcmp(ids.items, expected.items, ids.count * sizeof *ids.items) != 0) {
        fail_msg("%s: the ids are not those of the spelled text", label);
    }
    for (size_t i = 1; i < prompt->count; i++) {
        if (prompt->segments[i].kind == CHAT_SEGMENT_TEXT &&
            prompt->segments[i - 1].kind == CHAT_SEGMENT_TEXT) {
            fail_msg("%s: two text segments side by side", label);
        }
    }
    mem_free(ids.items);
    mem_free(expected.items);
}

static void check_refused(const json_t *value, const char *label)
{
    struct chat_prompt prompt;
    struct err err;
    const char *expected = json_string_value(json_object_get(value, "refused"));
    chat_prompt_init(&prompt);
    if (chat_render_json(&prompt, value, &err) || prompt.count != 0) {
        fail_msg("%s: not refused", label);
    }
    if (strstr(err.text, expected) == NULL) {
        fail_msg("%s: refused with \"%s\", expected \"%s\"", label, err.text, expected);
    }
    chat_prompt_finish(&prompt);
}

static void check_rendered(const json_t *value, const char *label)
{
    const char *rendered = json_string_value(json_object_get(value, "rendered"));
    struct chat_prompt prompt;
    struct str spelled;
    struct err err;
    chat_prompt_init(&prompt);
    str_init(&spelled);
    if (!chat_render_json(&prompt, value, &err)) {
        fail_msg("%s: %s", label, err.text);
    }
    chat_prompt_spell(&prompt, &spelled, NULL, NULL);
    if (strcmp(spelled.data, rendered) != 0) {
        fail_msg("%s:\n got      %s\n expected %s", label, spelled.data, rendered);
    }
    bool open = spelled.length > 18 && str_ends_with(spelled.data, "<|channel>thought\n");
    assert_int_equal(prompt.starts_in_thought, open);
    check_ids(&prompt, &spelled, label);
    str_finish(&spelled);
    chat_prompt_finish(&prompt);
}

static void check_file(const char *name, size_t expected_count)
{
    json_t *cases = cases_load(name);
    assert_int_equal(json_array_size(cases), expected_count);
    for (size_t i = 0; i < expected_count; i++) {
        const json_t *value = json_array_get(cases, i);
        const char *label = cases_label(value, i);
        if (json_object_get(value, "refused") != NULL) {
            check_refused(value, label);
        } else {
            check_rendered(value, label);
        }
    }
    json_decref(cases);
}

static void test_reference(void **state)
{
    (void)state;
    check_file("render.jsonl", 160);
}

static void test_examples(void **state)
{
    (void)state;
    check_file("examples.jsonl", 25);
}

/* What the reference cannot say: ours where the template is unsound, and refusals. */
static void test_own(void **state)
{
    (void)state;
    check_file("render_own.jsonl", 52);
}

/* The format's spelling of numbers is Python's repr. */
static void test_reals(void **state)
{
    static const struct {
        double number;
        const char *expected;
    } rows[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {1.5, "1.5"},
        {-0.25, "-0.25"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e-4, "0.0001"},
        {1e-5, "1e-05"},
        {1e-7, "1e-07"},
        {1.5e-7, "1.5e-07"},
        {1e15, "1000000000000000.0"},
        {1e16, "1e+16"},
        {123456789012345680.0, "1.2345678901234568e+17"},
        {9007199254740993.0, "9007199254740992.0"},
        {1e22, "1e+22"},
        {1e100, "1e+100"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {0x1p-44, "5.684341886080802e-14"}, /* the nearest 16 digits do not read back */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[CHAT_REAL_SIZE];
        chat_value_format_real(rows[i].number, text);
        assert_string_equal(text, rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_own),
        cmocka_unit_test(test_reals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
