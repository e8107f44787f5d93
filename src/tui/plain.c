#include "tui/plain.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/visible.h"

void plain_init(struct plain *plain, int in, int out)
{
    *plain = (struct plain){.in = in, .out = out};
    str_init(&plain->input);
    str_init(&plain->text);
    str_init(&plain->sent);
}

/* --- out --- */

static void write_all(struct plain *plain, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(plain->out, text, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            plain->lost = true;
            return;
        }
        text += written;
        length -= (size_t)written;
    }
}

/* A whole line, or several, with a word in front. */
static void say(struct plain *plain, const char *word, const char *text, size_t length)
{
    struct str line;
    str_init(&line);
    str_append(&line, plain->prompted ? "\n" : "");
    plain->prompted = false;
    str_append(&line, word);
    visible_append(&line, text, length, VISIBLE_TEXT);
    if (line.length == 0 || line.data[line.length - 1] != '\n') {
        str_append_char(&line, '\n');
    }
    write_all(plain, line.data, line.length);
    str_finish(&line);
}

/* What runs or would run, on one line that hides nothing of it. */
static void say_spelled_out(struct plain *plain, const char *word, const char *text)
{
    struct str clean;
    str_init(&clean);
    visible_append(&clean, text, strlen(text), VISIBLE_APPROVAL);
    say(plain, word, clean.data, clean.length);
    str_finish(&clean);
}

/* Text goes out in whole lines: half a word is no use to who listens. */
static void say_lines(struct plain *plain, size_t length)
{
    if (length > 0) {
        say(plain, plain->answering ? "" : "carat: ", plain->text.data, length);
        plain->answering = true;
        str_remove(&plain->text, 0, length);
    }
}

void plain_text(struct plain *plain, const char *text, size_t length)
{
    plain->thinking = false;
    str_append_bytes(&plain->text, text, length);
    const char *last = memrchr(plain->text.data, '\n', plain->text.length);
    say_lines(plain, last != NULL ? (size_t)(last - plain->text.data) + 1 : 0);
}

void plain_end_message(struct plain *plain)
{
    say_lines(plain, plain->text.length);
    plain->answering = plain->thinking = false;
}

void plain_thought(struct plain *plain)
{
    if (!plain->thinking) {
        plain_end_message(plain);
        plain->thinking = true;
        say(plain, "", "(thinking)", strlen("(thinking)"));
    }
}

void plain_user(struct plain *plain, const char *text, size_t length)
{
    plain_end_message(plain);
    if (plain->sent.length != length || memcmp(plain->sent.data, text, length) != 0) {
        say(plain, "you: ", text, length);
    }
    str_clear(&plain->sent);
}

void plain_call(struct plain *plain, const char *title)
{
    plain_end_message(plain);
    say_spelled_out(plain, "tool: ", title);
}

void plain_result(struct plain *plain, const char *text, size_t length, const char *failure)
{
    char mark[32] = "result: ";
    size_t shown = 0;
    for (int lines = 0; lines < PLAIN_OUTPUT_LINES && shown < length; lines++) {
        const char *newline = memchr(text + shown, '\n', length - shown);
        shown = newline != NULL ? (size_t)(newline - text) + 1 : length;
    }
    plain_end_message(plain);
    if (failure != NULL) {
        snprintf(mark, sizeof mark, "%s: ", failure);
    }
    say(plain, mark, text, shown);
    if (shown < length) {
        struct str rest;
        str_init(&rest);
        str_append_format(&rest, "(%zu more bytes)", length - shown);
        say(plain, "", rest.data, rest.length);
        str_finish(&rest);
    }
}

void plain_notice(struct plain *plain, const char *text, bool is_error)
{
    plain_end_message(plain);
    say(plain, is_error ? "error: " : "note: ", text, strlen(text));
}

void plain_ask(struct plain *plain, const char *title, const char *description, bool once)
{
    const char *answers =
        once ? "y (once), or n:" : "y (once), a (this session), or n and why not:";
    struct str clean;
    str_init(&clean);
    for (const char *line = description; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        visible_append(&clean, line, length, VISIBLE_APPROVAL);
        str_append_char(&clean, '\n');
        line += length + (line[length] == '\n');
    }
    plain_end_message(plain);
    plain->asking = true;
    say_spelled_out(plain, "question: ", title);
    say(plain, "", clean.data, clean.length);
    say(plain, "", answers, strlen(answers));
    str_finish(&clean);
}

void plain_offer(struct plain *plain, const char *rule)
{
    say_spelled_out(plain, "or p (always), with a rule in your configuration: ", rule);
}

void plain_offer_network(struct plain *plain, const char *hosts)
{
    say_spelled_out(plain, "or w (once) or W (this session) with the network, to just: ", hosts);
}

void plain_confirm(struct plain *plain, const char *rule)
{
    say_spelled_out(
        plain,
        "question: write this rule to your configuration? y, or anything else for no: ", rule);
}

void plain_prompt(struct plain *plain)
{
    bool streaming = plain->answering || plain->text.length > 0;
    if (!plain->prompted && !streaming && (!plain->busy || plain->asking)) {
        write_all(plain, "> ", 2);
        plain->prompted = true;
    }
}

void plain_finish(struct plain *plain)
{
    plain_end_message(plain);
    if (plain->prompted) {
        write_all(plain, "\n", 1); /* what comes behind it does not stand in the prompt's line */
    }
    str_finish(&plain->input);
    str_finish(&plain->text);
    str_finish(&plain->sent);
}

/* --- in --- */

static bool fill(struct plain *plain)
{
    char bytes[4096];
    struct pollfd waiting = {.fd = plain->in, .events = POLLIN};
    if (plain->lost || poll(&waiting, 1, 0) <= 0) {
        return false;
    }
    ssize_t got = read(plain->in, bytes, sizeof bytes);
    if (got > 0) {
        str_append_bytes(&plain->input, bytes, (size_t)got);
        return true;
    }
    plain->lost = got == 0 || (errno != EINTR && errno != EAGAIN);
    return false;
}

/* Bytes of the first line with all that it goes on with; 0: it is not whole. */
static size_t whole_line(const struct str *input)
{
    for (size_t at = 0; at < input->length; at++) {
        if (input->data[at] == '\n' && (at == 0 || input->data[at - 1] != '\\')) {
            return at + 1;
        }
    }
    return 0;
}

bool plain_read(struct plain *plain, struct str *out)
{
    while (fill(plain)) {
    }
    size_t length = whole_line(&plain->input);
    if (length == 0) {
        return false;
    }
    for (size_t at = 0; at + 1 < length; at++) {
        bool joins = plain->input.data[at] == '\\' && plain->input.data[at + 1] == '\n';
        if (!joins) {
            str_append_char(out, plain->input.data[at]);
        }
    }
    str_remove(&plain->input, 0, length);
    plain->prompted = false;
    str_clear(&plain->sent);
    str_append_bytes(&plain->sent, out->data, out->length);
    return true;
}
