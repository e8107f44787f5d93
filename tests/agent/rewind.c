/* Rewinding with files: which turns came after a message, over forks too, and what their taking
 * back leaves. The store and the snapshots are the real ones; the turns are played with shell
 * commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/rewind.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/store.h"

#include "support.h"

struct place {
    char *folder, *work, *state, *path;
    struct store *store;
    struct undo *undo;
    char id[37];
    int64_t count; /* messages of the conversation */
};

static void shell(const struct place *place, const char *command)
{
    struct str line;
    str_init(&line);
    str_append_format(&line, "cd '%s' && %s", place->work, command);
    if (system(line.data) != 0) {
        fail_msg("%s", line.data);
    }
    str_finish(&line);
}

static int set_up(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    struct err err = {0};
    place->folder = support_make_folder();
    place->work = support_path(place->folder, "work");
    place->state = support_path(place->folder, "state");
    place->path = support_path(place->folder, "carat.db");
    assert_true(file_make_directories(place->work, &err));
    place->store = store_open(place->path, &err);
    struct undo_options options = {.folder = place->state,
                                   .workspace = place->work,
                                   .file_limit = 1 << 20,
                                   .total_limit = 1 << 24};
    place->undo = undo_open(&options, &err);
    if (place->store == NULL || place->undo == NULL ||
        !store_conversation_create(place->store, place->work, "nano", place->id, &err)) {
        fail_msg("%s", err.text);
    }
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    undo_close(place->undo);
    store_close(place->store);
    support_remove_folder(place->folder);
    mem_free(place->work);
    mem_free(place->state);
    mem_free(place->path);
    mem_free(place);
    return 0;
}

/* A message of the user's, and the turn that follows: a change when there is a command. Returns the
 * message's ordinal. The clock moves on between, as it does between a person's words. */
static int64_t turn(struct place *place, const char *id, const char *command)
{
    struct err err = {0};
    struct chat_message message;
    struct undo_summary summary;
    int64_t row;
    usleep(2000);
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, "words", 5);
    assert_true(store_message_append(place->store, id, &message, &row, &err));
    chat_message_finish(&message);
    if (command != NULL) {
        assert_true(undo_begin(place->undo, id, "words", &err));
        shell(place, command);
        assert_true(undo_end(place->undo, &summary, &err));
        assert_true(summary.turn > 0);
    }
    return place->count++;
}

static size_t count(struct place *place, const char *id, int64_t ordinal)
{
    struct undo_tally tally;
    struct err err = {0};
    struct rewind rewind = {place->store, place->undo, id, ordinal};
    if (!rewind_count(&rewind, &tally, &err)) {
        fail_msg("%s", err.text);
    }
    return tally.turns;
}

/* The report; mem_free. */
static char *take(struct place *place, const char *id, int64_t ordinal, size_t turns)
{
    struct undo_tally tally;
    struct str report;
    struct err err = {0};
    struct rewind rewind = {place->store, place->undo, id, ordinal};
    str_init(&report);
    if (!rewind_files(&rewind, &tally, &report, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(tally.turns, turns);
    return str_take(&report);
}

static void test_back_to_any_message(void **state)
{
    struct place *place = *state;
    shell(place, "echo 0 > a");
    turn(place, place->id, "echo 1 > a; echo 1 > one");
    int64_t second = turn(place, place->id, NULL);
    int64_t third = turn(place, place->id, "echo 3 > a; rm one");
    int64_t fourth = turn(place, place->id, "echo 4 > a; mkdir d; echo 4 > d/four");
    assert_int_equal(count(place, place->id, 0), 3);
    assert_int_equal(count(place, place->id, second), 2);
    assert_int_equal(count(place, place->id, fourth), 1);
    mem_free(take(place, place->id, third, 2));
    shell(place, "test $(cat a) = 1 && test $(cat one) = 1 && test ! -e d");
    assert_int_equal(count(place, place->id, third), 0);
    mem_free(take(place, place->id, 0, 1)); /* what was taken back is not taken back twice */
    shell(place, "test $(cat a) = 0 && test ! -e one");
}

static void test_others_are_left_alone(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char other[37];
    assert_true(store_conversation_create(place->store, place->work, "nano", other, &err));
    shell(place, "echo 0 > a; echo 0 > b; echo 0 > c");
    turn(place, place->id, "echo 1 > a; echo 1 > b");
    turn(place, other, "echo 2 > c");
    shell(place, "echo mine > b");
    char *report = take(place, place->id, 0, 1);
    assert_non_null(strstr(report, "b: changed since by somebody else; left as it is"));
    mem_free(report);
    shell(place, "test $(cat a) = 0 && test $(cat b) = mine && test $(cat c) = 2");
}

/* A fork's life before the fork was its parent's; what the parent did later is not its own. */
static void test_over_a_fork(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char fork[37];
    shell(place, "echo 0 > a; echo 0 > b");
    turn(place, place->id, "echo 1 > a");
    usleep(2000);
    assert_true(store_conversation_fork(place->store, place->id, INT64_MAX, fork, &err));
    usleep(2000);
    turn(place, place->id, "echo 2 > b");
    turn(place, fork, "echo 3 > a");
    assert_int_equal(count(place, fork, 0), 2);
    assert_int_equal(count(place, fork, 1), 1);
    assert_int_equal(count(place, place->id, 0), 2);
    mem_free(take(place, fork, 0, 2));
    shell(place, "test $(cat a) = 0 && test $(cat b) = 2");
    struct undo_tally tally;
    struct rewind missing = {place->store, place->undo, fork, 99};
    assert_false(rewind_count(&missing, &tally, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

/* Carat was stopped in a turn: what is recorded of it may be the user's own, so it stays. */
static void test_cut_short(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    shell(place, "echo 0 > a; echo 0 > b");
    turn(place, place->id, "echo 1 > a");
    assert_true(undo_begin(place->undo, place->id, "words", &err));
    shell(place, "echo 2 > b");
    undo_close(place->undo);
    struct undo_options options = {.folder = place->state,
                                   .workspace = place->work,
                                   .file_limit = 1 << 20,
                                   .total_limit = 1 << 24};
    place->undo = undo_open(&options, &err);
    assert_non_null(place->undo);
    char *report = take(place, place->id, 0, 1);
    assert_non_null(strstr(report, "turn 2 stays: carat was stopped in it"));
    mem_free(report);
    shell(place, "test $(cat a) = 0 && test $(cat b) = 2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_back_to_any_message),
        TEST(test_others_are_left_alone),
        TEST(test_over_a_fork),
        TEST(test_cut_short),
    };
    return cmocka_run_group_tests_name("agent_rewind", tests, NULL, NULL);
}
