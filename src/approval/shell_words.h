/* shell_words: a shell command as the simple commands that it consists of.
 *
 * Reads the part of the POSIX shell's grammar whose meaning can be told from the text alone: words
 * with quotes and backslashes, assignments before a command, redirections, pipes, lists, subshells,
 * comments. Everything else (substitutions, here-documents, compound commands, functions, ...)
 * makes the reading fail with the name of what stood in the way: approvals ask then. A word whose
 * value only the shell will know (a variable, a pattern) is kept with a mark that says so.
 *
 * What must hold: where this reads a command, /bin/sh runs exactly those simple commands with
 * exactly those words. Pure; nothing here knows what a command does.
 */
#ifndef CARAT_APPROVAL_SHELL_WORDS_H
#define CARAT_APPROVAL_SHELL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* More than this is not read. */
enum { SHELL_WORDS_BYTES = 64 * 1024, SHELL_WORDS_COMMANDS = 48, SHELL_WORDS_WORDS = 1024 };

struct shell_word {
    char *text;   /* after quotes; what it expands to is unknown where `open` */
    bool open;    /* holds a variable, a pattern, a tilde or a brace that may expand */
    bool brace;   /* holds an unquoted '{' */
    size_t plain; /* bytes of it before the first quote or backslash; SIZE_MAX = none quoted */
};

struct shell_words {
    struct shell_word *items;
    size_t count, capacity;
};

struct shell_redirection {
    bool writes;     /* >, >>, >|, <> to a file */
    bool duplicates; /* 2>&1: of a descriptor that is there */
    struct shell_word target;
};

struct shell_simple {
    struct shell_words assignments; /* NAME=VALUE before the command */
    struct shell_words words;
    struct shell_redirection *redirections;
    size_t redirection_count, redirection_capacity;
};

struct shell_script {
    struct shell_simple *items;
    size_t count, capacity;
};

/* Reads `length` bytes. True: `script` holds at least one simple command and is to be finished.
 * False: `*why` (a constant) says what cannot be told from the text; `script` is empty. */
bool shell_words_read(struct shell_script *script, const char *text, size_t length,
                      const char **why);
void shell_words_finish(struct shell_script *script);

#endif
