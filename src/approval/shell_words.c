/* shell_words: one pass over the text, a state of a few flags.
 *
 * The rule for everything doubtful is to stop: dash, bash and busybox differ in the corners, and a
 * reader that guesses is a known way around an approval. So bytes beyond ASCII outside quotes (a
 * locale may call them blanks), carriage returns, &> and |& (one thing in bash, two in dash),
 * reserved words and every substitution end the reading.
 */
#include "approval/shell_words.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

struct reader {
    const char *text;
    size_t length, at;
    int depth; /* of subshells */
    size_t words;
    struct shell_script *script;
    const char *why;
};

static bool stop(struct reader *reader, const char *why)
{
    reader->why = why;
    return false;
}

static char peek(const struct reader *reader, size_t ahead)
{
    return reader->at + ahead < reader->length ? reader->text[reader->at + ahead] : '\0';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool ends_word(char c)
{
    return c == '\0' || is_blank(c) || strchr("\n;&|<>()", c) != NULL;
}

static bool name_character(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/* --- words --- */

static void finish_words(struct shell_words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        mem_free(words->items[i].text);
    }
    mem_free(words->items);
}

static bool add_word(struct reader *reader, struct shell_words *words, struct shell_word word)
{
    vec_room(&words->items, &words->capacity, words->count + 1, sizeof *words->items);
    words->items[words->count++] = word;
    return ++reader->words <= SHELL_WORDS_WORDS || stop(reader, "it has too many words");
}

/* At '$': a plain variable leaves the word open, everything else runs code or computes. */
static bool read_dollar(struct reader *reader, struct str *text, bool *open)
{
    char next = peek(reader, 1);
    if (next == '(') {
        return stop(reader, "it substitutes a command");
    }
    if (next == '{' || next == '\'' || next == '"' || next == '[') {
        return stop(reader, "it holds an expansion that is not read");
    }
    if (next == '\\' && peek(reader, 2) == '\n') {
        return stop(reader, "a dollar sign stands at the end of a line that goes on");
    }
    *open = true;
    str_append_char(text, '$');
    reader->at++;
    return true;
}

/* After the opening '"'. A dollar sign before what can begin no name stands for itself. */
static bool read_double(struct reader *reader, struct str *text, bool *open)
{
    reader->at++;
    for (;;) {
        char c = peek(reader, 0), next = peek(reader, 1);
        if (reader->at >= reader->length) {
            return stop(reader, "a quote does not end");
        }
        if (c == '"') {
            reader->at++;
            return true;
        }
        if (c == '`') {
            return stop(reader, "it substitutes a command");
        }
        if (c == '$' && (next == '\0' || strchr("\" \t|)", next) == NULL)) {
            if (!read_dollar(reader, text, open)) {
                return false;
            }
            continue;
        }
        if (c == '\\' && next == '\n') {
            reader->at += 2;
            continue;
        }
        if (c == '\\' && next != '\0' && strchr("$`\"\\", next) != NULL) {
            c = next;
            reader->at++;
        }
        str_append_char(text, c);
        reader->at++;
    }
}

/* After the opening quote, up to the closing one. */
static bool read_single(struct reader *reader, struct str *text)
{
    const char *start = reader->text + reader->at + 1;
    const char *end = memchr(start, '\'', reader->length - reader->at - 1);
    if (end == NULL) {
        return stop(reader, "a quote does not end");
    }
    str_append_bytes(text, start, (size_t)(end - start));
    reader->at = (size_t)(end - reader->text) + 1;
    return true;
}

/* A line that goes on inside a word would have to be joined before operators are looked for. */
static bool read_backslash(struct reader *reader, struct str *text)
{
    char next = peek(reader, 1);
    if (reader->at + 1 >= reader->length || next == '\n') {
        return stop(reader, "a backslash stands at the end of a line");
    }
    str_append_char(text, next);
    reader->at += 2;
    return true;
}

static void mark_quoted(struct shell_word *word, const struct str *text)
{
    word->plain = text->length < word->plain ? text->length : word->plain;
}

/* One piece of a word: a quoted part or one plain character. */
static bool read_piece(struct reader *reader, struct str *text, struct shell_word *word)
{
    char c = peek(reader, 0);
    switch (c) {
    case '\'':
        mark_quoted(word, text);
        return read_single(reader, text);
    case '"':
        mark_quoted(word, text);
        return read_double(reader, text, &word->open);
    case '\\':
        mark_quoted(word, text);
        return read_backslash(reader, text);
    case '`':
        return stop(reader, "it substitutes a command");
    case '$':
        return read_dollar(reader, text, &word->open);
    case '*':
    case '?':
    case '[':
        word->open = true;
        break;
    case '{':
        word->brace = true; /* see brace_expands */
        break;
    case '~':
        word->open = word->open || text->length == 0 || strchr("=:", text->data[text->length - 1]);
        break;
    default:
        if ((unsigned char)c >= 0x80) {
            return stop(reader, "it holds a character beyond ASCII outside quotes");
        }
        break;
    }
    str_append_char(text, c);
    reader->at++;
    return true;
}

/* A brace is one of bash's where it holds a list or a range; "{name}" before a redirection, too.
 * bash steps over "{}" at a word's beginning alone: behind that it is a brace like others. */
static bool brace_expands(const struct shell_word *word)
{
    const char *text = word->text;
    return word->brace && ((text[0] == '{' && text[1] != '}') || strchr(text, ',') != NULL ||
                           strstr(text, "..") != NULL);
}

static bool read_word(struct reader *reader, struct shell_word *word)
{
    struct str text;
    str_init(&text);
    *word = (struct shell_word){.plain = SIZE_MAX};
    while (!ends_word(peek(reader, 0))) {
        if (!read_piece(reader, &text, word)) {
            str_finish(&text);
            return false;
        }
    }
    word->text = str_take(&text);
    word->open = (word->open && strcmp(word->text, "[") != 0) || brace_expands(word);
    return true;
}

static size_t name_length(const struct shell_word *word)
{
    size_t length = 0;
    while (name_character(word->text[length], length == 0)) {
        length++;
    }
    return length;
}

/* NAME=... */
static bool looks_like_assignment(const struct shell_word *word)
{
    size_t length = name_length(word);
    return length > 0 && word->text[length] == '=';
}

/* NAME+=... and NAME[...: assignments of bash's, the path of a command for dash. */
static bool assigns_in_some_shells(const struct shell_word *word)
{
    size_t length = name_length(word);
    const char *rest = word->text + length;
    return length > 0 && length < word->plain &&
           (rest[0] == '[' || (rest[0] == '+' && rest[1] == '='));
}

static bool is_reserved(const struct shell_word *word)
{
    static const char *const reserved[] = {"if",   "then",   "else",   "elif",     "fi",    "do",
                                           "done", "case",   "esac",   "while",    "until", "for",
                                           "in",   "{",      "}",      "!",        "[[",    "]]",
                                           "((",   "select", "coproc", "function", "time"};
    for (size_t i = 0; word->plain == SIZE_MAX && i < sizeof reserved / sizeof reserved[0]; i++) {
        if (strcmp(reserved[i], word->text) == 0) {
            return true;
        }
    }
    return false;
}

/* --- simple commands --- */

static struct shell_simple *last_simple(struct reader *reader)
{
    return &reader->script->items[reader->script->count - 1];
}

static bool begin_simple(struct reader *reader)
{
    struct shell_script *script = reader->script;
    if (script->count == SHELL_WORDS_COMMANDS) {
        return stop(reader, "it has too many commands");
    }
    vec_room(&script->items, &script->capacity, script->count + 1, sizeof *script->items);
    script->items[script->count++] = (struct shell_simple){0};
    return true;
}

/* Directly before < or > they are a descriptor. */
static size_t count_digits(const struct reader *reader)
{
    size_t digits = 0;
    while (peek(reader, digits) >= '0' && peek(reader, digits) <= '9') {
        digits++;
    }
    return digits;
}

/* At < or >, or at the descriptor before it. */
static bool read_redirection(struct reader *reader)
{
    size_t digits = count_digits(reader);
    if (digits > 1) {
        return stop(reader, "a descriptor has more than one digit, which is a word to some shells");
    }
    reader->at += digits;
    struct shell_redirection redirection = {.writes = peek(reader, 0) == '>'};
    char next = peek(reader, 1);
    if (next == '(') {
        return stop(reader, "it substitutes a process");
    }
    if (peek(reader, 0) == '<' && next == '<') {
        return stop(reader, "it holds a here-document");
    }
    reader->at++;
    if (next == '>' || next == '|') {
        redirection.writes = true;
        reader->at++;
    } else if (next == '&') {
        redirection.duplicates = true;
        reader->at++;
    }
    while (is_blank(peek(reader, 0))) {
        reader->at++;
    }
    if (ends_word(peek(reader, 0))) {
        return stop(reader, "a redirection has no target");
    }
    if (!read_word(reader, &redirection.target)) {
        return false;
    }
    struct shell_simple *simple = last_simple(reader);
    const char *target = redirection.target.text;
    vec_room(&simple->redirections, &simple->redirection_capacity, simple->redirection_count + 1,
             sizeof *simple->redirections);
    simple->redirections[simple->redirection_count++] = redirection;
    /* ">&name" writes a file in some shells. */
    return !redirection.duplicates || redirection.target.open ||
           target[strspn(target, "0123456789-")] == '\0' ||
           stop(reader, "it redirects in a way that shells differ in");
}

static bool at_redirection(const struct reader *reader)
{
    size_t digits = count_digits(reader);
    return peek(reader, digits) == '<' || peek(reader, digits) == '>';
}

static bool read_simple_word(struct reader *reader)
{
    struct shell_word word;
    if (!read_word(reader, &word)) {
        return false;
    }
    struct shell_simple *simple = last_simple(reader);
    bool first = simple->words.count == 0;
    bool reserved = first && is_reserved(&word);
    bool assigns = first && looks_like_assignment(&word);
    bool doubtful = assigns && strcspn(word.text, "=") >= word.plain;
    bool differs = first && assigns_in_some_shells(&word);
    return add_word(reader, assigns ? &simple->assignments : &simple->words, word) &&
           (!differs || stop(reader, "it assigns in a way that shells differ in")) &&
           (!reserved || stop(reader, "it holds a compound command")) &&
           (!doubtful || stop(reader, "a name before an equals sign is quoted"));
}

/* Up to the operator that ends it. False also when there is nothing. */
static bool read_simple(struct reader *reader)
{
    if (!begin_simple(reader)) {
        return false;
    }
    for (;;) {
        char c = peek(reader, 0);
        if (is_blank(c)) {
            reader->at++;
        } else if (c == '\\' && peek(reader, 1) == '\n') {
            reader->at += 2;
        } else if (at_redirection(reader)) {
            if (!read_redirection(reader)) {
                return false;
            }
        } else if (c == '(') {
            return stop(reader, "it defines a function");
        } else if (ends_word(c) || c == '#') {
            break;
        } else if (!read_simple_word(reader)) {
            return false;
        }
    }
    struct shell_simple *simple = last_simple(reader);
    return simple->words.count + simple->assignments.count + simple->redirection_count > 0 ||
           stop(reader, "a command is empty");
}

/* --- lists --- */

/* Blanks, comments, continued lines and, where a command may begin, newlines. */
static void skip_space(struct reader *reader, bool newlines)
{
    for (;;) {
        char c = peek(reader, 0);
        if (is_blank(c) || (newlines && c == '\n')) {
            reader->at++;
        } else if (c == '\\' && peek(reader, 1) == '\n') {
            reader->at += 2;
        } else if (c == '#') {
            while (reader->at < reader->length && peek(reader, 0) != '\n') {
                reader->at++;
            }
        } else {
            return;
        }
    }
}

enum separator { SEPARATOR_NONE, SEPARATOR_END, SEPARATOR_NEXT, SEPARATOR_JOIN };

/* What stands between two commands. JOIN wants another command behind it. */
static enum separator read_separator(struct reader *reader)
{
    char c = peek(reader, 0), next = peek(reader, 1);
    if (reader->at >= reader->length) {
        return SEPARATOR_END;
    }
    if ((c == '&' && next == '&') || (c == '|' && next == '|')) {
        reader->at += 2;
        return SEPARATOR_JOIN;
    }
    if (c == '|' && next != '&') {
        reader->at++;
        return SEPARATOR_JOIN;
    }
    if ((c == ';' && next != ';') || (c == '&' && next != '>') || c == '\n') {
        reader->at++;
        return SEPARATOR_NEXT;
    }
    return SEPARATOR_NONE;
}

/* A command or a subshell: opening parentheses, a simple command, then what closes. */
static bool read_list(struct reader *reader)
{
    bool wanted = true; /* a command must follow */
    for (;;) {
        skip_space(reader, true);
        while (peek(reader, 0) == '(') {
            if (peek(reader, 1) == '(') {
                return stop(reader, "it holds arithmetic");
            }
            reader->depth++;
            reader->at++;
            wanted = true;
            skip_space(reader, true);
        }
        bool over = reader->at >= reader->length || peek(reader, 0) == ')';
        if ((over && wanted) || (!over && !read_simple(reader))) {
            return reader->why != NULL ? false : stop(reader, "a command is missing");
        }
        skip_space(reader, false);
        while (peek(reader, 0) == ')' && reader->depth > 0) {
            reader->depth--;
            reader->at++;
            skip_space(reader, false);
            if (strchr("\n;&|)", peek(reader, 0)) == NULL && reader->at < reader->length) {
                return stop(reader, "something stands behind a subshell");
            }
        }
        enum separator separator = read_separator(reader);
        if (separator == SEPARATOR_END) {
            return reader->depth == 0 || stop(reader, "a parenthesis does not close");
        }
        if (separator == SEPARATOR_NONE) {
            return stop(reader, "it holds an operator that is not read");
        }
        wanted = separator == SEPARATOR_JOIN;
    }
}

/* --- the interface --- */

void shell_words_finish(struct shell_script *script)
{
    for (size_t i = 0; i < script->count; i++) {
        struct shell_simple *simple = &script->items[i];
        finish_words(&simple->assignments);
        finish_words(&simple->words);
        for (size_t k = 0; k < simple->redirection_count; k++) {
            mem_free(simple->redirections[k].target.text);
        }
        mem_free(simple->redirections);
    }
    mem_free(script->items);
    *script = (struct shell_script){0};
}

/* Control characters that a person does not see, and that shells disagree on. */
static bool only_text(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F) {
            return false;
        }
    }
    return true;
}

bool shell_words_read(struct shell_script *script, const char *text, size_t length,
                      const char **why)
{
    struct reader reader = {.text = text, .length = length, .script = script};
    *script = (struct shell_script){0};
    bool ok = length > SHELL_WORDS_BYTES ? stop(&reader, "it is too long")
              : only_text(text, length)  ? read_list(&reader)
                                         : stop(&reader, "it holds a control character");
    assert(!ok || script->count > 0); /* the first of a list is wanted */
    if (!ok) {
        shell_words_finish(script);
        *why = reader.why;
    }
    return ok;
}
