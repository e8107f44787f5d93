/* Finding a model's file: by name, by path, by nothing; what is said when there is none. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "models/catalogue.h"

struct folders {
    char top[32], own[48], installed[48];
};

static int set_up(void **state)
{
    struct folders *folders = mem_zero(1, sizeof *folders);
    snprintf(folders->top, sizeof folders->top, "/tmp/carat-models-XXXXXX");
    assert_non_null(mkdtemp(folders->top));
    snprintf(folders->own, sizeof folders->own, "%s/own", folders->top);
    snprintf(folders->installed, sizeof folders->installed, "%s/installed", folders->top);
    assert_int_equal(mkdir(folders->own, 0700), 0);
    assert_int_equal(mkdir(folders->installed, 0700), 0);
    *state = folders;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int tear_down(void **state)
{
    struct folders *folders = *state;
    nftw(folders->top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    mem_free(folders);
    return 0;
}

static void put(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

/* Expects `file` in `folder`, with the entry named `entry` (NULL = none). */
static void expect(const struct folders *folders, const char *wanted, const char *folder,
                   const char *file, const char *entry)
{
    struct err err = {0};
    char *path = NULL, full[256];
    const struct catalogue_entry *found = NULL;
    snprintf(full, sizeof full, "%s/%s", folder, file);
    if (!catalogue_find(wanted, folders->own, folders->installed, &path, &found, &err)) {
        fail_msg("%s: %s", wanted == NULL ? "NULL" : wanted, err.text);
    }
    assert_string_equal(path, full);
    assert_string_equal(found == NULL ? "none" : found->name, entry == NULL ? "none" : entry);
    mem_free(path);
}

static void expect_failure(const struct folders *folders, const char *wanted, enum err_code code,
                           const char *said)
{
    struct err err = {0};
    char *path = (char *)"untouched";
    const struct catalogue_entry *found = NULL;
    assert_false(catalogue_find(wanted, folders->own, folders->installed, &path, &found, &err));
    assert_int_equal(err.code, code);
    if (strstr(err.text, said) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, said);
    }
    assert_string_equal(path, "untouched");
}

static void test_the_table(void **state)
{
    (void)state;
    assert_string_equal(catalogue_entries[0].name, "nano");
    assert_true(catalogue_entries[0].has_sampling && catalogue_entries[0].kv_f32);
    assert_true(catalogue_entries[0].temperature == 0.0f);
    assert_int_equal(catalogue_entries[0].top_k, 1);
    assert_int_equal(catalogue_entries[0].context, 8192);
    assert_int_equal(catalogue_entries[0].image_budget, 70);
    for (size_t i = 0; i < catalogue_count; i++) {
        assert_true(catalogue_entry_named(catalogue_entries[i].name) == &catalogue_entries[i]);
        assert_true(catalogue_entries[i].context >= 4096 &&
                    catalogue_entries[i].image_budget >= 70);
        assert_true(catalogue_entries[i].description[0] != '\0');
        assert_non_null(catalogue_entries[i].sha256);
    }
}

/* The table says what the file that comes with carat is. */
static void test_installed_nano(void **state)
{
    (void)state;
    struct err err;
    struct stat status;
    char *path;
    const struct catalogue_entry *entry;
    assert_true(catalogue_find(NULL, NULL, MODELS_FOLDER, &path, &entry, &err));
    assert_true(entry == &catalogue_entries[0]);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, entry->bytes);
    char *towers = catalogue_mmproj(path, entry);
    assert_string_equal(towers, MODELS_FOLDER "/mmproj-nano.gguf");
    mem_free(towers);
    mem_free(path);
}

static void test_names_and_files(void **state)
{
    const struct folders *folders = *state;
    put(folders->installed, "nano.gguf");
    put(folders->own, "Gemma-4-E2B-it-Q8_0.gguf");
    put(folders->own, "gemma-4-E2B-it-assistant-Q8_0.gguf");
    put(folders->own, "mmproj-gemma-4-E2B-it-f16.gguf");
    put(folders->own, "gemma-4-e4b-item.gguf");
    put(folders->own, "mine.gguf");
    expect(folders, "nano", folders->installed, "nano.gguf", "nano");
    expect(folders, "Gemma-4-e2b", folders->own, "Gemma-4-E2B-it-Q8_0.gguf", "gemma-4-e2b");
    expect(folders, "mine.gguf", folders->own, "mine.gguf", NULL);
    expect(folders, "nano.gguf", folders->installed, "nano.gguf", "nano");
    expect_failure(folders, "gemma-4-e4b", ERR_NOT_FOUND, "gemma-4-e4b-it*.gguf");

    char path[256];
    snprintf(path, sizeof path, "%s/Gemma-4-E2B-it-Q8_0.gguf", folders->own);
    expect(folders, path, folders->own, "Gemma-4-E2B-it-Q8_0.gguf", "gemma-4-e2b");
    char *towers = catalogue_mmproj(path, catalogue_entry_named("gemma-4-e2b"));
    assert_string_equal(strrchr(towers, '/'), "/mmproj-gemma-4-E2B-it-f16.gguf");
    mem_free(towers);
    snprintf(path, sizeof path, "%s/mine.gguf", folders->own);
    assert_null(catalogue_mmproj(path, NULL));
    put(folders->own, "mmproj-mine.gguf");
    towers = catalogue_mmproj(path, NULL);
    assert_string_equal(strrchr(towers, '/'), "/mmproj-mine.gguf");
    mem_free(towers);

    /* The user's own file hides the installed one. */
    put(folders->own, "nano.gguf");
    expect(folders, "nano", folders->own, "nano.gguf", "nano");
    /* Two formats: the name is not enough. */
    put(folders->own, "gemma-4-E2B-it-Q4_0.gguf");
    expect_failure(folders, "gemma-4-e2b", ERR_ARGUMENT, "gemma-4-E2B-it-Q4_0.gguf");
    expect(folders, "gemma-4-E2B-it-Q4_0.gguf", folders->own, "gemma-4-E2B-it-Q4_0.gguf",
           "gemma-4-e2b");
}

static void test_default(void **state)
{
    const struct folders *folders = *state;
    expect_failure(folders, NULL, ERR_NOT_FOUND, "download a GGUF file");
    put(folders->own, "mmproj-nano.gguf");
    put(folders->own, "notes.txt");
    expect_failure(folders, NULL, ERR_NOT_FOUND, folders->own);
    put(folders->installed, "nano.gguf");
    expect(folders, NULL, folders->installed, "nano.gguf", "nano");
    put(folders->own, "gemma-4-E4B-it-Q4_K_M.gguf");
    expect(folders, NULL, folders->own, "gemma-4-E4B-it-Q4_K_M.gguf", "gemma-4-e4b");
    put(folders->own, "mine.gguf");
    expect(folders, NULL, folders->installed, "nano.gguf", "nano");
    char path[256];
    snprintf(path, sizeof path, "%s/nano.gguf", folders->installed);
    unlink(path);
    expect_failure(folders, NULL, ERR_ARGUMENT, "mine.gguf");
}

static void test_what_is_said(void **state)
{
    const struct folders *folders = *state;
    expect_failure(folders, "nano", ERR_NOT_FOUND, "model nano (nano.gguf)");
    expect_failure(folders, "nano", ERR_NOT_FOUND, folders->installed);
    expect_failure(folders, "llama", ERR_NOT_FOUND, "model \"llama\"");
    expect_failure(folders, "", ERR_NOT_FOUND, "model \"\"");
    expect_failure(folders, "/no/such.gguf", ERR_NOT_FOUND, "/no/such.gguf");
    expect_failure(folders, folders->own, ERR_NOT_FOUND, "no model file");
    struct err err;
    char *path;
    const struct catalogue_entry *entry;
    assert_false(catalogue_find("nano", NULL, NULL, &path, &entry, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

/* A file in the current folder, a workspace perhaps, does not pass for a model of the catalogue. */
static void test_name_is_not_a_file_of_the_workspace(void **state)
{
    const struct folders *folders = *state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folders->top), 0);
    put(".", "nano");
    expect_failure(folders, "nano", ERR_NOT_FOUND, "model nano");
    assert_int_equal(chdir(before), 0);
}

int main(void)
{
#define IN_FOLDERS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table), cmocka_unit_test(test_installed_nano),
        IN_FOLDERS(test_names_and_files), IN_FOLDERS(test_default),
        IN_FOLDERS(test_what_is_said),    IN_FOLDERS(test_name_is_not_a_file_of_the_workspace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
