/* One statement of SQL over a store: each kind of value, each thing that is refused, and that
 * nothing is written. */
#include "store/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/store.h"

#include "support.h"

struct place {
    char *folder, *path;
};

static int set_up(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    struct err err;
    char id[37];
    place->folder = support_make_memory_folder();
    place->path = support_path(place->folder, "carat.db");
    struct store *store = store_open(place->path, &err);
    if (store == NULL || !store_conversation_create(store, "/w", "nano", id, &err) ||
        !store_conversation_set_title(store, id, "otter", &err)) {
        return -1;
    }
    store_close(store);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    support_remove_folder(place->folder);
    mem_free(place->path);
    mem_free(place);
    return 0;
}

struct taken {
    struct str lines;
    int wanted; /* rows */
};

static bool take(void *context, const json_t *row)
{
    struct taken *taken = context;
    char *text = json_dumps(row, JSON_COMPACT);
    str_append_format(&taken->lines, "%s\n", text);
    free(text);
    return --taken->wanted > 0;
}

static void test_values_and_columns(void **state)
{
    static const struct {
        const char *sql, *rows;
        int wanted;
    } CASES[] = {
        {"SELECT 1 AS a, 0.5 AS b, 't' AS c, NULL AS d, x'0102' AS e",
         "{\"a\":1,\"b\":0.5,\"c\":\"t\",\"d\":null,\"e\":{\"bytes\":2}}\n", 9},
        {"SELECT 1 AS a, 2 AS a, 3 AS a", "{\"a\":1,\"a:2\":2,\"a:3\":3}\n", 9},
        {"SELECT 1e999 AS a, '' AS b", "{\"a\":null,\"b\":\"\"}\n", 9}, /* JSON has no infinity */
        {"SELECT CAST(x'61ff62' AS TEXT) AS a",
         "{\"a\":\"a\xEF\xBF\xBD"
         "b\"}\n",
         9},
        {"SELECT value AS v FROM json_each('[1,2,3]')", "{\"v\":1}\n{\"v\":2}\n", 2},
        {"SELECT title FROM conversations ; \n", "{\"title\":\"otter\"}\n", 9},
        {"SELECT title FROM titles WHERE titles MATCH 'otter'", "{\"title\":\"otter\"}\n", 9},
        {"SELECT 1 WHERE 0", "", 9},
    };
    struct place *place = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct taken taken = {.wanted = CASES[i].wanted};
        struct err err;
        str_init(&taken.lines);
        if (!query_run(place->path, CASES[i].sql, take, &taken, &err)) {
            fail_msg("%s: %s", CASES[i].sql, err.text);
        }
        assert_string_equal(taken.lines.data, CASES[i].rows);
        str_finish(&taken.lines);
    }
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *sql;
        enum err_code code;
        const char *said;
    } CASES[] = {
        {"SELEKT 1", ERR_ARGUMENT, "syntax error"},
        {" -- nothing", ERR_ARGUMENT, "there is no statement"},
        {"SELECT 1; SELECT 2", ERR_ARGUMENT,
         "one statement at a time; behind it stands:  SELECT 2"},
        {"DELETE FROM conversations", ERR_ARGUMENT, "the store is only read here"},
        {"DROP TABLE messages", ERR_ARGUMENT, "the store is only read here"},
        {"PRAGMA user_version = 9", ERR_ARGUMENT, "the store is only read here"},
        {"ATTACH 'other.db' AS other", ERR_FORMAT, "too many attached databases"},
        {"VACUUM INTO 'other.db'", ERR_ARGUMENT, "the store is only read here"},
        {"SELECT writefile('other', 'x')", ERR_ARGUMENT, "no such function"},
        {"SELECT load_extension('other')", ERR_FORMAT, "not authorized"},
        {"SELECT abs(-9223372036854775808)", ERR_FORMAT, "integer overflow"},
    };
    struct place *place = *state;
    size_t size, size_after;
    unsigned char *before = support_read_file(place->path, &size);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct taken taken = {.wanted = 9};
        struct err err = {0};
        str_init(&taken.lines);
        bool done = query_run(place->path, CASES[i].sql, take, &taken, &err);
        if (done || err.code != CASES[i].code || strstr(err.text, CASES[i].said) == NULL) {
            fail_msg("%s: %d %s", CASES[i].sql, (int)err.code, err.text);
        }
        assert_string_equal(taken.lines.data, "");
        str_finish(&taken.lines);
    }
    unsigned char *after = support_read_file(place->path, &size_after);
    assert_int_equal(size_after, size);
    assert_memory_equal(after, before, size);
    mem_free(before);
    mem_free(after);
}

static void test_files_that_are_none(void **state)
{
    struct place *place = *state;
    char *other = support_path(place->folder, "other.db");
    struct taken taken = {.wanted = 9};
    struct err err = {0};
    str_init(&taken.lines);
    assert_false(query_run(other, "SELECT 1", take, &taken, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, other));
    support_write_file(other, "no database, and longer than a header of one would have to be", 61);
    assert_false(query_run(other, "SELECT * FROM messages", take, &taken, &err));
    assert_non_null(strstr(err.text, "file is not a database"));
    assert_string_equal(taken.lines.data, "");
    str_finish(&taken.lines);
    mem_free(other);
}

int main(void)
{
#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_PLACE(test_values_and_columns),
        WITH_PLACE(test_what_is_refused),
        WITH_PLACE(test_files_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
