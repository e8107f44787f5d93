/* picture_file: whole JPEG files give their pixels, and one whose code table holds more than a
 * table can is refused before the decoder sees it, wherever in the file it stands. */
#include "media/picture_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

static const char *folder;

static const struct {
    const char *name;
    size_t width, height;
} pictures[] = {
    {"jpeg_progressive_32x24", 32, 24},
    {"jpeg_baseline_20x9", 20, 9},
    {"jpeg_turned_right", 9, 20},
    {"jpeg_upside_down", 20, 9},
};

static void read_picture(size_t i, struct str *file)
{
    struct err err;
    struct str path;
    str_init(&path);
    str_init(file);
    str_append_format(&path, "%s/%s", folder, pictures[i].name);
    if (!file_read(path.data, 1024 * 1024, file, &err)) {
        fail_msg("%s", err.text);
    }
    str_finish(&path);
}

static bool decodes(const struct str *file, size_t *width, size_t *height, struct err *err)
{
    uint8_t *rgb = NULL;
    bool ok = picture_file_decode(file->data, file->length, &rgb, width, height, err);
    mem_free(rgb);
    return ok;
}

/* Where the next segment of code tables begins, or SIZE_MAX. */
static size_t next_table(const struct str *file, size_t at)
{
    const char *found = memmem(file->data + at, file->length - at, "\xFF\xC4", 2);
    return found == NULL ? SIZE_MAX : (size_t)(found - file->data);
}

static void whole_files_give_pixels(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        struct str file;
        struct err err = {0};
        size_t width = 0, height = 0;
        read_picture(i, &file);
        if (!decodes(&file, &width, &height, &err)) {
            fail_msg("%s: %s", pictures[i].name, err.text);
        }
        assert_int_equal(width, pictures[i].width);
        assert_int_equal(height, pictures[i].height);
        str_finish(&file);
    }
}

static void a_table_of_too_many_codes_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        struct str file, filled;
        size_t tables = 0;
        read_picture(i, &file);
        for (size_t at = 0; (at = next_table(&file, at)) != SIZE_MAX; at += 2, tables++) {
            char *counts = file.data + at + 5, kept[16];
            struct err err = {0};
            size_t width, height;
            memcpy(kept, counts, sizeof kept);
            memset(counts, 0xFF, sizeof kept);
            assert_false(decodes(&file, &width, &height, &err));
            assert_int_equal(err.code, ERR_FORMAT);
            assert_non_null(strstr(err.text, "a code table is too large"));
            str_init(&filled); /* a file may begin with more of 0xFF */
            str_append_bytes(&filled, "\xFF", 1);
            str_append_bytes(&filled, file.data, file.length);
            assert_false(decodes(&filled, &width, &height, &err));
            assert_non_null(strstr(err.text, "a code table is too large"));
            str_finish(&filled);
            memcpy(counts, kept, sizeof kept);
        }
        assert_true(tables >= 2);
        str_finish(&file);
    }
}

/* 0xFFC4 in what a camera wrote about its picture is no table. */
static void other_segments_may_hold_anything(void **state)
{
    (void)state;
    static const char segment[] = "\xFF\xE5\x00\x16\xFF\xC4\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                                  "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
    struct str file, longer;
    struct err err = {0};
    size_t width, height;
    read_picture(0, &file);
    str_init(&longer);
    str_append_bytes(&longer, file.data, 2);
    str_append_bytes(&longer, segment, sizeof segment - 1);
    str_append_bytes(&longer, file.data + 2, file.length - 2);
    if (!decodes(&longer, &width, &height, &err)) {
        fail_msg("%s", err.text);
    }
    str_finish(&longer);
    str_finish(&file);
}

/* Cut anywhere it is refused or shown in part; no byte behind it is read (AddressSanitizer). */
static void every_length_is_read_or_refused(void **state)
{
    (void)state;
    struct str file;
    read_picture(0, &file);
    for (size_t length = 0; length < file.length; length++) {
        char *bytes = mem_alloc(length, 1);
        struct str cut = {.data = bytes, .length = length};
        struct err err = {0};
        size_t width, height;
        memcpy(bytes, file.data, length);
        assert_true(decodes(&cut, &width, &height, &err) || err.code != ERR_NONE);
        mem_free(bytes);
    }
    str_finish(&file);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_files_give_pixels),
        cmocka_unit_test(a_table_of_too_many_codes_is_refused),
        cmocka_unit_test(other_segments_may_hold_anything),
        cmocka_unit_test(every_length_is_read_or_refused),
    };
    folder = argc > 1 ? argv[1] : "tests/media/corpus_picture";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
