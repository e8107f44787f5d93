/* The strict JSON reader: what JSON is, what it is not, and that every cut of a text is noticed. */
#include "load/json_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static bool skip_all(const char *text, size_t length, struct err *err)
{
    struct json_reader json;
    json_reader_init(&json, "x.json", text, length, err);
    bool ok = json_reader_skip(&json) && json_reader_end(&json);
    assert_true(ok == !json.failed);
    json_reader_finish(&json);
    return ok;
}

static void accepts_json(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "null",
        " true ",
        "-0",
        "0.5e+3",
        "1E-2",
        "\"\"",
        "\"\\u00e9\\ud83d\\ude00\\n\\/\"",
        "[]",
        "{}",
        "[1,[2,{\"a\":[]}],\"b\"]",
        "{\"a\":{\"b\":[{},{}]},\"c\":null}\r\n\t ",
        "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err err = {0};
        if (!skip_all(texts[i], strlen(texts[i]), &err)) {
            fail_msg("%s: %s", texts[i], err.text);
        }
    }
}

static void refuses_what_is_no_json(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "the file ends"},
        {"nul", "null is expected"},
        {"truth", "true is expected"},
        {"01", "not a number"},
        {"-", "not a number"},
        {"1.", "not a number"},
        {"+1", "no value begins like this"},
        {"1e", "without digits"},
        {"NaN", "no value begins like this"},
        {"\"a", "does not end"},
        {"\"a\nb\"", "control character"},
        {"\"\\x\"", "an escape"},
        {"\"\\u12g4\"", "hexadecimal"},
        {"\"\\ud83d\"", "\\u is expected"},
        {"\"\\udc00\"", "half a surrogate pair"},
        {"\"\\ud83d\\u0041\"", "half a surrogate pair"},
        {"\"\xFF\"", "not UTF-8"},
        {"\"\xED\xA0\x80\"", "not UTF-8"},
        {"[1,]", "no value begins like this"},
        {"[1 2]", "',' is expected"},
        {"[1}", "',' is expected"},
        {"{\"a\" 1}", "':' is expected"},
        {"{a:1}", "'\"' is expected"},
        {"{\"a\":1,}", "'\"' is expected"},
        {"1 2", "something follows"},
        {"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", "nested more than 16 deep"},
        {"// x\n1", "no value begins like this"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        if (skip_all(cases[i].text, strlen(cases[i].text), &err) || err.code != ERR_FORMAT ||
            strncmp(err.text, "x.json: at byte ", 16) != 0 ||
            strstr(err.text, cases[i].part) == NULL) {
            fail_msg("%s: \"%s\"; must say \"%s\"", cases[i].text, err.text, cases[i].part);
        }
    }
}

static void notices_every_cut(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,-2.5e3,\"\\u0041\\\\\"],\"b\":{\"c\":true,\"d\":null}}";
    struct err err = {0};
    for (size_t length = 0; length < strlen(text); length++) {
        assert_false(skip_all(text, length, &err));
    }
    assert_true(skip_all(text, strlen(text), &err));
}

static void reads_values(void **state)
{
    (void)state;
    static const char text[] =
        "{\"n\":-9007199254740993,\"r\":[1e-06,0.95,-2.5,10000.0,0,1e400],"
        "\"plain\":\"ab\",\"made\":\"\\u2581\\\"\",\"no\":null,\"yes\":true}";
    static const double reals[] = {1e-6, 0.95, -2.5, 1e4, 0};
    struct err err = {0};
    struct json_reader json;
    struct json_reader_text key, string;
    int64_t integer = 0;
    double real = 0;
    bool truth = false;
    json_reader_init(&json, "x.json", text, strlen(text), &err);
    assert_true(json_reader_enter(&json, JSON_READER_OBJECT));
    assert_true(json_reader_next_key(&json, &key) && json_reader_text_is(&key, "n"));
    assert_true(json_reader_integer(&json, &integer));
    assert_true(integer == INT64_C(-9007199254740993));
    assert_true(json_reader_next_key(&json, &key) && json_reader_enter(&json, JSON_READER_ARRAY));
    for (size_t i = 0; i < 5; i++) {
        assert_true(json_reader_next_item(&json) && json_reader_real(&json, &real));
        assert_true(real == reals[i]);
    }
    assert_true(json_reader_next_item(&json) && json_reader_skip(&json));
    assert_true(!json_reader_next_item(&json) && !json.failed);
    assert_true(json_reader_next_key(&json, &key) && json_reader_string(&json, &string));
    assert_true(string.as_written && json_reader_text_is(&string, "ab"));
    assert_true(json_reader_next_key(&json, &key) && json_reader_string(&json, &string));
    assert_true(!string.as_written && json_reader_text_is(&string, "\xE2\x96\x81\""));
    assert_true(json_reader_next_key(&json, &key) && json_reader_take_null(&json));
    assert_true(json_reader_next_key(&json, &key) && !json_reader_take_null(&json) &&
                json_reader_bool(&json, &truth));
    assert_true(truth && !json_reader_next_key(&json, &key) && json_reader_end(&json));
    json_reader_finish(&json);
    static const char *const no_integers[] = {"1.0", "1e3", "9223372036854775808", "\"1\"",
                                              "99999999999999999999999"};
    for (size_t i = 0; i < sizeof no_integers / sizeof no_integers[0]; i++) {
        json_reader_init(&json, "x.json", no_integers[i], strlen(no_integers[i]), &err);
        assert_false(json_reader_integer(&json, &integer));
        json_reader_finish(&json);
    }
    json_reader_init(&json, "x.json", "1e400", 5, &err);
    assert_false(json_reader_real(&json, &real));
    json_reader_finish(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_json),
        cmocka_unit_test(refuses_what_is_no_json),
        cmocka_unit_test(notices_every_cut),
        cmocka_unit_test(reads_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
