/* Where a model says that things are: what is taken from an answer, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "chat/boxes.h"

static enum boxes_answer read(const char *text, struct boxes *boxes, struct err *err)
{
    *err = (struct err){0};
    return boxes_read(text, strlen(text), boxes, err);
}

static void test_found(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[{\"box_2d\": [100, 200, 300, 400], \"label\": \"OK\"}]",
        "{\"box_2d\": [100, 200, 300, 400], \"label\": \"OK\"}",
        "There it is:\n```json\n[\n {\"label\": \"OK\", \"box_2d\": [100.0, 200, 300, "
        "4e2]}\n]\n```\n",
        "In [1] and {2} of {\"a\": 1}: "
        "[{\"box_2d\":[100,200,300,400],\"label\":\"OK\",\"score\":1}].",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct boxes boxes;
        struct err err;
        assert_int_equal(read(texts[i], &boxes, &err), BOXES_FOUND);
        assert_int_equal(boxes.count, 1);
        assert_false(boxes.items[0].point);
        assert_float_equal(boxes.items[0].top, 100, 0);
        assert_float_equal(boxes.items[0].left, 200, 0);
        assert_float_equal(boxes.items[0].bottom, 300, 0);
        assert_float_equal(boxes.items[0].right, 400, 0);
        assert_string_equal(boxes.items[0].label, "OK");
        boxes_finish(&boxes);
    }
}

static void test_points(void **state)
{
    (void)state;
    struct boxes boxes;
    struct err err;
    assert_int_equal(
        read("[{\"point\":[10,20],\"label\":\"a\\u001b[2J\"},{\"point\":[0,1000]}]", &boxes, &err),
        BOXES_FOUND);
    assert_int_equal(boxes.count, 2);
    assert_true(boxes.items[1].point);
    assert_float_equal(boxes.items[0].bottom, 10, 0);
    assert_float_equal(boxes.items[0].right, 20, 0);
    assert_string_equal(boxes.items[0].label,
                        "a\x1B[2J"); /* data: whoever shows it makes it safe */
    assert_string_equal(boxes.items[1].label, "");
    boxes_finish(&boxes);
}

static void test_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "A red circle.",
        "[]",
        "{}",
        "[1, 2]",
        "{\"label\": \"OK\"}",
        "[[{\"a\": 1}]]",
        "[{\"box_2d\": [1, 2, 3, 4]",
        "box_2d: [1, 2, 3, 4]",
        "[{\"box_2d\": [1, 2, 3, 4], \"box_2d\": 1}]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct boxes boxes;
        struct err err;
        assert_int_equal(read(texts[i], &boxes, &err), BOXES_NONE);
    }
}

static void test_wrong(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"[{\"box_2d\": [1, 2, 3]}]", "number 1 has no 4 numbers"},
        {"[{\"box_2d\": [1, 2, 3, 4, 5]}]", "number 1 has no 4 numbers"},
        {"[{\"box_2d\": \"1 2 3 4\"}]", "number 1 has no 4 numbers"},
        {"[{\"box_2d\": [1, 2, 3, \"4\"]}]", "outside"},
        {"[{\"box_2d\": [1, 2, 3, 1000.5]}]", "outside"},
        {"[{\"point\": [-1, 2]}]", "outside"},
        {"[{\"point\": [1, null]}]", "outside"},
        {"[{\"box_2d\": [30, 2, 3, 4]}]", "no area"},
        {"[{\"box_2d\": [1, 4, 3, 4]}]", "no area"},
        {"[{\"box_2d\": [1, 2, 3, 4], \"point\": [1, 2]}]", "not one of"},
        {"[{\"box_2d\": [1, 2, 3, 4], \"label\": 7}]", "label"},
        {"[{\"box_2d\": [1, 2, 3, 4], \"label\": \"a\"}, 5]", "number 2"},
        {"[{\"box_2d\": [1, 2, 3, 4], \"label\": \"a\"}, {\"label\": \"b\"}]", "number 2"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct boxes boxes = {.count = 77};
        struct err err;
        assert_int_equal(read(texts[i][0], &boxes, &err), BOXES_WRONG);
        assert_non_null(strstr(err.text, texts[i][1]));
        assert_int_equal(boxes.count, 77);
    }
}

static void add_boxes(struct str *text, size_t count, size_t label)
{
    str_append(text, "[");
    for (size_t i = 0; i < count; i++) {
        str_append_format(text, "%s{\"point\":[1,2],\"label\":\"%0*d\"}", i > 0 ? "," : "",
                          (int)label, 7);
    }
    str_append(text, "]");
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        size_t count, label;
        enum boxes_answer answer;
    } cases[] = {{BOXES_MAX, BOXES_LABEL_MAX, BOXES_FOUND},
                 {BOXES_MAX + 1, 5, BOXES_WRONG},
                 {1, BOXES_LABEL_MAX + 1, BOXES_WRONG}};
    struct boxes boxes;
    struct err err = {0};
    struct str text;
    str_init(&text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        str_clear(&text);
        add_boxes(&text, cases[i].count, cases[i].label);
        assert_int_equal(boxes_read(text.data, text.length, &boxes, &err), cases[i].answer);
        if (cases[i].answer == BOXES_FOUND) {
            assert_int_equal(boxes.count, cases[i].count);
            boxes_finish(&boxes);
        }
    }
    str_clear(&text);
    for (int i = 0; i < BOXES_TEXT_MAX; i++) {
        str_append(&text, "[");
    }
    assert_int_equal(boxes_read(text.data, text.length, &boxes, &err), BOXES_NONE);
    str_finish(&text);
}

static void test_pixels(void **state)
{
    (void)state;
    assert_int_equal(boxes_pixel(0, 640), 0);
    assert_int_equal(boxes_pixel(500, 640), 320);
    assert_int_equal(boxes_pixel(999.9, 640), 639);
    assert_int_equal(boxes_pixel(1000, 640), 639);
    assert_int_equal(boxes_pixel(1000, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found), cmocka_unit_test(test_points), cmocka_unit_test(test_none),
        cmocka_unit_test(test_wrong), cmocka_unit_test(test_limits), cmocka_unit_test(test_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
