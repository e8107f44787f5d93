/* jobs: commands that go on while the conversation does.
 *
 * A job is a shell command whose text ends in '&', as one writes it in a shell. It has a process
 * and a sandbox of its own and is named by the handle under which its output is kept, so that
 * more_output reads a job like any other result: while it runs what it has written so far (its
 * beginning and its end, at most JOBS_OUTPUT_BYTES), later the whole of what was kept. A command
 * that is waited for can become one (Ctrl+B): what it wrote is collected from its start.
 *
 * This file holds the list and the words; agent_jobs.c starts, stops and answers. Loop thread.
 */
#ifndef CARAT_AGENT_JOBS_H
#define CARAT_AGENT_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum {
    JOBS_MOST = 8, /* that run at the same time */
    JOBS_OUTPUT_BYTES = 256 * 1024,
    JOBS_HEAD_BYTES = 64 * 1024, /* of them, for the beginning */
    JOBS_COMMAND_BYTES = 200,    /* of a command, where jobs are told of */
};

struct job {
    char handle[16];
    char call_id[24]; /* what its process is called; never one of the model's */
    char *command;
    bool running, stopped;
    int exit_code;     /* when it has ended; -1 = it had none */
    struct str output; /* while it runs; empty later, because the store has it then */
    size_t dropped;    /* bytes between its beginning and its end */
    size_t total;
    char last_line[80]; /* of its output, for the list */
    int64_t started_us, ended_us;
};

struct jobs {
    struct job **items;
    size_t count, capacity;
};

void jobs_finish(struct jobs *jobs);

/* Whether a command asks to be a job: it ends in a '&' that is no part of a word, a comment or
 * another operator. */
bool jobs_wanted(const char *command);
/* Whether a command is nothing but `jobs`, or `kill %N`: then the handle it names. */
bool jobs_is_list(const char *command);
bool jobs_is_kill(const char *command, char handle[16]);

/* A new one that runs, in no list and without a handle. */
struct job *jobs_create(const char *command);
void jobs_destroy(struct job *job);
/* Takes it into the list. */
void jobs_take(struct jobs *jobs, struct job *job, const char *handle, const char *call_id);
/* A new one in the list. */
struct job *jobs_add(struct jobs *jobs, const char *handle, const char *call_id,
                     const char *command);
struct job *jobs_find(const struct jobs *jobs, const char *handle);
struct job *jobs_of_call(const struct jobs *jobs, const char *call_id);
size_t jobs_running(const struct jobs *jobs);

void jobs_append(struct job *job, const char *bytes, size_t length);
/* The end of what it has written so far, with a word about what came before that. */
void jobs_recent(const struct job *job, size_t most, struct str *out);
/* What it has written so far and how it stands, as more_output pages through it. */
void jobs_text(const struct job *job, struct str *out);
/* It has ended; `output` (NULL: what was seen of it) is the whole that the tool kept. */
void jobs_end(struct job *job, int exit_code, const char *output, struct str *whole);
/* "ended: exit code 0", "stopped", "running". */
void jobs_state(const struct job *job, struct str *out);
/* Its first line, or the beginning of that, and how much there is more. */
void jobs_append_command(const struct job *job, struct str *out);
/* One line for each job: handle, state, seconds, command, last line of output. */
void jobs_list(const struct jobs *jobs, struct str *out);

#endif
