/* Jobs: which commands ask to be one, what is kept of their output, and a job's life in a
 * conversation, with a process that the test itself plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/jobs.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "store/store.h"

#include "world.h"

#define MORE(handle) "<|tool_call>call:more_output{handle:<|\\\"|>" handle "<|\\\"|>}<tool_call|>"

static void test_which_commands(void **state)
{
    (void)state;
    static const char *const jobs[] = {
        "sleep 100 &",
        "sleep 100&",
        "a; b & \n",
        "a && b &",
        "a & b &",
        "echo 'x' & # y\nz &",
        "echo \"a & b\" &",
        "echo a#b &",
        "(a; b) &",
        "echo \\\\ &",
        /* In a here-document nothing is a quote. */
        "cat > a <<'E'\n<p>It's here</p>\nE\nserver &",
        "cat <<-E # it's\n\tit's\n\t\tE\nserver &",
        "cat <<A - << \"B\"\nit's\nA\n\"\nB\nserver &",
        "cat <<< E; echo $((1<<2)) &",
    };
    static const char *const others[] = {
        "",
        "&",
        "sleep 1",
        "a && b",
        "a &&",
        "echo '&",
        "echo \"a &",
        "echo # &",
        "a | b",
        "a |&",
        "a 2>&",
        "echo \\&",
        "a; &",
        "a & b",
        "a & wait",
        "echo 'a' '&'",
        "a & # then",
        "a & &",
        "cat <<E\nx\nE\necho 'a &",
        "cat <<< E\necho 'a\nE\nserver &",
        "echo '<<E'\n'\nE\nserver &",
    };
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        assert_true(jobs_wanted(jobs[i]));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(jobs_wanted(others[i]));
    }
    char handle[16];
    assert_true(jobs_is_kill(" kill %12 ", handle));
    assert_string_equal(handle, "r12");
    assert_false(jobs_is_kill("kill 12", handle));
    assert_false(jobs_is_kill("kill %1; rm x", handle));
    assert_false(jobs_is_kill("kill -9 %1", handle));
    assert_true(jobs_is_list(" jobs\n"));
    assert_false(jobs_is_list("jobs -l"));
}

static void test_output_is_bounded(void **state)
{
    (void)state;
    struct jobs jobs = {0};
    struct job *job = jobs_add(&jobs, "r1", "job-1", "flood &");
    struct str text;
    char line[32];
    str_init(&text);
    for (int i = 0; i < 200000; i++) {
        int length = snprintf(line, sizeof line, "line %d\n", i);
        jobs_append(job, line, (size_t)length);
        assert_true(job->output.length <= JOBS_OUTPUT_BYTES);
    }
    jobs_text(job, &text);
    assert_true(str_starts_with(text.data, "line 0\nline 1\n"));
    assert_non_null(strstr(text.data, " bytes not kept ...]\n"));
    assert_true(str_ends_with(text.data, "line 199999\n[running]"));
    assert_string_equal(job->last_line, "line 199999");
    str_clear(&text);
    jobs_list(&jobs, &text);
    assert_non_null(strstr(text.data, "r1  running  "));
    assert_non_null(strstr(text.data, " s  flood &\n    line 199999"));
    str_clear(&text);
    jobs_end(job, 3, NULL, &text);
    assert_true(str_ends_with(text.data, "line 199999\n[ended: exit code 3]"));
    assert_int_equal(jobs_running(&jobs), 0);
    str_finish(&text);
    jobs_finish(&jobs);
}

/* What the list says is text, whatever a job wrote and wherever the bytes that came were cut. */
static void test_list_is_text(void **state)
{
    (void)state;
    struct jobs jobs = {0};
    struct job *job = jobs_add(&jobs, "r1", "job-1", "\nfirst <<E\nsecond\nE &\n");
    struct str text, command;
    str_init(&text);
    str_init(&command);
    jobs_append(job, "gr\xC3", 3);
    jobs_list(&jobs, &text);
    assert_true(str_ends_with(text.data, " s  first <<E [... 11 more bytes]\n    gr\xEF\xBF\xBD"));
    jobs_append(job, "\xBC\xC3\x9F\n\xFF\x80", 5);
    str_clear(&text);
    jobs_list(&jobs, &text);
    assert_true(utf8_valid(text.data, text.length));
    str_append(&command, "a");
    for (int i = 0; i < 300; i++) {
        str_append(&command, "\xC3\xA4");
    }
    jobs_add(&jobs, "r2", "job-2", command.data);
    str_clear(&text);
    jobs_list(&jobs, &text);
    assert_true(utf8_valid(text.data, text.length));
    assert_true(str_ends_with(text.data, "\xA4 [... 402 more bytes]"));
    str_finish(&text);
    str_finish(&command);
    jobs_finish(&jobs);
}

static void end_job(struct world *world, const char *response)
{
    json_t *object = json_loads(response, 0, NULL);
    assert_non_null(object);
    agent_tool_finished(world->agent, world->toolproc.job,
                        &(struct toolproc_result){.response = object});
    json_decref(object);
}

static void run(struct world *world, const char *text)
{
    world_submit(world, text);
    world_run_until(world, &world->ended);
    assert_true(world->ended);
}

static void test_life(void **state)
{
    struct world *world = *state;
    struct str list;
    str_init(&list);
    world->options.mode = APPROVAL_FULL;
    world->options.settings.result_tokens = 800;
    world_start_agent(
        world,
        "[\"" CALL("serve &") "<|tool_response>\", \"It runs.\", \"" MORE(
            "r1") "<|tool_response>\", "
                  "\"" MORE("r1") "<|tool_response>\", \"Seen.\", \"" CALL(
                      "kill %1") "<|tool_response>\", "
                                 "\"" CALL("jobs") "<|tool_response>\", \"" CALL(
                                     "kill %7") "<|tool_response>\", \"So.\", "
                                                "\"" MORE("r1") "<|tool_response>\", \"Over.\"]",
        NULL);
    run(world, "start");
    assert_int_equal(world->toolproc.jobs, 1);
    assert_int_equal(world->toolproc.started, 0);
    assert_non_null(strstr(world->log.data, "[job r1 runs; more_output"));
    assert_int_equal(agent_jobs_running(world->agent), 1);
    agent_tool_output(world->agent, world->toolproc.job, "ready\n", 6);
    assert_null(strstr(world->log.data, "output c")); /* no call of the model's is told of it */

    str_clear(&world->log);
    run(world, "look");
    assert_non_null(strstr(world->log.data, "1| ready\\n2| [running]"));
    agent_jobs_list(world->agent, &list);
    assert_non_null(strstr(list.data, "serve &\n    ready"));

    str_clear(&world->log);
    run(world, "stop it");
    assert_non_null(strstr(world->log.data, "[job r1 is being stopped]"));
    assert_non_null(strstr(world->log.data, "r1  being stopped"));
    assert_non_null(strstr(world->log.data, "error: no job r7 runs"));
    assert_int_equal(world->toolproc.jobs_cancelled, 1);
    end_job(world, "{\"output\": \"error: stopped before it ended\"}");
    assert_non_null(strstr(world->log.data, "notice job r1 (serve &) stopped"));
    assert_int_equal(agent_jobs_running(world->agent), 0);

    str_clear(&world->log);
    run(world, "what did it say?");
    assert_non_null(strstr(world->log.data, "1| ready\\n2| [stopped]"));
    world_check_conversation(world);
    str_finish(&list);
}

/* What a job wrote is read in a later run, too; and that it was cut off by carat's end. */
static void test_later_run(void **state)
{
    struct world *world = *state;
    world->options.mode = APPROVAL_FULL;
    world->options.settings.result_tokens = 800;
    world_start_agent(world,
                      "[\"" CALL("one &") "<|tool_response>\", \"" CALL(
                          "two &") "<|tool_response>\", "
                                   "\"" CALL("three &") "<|tool_response>\", \"Three.\"]",
                      NULL);
    run(world, "start");
    assert_int_equal(world->toolproc.jobs, 3);
    agent_tool_output(world->agent, world->toolproc.job, "half\n", 5);
    end_job(world, "{\"exit_code\": 2, \"output\": \"cut\", \"whole\": \"all of it\"}");
    assert_non_null(strstr(world->log.data, "notice job r3 (three &) ended: exit code 2"));
    char *id = mem_strdup(agent_conversation_id(world->agent));
    char *bytes;
    size_t length;
    struct err err;
    /* As kill -9 would leave it. */
    assert_true(store_result_get(world->store, id, "r1", &bytes, &length, &err));
    assert_non_null(strstr(bytes, "ran when carat ended"));
    mem_free(bytes);
    world_stop_agent(world);
    str_clear(&world->log);
    world_start_agent(
        world,
        "[\"" MORE("r3") "<|tool_response>\", \"" MORE("r2") "<|tool_response>\", \"Read.\"]", id);
    mem_free(id);
    run(world, "read");
    assert_non_null(strstr(world->log.data, "1| all of it\\n2| [ended: exit code 2]"));
    assert_non_null(strstr(world->log.data, "1| [stopped]"));
}

static void test_too_many(void **state)
{
    struct world *world = *state;
    struct str script;
    str_init(&script);
    str_append_char(&script, '[');
    for (int i = 0; i <= JOBS_MOST; i++) {
        str_append_format(&script,
                          "\"<|tool_call>call:shell{command:<|\\\"|>job %d "
                          "&<|\\\"|>}<tool_call|><|tool_response>\", ",
                          i);
    }
    str_append(&script, "\"Enough.\"]");
    world->options.mode = APPROVAL_FULL;
    world_start_agent(world, script.data, NULL);
    run(world, "start");
    assert_int_equal(world->toolproc.jobs, JOBS_MOST);
    assert_non_null(strstr(world->log.data, "error: 8 jobs run already"));
    str_finish(&script);
}

/* A job is asked for like every other command. */
static void test_approval(void **state)
{
    struct world *world = *state;
    world_start_agent(world, "[\"" CALL("rm x &") "<|tool_response>\", \"Well.\"]", NULL);
    world_submit(world, "go");
    world_run_until(world, &world->asked);
    assert_non_null(strstr(world->log.data, "approval c1 $ rm x &"));
    agent_decide(world->agent, "c1", APPROVAL_NO, NULL);
    world_run_until(world, &world->ended);
    assert_int_equal(world->toolproc.jobs, 0);
}

static void wait_for_call(struct world *world)
{
    world_run_until_logged(world, "started c1\n");
    assert_non_null(world->toolproc.arguments);
}

/* A command that is waited for becomes a job: its call is answered at once, with what it wrote. */
static void test_background(void **state)
{
    struct world *world = *state;
    struct str shown, told, list;
    struct err err = {0};
    str_init(&told);
    str_init(&shown);
    str_init(&list);
    world->options.mode = APPROVAL_FULL;
    world->options.settings.result_tokens = 800;
    world_start_agent(world,
                      "[\"" CALL("make") "<|tool_response>\", \"It goes on.\", \"" MORE(
                          "r1") "<|tool_response>\", \"Seen.\"]",
                      NULL);
    assert_false(agent_background(world->agent, &told, &shown, &err)); /* nothing runs */
    assert_int_equal(agent_command_since(world->agent), 0);
    world_submit(world, "build");
    wait_for_call(world);
    assert_true(agent_command_since(world->agent) > 0);
    agent_tool_output(world->agent, "c1", "one\n", 4);
    agent_tool_output(world->agent, "c1", "two\n", 4);
    assert_true(agent_background(world->agent, &told, &shown, &err));
    assert_int_equal(world->toolproc.made_jobs, 1);
    assert_int_equal(agent_command_since(world->agent), 0);
    assert_false(agent_background(world->agent, &told, &shown, &err));
    world_run_until(world, &world->ended);
    assert_non_null(strstr(world->log.data, "[the user put this command into the background; it "
                                            "goes on as job r1; more_output"));
    assert_non_null(strstr(world->log.data, "What it wrote so far:]\\none\\ntwo\\n"));
    assert_non_null(strstr(world->log.data, "text It goes on."));
    assert_int_equal(agent_jobs_running(world->agent), 1);
    str_clear(&world->log);
    agent_tool_output(world->agent, world->toolproc.job, "three\n", 6);
    assert_string_equal(world->log.data, ""); /* no call of the model's is told of it */
    run(world, "look");
    assert_non_null(strstr(world->log.data, "1| one\\n2| two\\n3| three\\n4| [running]"));
    agent_jobs_list(world->agent, &list);
    assert_non_null(strstr(list.data, "  make\n    three"));
    end_job(world, "{\"exit_code\": 0, \"output\": \"all\"}");
    assert_non_null(strstr(world->log.data, "notice job r1 (make) ended: exit code 0"));
    world_check_conversation(world);
    str_finish(&list);
    str_finish(&told);
    str_finish(&shown);
}

/* Not: what ends, what is being stopped, what is no command, a ninth job. */
static void test_background_refused(void **state)
{
    struct world *world = *state;
    struct str shown, told;
    struct err err = {0};
    str_init(&told);
    str_init(&shown);
    world->options.mode = APPROVAL_FULL;
    world_start_agent(world,
                      "[\"" CALL("make") "<|tool_response>\", \"" LIST
                                         "<|tool_response>\", \"So.\", \"" CALL(
                                             "make") "<|tool_response>\", \"x\"]",
                      NULL);
    world_submit(world, "build");
    wait_for_call(world);
    fake_toolproc_end(&world->toolproc, world->agent, "{\"exit_code\": 0, \"output\": \"\"}",
                      false);
    assert_int_equal(agent_command_since(world->agent), 0);
    world_run_until_logged(world, "started c2\n");
    assert_false(agent_background(world->agent, &told, &shown, &err));
    assert_non_null(strstr(err.text, "no command runs"));
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\": \"\"}", false);
    world_run_until(world, &world->ended);
    str_clear(&world->log);
    world_submit(world, "again");
    world_run_until_logged(world, "started c3\n");
    agent_cancel(world->agent);
    assert_int_equal(agent_command_since(world->agent), 0);
    assert_false(agent_background(world->agent, &told, &shown, &err));
    assert_int_equal(world->toolproc.made_jobs, 0);
    assert_string_equal(told.data, "");
    assert_string_equal(shown.data, "");
    fake_toolproc_end(&world->toolproc, world->agent, "{\"output\": \"error: stopped\"}", true);
    world_run_until(world, &world->ended);
    world_check_conversation(world);
    str_finish(&told);
    str_finish(&shown);
}

/* The user's own command: the same, and the caller tells the model. The end of its output is enough
 * for that. */
static void test_background_own(void **state)
{
    struct world *world = *state;
    struct str shown, told, line;
    struct err err = {0};
    str_init(&told);
    str_init(&shown);
    str_init(&line);
    world_start_agent(world, "[\"x\"]", NULL);
    json_t *arguments = json_pack("{s:s}", "command", "make");
    toolproc_start(&world->toolproc, "own-1", "shell", arguments);
    json_decref(arguments);
    agent_watch_command(world->agent, "own-1", "make");
    for (int i = 0; i < 1000; i++) {
        str_clear(&line);
        str_append_format(&line, "line %d\n", i);
        agent_tool_output(world->agent, "own-1", line.data, line.length);
    }
    assert_non_null(strstr(world->log.data, "output own-1"));
    assert_true(agent_background(world->agent, &told, &shown, &err));
    assert_non_null(strstr(told.data, "goes on as job r1; "));
    assert_non_null(strstr(told.data, " bytes before this ...]\n"));
    assert_true(str_ends_with(told.data, "line 998\nline 999\n"));
    assert_in_range(told.length, 4096, 4500);
    assert_true(
        str_starts_with(shown.data, "It goes on as job r1 in the background: /jobs shows "));
    assert_true(str_ends_with(shown.data, "line 998\nline 999\n"));
    assert_null(strstr(shown.data, "more_output"));
    assert_true(agent_note(world->agent, told.data, told.length, &err));
    assert_int_equal(agent_jobs_running(world->agent), 1);
    agent_watch_command(world->agent, "own-2", "another");
    agent_tool_finished(world->agent, "own-2", &(struct toolproc_result){.failed = true});
    assert_int_equal(agent_command_since(world->agent), 0);
    str_finish(&line);
    str_finish(&told);
    str_finish(&shown);
}

/* The list of a long conversation is cut as every result is. */
static void test_long_list(void **state)
{
    struct world *world = *state;
    struct str command, ignored;
    struct err err = {0};
    str_init(&command);
    str_init(&ignored);
    for (int i = 0; i < 30; i++) {
        str_append(&command, "0123456789");
    }
    world->options.mode = APPROVAL_FULL;
    world_start_agent(world, "[\"" CALL("jobs") "<|tool_response>\", \"So.\"]", NULL);
    json_t *arguments = json_pack("{s:s}", "command", command.data);
    for (int i = 0; i < 270; i++) {
        toolproc_start(&world->toolproc, "own-1", "shell", arguments);
        agent_watch_command(world->agent, "own-1", command.data);
        agent_tool_output(world->agent, "own-1", command.data, 60);
        assert_true(agent_background(world->agent, &ignored, &ignored, &err));
        end_job(world, "{\"exit_code\": 0, \"output\": \"\"}");
    }
    str_clear(&world->log);
    run(world, "which?");
    assert_non_null(strstr(world->log.data, "[cut: the first 65"));
    assert_non_null(strstr(world->log.data, "shows the rest]"));
    world_check_conversation(world);
    json_decref(arguments);
    str_finish(&command);
    str_finish(&ignored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_commands),
        cmocka_unit_test(test_output_is_bounded),
        cmocka_unit_test(test_list_is_text),
        TEST(test_life),
        TEST(test_later_run),
        TEST(test_too_many),
        TEST(test_approval),
        TEST(test_background),
        TEST(test_background_refused),
        TEST(test_background_own),
        TEST(test_long_list),
    };
    return cmocka_run_group_tests_name("agent_jobs", tests, NULL, NULL);
}
