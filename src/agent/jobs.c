#include "agent/jobs.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/vec.h"

void jobs_destroy(struct job *job)
{
    if (job != NULL) {
        str_finish(&job->output);
        mem_free(job->command);
        mem_free(job);
    }
}

void jobs_finish(struct jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++) {
        jobs_destroy(jobs->items[i]);
    }
    mem_free(jobs->items);
    *jobs = (struct jobs){0};
}

/* --- what a command asks for --- */

enum { HERE_DOCUMENTS = 32 }; /* of one command; the others are not looked for */

/* The end of a here-document's body, before its last newline: `at` is behind its "<<", its lines
 * begin at `body`. 0 when it has none, because what looked like one was a shift, say. */
static size_t here_document_end(const char *text, size_t length, size_t at, size_t body)
{
    char word[64] = "";
    size_t word_length = 0;
    bool tabs = text[at] == '-';
    at += tabs;
    at += strspn(text + at, " \t");
    size_t stop = at + strcspn(text + at, " \t\n;&|()<>");
    for (; at < stop && word_length < sizeof word; at++) {
        if (strchr("'\"\\", text[at]) == NULL) {
            word[word_length++] = text[at];
        }
    }
    for (size_t line = body; line < length;) {
        size_t end = line + strcspn(text + line, "\n");
        size_t begin = line + (tabs ? strspn(text + line, "\t") : 0);
        if (end - begin == word_length && memcmp(text + begin, word, word_length) == 0) {
            return end;
        }
        line = end + 1;
    }
    return 0;
}

/* Goes to the end of the text and tells whether that is outside quotes and comments. A substitution
 * is not understood and need not be: a wrong answer only decides whether the call waits for the
 * command. */
static bool ends_in_plain_text(const char *text, size_t length)
{
    char quote = '\0';
    bool comment = false, begins_word = true;
    size_t documents = 0; /* where the bodies end that begin behind this line; 0 = none do */
    int looked_for = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '\n' && quote == '\0' && documents > 0) {
            i = documents > i ? documents : i;
            documents = 0;
            comment = false;
        } else if (comment) {
            comment = c != '\n';
        } else if (quote != '\0') {
            i += quote == '"' && c == '\\';
            quote = c == quote ? '\0' : quote;
        } else if (c == '\\') {
            i++;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '<' && text[i + 1] == '<') {
            size_t body = documents > 0 ? documents + 1 : i + strcspn(text + i, "\n") + 1;
            bool of_a_word = text[i + 2] == '<'; /* "<<<" */
            size_t end = of_a_word || ++looked_for > HERE_DOCUMENTS
                             ? 0
                             : here_document_end(text, length, i + 2, body);
            documents = end > 0 ? end : documents;
            i += of_a_word ? 2 : 1;
        } else {
            comment = c == '#' && begins_word;
        }
        begins_word = !comment && quote == '\0' && strchr(" \t\n;&|()", c) != NULL;
    }
    return quote == '\0' && !comment;
}

static size_t trimmed(const char *text, size_t length)
{
    while (length > 0 && strchr(" \t\n", text[length - 1]) != NULL) {
        length--;
    }
    return length;
}

bool jobs_wanted(const char *command)
{
    size_t length = trimmed(command, strlen(command));
    if (length < 2 || command[length - 1] != '&' || !ends_in_plain_text(command, length - 1)) {
        return false;
    }
    size_t before = trimmed(command, length - 1);
    return before > 0 && strchr("&|<>;(\\", command[length - 2]) == NULL &&
           strchr("&|<>;(", command[before - 1]) == NULL;
}

bool jobs_is_list(const char *command)
{
    command += strspn(command, " \t\n");
    return trimmed(command, strlen(command)) == 4 && memcmp(command, "jobs", 4) == 0;
}

bool jobs_is_kill(const char *command, char handle[16])
{
    unsigned number;
    int end = 0;
    if (sscanf(command, " kill %%%u %n", &number, &end) != 1 || end == 0 || command[end] != '\0') {
        return false;
    }
    snprintf(handle, 16, "r%u", number);
    return true;
}

/* --- the list --- */

struct job *jobs_create(const char *command)
{
    struct job *job = mem_zero(1, sizeof *job);
    job->command = mem_strdup(command);
    job->running = true;
    job->started_us = clock_monotonic_us();
    str_init(&job->output);
    return job;
}

void jobs_take(struct jobs *jobs, struct job *job, const char *handle, const char *call_id)
{
    snprintf(job->handle, sizeof job->handle, "%s", handle);
    snprintf(job->call_id, sizeof job->call_id, "%s", call_id);
    vec_room(&jobs->items, &jobs->capacity, jobs->count + 1, sizeof *jobs->items);
    jobs->items[jobs->count++] = job;
}

struct job *jobs_add(struct jobs *jobs, const char *handle, const char *call_id,
                     const char *command)
{
    struct job *job = jobs_create(command);
    jobs_take(jobs, job, handle, call_id);
    return job;
}

struct job *jobs_find(const struct jobs *jobs, const char *handle)
{
    for (size_t i = 0; i < jobs->count; i++) {
        if (strcmp(jobs->items[i]->handle, handle) == 0) {
            return jobs->items[i];
        }
    }
    return NULL;
}

struct job *jobs_of_call(const struct jobs *jobs, const char *call_id)
{
    for (size_t i = 0; i < jobs->count; i++) {
        if (strcmp(jobs->items[i]->call_id, call_id) == 0) {
            return jobs->items[i];
        }
    }
    return NULL;
}

size_t jobs_running(const struct jobs *jobs)
{
    size_t running = 0;
    for (size_t i = 0; i < jobs->count; i++) {
        running += jobs->items[i]->running;
    }
    return running;
}

/* --- output --- */

/* The last line that holds something, cut to what the list has room for. */
static void note_last_line(struct job *job)
{
    const char *text = job->output.data;
    size_t end = trimmed(text, job->output.length), start = end;
    while (start > 0 && text[start - 1] != '\n') {
        start--;
    }
    size_t length = end - start;
    if (length >= sizeof job->last_line) {
        length = utf8_complete_length(text + start, sizeof job->last_line - 1);
    }
    memcpy(job->last_line, text + start, length);
    job->last_line[length] = '\0';
}

void jobs_append(struct job *job, const char *bytes, size_t length)
{
    job->total += length;
    str_append_bytes(&job->output, bytes, length);
    if (job->output.length > JOBS_OUTPUT_BYTES) {
        /* Half of the room behind the beginning at once: not a move for each piece that comes. */
        size_t excess = (JOBS_OUTPUT_BYTES - JOBS_HEAD_BYTES) / 2;
        size_t more = job->output.length - JOBS_OUTPUT_BYTES;
        excess = more > excess ? more : excess;
        str_remove(&job->output, JOBS_HEAD_BYTES, excess);
        job->dropped += excess;
    }
    note_last_line(job);
}

void jobs_state(const struct job *job, struct str *out)
{
    if (job->running) {
        str_append(out, job->stopped ? "being stopped" : "running");
    } else if (job->stopped) {
        str_append(out, "stopped");
    } else if (job->exit_code < 0) {
        str_append(out, "ended without an exit code");
    } else {
        str_append_format(out, "ended: exit code %d", job->exit_code);
    }
}

static void append_seen(const struct job *job, struct str *out)
{
    size_t head = job->dropped > 0 ? JOBS_HEAD_BYTES : job->output.length;
    utf8_append_repaired(out, job->output.data, head);
    if (job->dropped > 0) {
        str_append_format(out, "\n[... %zu bytes not kept ...]\n", job->dropped);
        utf8_append_repaired(out, job->output.data + head, job->output.length - head);
    }
}

void jobs_recent(const struct job *job, size_t most, struct str *out)
{
    size_t length = job->output.length, start = length > most ? length - most : 0;
    while (start < length && ((unsigned char)job->output.data[start] & 0xC0) == 0x80) {
        start++;
    }
    if (start > 0) {
        str_append_format(out, "[... %zu bytes before this ...]\n", start + job->dropped);
    }
    utf8_append_repaired(out, job->output.data + start, length - start);
}

static void append_state_line(const struct job *job, struct str *out)
{
    if (out->length > 0 && out->data[out->length - 1] != '\n') {
        str_append_char(out, '\n');
    }
    str_append_char(out, '[');
    jobs_state(job, out);
    str_append_char(out, ']');
}

void jobs_text(const struct job *job, struct str *out)
{
    append_seen(job, out);
    append_state_line(job, out);
}

void jobs_end(struct job *job, int exit_code, const char *output, struct str *whole)
{
    job->running = false;
    job->exit_code = exit_code;
    job->ended_us = clock_monotonic_us();
    if (output != NULL) {
        str_append(whole, output);
    } else {
        append_seen(job, whole);
    }
    append_state_line(job, whole);
    str_finish(&job->output);
    str_init(&job->output);
}

void jobs_append_command(const struct job *job, struct str *out)
{
    const char *command = job->command + strspn(job->command, " \t\n");
    size_t length = trimmed(command, strlen(command)), shown = strcspn(command, "\n");
    if (shown > JOBS_COMMAND_BYTES) {
        shown = utf8_complete_length(command, JOBS_COMMAND_BYTES);
    }
    utf8_append_repaired(out, command, shown);
    if (length > shown) {
        str_append_format(out, " [... %zu more bytes]", length - shown);
    }
}

void jobs_list(const struct jobs *jobs, struct str *out)
{
    int64_t now = clock_monotonic_us();
    for (size_t i = 0; i < jobs->count; i++) {
        const struct job *job = jobs->items[i];
        int64_t spent = ((job->running ? now : job->ended_us) - job->started_us) / 1000000;
        str_append_format(out, "%s%s  ", i > 0 ? "\n" : "", job->handle);
        jobs_state(job, out);
        str_append_format(out, "  %lld s  ", (long long)spent);
        jobs_append_command(job, out);
        if (job->last_line[0] != '\0') {
            str_append(out, "\n    ");
            utf8_append_repaired(out, job->last_line, strlen(job->last_line));
        }
    }
}
