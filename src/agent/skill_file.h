/* skill_file: the head of a SKILL.md: what a skill is called, what it is for, which tools it needs.
 *
 * The head stands between two lines "---" and is YAML in other programs. Here it is what such heads
 * hold in practice, read strictly: keys at the beginning of a line; a value that is plain, in
 * quotes, a block ("|" or ">"), goes on in indented lines, or, for allowed-tools, is a list. Keys
 * of no meaning here are passed over with what is indented below them. Anchors, tags, maps as a
 * value of ours, tabs as indentation and a key that stands twice are errors that name the line. The
 * text is foreign; pure.
 */
#ifndef CARAT_AGENT_SKILL_FILE_H
#define CARAT_AGENT_SKILL_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum {
    SKILL_FILE_HEAD_LIMIT = 16 * 1024,
    SKILL_FILE_NAME_LIMIT = 64,
    SKILL_FILE_DESCRIPTION_LIMIT = 4096,
    SKILL_FILE_TOOLS_LIMIT = 64
};

struct skill_file {
    char *name;        /* letters, digits, '-', '_' and '.', a letter or digit first */
    char *description; /* one line, control characters made visible */
    bool limits;       /* allowed-tools is there: nothing else may run */
    char **tools;      /* "Read", "Bash(git log:*)", as they are written */
    size_t tool_count, tool_capacity;
    size_t body; /* where the text behind the head begins */
};

/* Reads the head; `text` may end anywhere behind it. On failure there is nothing to finish. */
bool skill_file_read(struct skill_file *file, const char *text, size_t length, struct err *err);
void skill_file_finish(struct skill_file *file);

#endif
