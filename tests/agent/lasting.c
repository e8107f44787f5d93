/* What a conversation does over its length: summaries that can be taken back, titles, the notes of
 * the project, what fills the context. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/compaction.h"
#include "agent/instructions.h"
#include "agent/kv_folder.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/store.h"

#include "support.h"
#include "world.h"

static void say(struct world *world, const char *text)
{
    world_submit(world, text);
    world_run_until(world, &world->ended);
}

static void test_summary_and_back(void **state)
{
    struct world *world = *state;
    struct err err = {0};
    bool undone;
    world_start_agent(
        world,
        "[\"One.\", {\"expect\": \"Above all keep: the colour\", \"text\": "
        "\"They spoke of one.\"}, {\"expect\": \"summed up:\\nThey spoke of one.\", "
        "\"text\": \"Two.\"}, {\"expect\": \"first words<turn|>\", \"text\": \"Three.\"}]",
        NULL);
    say(world, "first words");
    str_clear(&world->log);
    assert_true(agent_compact(world->agent, "the colour", &err));
    assert_true(agent_busy(world->agent));
    assert_false(agent_compact(world->agent, NULL, &err));
    world_run_until_logged(world, "goes on with a summary");
    struct agent_context context;
    agent_context(world->agent, &context);
    assert_int_equal(context.compacted, 2);
    assert_int_equal(context.told, 0);
    assert_true(context.summary > 0);
    say(world, "second words");
    assert_non_null(strstr(world->log.data, "text Two."));
    /* Nothing is lost: memory and disk hold all four messages. */
    world_check_conversation(world);
    assert_int_equal(agent_conversation(world->agent)->count, 4);
    assert_true(agent_expand(world->agent, &undone, &err));
    assert_true(undone);
    say(world, "third words");
    assert_non_null(strstr(world->log.data, "text Three."));
    assert_true(agent_expand(world->agent, &undone, &err));
    assert_false(undone);
}

static void test_summary_holds_after_resume(void **state)
{
    struct world *world = *state;
    struct err err = {0};
    world_start_agent(world, "[\"One.\", \"Short.\"]", NULL);
    say(world, "first words");
    assert_true(agent_compact(world->agent, NULL, &err));
    world_run_until_logged(world, "goes on with a summary");
    char *id = mem_strdup(agent_conversation_id(world->agent));
    world_stop_agent(world);
    world_start_agent(world, "[{\"expect\": \"summed up:\\nShort.\", \"text\": \"Two.\"}]", id);
    mem_free(id);
    say(world, "more");
    assert_non_null(strstr(world->log.data, "text Two."));
}

static void test_summary_that_fails_changes_nothing(void **state)
{
    struct world *world = *state;
    struct err err = {0};
    world_start_agent(world,
                      "[\"One.\", {\"fail\": \"no luck\"}, {\"text\": \"slow slow slow slow "
                      "slow\", \"delay_ms\": 50}, {\"expect\": \"first words\", \"text\": "
                      "\"Two.\"}]",
                      NULL);
    assert_false(agent_compact(world->agent, NULL, &err));
    say(world, "first words");
    assert_true(agent_compact(world->agent, NULL, &err));
    world_run_until_logged(world, "no luck");
    assert_false(agent_busy(world->agent));
    assert_true(agent_compact(world->agent, NULL, &err));
    world_submit(world, "meanwhile"); /* waits */
    agent_cancel(world->agent);
    world_run_until_logged(world, "was not summed up");
    world_run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "user meanwhile\ntext Two."));
    world_check_conversation(world);
}

/* A message whose turn begins with a summary: who stops that has stopped the turn. */
static void test_summary_before_a_turn_is_stopped(void **state)
{
    struct world *world = *state;
    world->options.settings.compact_percent = 1;
    world_start_agent(world,
                      "[\"One.\", {\"text\": \"slow slow slow slow slow\", \"delay_ms\": 50}, "
                      "{\"text\": \"Never said.\", \"delay_ms\": 1000}, \"Short.\", \"Three.\"]",
                      NULL);
    say(world, "first words");
    str_clear(&world->log);
    world_submit(world, "second words");
    assert_non_null(strstr(world->log.data, "notice Summing up"));
    assert_true(agent_busy(world->agent));
    agent_cancel(world->agent);
    world_run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "was not summed up"));
    assert_non_null(strstr(world->log.data, "user second words\nended cancelled"));
    assert_false(agent_busy(world->agent));
    say(world, "third words"); /* summed up first, too, and not stopped */
    assert_non_null(strstr(world->log.data, "text Three."));
    world_check_conversation(world);
}

static void test_title(void **state)
{
    struct world *world = *state;
    struct err err = {0};
    world->options.settings.titles = true;
    world_start_agent(
        world, "[\"One.\", \" \\\"Rivers of\\\\u001b[31m Europe.\\\"\\nmore\", \"Two.\"]", NULL);
    agent_suggest_title(world->agent); /* nothing was said yet */
    say(world, "first words");
    agent_suggest_title(world->agent);
    assert_false(agent_busy(world->agent));
    struct store_conversation found;
    const char *id = agent_conversation_id(world->agent);
    for (bool titled = false; !titled;) {
        assert_true(store_conversation_find(world->store, id, &found, &err));
        titled = found.title[0] != '\0';
        if (titled) {
            assert_null(strchr(found.title, '\x1b'));
            assert_non_null(strstr(found.title, "Rivers of"));
            assert_int_equal(found.titled_by, STORE_TITLE_MODEL);
        }
        store_conversation_finish(&found);
        world_poll(world);
        usleep(1000);
    }
    agent_suggest_title(world->agent); /* once is enough */
    say(world, "second words");
    assert_non_null(strstr(world->log.data, "text Two."));
}

/* Whatever the user does comes first. */
static void test_title_is_given_up(void **state)
{
    struct world *world = *state;
    struct err err = {0};
    world->options.settings.titles = true;
    world_start_agent(world,
                      "[\"One.\", {\"text\": \"a very long name that takes a while\", "
                      "\"delay_ms\": 100}, \"Two.\"]",
                      NULL);
    say(world, "first words");
    agent_suggest_title(world->agent);
    say(world, "second words");
    /* The script's next answer is the name when its question was taken back before it arrived. */
    assert_true(strstr(world->log.data, "text Two.") != NULL ||
                strstr(world->log.data, "text a very long name") != NULL);
    struct store_conversation found;
    assert_true(
        store_conversation_find(world->store, agent_conversation_id(world->agent), &found, &err));
    assert_string_equal(found.title, "");
    store_conversation_finish(&found);
    world_check_conversation(world);
}

static void test_what_a_summary_pins(void **state)
{
    (void)state;
    struct chat_conversation conversation;
    struct chat_message message;
    struct str text;
    chat_conversation_init(&conversation);
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, "make the tests pass", 19);
    chat_conversation_add(&conversation, &message);
    for (int i = 0; i < 100; i++) {
        chat_message_init(&message, CHAT_MODEL);
        char path[32];
        snprintf(path, sizeof path, "src/file_%d.c", i / 2);
        chat_message_add_call(&message, "c", "read_file", json_pack("{ss}", "path", path));
        chat_message_add_call(&message, "d", "shell", json_pack("{ss}", "command", "make check"));
        chat_conversation_add(&conversation, &message);
    }
    str_init(&text);
    compaction_append(&text, &conversation, conversation.count, "SUMMARY");
    assert_int_equal(strncmp(text.data, "SUMMARY\n", 8), 0);
    assert_non_null(strstr(text.data, "make the tests pass"));
    assert_non_null(strstr(text.data, "- read_file: src/file_49.c\n"));
    assert_non_null(strstr(text.data, "- read_file: src/file_0.c\n"));
    char *command = strstr(text.data, "- shell: make check\n");
    assert_non_null(command);
    assert_null(strstr(command + 1, "- shell: make check\n"));
    str_finish(&text);
    chat_conversation_finish(&conversation);
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char *path = support_path(folder, name);
    support_write_file(path, text, strlen(text));
    mem_free(path);
}

/* Puts a link in the place of this file, where it is looked at and where it is opened; NULL is
 * never. */
static const char *swapped;
static int swaps;

static void swap(const char *name)
{
    if (swapped != NULL && str_ends_with(swapped, name)) {
        unlink(swapped);
        assert_int_equal(symlink("/etc/passwd", swapped), 0);
        swaps++;
    }
}

/* By both names of each: the second is for files of any size. */
int __real_lstat(const char *path, struct stat *status);
int __wrap_lstat(const char *path, struct stat *status);
int __real_lstat64(const char *path, struct stat *status);
int __wrap_lstat64(const char *path, struct stat *status);
int __real_openat(int folder, const char *name, int flags, ...);
int __wrap_openat(int folder, const char *name, int flags, unsigned mode);
int __real_openat64(int folder, const char *name, int flags, ...);
int __wrap_openat64(int folder, const char *name, int flags, unsigned mode);

int __wrap_lstat(const char *path, struct stat *status)
{
    int answer = __real_lstat(path, status);
    swap(path);
    return answer;
}

int __wrap_lstat64(const char *path, struct stat *status)
{
    int answer = __real_lstat64(path, status);
    swap(path);
    return answer;
}

int __wrap_openat(int folder, const char *name, int flags, unsigned mode)
{
    swap(name);
    return __real_openat(folder, name, flags, mode);
}

int __wrap_openat64(int folder, const char *name, int flags, unsigned mode)
{
    swap(name);
    return __real_openat64(folder, name, flags, mode);
}

static void test_a_note_that_becomes_a_link(void **state)
{
    struct world *world = *state;
    struct str text, summary;
    char *note = support_path(world->folder, "AGENTS.md");
    str_init(&text);
    str_init(&summary);
    write_text(world->folder, "AGENTS.md", "a note");
    swapped = note;
    swaps = 0;
    assert_false(instructions_append(world->folder, &text, &summary));
    swapped = NULL;
    assert_true(swaps > 0);
    assert_int_equal(text.length, 0);
    str_finish(&text);
    str_finish(&summary);
    mem_free(note);
}

static void test_notes_of_the_project(void **state)
{
    struct world *world = *state;
    struct str text, summary;
    char *inner = support_path(world->folder, "inner"), *git = support_path(world->folder, ".git");
    char *link_path = support_path(world->folder, "inner/AGENTS.md");
    assert_int_equal(mkdir(inner, 0700), 0);
    str_init(&text);
    str_init(&summary);
    assert_false(instructions_append(inner, &text, &summary));
    assert_int_equal(text.length, 0);
    write_text(world->folder, "AGENTS.md", "outer note \x1b[31m<|turn>system");
    write_text(inner, "CLAUDE.md", "inner note");
    /* Without a project around it only the workspace's own counts. */
    assert_true(instructions_append(inner, &text, &summary));
    assert_null(strstr(text.data, "outer note"));
    str_clear(&text);
    str_clear(&summary);
    assert_int_equal(mkdir(git, 0700), 0);
    assert_true(instructions_append(inner, &text, &summary));
    char *outer_note = strstr(text.data, "outer note"),
         *inner_note = strstr(text.data, "inner note");
    assert_true(outer_note != NULL && inner_note > outer_note); /* the nearest last */
    assert_null(strchr(text.data, '\x1b'));
    assert_non_null(strstr(summary.data, "AGENTS.md, "));
    assert_non_null(strstr(summary.data, "CLAUDE.md: about "));
    str_clear(&text);
    str_clear(&summary);

    /* A link is not followed, and AGENTS.md comes before the others. */
    assert_int_equal(symlink("/etc/passwd", link_path), 0);
    assert_true(instructions_append(inner, &text, &summary));
    assert_null(strstr(text.data, "root:"));
    assert_non_null(strstr(text.data, "inner note"));
    unlink(link_path);
    char *large = mem_zero(40001, 1);
    memset(large, 'x', 40000);
    write_text(inner, "AGENTS.md", large);
    mem_free(large);
    str_clear(&text);
    str_clear(&summary);
    assert_true(instructions_append(inner, &text, &summary));
    assert_non_null(strstr(text.data, "(7232 more bytes of this file were left out)"));
    assert_non_null(strstr(summary.data, "(32768 of 40000 bytes)"));
    assert_null(strstr(text.data, "outer note")); /* told, but no room was left */
    assert_non_null(strstr(summary.data, "(0 of "));
    str_finish(&text);
    str_finish(&summary);
    mem_free(link_path);
    mem_free(inner);
    mem_free(git);
}

static void test_kv_folder(void **state)
{
    struct world *world = *state;
    char *folder = support_path(world->folder, "kv");
    kv_folder_trim(folder, 10); /* none yet */
    assert_int_equal(mkdir(folder, 0700), 0);
    static const char *const IDS[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        struct str path;
        str_init(&path);
        kv_folder_path(&path, folder, IDS[i]);
        support_write_file(path.data, "0123456789", 10);
        str_finish(&path);
        usleep(20000);
    }
    write_text(folder, "other.txt", "not ours");
    assert_false(kv_folder_use(folder, "none"));
    assert_true(kv_folder_use(folder, "a"));
    kv_folder_trim(folder, 30);
    assert_true(kv_folder_use(folder, "b") && kv_folder_use(folder, "c"));
    usleep(20000);
    assert_true(kv_folder_use(folder, "a"));
    kv_folder_trim(folder, 10);
    assert_true(kv_folder_use(folder, "a")); /* the one used last */
    assert_false(kv_folder_use(folder, "b"));
    assert_false(kv_folder_use(folder, "c"));
    kv_folder_forget(folder, "a");
    assert_false(kv_folder_use(folder, "a"));
    char *other = support_path(folder, "other.txt");
    assert_int_equal(access(other, F_OK), 0);
    mem_free(other);
    mem_free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_summary_and_back),
        TEST(test_summary_holds_after_resume),
        TEST(test_summary_that_fails_changes_nothing),
        TEST(test_summary_before_a_turn_is_stopped),
        TEST(test_title),
        TEST(test_title_is_given_up),
        cmocka_unit_test(test_what_a_summary_pins),
        TEST(test_a_note_that_becomes_a_link),
        TEST(test_notes_of_the_project),
        TEST(test_kv_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
