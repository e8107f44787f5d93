/* config: sources and their order, mistakes named with file and line, texts made from the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "config/config.h"

static const char *example_path;
static char file_path[] = "/tmp/carat-test-config-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(file_path);
    return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file_path);
}

static bool read_text(struct config *config, const char *text, struct err *err)
{
    assert_true(file_replace(file_path, text, strlen(text), err));
    return config_read_file(config, file_path, err);
}

static bool read_words(struct config *config, struct err *err, int argc, char *const argv[])
{
    return config_read_arguments(config, argc, argv, err);
}

#define WORDS(...)                                                               \
    (int)(sizeof((char *[]){"carat", __VA_ARGS__}) / sizeof(char *)), (char *[]) \
    {                                                                            \
        "carat", __VA_ARGS__                                                     \
    }

static void later_sources_win(void **state)
{
    (void)state;
    struct config config;
    struct err err;
    config_init(&config);
    assert_int_equal(config_whole(&config, OPTION_MAX_TURNS), 24);
    assert_false(config_set(&config, OPTION_MODEL));
    assert_true(read_text(&config,
                          "[model]\npath = \"a.gguf\"\ntemperature = 1\n"
                          "[agent]\nmax_turns = 7\nthinking = true\n"
                          "[tools]\nhosts = [\"a\", \"b\"]\n",
                          &err));
    assert_string_equal(config_string(&config, OPTION_MODEL), "a.gguf");
    assert_true(config_boolean(&config, OPTION_THINKING));
    assert_true(config_real(&config, OPTION_TEMPERATURE) == 1.0);
    setenv("CARAT_MODEL", "b.gguf", 1);
    assert_true(config_read_environment(&config, &err));
    unsetenv("CARAT_MODEL");
    assert_string_equal(config_string(&config, OPTION_MODEL), "b.gguf");
    assert_true(read_words(&config, &err,
                           WORDS("-mc.gguf", "--no-think", "--max-turns=9", "exec", "--allow-host",
                                 "c", "--set", "model.top_k=5", "--", "--json")));
    assert_string_equal(config_string(&config, OPTION_MODEL), "c.gguf");
    assert_false(config_boolean(&config, OPTION_THINKING));
    assert_int_equal(config_whole(&config, OPTION_MAX_TURNS), 9);
    assert_int_equal(config_whole(&config, OPTION_TOP_K), 5);
    assert_int_equal(config_list(&config, OPTION_HOSTS)->count, 3);
    assert_false(config_boolean(&config, OPTION_JSON));
    assert_int_equal(config.words.count, 2);
    assert_string_equal(config.words.items[1], "--json");
    assert_int_equal(config.words_before, 1);
    config_finish(&config);
}

/* A profile's list of a server stands in place of the first file's, and a variable once. */
static void later_servers_win(void **state)
{
    (void)state;
    struct config config;
    struct err err;
    config_init(&config);
    assert_true(read_text(&config,
                          "[mcp.x]\ncommand = \"a\"\nargs = [\"b\", \"c\"]\ntools = [\"one\"]\n"
                          "env.A = \"1\"\nenv.B = \"2\"\n",
                          &err));
    assert_true(
        read_text(&config, "[mcp.x]\nargs = [\"d\"]\ntools = [\"two\"]\nenv.A = \"3\"\n", &err));
    const struct config_server *server = &config.servers.items[0];
    assert_int_equal(config.servers.count, 1);
    assert_string_equal(server->command, "a");
    assert_int_equal(server->arguments.count, 1);
    assert_string_equal(server->arguments.items[0], "d");
    assert_int_equal(server->tools.count, 1);
    assert_string_equal(server->tools.items[0], "two");
    assert_int_equal(server->environment.count, 2);
    assert_string_equal(server->environment.items[0], "B=2");
    assert_string_equal(server->environment.items[1], "A=3");
    config_finish(&config);
}

/* The message names the file and line, the key, and what would fit. */
static void file_mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *where, *what;
    } cases[] = {
        {"[model]\n\nthread = 3\n",
         ":3: ", "unknown key \"model.thread\"; did you mean model.threads?"},
        {"zebra = 1\n", ":1: ", "unknown key \"zebra\""},
        {"[model]\nthreads = \"many\"\n",
         ":2: ", "model.threads is a string, which must be a whole number"},
        {"[model]\nthreads = 2000\n",
         ":2: ", "model.threads is 2000, which must be a whole number from 0"},
        {"[model]\nthreads = -1\n", ":2: ", "is -1"},
        {"[model]\ntop_p = 2.5\n", ":2: ", "model.top_p is 2.5"},
        {"[model]\nkv = \"f64\"\n",
         ":2: ", "model.kv is \"f64\", which must be one of auto|f16|f32"},
        {"[agent]\nthinking = \"yes\"\n",
         ":2: ", "agent.thinking is a string, which must be true or false"},
        {"[tools]\nhosts = \"a\"\n",
         ":2: ", "tools.hosts is a string, which must be a list of strings"},
        {"[tools]\nhosts = [1]\n", ":2: ", "tools.hosts must be a list of strings"},
        {"[model]\npath = 1979-05-27\n", ":2: ", "is a date"},
        {"[model]\npath = \"a\n", ":2: ", ""},
        {"[ \npath = 1\n", ": ", "is not TOML"},
        {"[tools]\nsandbox = \"danger-full-access\"\n", ":2: ", "unknown key \"tools.sandbox\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config config;
        struct err err = {0};
        config_init(&config);
        assert_false(read_text(&config, cases[i].text, &err));
        struct str start;
        str_init(&start);
        str_append_format(&start, "%s%s", file_path, cases[i].where);
        if (!str_starts_with(err.text, start.data) || strstr(err.text, cases[i].what) == NULL) {
            fail_msg("case %zu: %s", i, err.text);
        }
        str_finish(&start);
        config_finish(&config);
    }
}

/* Dots are counted outside of strings and comments alone, where each is a table in a table. */
static void too_many_tables_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
        bool read;
    } cases[] = {
        {"a", " = 1\n", false},
        {"x = 'a\\' # '\na", " = 1\n", false},
        {"[x]\ny = \"\\\"#'\"\na", " = 1\n", false},
        {"x = \"\"\"a\"\"\\\"\"\"\"\"\ny = ''\na", " = 1\n", false},
        {"x = '''a''\n'''''\na", " = 1\n", false},
        {"model.path = \"", "\"\n", true},
        {"model.path = \"\\\"", "\"\n", true},
        {"model.path = \"\"\"\n\"\"", "\"\"\"\"\n", true},
        {"model.path = '''\n\\'#", "'''''\n", true},
        {"model.path = '", "'\n", true},
        {"# ", "\n", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str text;
        struct config config;
        struct err err = {0};
        str_init(&text);
        str_append(&text, cases[i].before);
        for (int dot = 0; dot < 20000; dot++) {
            str_append(&text, ".a");
        }
        str_append(&text, cases[i].after);
        config_init(&config);
        if (read_text(&config, text.data, &err) != cases[i].read) {
            fail_msg("case %zu: %s", i, err.text);
        }
        if (!cases[i].read && strstr(err.text, "has more than 2000 dots") == NULL) {
            fail_msg("case %zu: %s", i, err.text);
        }
        config_finish(&config);
        str_finish(&text);
    }
}

static void command_line_mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        char *word;
        const char *what;
    } cases[] = {
        {"--zebra", "unknown option --zebra"},
        {"-Z", "unknown option -Z"},
        {"--model", "--model needs a value: --model FILE"},
        {"-m", "-m needs a value: -m FILE"},
        {"--threads=x",
         "--threads: model.threads is x, which must be a whole number from 0 to 1024"},
        {"--threads=", "which must be a whole number"},
        {"--json=yes", "--json takes no value"},
        {"--sandbox=none", "must be one of read-only|workspace-write|danger-full-access"},
        {"--no-model", "unknown option --no-model"},
        {"--set=zebra=1", "--set: unknown key \"zebra\""},
        {"--set=model.path", "--set: \"model.path\" is not KEY=VALUE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config config;
        struct err err = {0};
        config_init(&config);
        assert_false(read_words(&config, &err, WORDS(cases[i].word)));
        if (strstr(err.text, cases[i].what) == NULL) {
            fail_msg("%s: %s", cases[i].word, err.text);
        }
        config_finish(&config);
    }
}

static void a_missing_file_is_no_mistake(void **state)
{
    (void)state;
    struct config config;
    struct err err;
    config_init(&config);
    assert_true(config_read_file(&config, "/nonexistent/config.toml", &err));
    assert_false(config_read_file(&config, "/tmp", &err)); /* but a folder is */
    config_finish(&config);
}

static void the_example_is_the_table(void **state)
{
    (void)state;
    struct str made, kept;
    struct err err;
    str_init(&made);
    str_init(&kept);
    config_append_example(&made);
    assert_true(file_read(example_path, 1024 * 1024, &kept, &err));
    /* The table of keys follows, from tui/keymap. Else: carat config example >
     * config.example.toml */
    str_truncate(&kept, made.length);
    assert_string_equal(kept.data, made.data);

    /* With every # before a setting taken away it is a file that reads. */
    struct str active;
    str_init(&active);
    for (const char *line = made.data; *line != '\0';) {
        size_t length = strcspn(line, "\n") + 1;
        bool setting = str_starts_with(line, "# [") ||
                       (str_starts_with(line, "# ") && memmem(line, length, " = ", 3) != NULL);
        bool optional = memmem(line, length, "= \"\"", 4) != NULL ||
                        memmem(line, length, "top_p = 0", 9) != NULL;
        if (!optional) {
            str_append_bytes(&active, line + (setting ? 2 : 0), length - (setting ? 2 : 0));
        }
        line += length;
    }
    struct config config;
    config_init(&config);
    if (!read_text(&config, active.data, &err)) {
        fail_msg("%s", err.text);
    }
    config_finish(&config);
    str_finish(&active);
    str_finish(&made);
    str_finish(&kept);
}

static void help_names_every_flag(void **state)
{
    (void)state;
    struct str help;
    str_init(&help);
    config_append_help(&help);
    for (int i = 0; i < OPTION_COUNT; i++) {
        assert_true(option_table[i].help != NULL);
        if (option_table[i].flag != NULL) {
            struct str flag;
            str_init(&flag);
            str_append_format(&flag, "--%s", option_table[i].flag);
            assert_non_null(strstr(help.data, flag.data));
            str_finish(&flag);
        }
    }
    for (const char *line = help.data; *line != '\0'; line += strcspn(line, "\n") + 1) {
        assert_true(strcspn(line, "\n") <= 100);
    }
    str_finish(&help);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(later_servers_win),
        cmocka_unit_test(file_mistakes_are_named),
        cmocka_unit_test(too_many_tables_are_refused),
        cmocka_unit_test(command_line_mistakes_are_named),
        cmocka_unit_test(a_missing_file_is_no_mistake),
        cmocka_unit_test(the_example_is_the_table),
        cmocka_unit_test(help_names_every_flag),
    };
    example_path = argc > 1 ? argv[1] : "config.example.toml";
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
