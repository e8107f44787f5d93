/* What a project's own file may do to the settings: take away, and nothing else. Also the tables of
 * servers and hooks, which only the user's file may hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "config/config.h"

static char folder[] = "/tmp/carat-test-project-XXXXXX";
static char user_file[64], project_folder[64], project_file[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(user_file, sizeof user_file, "%s/user.toml", folder);
    snprintf(project_folder, sizeof project_folder, "%s/.carat", folder);
    snprintf(project_file, sizeof project_file, "%s/.carat/config.toml", folder);
    return mkdir(project_folder, 0700);
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(user_file);
    unlink(project_file);
    return rmdir(project_folder) != 0 || rmdir(folder) != 0;
}

static bool read_both(struct config *config, const char *user, const char *project, struct err *err)
{
    config_init(config);
    assert_true(file_replace(user_file, user, strlen(user), err));
    assert_true(file_replace(project_file, project, strlen(project), err));
    return config_read_file(config, user_file, err) && config_read_project(config, folder, err);
}

static const char *list_text(const struct config_list *list)
{
    static char text[256];
    text[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? "," : "",
                 list->items[i]);
    }
    return text;
}

static void tightens(void **state)
{
    (void)state;
    struct config config;
    struct err err;
    assert_true(read_both(&config,
                          "[agent]\nmode = \"auto-edit\"\nmax_turns = 20\nmax_seconds = 0\n"
                          "[tools]\nhosts = [\"a.org\", \"b.org\"]\ntimeout_s = 60\n"
                          "[approval]\ndeny = [\"http_fetch\"]\nallow = [\"shell(ls)\"]\n",
                          "[agent]\nmode = \"ask\"\nmax_turns = 5\nmax_seconds = 9\ntools = false\n"
                          "[tools]\nhosts = [\"b.org\"]\ntimeout_s = 10\n"
                          "[approval]\ndeny = [\"shell(rm *)\"]\nask = [\"shell(make)\"]\n",
                          &err));
    assert_string_equal(config_string(&config, OPTION_MODE), "ask");
    assert_string_equal(config_ceiling(&config, OPTION_MODE), "ask");
    assert_int_equal(config_whole(&config, OPTION_MAX_TURNS), 5);
    assert_int_equal(config_whole(&config, OPTION_MAX_SECONDS), 9);
    assert_int_equal(config_whole(&config, OPTION_TOOL_SECONDS), 10);
    assert_false(config_boolean(&config, OPTION_TOOLS));
    assert_string_equal(list_text(config_list(&config, OPTION_HOSTS)), "b.org");
    assert_string_equal(list_text(config_list(&config, OPTION_DENY)), "http_fetch,shell(rm *)");
    assert_string_equal(list_text(config_list(&config, OPTION_ASK)), "shell(make)");
    assert_string_equal(config_item_origin(&config, OPTION_DENY, 1), ".carat/config.toml:10");
    assert_non_null(strstr(config_item_origin(&config, OPTION_DENY, 0), "user.toml:9"));
    assert_string_equal(list_text(config_list(&config, OPTION_ALLOW)), "shell(ls)");
    assert_int_equal(config.notices.count, 0);
    config_finish(&config);
}

static void two_files(void **state)
{
    (void)state;
    struct config config;
    struct err err;
    char local[128];
    snprintf(local, sizeof local, "%s/local.toml", project_folder);
    static const char more[] = "[agent]\nmode = \"full\"\nmax_turns = 3\n[approval]\n"
                               "deny = [\"http_fetch\"]\n[tools]\nwritable = [\"/\"]\n";
    assert_true(file_replace(local, more, sizeof more - 1, &err));
    assert_true(read_both(&config, "[agent]\nmode = \"full\"\n",
                          "[agent]\nmode = \"ask\"\nmax_turns = 5\n", &err));
    assert_string_equal(config_string(&config, OPTION_MODE),
                        "ask"); /* the second loosens nothing */
    assert_string_equal(config_ceiling(&config, OPTION_MODE), "ask");
    assert_string_equal(config_ceiling_origin(&config, OPTION_MODE), ".carat/config.toml:2");
    assert_int_equal(config_whole(&config, OPTION_MAX_TURNS), 3);
    assert_string_equal(config.values[OPTION_MAX_TURNS].origin,
                        ".carat/config.toml:3, then .carat/local.toml:3");
    assert_string_equal(config.values[OPTION_DENY].origin, ".carat/local.toml:5");
    assert_string_equal(list_text(config_list(&config, OPTION_DENY)), "http_fetch");
    assert_int_equal(config.notices.count, 2);
    assert_non_null(strstr(config.notices.items[0], ".carat/local.toml:2: agent.mode is left out"));
    assert_non_null(strstr(config.notices.items[1], ".carat/local.toml:7: tools.writable"));
    config_finish(&config);

    config_init(&config);
    assert_int_equal(unlink(project_file), 0); /* the second alone */
    assert_true(config_read_project(&config, folder, &err));
    assert_int_equal(config_whole(&config, OPTION_MAX_TURNS), 3);
    config_finish(&config);
    config_init(&config);
    assert_true(file_replace(local, "[agent\n", 7, &err));
    assert_false(config_read_project(&config, folder, &err));
    assert_non_null(strstr(err.text, ".carat/local.toml:"));
    assert_int_equal(unlink(local), 0);
    assert_int_equal(symlink("/etc/passwd", local), 0);
    assert_false(config_read_project(&config, folder, &err));
    assert_int_equal(unlink(local), 0);
    config_finish(&config);
}

/* One key of a project's file, the settings before, and words of the notice. Nothing may change. */
static void never_loosens(void **state)
{
    (void)state;
    static const struct {
        const char *key, *notice;
    } rows[] = {
        {"[agent]\nmode = \"full\"", ".carat/config.toml:2: agent.mode is left out where it would"},
        {"[agent]\nmax_turns = 21", "agent.max_turns"},
        {"[agent]\nmax_tool_calls = 10000", "agent.max_tool_calls"},
        {"[agent]\nmax_seconds = 0", "agent.max_seconds"},
        {"[agent]\nmax_seconds = 31", "agent.max_seconds"},
        {"[agent]\ntools = true", "agent.tools"},
        {"[agent]\nsystem_prompt_file = \"x\"", "only your own file may set it"},
        {"[agent]\nthinking = true", "only your own file may set it"},
        {"[tools]\nhosts = [\"a.org\", \"evil.org\"]", "tools.hosts"},
        {"[tools]\ntimeout_s = 61", "tools.timeout_s"},
        {"[tools]\nwritable = [\"/\"]", "tools.writable is left out: only your own"},
        {"[tools]\nreadable = [\"/root/.ssh\"]", "tools.readable"},
        {"[approval]\nallow = [\"shell\"]", "approval.allow is left out: only your own"},
        {"[model]\npath = \"evil.gguf\"", "model.path"},
        {"[remote]\nurl = \"http://evil/\"", "remote.url"},
        {"[remote]\nkey_env = \"AWS_SECRET\"", "remote.key_env"},
        {"[models]\nhost = \"http://evil/\"", "models.host"},
        {"[keys]\nsubmit = \"Ctrl+Y\"", "keys.submit is left out: only your own file says what"},
        {"[tui]\nvi = true", "tui.vi is left out: only your own file may set it"},
        {"[mcp.x]\ncommand = \"evil\"", "mcp.x.command is left out: a project's file starts no"},
        {"[[hooks]]\ncommand = \"evil\"", "hooks.0.command is left out: a project's file starts"},
        {"nonsense = 1", "there is no such key"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config config;
        struct err err = {0};
        if (!read_both(&config,
                       "[agent]\nmode = \"ask\"\nmax_turns = 20\nmax_seconds = 30\ntools = false\n"
                       "[tools]\nhosts = [\"a.org\"]\ntimeout_s = 60\n",
                       rows[i].key, &err)) {
            fail_msg("%s: %s", rows[i].key, err.text);
        }
        assert_string_equal(config_string(&config, OPTION_MODE), "ask");
        assert_int_equal(config_whole(&config, OPTION_MAX_TURNS), 20);
        assert_int_equal(config_whole(&config, OPTION_MAX_TOOL_CALLS), 48);
        assert_int_equal(config_whole(&config, OPTION_MAX_SECONDS), 30);
        assert_int_equal(config_whole(&config, OPTION_TOOL_SECONDS), 60);
        assert_false(config_boolean(&config, OPTION_TOOLS));
        assert_false(config_boolean(&config, OPTION_THINKING));
        assert_string_equal(list_text(config_list(&config, OPTION_HOSTS)), "a.org");
        assert_int_equal(config_list(&config, OPTION_ADD_DIR)->count, 0);
        assert_int_equal(config_list(&config, OPTION_READABLE)->count, 0);
        assert_int_equal(config_list(&config, OPTION_ALLOW)->count, 0);
        assert_false(config_set(&config, OPTION_MODEL));
        assert_false(config_set(&config, OPTION_REMOTE_URL));
        assert_int_equal(config.servers.count, 0);
        assert_int_equal(config.hooks.count, 0);
        assert_int_equal(config.notices.count, 1);
        assert_int_equal(config.key_count, 0);
        assert_false(config_boolean(&config, OPTION_VI));
        if (strstr(config.notices.items[0], rows[i].notice) == NULL) {
            fail_msg("%s: %s", rows[i].key, config.notices.items[0]);
        }
        config_finish(&config);
    }
}

/* Of hosts is kept what both allow. */
static void narrows(void **state)
{
    (void)state;
    static const struct {
        const char *user, *project, *kept, *left_out; /* NULL: no notice */
    } rows[] = {
        {"*.a.org", "docs.a.org", "docs.a.org", NULL},
        {"*.a.org", "*.docs.a.org", "*.docs.a.org", NULL},
        {"*.a.org", "Docs.A.org", "Docs.A.org", NULL},
        {"*.a.org:8443", "docs.a.org:8443", "docs.a.org:8443", NULL},
        {"docs.a.org", "*.a.org", "docs.a.org", "setting: *.a.org"},
        {"*.a.org\", \"b.org", "b.org\", \"docs.a.org", "b.org,docs.a.org", NULL},
        {"*.a.org", "docs.a.org\", \"evil.org\", \"x.org", "docs.a.org",
         "setting: evil.org, x.org"},
        {"*.a.org", "a.org", "", "setting: a.org"},
        {"*.a.org", "evila.org", "", "setting: evila.org"},
        {"*.a.org", "docs.a.org:8443", "", "setting: docs.a.org:8443"},
        {"*.a.org:8443", "docs.a.org", "", "setting: docs.a.org"},
        {"*.a.org", "x@docs.a.org", "", "setting: x@docs.a.org"},
        {"*.a.org", ".a.org", "", "setting: .a.org"},
        {"*.0.0.1", "10.0.0.1", "", "setting: 10.0.0.1"},
        {"*.0.0.1:80", "10.0.0.1:80", "", "setting: 10.0.0.1:80"},
        {"*.:80", "x.:80", "", "setting: x.:80"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config config;
        struct err err;
        char user[128], project[128];
        snprintf(user, sizeof user, "[tools]\nhosts = [\"%s\"]\n", rows[i].user);
        snprintf(project, sizeof project, "[tools]\nhosts = [\"%s\"]\n", rows[i].project);
        assert_true(read_both(&config, user, project, &err));
        assert_string_equal(list_text(config_list(&config, OPTION_HOSTS)), rows[i].kept);
        assert_int_equal(config.notices.count, rows[i].left_out != NULL);
        if (rows[i].left_out != NULL && strstr(config.notices.items[0], rows[i].left_out) == NULL) {
            fail_msg("%s, %s: %s", rows[i].user, rows[i].project, config.notices.items[0]);
        }
        assert_non_null(strstr(config.values[OPTION_HOSTS].origin, "then .carat/config.toml:2"));
        config_finish(&config);
    }
}

/* Where the user has chosen no mode the project's is kept as a ceiling. */
static void ceiling(void **state)
{
    (void)state;
    struct config config;
    struct err err;
    assert_true(read_both(&config, "", "[agent]\nmode = \"read-only\"\n", &err));
    assert_false(config_set(&config, OPTION_MODE));
    assert_string_equal(config_ceiling(&config, OPTION_MODE), "read-only");
    config_finish(&config);
}

/* A restriction that cannot be understood stops carat; a file that is none is no restriction. */
static void broken(void **state)
{
    (void)state;
    static const char *const texts[] = {"[agent\n", "[agent]\nmode = \"loose\"\n",
                                        "[agent]\nmax_turns = \"5\"\n", "[approval]\ndeny = [1]\n"};
    struct config config;
    struct err err;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(read_both(&config, "", texts[i], &err));
        assert_non_null(strstr(err.text, ".carat/config.toml:"));
        config_finish(&config);
    }
    unlink(project_file);
    config_init(&config);
    assert_true(config_read_project(&config, folder, &err));
    assert_true(config_read_project(&config, "/nonexistent", &err));
    assert_int_equal(symlink("/etc/passwd", project_file), 0);
    assert_false(config_read_project(&config, folder, &err));
    unlink(project_file);
    assert_int_equal(mkfifo(project_file, 0600), 0);
    assert_false(config_read_project(&config, folder, &err));
    /* Nor is a folder that is none: a link, whether it leads to something or not, or a file. */
    unlink(project_file);
    assert_int_equal(rmdir(project_folder), 0);
    const char *const targets[] = {"/", "nothing"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(symlink(targets[i], project_folder), 0);
        assert_false(config_read_project(&config, folder, &err));
        assert_non_null(strstr(err.text, ".carat is a symbolic link, or no folder"));
        unlink(project_folder);
    }
    assert_true(file_replace(project_folder, "", 0, &err));
    assert_false(config_read_project(&config, folder, &err));
    unlink(project_folder);
    assert_true(config_read_project(&config, folder, &err));
    assert_int_equal(mkdir(project_folder, 0700), 0);
    config_finish(&config);
}

static void servers_and_hooks(void **state)
{
    (void)state;
    struct config config;
    struct err err;
    assert_true(
        read_both(&config,
                  "[mcp.time]\ncommand = \"uvx\"\nargs = [\"a\", \"b\"]\nnetwork = true\n"
                  "env.TOKEN = \"x=y\"\ntools = [\"now\"]\ntimeout_s = 5\n"
                  "[mcp.off]\ncommand = \"c\"\nenabled = false\n"
                  "[[hooks]]\nevent = \"after_tool\"\ntool = \"shell\"\ncommand = \"true\"\n"
                  "[[hooks]]\ncommand = \"false\"\ntimeout_s = 1\n",
                  "", &err));
    const struct config_server *server = &config.servers.items[0];
    assert_int_equal(config.servers.count, 2);
    assert_string_equal(server->name, "time");
    assert_string_equal(server->command, "uvx");
    assert_string_equal(list_text(&server->arguments), "a,b");
    assert_string_equal(list_text(&server->environment), "TOKEN=x=y");
    assert_string_equal(list_text(&server->tools), "now");
    assert_true(server->network && !server->writable && !server->off);
    assert_int_equal(server->seconds, 5);
    assert_true(config.servers.items[1].off);
    assert_int_equal(config.hooks.count, 2);
    assert_true(config.hooks.items[0].after);
    assert_string_equal(config.hooks.items[0].tool, "shell");
    assert_false(config.hooks.items[1].after);
    assert_string_equal(config.hooks.items[1].tool, "*");
    assert_int_equal(config.hooks.items[1].seconds, 1);
    config_finish(&config);
}

static void bad_tables(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[mcp.Time]\ncommand = \"x\"",
        "[mcp.a__b]\ncommand = \"x\"",
        "[mcp.a]\ncommand = 1",
        "[mcp.a]\nargs = \"x\"",
        "[mcp.a]\ncomand = \"x\"",
        "[mcp]\ncommand = \"x\"",
        "[mcp.a]\nenv.\"A B\" = \"x\"",
        "[mcp.a]\nenv.A = 1",
        "[mcp.a]\ntimeout_s = 0",
        "[mcp.a]\nnetwork = \"yes\"",
        "[mcp.aaaaaaaaaaaaaaaaaaaaaaaaa]\ncommand = \"x\"",
        "[[hooks]]\ntool = \"shell\"",
        "[[hooks]]\ncommand = \"x\"\nevent = \"on\"",
        "[hooks]\ncommand = \"x\"",
        "[[hooks]]\ncommand = \"\"",
        "[[hooks]]\ncommand = \"x\"\nwhen = \"y\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct config config;
        struct err err;
        if (read_both(&config, texts[i], "", &err)) {
            fail_msg("taken: %s", texts[i]);
        }
        assert_non_null(strstr(err.text, "user.toml:"));
        config_finish(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tightens),      cmocka_unit_test(two_files),
        cmocka_unit_test(never_loosens), cmocka_unit_test(narrows),
        cmocka_unit_test(ceiling),       cmocka_unit_test(servers_and_hooks),
        cmocka_unit_test(bad_tables),    cmocka_unit_test(broken),
    };
    return cmocka_run_group_tests_name("config_project", tests, make_folder, remove_folder);
}
