#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

#include "workspace.h"

static char content[128 * 1024];

int fixture_setup(void **state)
{
    struct err err;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    strcpy(fixture->outside, "/tmp/carat-files-XXXXXX");
    assert_non_null(mkdtemp(fixture->outside));
    snprintf(fixture->root, sizeof fixture->root, "%s/work", fixture->outside);
    assert_int_equal(mkdir(fixture->root, 0755), 0);
    fixture->policy.workspace = fixture->root;
    fixture->policy.result_tokens = 800;
    fixture->context.policy = &fixture->policy;
    fixture->context.cancel_fd = -1;
    fixture->context.workspace = workspace_open(fixture->root, &err);
    assert_non_null(fixture->context.workspace);
    *state = fixture;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
    (void)status;
    (void)kind;
    (void)ftw;
    return remove(path);
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    json_decref(fixture->last.response);
    mem_free(fixture->last.picture);
    workspace_close(fixture->context.workspace);
    nftw(fixture->outside, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return 0;
}

static const struct tool *find_tool(const char *name)
{
    const struct tool *families[] = {file_tools, http_tools};
    for (size_t i = 0; i < 2; i++) {
        for (const struct tool *tool = families[i]; tool->name != NULL; tool++) {
            if (strcmp(tool->name, name) == 0) {
                return tool;
            }
        }
    }
    fail_msg("no tool named %s", name);
    return NULL;
}

static const char *call(struct fixture *fixture, const char *name, json_t *arguments)
{
    assert_non_null(arguments);
    json_decref(fixture->last.response);
    mem_free(fixture->last.picture);
    fixture->last = (struct tool_result){.response = NULL};
    find_tool(name)->call(&fixture->context, arguments, &fixture->last);
    json_decref(arguments);
    assert_non_null(fixture->last.response);
    const char *output = json_string_value(json_object_get(fixture->last.response, "output"));
    assert_non_null(output);
    return output;
}

const char *fixture_call(struct fixture *fixture, const char *name, const char *arguments)
{
    return call(fixture, name, json_loads(arguments, 0, NULL));
}

const char *fixture_pack(struct fixture *fixture, const char *name, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    json_t *arguments = json_vpack_ex(NULL, 0, format, values);
    va_end(values);
    return call(fixture, name, arguments);
}

static const char *full(struct fixture *fixture, const char *path)
{
    static char joined[4096];
    snprintf(joined, sizeof joined, "%s%s%s", path[0] == '/' ? "" : fixture->root,
             path[0] == '/' ? "" : "/", path);
    return joined;
}

void fixture_write_bytes(struct fixture *fixture, const char *path, const void *data, size_t size)
{
    FILE *file = fopen(full(fixture, path), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void fixture_write(struct fixture *fixture, const char *path, const char *text)
{
    fixture_write_bytes(fixture, path, text, strlen(text));
}

void fixture_directory(struct fixture *fixture, const char *path)
{
    assert_int_equal(mkdir(full(fixture, path), 0755), 0);
}

void fixture_link(struct fixture *fixture, const char *target, const char *path)
{
    assert_int_equal(symlink(target, full(fixture, path)), 0);
}

const char *fixture_content(struct fixture *fixture, const char *path)
{
    FILE *file = fopen(full(fixture, path), "rb");
    assert_non_null(file);
    size_t size = fread(content, 1, sizeof content - 1, file);
    content[size] = '\0';
    fclose(file);
    return content;
}

bool fixture_exists(struct fixture *fixture, const char *path)
{
    struct stat status;
    return lstat(full(fixture, path), &status) == 0;
}
