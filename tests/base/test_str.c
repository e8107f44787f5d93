/* str and vec and arena: growth, the NUL at the end, edits in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

static void grows_and_ends_with_nul(void **state)
{
    (void)state;
    struct str s;
    str_init(&s);
    assert_string_equal(s.data, "");
    for (int i = 0; i < 1000; i++) {
        str_append_format(&s, "%d,", i);
        assert_int_equal(s.data[s.length], '\0');
    }
    assert_true(str_ends_with(s.data, "998,999,"));
    str_clear(&s);
    assert_int_equal(s.length, 0);
    assert_string_equal(s.data, "");
    str_finish(&s);
}

static void holds_nul_bytes(void **state)
{
    (void)state;
    struct str s;
    str_init(&s);
    str_append_bytes(&s, "a\0b", 3);
    str_append_char(&s, '\0');
    assert_int_equal(s.length, 4);
    assert_memory_equal(s.data, "a\0b\0", 5);
    str_finish(&s);
}

static void edits_in_the_middle(void **state)
{
    (void)state;
    struct str s;
    str_init(&s);
    str_insert(&s, 0, "wrld", 4);
    str_insert(&s, 1, "o", 1);
    str_insert(&s, 0, "hello ", 6);
    assert_string_equal(s.data, "hello world");
    str_remove(&s, 0, 6);
    str_remove(&s, 5, 0);
    assert_string_equal(s.data, "world");
    char *taken = str_take(&s);
    assert_string_equal(taken, "world");
    assert_int_equal(s.length, 0);
    mem_free(taken);
    taken = str_take(&s); /* an empty one too is the caller's */
    assert_string_equal(taken, "");
    mem_free(taken);
    str_finish(&s);
}

static void prefixes_and_suffixes(void **state)
{
    (void)state;
    assert_true(str_starts_with("carat", "car"));
    assert_false(str_starts_with("ca", "car"));
    assert_true(str_ends_with("x.gguf", ".gguf"));
    assert_false(str_ends_with("gguf", ".gguf"));
}

static void vec_keeps_items(void **state)
{
    (void)state;
    int *items = NULL;
    size_t capacity = 0;
    for (int i = 0; i < 1000; i++) {
        vec_room(&items, &capacity, (size_t)i + 1, sizeof *items);
        items[i] = i;
    }
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(items[i], i);
    }
    size_t before = capacity;
    mem_fail_at(1, 0);
    assert_false(vec_try_room(&items, &capacity, capacity + 1, sizeof *items));
    mem_fail_at(0, 0);
    assert_int_equal(capacity, before);
    assert_int_equal(items[999], 999);
    mem_free(items);
}

static void arena_blocks_are_apart_and_aligned(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    char *blocks[300];
    for (size_t i = 0; i < 300; i++) {
        blocks[i] = arena_alloc(&arena, i * 7);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        memset(blocks[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t at = 0; at < i * 7; at++) {
            assert_int_equal((unsigned char)blocks[i][at], (unsigned char)i);
        }
    }
    arena_clear(&arena);
    assert_string_equal(arena_format(&arena, "%d %s", 7, "x"), "7 x");
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_ends_with_nul),
        cmocka_unit_test(holds_nul_bytes),
        cmocka_unit_test(edits_in_the_middle),
        cmocka_unit_test(prefixes_and_suffixes),
        cmocka_unit_test(vec_keeps_items),
        cmocka_unit_test(arena_blocks_are_apart_and_aligned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
