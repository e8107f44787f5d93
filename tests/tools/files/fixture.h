/* fixture: a workspace in a temporary directory, and tools called in it with JSON as text. */
#ifndef CARAT_TESTS_TOOLS_FILES_FIXTURE_H
#define CARAT_TESTS_TOOLS_FILES_FIXTURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "policy.h"
#include "tool.h"

struct fixture {
    char outside[64]; /* a directory that no tool may touch */
    char root[80];    /* the workspace inside it */
    struct policy policy;
    struct tool_context context;
    struct tool_result last; /* of the last call */
};

/* setup and teardown for cmocka; *state is the fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Calls file_tools' or http_tools' `name`; returns the text of "output", valid until the next. */
const char *fixture_call(struct fixture *fixture, const char *name, const char *arguments);
/* The same with jansson's own pack format. */
const char *fixture_pack(struct fixture *fixture, const char *name, const char *format, ...);

/* Paths are relative to the workspace, or absolute. Assert that they succeed. */
void fixture_write(struct fixture *fixture, const char *path, const char *text);
void fixture_write_bytes(struct fixture *fixture, const char *path, const void *data, size_t size);
void fixture_directory(struct fixture *fixture, const char *path);
void fixture_link(struct fixture *fixture, const char *target, const char *path);
/* The content, to be freed by the next call; asserts that the file is there. */
const char *fixture_content(struct fixture *fixture, const char *path);
bool fixture_exists(struct fixture *fixture, const char *path);

#endif
