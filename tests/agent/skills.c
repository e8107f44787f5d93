/* Skills: how the head of a SKILL.md is read, which skills are found, and what the model is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/skill_file.h"
#include "agent/skills.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* --- the head --- */

static void append_tools(const struct skill_file *file, struct str *out)
{
    for (size_t i = 0; i < file->tool_count; i++) {
        str_append_format(out, "%s%s", i > 0 ? "|" : "", file->tools[i]);
    }
}

static void test_heads(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *description, *tools; /* tools NULL: there is no list */
    } cases[] = {
        {"---\nname: pdf\ndescription: Read: and write\n---\nBody", "pdf", "Read: and write", NULL},
        {"\xEF\xBB\xBF---\r\n# c\r\nname: \"a.b\" # c\r\n\r\ndescription: 'it''s'\r\n---\r\nBody",
         "a.b", "it's", NULL},
        {"---\ndescription: >-\n  one\n\n  # two\n   three\nname: x\n---\nBody", "x",
         "one # two three", NULL},
        {"---\nname: x\ndescription: |\n  one\n  two\nallowed-tools: []\n---\nBody", "x", "one two",
         ""},
        {"---\nname:\n  x\ndescription: one # no\nmetadata:\n  name: y\n  list:\n  - z\nother: 1\n"
         "allowed-tools: Read, Bash(git log:*) Grep\n---\nBody",
         "x", "one", "Read|Bash(git log:*)|Grep"},
        {"---\nname: x\ndescription: \"a \\\"b\\\"\\n c\n  d\"\nallowed-tools:\n- Read\n"
         "- \"Bash(ls, x)\" # c\n---\nBody",
         "x", "a \"b\" c d", "Read|Bash(ls, x)"},
        {"---\nname: x\ndescription: d\nallowed-tools: [Read, 'Bash(a, b)'] # c\n---\nBody", "x",
         "d", "Read|Bash(a, b)"},
        {"---\nname: x\ndescription: red\x1b[31m\n---\nBody", "x", "red\xE2\x90\x9B[31m", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct skill_file file;
        struct err err = {0};
        struct str tools;
        str_init(&tools);
        bool read = skill_file_read(&file, cases[i].text, strlen(cases[i].text), &err);
        if (!read) {
            fail_msg("case %zu: %s", i, err.text);
        }
        append_tools(&file, &tools);
        assert_string_equal(file.name, cases[i].name);
        assert_string_equal(file.description, cases[i].description);
        assert_int_equal(file.limits, cases[i].tools != NULL);
        assert_string_equal(tools.data, cases[i].tools != NULL ? cases[i].tools : "");
        assert_string_equal(cases[i].text + file.body, "Body");
        skill_file_finish(&file);
        str_finish(&tools);
    }
}

static void test_mistakes(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"# A title\n", "line 1: expected ---"},
        {"", "line 1: expected ---"},
        {"---\nname: x\ndescription: d\n", "not closed by ---"},
        {"---\ndescription: d\n---\n", "there is no name"},
        {"---\nname: x\n---\n", "there is no description"},
        {"---\nname: x\ndescription:\n---\n", "line 3: the description is empty"},
        {"---\nname: ../x\ndescription: d\n---\n", "line 2: the name \"../x\" is not"},
        {"---\nname: .x\ndescription: d\n---\n", "the name \".x\" is not"},
        {"---\nname: a b\ndescription: d\n---\n", "the name \"a b\" is not"},
        {"---\nname: x\x1b[2J\ndescription: d\n---\n", "the name \"x\\x1B[2J\" is not"},
        {"---\nname: x\nname: y\ndescription: d\n---\n", "line 3: name stands there twice"},
        {"---\nname: x\ndescription: *a\n---\n", "line 3: a value that begins with * is not read"},
        {"---\nname: x\ndescription: \"a\n---\n", "line 3: the value's quote \" is not closed"},
        {"---\nname: x\ndescription: 'a' b\n---\n", "behind the closing quote"},
        {"---\nname: x\ndescription: \"\\q\"\n---\n", "line 3: of escapes"},
        {"---\nname: x\ndescription: > a\n---\n", "a block's text begins in the next line"},
        {"---\nname: x\n\tdescription: d\n---\n", "line 3: a tab is no indentation"},
        {"---\nname: x\njust words\n---\n", "line 3: expected KEY: VALUE"},
        {"---\nname: x\ndescription: d\nallowed-tools: [a\n---\n", "bracket is not closed"},
        {"---\nname: x\ndescription: d\nallowed-tools: Bash(a\n---\n", "parenthesis is not closed"},
        {"---\nname: x\ndescription: d\nallowed-tools:\n- a\n  b: c\n---\n",
         "line 6: expected an entry"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct skill_file file;
        struct err err = {0};
        assert_false(skill_file_read(&file, cases[i][0], strlen(cases[i][0]), &err));
        if (strstr(err.text, cases[i][1]) == NULL) {
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.text, cases[i][1]);
        }
    }
    static const char nul[] = "---\nname: x\ndescription: a\0b\n---\n";
    struct skill_file file;
    struct err err = {0};
    assert_false(skill_file_read(&file, nul, sizeof nul - 1, &err));
    assert_non_null(strstr(err.text, "NUL"));
}

/* --- finding --- */

struct place {
    char root[64];
    struct skills skills;
    struct str path, text, summary;
};

static int make_place(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    strcpy(place->root, "/tmp/carat-skills-XXXXXX");
    skills_init(&place->skills);
    str_init(&place->path);
    str_init(&place->text);
    str_init(&place->summary);
    *state = place;
    return mkdtemp(place->root) == NULL;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    struct str command;
    str_init(&command);
    str_append_format(&command, "rm -rf %s", place->root);
    int status = system(command.data);
    str_finish(&command);
    skills_finish(&place->skills);
    str_finish(&place->path);
    str_finish(&place->text);
    str_finish(&place->summary);
    mem_free(place);
    return status;
}

static const char *in(struct place *place, const char *rest)
{
    str_clear(&place->path);
    str_append_format(&place->path, "%s%s%s", place->root, rest[0] != '\0' ? "/" : "", rest);
    return place->path.data;
}

static void write_text(struct place *place, const char *folder, const char *text)
{
    struct err err;
    struct str path;
    str_init(&path);
    str_append(&path, in(place, folder));
    assert_true(file_make_directories(path.data, &err));
    str_append(&path, "/SKILL.md");
    FILE *file = fopen(path.data, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    str_finish(&path);
}

static void write_skill(struct place *place, const char *folder, const char *name,
                        const char *description)
{
    struct str text;
    str_init(&text);
    str_append_format(&text, "---\nname: %s\ndescription: %s\n---\nThe text of %s.\n", name,
                      description, folder);
    write_text(place, folder, text.data);
    str_finish(&text);
}

static void find(struct place *place, const char *workspace, const char *own, const char *shared)
{
    char *paths[] = {mem_strdup(in(place, workspace)), mem_strdup(in(place, own)),
                     mem_strdup(in(place, shared))};
    skills_finish(&place->skills);
    skills_init(&place->skills);
    skills_find(&place->skills, paths[0], paths[1], paths[2]);
    str_clear(&place->text);
    str_clear(&place->summary);
    for (int i = 0; i < 3; i++) {
        mem_free(paths[i]);
    }
}

static bool is_left_out(const struct place *place, const char *what, const char *why)
{
    for (size_t i = 0; i < place->skills.left_out.count; i++) {
        const char *text = place->skills.left_out.items[i];
        if (strstr(text, what) != NULL && strstr(text, why) != NULL) {
            return true;
        }
    }
    return false;
}

static void test_none(void **state)
{
    struct place *place = *state;
    find(place, "", "own", "shared");
    assert_false(skills_append(&place->skills, &place->text, &place->summary));
    assert_int_equal(place->text.length, 0); /* the prompt stays as it was */
    assert_int_equal(place->summary.length, 0);
}

static void test_places(void **state)
{
    struct place *place = *state;
    struct err err;
    write_skill(place, "own/mine", "mine", "of mine");
    write_skill(place, "shared/both", "both", "the shared one");
    write_skill(place, "repo/.claude/skills/up", "up", "above");
    write_skill(place, "repo/inner/.agents/skills/both", "both", "the project's");
    write_skill(place, "repo/inner/.claude/skills/down", "down", "here");
    find(place, "repo/inner", "own", "shared");
    assert_int_equal(place->skills.count, 3); /* without a root the workspace alone */
    assert_true(file_make_directories(in(place, "repo/.git"), &err));
    find(place, "repo/inner", "own", "shared");
    assert_int_equal(place->skills.count, 4);
    assert_string_equal(place->skills.items[0].name, "mine"); /* the user's own come first */
    assert_string_equal(place->skills.items[1].description, "the shared one");
    assert_string_equal(place->skills.items[2].name, "down");
    assert_string_equal(place->skills.items[3].name, "up");
    assert_true(is_left_out(place, "inner/.agents/skills/both", "of that name before it"));

    assert_true(skills_append(&place->skills, &place->text, &place->summary));
    assert_non_null(strstr(place->text.data, "- down (.claude/skills/down/SKILL.md): here\n"));
    assert_non_null(strstr(place->text.data, "repo/.claude/skills/up/SKILL.md): above\n"));
    assert_non_null(strstr(place->summary.data, "mine, both, down, up: about "));

    const struct skill *skill = skills_named(&place->skills, "down", 4);
    str_clear(&place->text);
    assert_true(skills_call(skill, "a word", &place->text, &err));
    assert_non_null(strstr(place->text.data, "The text of repo/inner/.claude/skills/down."));
    assert_true(str_ends_with(place->text.data, "What it is wanted for: a word"));
    str_clear(&place->text);
    skills_folder(skill, &place->text);
    assert_string_equal(place->text.data, in(place, "repo/inner/.claude/skills"));
    assert_null(skills_named(&place->skills, "dow", 3));
}

/* The user's words stand where the text asks for them, and then nowhere else. */
static void test_arguments(void **state)
{
    struct place *place = *state;
    struct err err;
    static const char text[] = "---\nname: ask\ndescription: d\n---\nLook at $ARGUMENTS, twice: "
                               "$ARGUMENTS. Not $ARGUMENTS_OF, $1 or $(id).\n";
    write_text(place, "own/ask", text);
    find(place, "repo", "own", "none");
    const struct skill *skill = skills_named(&place->skills, "ask", 3);
    assert_true(skills_call(skill, "a $ARGUMENTS b", &place->text, &err));
    assert_true(str_ends_with(place->text.data,
                              "Look at a $ARGUMENTS b, twice: a $ARGUMENTS b. Not $ARGUMENTS_OF, "
                              "$1 or $(id).\n"));
    str_clear(&place->text);
    assert_true(skills_call(skill, "", &place->text, &err));
    assert_non_null(strstr(place->text.data, "Look at , twice: . Not"));
    str_clear(&place->text);
}

static void test_foreign_files(void **state)
{
    struct place *place = *state;
    struct err err;
    write_skill(place, "secret/skill", "secret", "out of the project");
    write_skill(place, "w/.agents/skills/good", "good", "fine");
    char *target = mem_strdup(in(place, "secret/skill"));
    assert_int_equal(symlink(target, in(place, "w/.agents/skills/linked")), 0);
    mem_free(target);
    assert_true(file_make_directories(in(place, "w/.agents/skills/file"), &err));
    target = mem_strdup(in(place, "secret/skill/SKILL.md"));
    assert_int_equal(symlink(target, in(place, "w/.agents/skills/file/SKILL.md")), 0);
    mem_free(target);
    target = mem_strdup(in(place, "secret"));
    assert_true(file_make_directories(in(place, "w/.claude"), &err));
    assert_int_equal(symlink(target, in(place, "w/.claude/skills")), 0);
    mem_free(target);
    assert_true(file_make_directories(in(place, "w/.agents/skills/pipe"), &err));
    assert_int_equal(mkfifo(in(place, "w/.agents/skills/pipe/SKILL.md"), 0600), 0);
    write_skill(place, "w/.agents/skills/large", "large", "too large");
    assert_int_equal(truncate(in(place, "w/.agents/skills/large/SKILL.md"), 100 * 1000 * 1000), 0);
    write_skill(place,
                "w/.agents/skills/od\x1b"
                "d",
                "odd", "a name with an escape");
    write_skill(place, "w/.agents/skills/broken", "x\ny", "no");
    assert_true(file_make_directories(in(place, "w/.agents/skills/empty"), &err));
    find(place, "w", "none", "none");
    assert_int_equal(place->skills.count, 1);
    assert_string_equal(place->skills.items[0].name, "good");
    assert_true(is_left_out(place, "linked", "")); /* no folder, but a link */
    assert_true(is_left_out(place, "skills/file", "a symbolic link"));
    assert_true(is_left_out(place, "pipe", "no regular file"));
    assert_true(is_left_out(place, "large", "it has 100000000 bytes"));
    assert_true(is_left_out(place, "od\\x1Bd", "the folder's name"));
    assert_true(is_left_out(place, "broken", "line 3"));
    assert_false(is_left_out(place, "empty", "")); /* a folder without a SKILL.md is no mistake */
    skills_describe(&place->skills, &place->text);
    assert_null(strchr(place->text.data, '\x1b'));
    assert_null(strstr(place->text.data, "out of the project"));

    /* Replaced by a link after it was found: the text is not handed over. */
    const struct skill *skill = skills_named(&place->skills, "good", 4);
    assert_int_equal(unlink(in(place, "w/.agents/skills/good/SKILL.md")), 0);
    target = mem_strdup(in(place, "secret/skill/SKILL.md"));
    assert_int_equal(symlink(target, in(place, "w/.agents/skills/good/SKILL.md")), 0);
    mem_free(target);
    str_clear(&place->text);
    assert_false(skills_call(skill, "", &place->text, &err));
    assert_int_equal(place->text.length, 0);
    assert_non_null(strstr(err.text, "a symbolic link"));
}

static void test_budget(void **state)
{
    struct place *place = *state;
    char folder[64], name[32];
    char *description = mem_zero(1001, 1);
    memset(description, 'd', 1000);
    for (int i = 0; i < 300; i++) {
        snprintf(folder, sizeof folder, "w/.agents/skills/skill-%03d", i);
        snprintf(name, sizeof name, "skill-%03d", i);
        write_skill(place, folder, name, description);
    }
    mem_free(description);
    find(place, "w", "none", "none");
    assert_int_equal(place->skills.count, SKILLS_LIMIT);
    assert_true(is_left_out(place, "w/.agents/skills/", "too many"));
    assert_true(skills_append(&place->skills, &place->text, &place->summary));
    assert_true(place->text.length <= SKILLS_LIMIT_TOLD);
    assert_non_null(strstr(place->text.data, "- skill-000 ("));
    assert_true(place->skills.items[0].told);
    assert_false(place->skills.items[255].told);
    assert_non_null(strstr(place->text.data, " more, which only the user calls)\n"));
    assert_non_null(strstr(place->summary.data, "skill-007 and 248 more (the model is told of "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test_setup_teardown(test_none, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_places, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_arguments, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_foreign_files, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_budget, make_place, remove_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
