/* Differences: known ones, and random texts whose hunks, applied to the old text, give the new one;
 * patch(1)'s rules are written down here once more for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/diff.h"
#include "base/str.h"

static struct diff_text text(const char *bytes)
{
    return (struct diff_text){bytes, strlen(bytes)};
}

static void differs(const char *before, const char *after, size_t limit, const char *expected)
{
    struct str out;
    str_init(&out);
    diff_append(&out, text(before), text(after), limit);
    assert_string_equal(out.data, expected);
    str_finish(&out);
}

static void test_known(void **state)
{
    (void)state;
    differs("", "", 0, "");
    differs("a\n", "a\n", 0, "");
    differs("", "a\nb\n", 0, "@@ -0,0 +1,2 @@\n+a\n+b\n");
    differs("a\n", "", 0, "@@ -1,1 +0,0 @@\n-a\n");
    differs("a", "a\n", 0, "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
    differs("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nX\n6\n7\n8\n9\n", 0,
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+X\n 6\n 7\n 8\n");
    differs("a\nb\nc\n", "x\ny\nz\n", 2,
            "@@ -1,3 +1,3 @@\n-a\n-b\n[4 more lines of the difference]\n");
    /* Two hunks where the equal middle is long. */
    differs("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n", 0,
            "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

/* Applies hunks strictly: every context and every removed line must be what the old text has. */
static void apply(const char *before, const char *hunks, struct str *out)
{
    size_t line = 1;
    const char *at = before;
    while (*hunks != '\0') {
        size_t length = strcspn(hunks, "\n"), start, count;
        if (hunks[0] == '@') {
            assert_int_equal(sscanf(hunks, "@@ -%zu,%zu", &start, &count), 2);
            start += count == 0;
            for (; line < start; line++) {
                size_t part = strcspn(at, "\n") + 1;
                str_append_bytes(out, at, part);
                at += part;
            }
        } else if (hunks[0] == '\\') {
            assert_int_equal(*at, '\0');
        } else {
            bool open = hunks[length + 1] == '\\'; /* the last line, without a newline */
            size_t size = length - 1 + !open;
            if (hunks[0] != '+') {
                assert_memory_equal(at, hunks + 1, length - 1);
                at += size;
                line++;
            }
            if (hunks[0] != '-') {
                str_append_bytes(out, hunks + 1, length - 1);
                str_append(out, open ? "" : "\n");
            }
        }
        hunks += length + 1;
    }
    str_append(out, at);
}

static uint64_t seed = 1;

static unsigned chance(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % below;
}

static void random_text(struct str *out, unsigned lines, unsigned kinds)
{
    for (unsigned i = chance(lines + 1); i > 0; i--) {
        str_append_format(out, "%u\n", chance(kinds));
    }
    if (out->length > 0 && chance(4) == 0) {
        str_truncate(out, out->length - 1);
    }
}

static void test_random(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        struct str before, after, hunks, again;
        str_init(&before);
        str_init(&after);
        str_init(&hunks);
        str_init(&again);
        /* Now and then more than DIFF_EDITS_LIMIT. */
        unsigned lines = round % 500 == 0 ? 3000 : 40, kinds = 2 + chance(30);
        random_text(&before, lines, kinds);
        random_text(&after, lines, kinds);
        struct diff_counts counts =
            diff_append(&hunks, (struct diff_text){before.data, before.length},
                        (struct diff_text){after.data, after.length}, 0);
        apply(before.data, hunks.data, &again);
        assert_string_equal(again.data, after.data);
        assert_true(counts.removed + counts.added > 0 || strcmp(before.data, after.data) == 0);
        str_finish(&before);
        str_finish(&after);
        str_finish(&hunks);
        str_finish(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known), cmocka_unit_test(test_random)};
    return cmocka_run_group_tests_name("base_diff", tests, NULL, NULL);
}
