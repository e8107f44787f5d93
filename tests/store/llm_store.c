/* The store of the program `llm`, made here: its conversations in order, whatever is missing in
 * them, and nothing of a file that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/store.h"

#include "support.h"

static const char TABLES[] =
    "CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT);"
    "CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, response TEXT,"
    " conversation_id TEXT, datetime_utc TEXT);";

struct taking {
    struct str said;
    int64_t left_out;
    int left; /* of conversations that are taken; -1 = all */
};

static bool take(void *context, const struct store_birth *birth,
                 const struct chat_conversation *messages, struct err *err)
{
    struct taking *taking = context;
    if (taking->left == 0) {
        return err_set(err, ERR_CANCELLED, "enough");
    }
    taking->left--;
    str_append_format(&taking->said, "%s|%s|%s|%s", birth->origin, birth->title, birth->model,
                      birth->workspace);
    for (size_t i = 0; i < messages->count; i++) {
        const struct chat_message *message = &messages->messages[i];
        str_append_format(&taking->said, " %d:%s", (int)message->role, message->text);
        assert_true(message->complete);
    }
    str_append(&taking->said, "\n");
    return true;
}

static bool read_store(const char *rows, int left, const char *expected, struct err *err)
{
    char *folder = support_make_folder(), *path = support_path(folder, "logs.db");
    struct taking taking = {.left = left};
    size_t size, now_size;
    support_execute(path, rows);
    unsigned char *bytes = support_read_file(path, &size);
    str_init(&taking.said);
    bool ok = store_llm_read(path, take, &taking, &taking.left_out, err);
    unsigned char *now = support_read_file(path, &now_size);
    assert_int_equal(size, now_size);
    assert_memory_equal(bytes, now, size);
    assert_string_equal(taking.said.data != NULL ? taking.said.data : "", expected);
    mem_free(bytes);
    mem_free(now);
    str_finish(&taking.said);
    mem_free(path);
    support_remove_folder(folder);
    return ok;
}

static void test_conversations(void **state)
{
    (void)state;
    struct err err = {0};
    struct str sql;
    str_init(&sql);
    str_append(&sql, TABLES);
    assert_true(read_store(sql.data, -1, "", &err));
    str_append(&sql, "INSERT INTO conversations VALUES ('a', 'first', 'm1'), ('b', NULL, NULL),"
                     " ('c', 'empty', 'm3');"
                     "INSERT INTO responses VALUES"
                     " ('3', 'm9', 'p3', 'r3', 'b', '2024-01-01'),"
                     " ('2', 'm9', 'p2', 'r2', 'a', '2024-01-03'),"
                     " ('1', 'm9', 'p1', 'r1', 'a', '2024-01-02'),"
                     " ('9', 'm8', NULL, x'78', NULL, NULL),"
                     " ('8', NULL, 5, 1.5, NULL, NULL),"
                     " ('5', 'm5', 'p5', 'r5', 'gone', '2024');");
    static const char EXPECTED[] = "llm:8||| 1:5 2:1.5\n"
                                   "llm:9||m8| 1: 2:x\n"
                                   "llm:a|first|m1| 1:p1 2:r1 1:p2 2:r2\n"
                                   "llm:b||m9| 1:p3 2:r3\n"
                                   "llm:gone||m5| 1:p5 2:r5\n";
    assert_true(read_store(sql.data, -1, EXPECTED, &err));
    /* Whoever takes says when it is enough, and the reason is handed on. */
    assert_false(read_store(sql.data, 1, "llm:8||| 1:5 2:1.5\n", &err));
    assert_string_equal(err.text, "enough");
    assert_false(read_store(sql.data, 4,
                            "llm:8||| 1:5 2:1.5\nllm:9||m8| 1: 2:x\n"
                            "llm:a|first|m1| 1:p1 2:r1 1:p2 2:r2\nllm:b||m9| 1:p3 2:r3\n",
                            &err));
    str_finish(&sql);
}

/* What newer files hold beside is counted: that it is not imported must be told. */
static void test_what_is_left_out_is_counted(void **state)
{
    (void)state;
    char *folder = support_make_folder(), *path = support_path(folder, "logs.db");
    struct err err = {0};
    struct taking taking = {.left = -1};
    str_init(&taking.said);
    support_execute(path, TABLES);
    assert_true(store_llm_read(path, take, &taking, &taking.left_out, &err));
    assert_int_equal(taking.left_out, 0);
    support_execute(path, "CREATE TABLE tool_calls (id); INSERT INTO tool_calls VALUES (1), (2);"
                          "CREATE TABLE prompt_attachments (id);"
                          "INSERT INTO prompt_attachments VALUES (1)");
    assert_true(store_llm_read(path, take, &taking, &taking.left_out, &err));
    assert_int_equal(taking.left_out, 3);
    str_finish(&taking.said);
    mem_free(path);
    support_remove_folder(folder);
}

/* A long conversation goes up to its limit, and not beyond. */
static void test_a_conversation_has_a_limit(void **state)
{
    (void)state;
    char *folder = support_make_folder(), *path = support_path(folder, "logs.db");
    support_execute(path, TABLES);
    support_execute(path, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
                          "i < 100000) INSERT INTO responses SELECT printf('%06d', i), 'm', 'p', "
                          "'r', 'long', '' FROM n");
    struct err err = {0};
    struct taking taking = {.left = -1};
    str_init(&taking.said);
    assert_true(store_llm_read(path, take, &taking, &taking.left_out, &err));
    str_clear(&taking.said);
    support_execute(path, "INSERT INTO responses VALUES ('x', 'm', 'p', 'r', 'long', '')");
    assert_false(store_llm_read(path, take, &taking, &taking.left_out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(taking.said.length, 0);
    str_finish(&taking.said);
    mem_free(path);
    support_remove_folder(folder);
}

static void test_what_is_no_store(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "CREATE TABLE other (x)",
        "CREATE TABLE responses (id)",
        /* Names that lead elsewhere: a view runs what somebody else wrote. */
        "CREATE TABLE conversations (id TEXT, name TEXT, model TEXT);"
        "CREATE VIEW responses AS SELECT 'i' AS id, 'm' AS model, 'p' AS prompt, 'r' AS response,"
        " 'c' AS conversation_id, 't' AS datetime_utc",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        assert_false(read_store(rows[i], -1, "", &err));
        assert_int_equal(err.code, ERR_FORMAT);
        assert_non_null(strstr(err.text, "logs.db"));
    }
    struct err err = {0};
    struct taking taking = {.left = -1};
    assert_false(store_llm_read("/no/such/file", take, &taking, &taking.left_out, &err));
    assert_int_equal(err.code, ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_what_is_left_out_is_counted),
        cmocka_unit_test(test_a_conversation_has_a_limit),
        cmocka_unit_test(test_what_is_no_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
