/* Answers that grow: what is kept of them between two frames comes back, whoever reads it, and is
 * written in pieces. Kills are in kill.c, losses of power in power.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/rows.h"
#include "store/store.h"

#include "support.h"

/* An answer on its way: a store, a conversation with one message, and that message's row. */
struct answer {
    char *folder, *path;
    struct store *store;
    char id[37];
    int64_t row;
    struct chat_message message;
};

static int set_up(void **state)
{
    struct answer *answer = mem_zero(1, sizeof *answer);
    struct err err;
    answer->folder = support_make_folder();
    answer->path = support_path(answer->folder, "carat.db");
    answer->store = store_open(answer->path, &err);
    chat_message_init(&answer->message, CHAT_MODEL);
    answer->message.complete = false;
    *state = answer;
    return answer->store == NULL ||
           !store_conversation_create(answer->store, "/w", "nano", answer->id, &err) ||
           !store_message_append(answer->store, answer->id, &answer->message, &answer->row, &err);
}

static int tear_down(void **state)
{
    struct answer *answer = *state;
    store_close(answer->store);
    chat_message_finish(&answer->message);
    support_remove_folder(answer->folder);
    mem_free(answer->path);
    mem_free(answer);
    return 0;
}

static void say(struct answer *answer, const char *text, const char *thought, int32_t token)
{
    struct chat_message *message = &answer->message;
    struct str whole;
    str_init(&whole);
    str_append_format(&whole, "%s%s", message->text, text);
    chat_message_set_text(message, whole.data, whole.length);
    str_clear(&whole);
    str_append_format(&whole, "%s%s", message->thought, thought);
    mem_free(message->thought);
    message->thought = str_take(&whole);
    message->tokens =
        mem_resize(message->tokens, message->token_count + 1, sizeof *message->tokens);
    message->tokens[message->token_count++] = token;
}

static void grow(struct answer *answer)
{
    struct err err;
    if (!store_message_grow(answer->store, answer->row, &answer->message, &err)) {
        fail_msg("%s", err.text);
    }
}

static void expect_in(struct store *store, const char *id, const struct chat_message *message)
{
    struct err err;
    struct chat_conversation loaded;
    chat_conversation_init(&loaded);
    if (!store_messages_load(store, id, &loaded, NULL, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(loaded.count, 1);
    assert_true(support_same_message(&loaded.messages[0], message));
    chat_conversation_finish(&loaded);
}

static int64_t pieces(const struct answer *answer)
{
    return support_query(answer->path, "SELECT count(*) FROM growth");
}

/* Some words, each with its token, and some of them thought. */
static void talk(struct answer *answer, int words)
{
    for (int i = 0; i < words; i++) {
        say(answer, i % 3 == 0 ? "w\xC3\xB6rd " : "", i % 3 == 0 ? "" : "hm\n", i);
        grow(answer);
    }
}

static void test_pieces_are_the_message(void **state)
{
    struct answer *answer = *state;
    struct err err;
    for (int i = 0; i < 50; i++) {
        talk(answer, 1);
        expect_in(answer->store, answer->id, &answer->message);
    }
    assert_int_equal(pieces(answer), 50);
    answer->message.complete = true;
    assert_true(store_message_update(answer->store, answer->row, &answer->message, &err));
    assert_int_equal(pieces(answer), 0);
    expect_in(answer->store, answer->id, &answer->message);
}

/* What is written for a token does not grow with the answer. */
static void test_many_pieces_go_into_the_row(void **state)
{
    struct answer *answer = *state;
    static char words[1025];
    memset(words, 'x', sizeof words - 1);
    int64_t most = 0;
    for (int i = 0; i < 100; i++) {
        say(answer, words, "", i);
        grow(answer);
        most = pieces(answer) > most ? pieces(answer) : most;
    }
    assert_in_range(most, 10, 40);
    expect_in(answer->store, answer->id, &answer->message);
}

/* A process that was killed leaves pieces; the next one to take the conversation writes them in. */
static void test_taking_and_copying_write_them_in(void **state)
{
    struct answer *answer = *state;
    struct err err;
    char fork[37];
    talk(answer, 20);
    struct store *other = store_open(answer->path, &err);
    assert_non_null(other);
    assert_true(store_conversation_fork(other, answer->id, 1, fork, &err));
    expect_in(other, fork, &answer->message);
    assert_int_equal(pieces(answer), 0);
    /* The one that writes does not know of it, and goes on. */
    talk(answer, 5);
    assert_int_equal(pieces(answer), 5);
    expect_in(answer->store, answer->id, &answer->message);
    assert_true(store_conversation_lease(other, answer->id, &err));
    assert_int_equal(pieces(answer), 0);
    expect_in(other, answer->id, &answer->message);
    store_close(other);
}

static void test_what_does_not_go_on_is_written_anew(void **state)
{
    struct answer *answer = *state;
    talk(answer, 4);
    chat_message_set_text(&answer->message, "quite another text, and a longer one", 36);
    grow(answer);
    assert_int_equal(pieces(answer), 0);
    expect_in(answer->store, answer->id, &answer->message);
    chat_message_add_call(&answer->message, "c1", "shell", json_object());
    grow(answer);
    assert_int_equal(pieces(answer), 0);
    expect_in(answer->store, answer->id, &answer->message);
}

static void expect_refused(struct answer *answer, const char *sql, const char *why)
{
    struct err err = {0};
    struct chat_conversation loaded;
    support_execute(answer->path, sql);
    chat_conversation_init(&loaded);
    assert_false(store_messages_load(answer->store, answer->id, &loaded, NULL, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, why));
    assert_false(store_conversation_lease(answer->store, answer->id, &err));
    chat_conversation_finish(&loaded);
}

static void test_damaged_and_missing_pieces_are_noticed(void **state)
{
    struct answer *answer = *state;
    talk(answer, 9);
    expect_refused(answer, "UPDATE growth SET text = 'w\xC3\xB6rt ' WHERE piece = 3",
                   "piece 3 is damaged");
    expect_refused(answer, "DELETE FROM growth WHERE piece = 3", "missing");
}

static void test_they_end_with_their_message(void **state)
{
    struct answer *answer = *state;
    struct err err;
    talk(answer, 9);
    assert_true(store_conversation_trash(answer->store, answer->id, true, &err));
    assert_true(store_conversation_purge(answer->store, answer->id, &err));
    assert_int_equal(pieces(answer), 0);
    assert_int_equal(support_query(answer->path, "SELECT count(*) FROM messages"), 0);
}

int main(void)
{
#define WITH_ANSWER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_ANSWER(test_pieces_are_the_message),
        WITH_ANSWER(test_many_pieces_go_into_the_row),
        WITH_ANSWER(test_taking_and_copying_write_them_in),
        WITH_ANSWER(test_what_does_not_go_on_is_written_anew),
        WITH_ANSWER(test_damaged_and_missing_pieces_are_noticed),
        WITH_ANSWER(test_they_end_with_their_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
