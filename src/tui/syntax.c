#include "tui/syntax.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { LONG_STRINGS = 2 };

struct syntax_language {
    const char *names;                      /* behind a fence; separated by blanks */
    const char *line;                       /* begins a comment up to the end of the line */
    const char *open, *shut;                /* of a comment, or NULL */
    const char *quotes;                     /* each begins and ends a string inside a line */
    const char *long_strings[LONG_STRINGS]; /* begin and end strings over lines */
    const char *words;                      /* keywords, separated by blanks */
    bool any_case;                          /* of the keywords */
    bool keys;                              /* a word before ':' or '=' is a key */
};

static const struct syntax_language languages[] = {
    {.names = "c h cpp c++ cc hpp cxx cuda",
     .line = "//",
     .open = "/*",
     .shut = "*/",
     .quotes = "\"'",
     .words = "auto bool break case catch char class const constexpr continue default delete do "
              "double else enum extern false float for goto if inline int long namespace new "
              "nullptr NULL private protected public register return short signed sizeof static "
              "static_assert struct switch template this throw true try typedef typename union "
              "unsigned using virtual void volatile while size_t uint8_t uint16_t uint32_t "
              "uint64_t int8_t int16_t int32_t int64_t"},
    {.names = "python py python3",
     .line = "#",
     .quotes = "\"'",
     .long_strings = {"\"\"\"", "'''"},
     .words = "and as assert async await break class continue def del elif else except False "
              "finally for from global if import in is lambda match None nonlocal not or pass "
              "raise return self True try while with yield"},
    {.names = "js javascript ts typescript jsx tsx mjs",
     .line = "//",
     .open = "/*",
     .shut = "*/",
     .quotes = "\"'",
     .long_strings = {"`"},
     .words = "any as async await boolean break case catch class const continue default delete do "
              "else enum export extends false finally for from function if implements import in "
              "instanceof interface let new null number of private public readonly return static "
              "string super switch this throw true try type typeof undefined var void while yield"},
    {.names = "rust rs",
     .line = "//",
     .open = "/*",
     .shut = "*/",
     .quotes = "\"",
     .words = "as async await bool break const continue crate dyn else enum extern false fn for "
              "i32 i64 if impl in let loop match mod move mut pub ref return self Self static str "
              "String struct super trait true type u8 u32 u64 unsafe use usize where while"},
    {.names = "go golang",
     .line = "//",
     .open = "/*",
     .shut = "*/",
     .quotes = "\"'",
     .long_strings = {"`"},
     .words = "bool break byte case chan const continue default defer else error fallthrough "
              "false for func go goto if import int interface map nil package range return rune "
              "select string struct switch true type var"},
    {.names = "java kotlin kt scala swift cs csharp php",
     .line = "//",
     .open = "/*",
     .shut = "*/",
     .quotes = "\"'",
     .words = "abstract boolean break case catch char class const continue default do double else "
              "enum extends false final finally float for fun func function if implements import "
              "int interface let long namespace new null override package private protected "
              "public return static String super switch this throw throws true try using val var "
              "void when while"},
    {.names = "sh bash shell zsh console fish make makefile dockerfile",
     .line = "#",
     .quotes = "\"'",
     .words = "case cd do done echo elif else esac exit export fi for function if in local return "
              "set shift source sudo then unset until while FROM RUN COPY ENV CMD"},
    {.names = "json json5 jsonc", .line = "//", .quotes = "\"", .words = "true false null"},
    {.names = "toml yaml yml ini conf properties",
     .line = "#",
     .quotes = "\"'",
     .words = "true false null yes no on off",
     .keys = true},
    {.names = "sql sqlite postgresql mysql",
     .line = "--",
     .open = "/*",
     .shut = "*/",
     .quotes = "'\"",
     .words = "all alter and as asc begin between by case commit create default delete desc "
              "distinct drop else end exists foreign from group having if in index inner insert "
              "into is join key left like limit not null on or order outer primary references "
              "right select set table then union unique update using values view when where with",
     .any_case = true},
    {.names = "lua",
     .line = "--",
     .quotes = "\"'",
     .words = "and break do else elseif end false for function if in local nil not or repeat "
              "return then true until while"},
    {.names = "ruby rb perl pl r",
     .line = "#",
     .quotes = "\"'",
     .words = "and begin class def do else elsif end ensure false for foreach function if in "
              "module my nil not or our print require rescue return self sub then true unless "
              "until use while yield NULL TRUE FALSE"},
    {.names = "html xml svg xhtml", .open = "<!--", .shut = "-->", .quotes = "\"'", .words = ""},
    {.names = "css scss", .open = "/*", .shut = "*/", .quotes = "\"'", .words = "", .keys = true},
};

/* The word stands between blanks in the list. */
static bool listed(const char *list, const char *word, size_t length, bool any_case)
{
    for (const char *at = list; *at != '\0';) {
        at += strspn(at, " ");
        size_t size = strcspn(at, " ");
        if (size == length && size > 0 &&
            (any_case ? strncasecmp(at, word, size) : strncmp(at, word, size)) == 0) {
            return true;
        }
        at += size;
    }
    return false;
}

const struct syntax_language *syntax_find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++) {
        if (listed(languages[i].names, name, length, true)) {
            return &languages[i];
        }
    }
    return NULL;
}

static bool begins(const char *text, size_t length, const char *with)
{
    return with != NULL && length >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

/* Bytes up to and with `end`, or all of them; `*found`: it is there. */
static size_t up_to(const char *text, size_t length, const char *end, bool *found)
{
    const char *place = memmem(text, length, end, strlen(end));
    *found = place != NULL;
    return place != NULL ? (size_t)(place - text) + strlen(end) : length;
}

static size_t quoted(const char *text, size_t length)
{
    for (size_t at = 1; at < length; at++) {
        if (text[at] == '\\') {
            at++;
        } else if (text[at] == text[0]) {
            return at + 1;
        }
    }
    return length;
}

static bool word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static size_t word(const char *text, size_t length, bool dots)
{
    size_t at = 0;
    while (at < length && (word_byte(text[at]) || (dots && text[at] == '.'))) {
        at++;
    }
    return at;
}

static enum theme_role word_role(const struct syntax_language *language, const char *text,
                                 size_t size, size_t length)
{
    if (listed(language->words, text, size, language->any_case)) {
        return THEME_KEYWORD;
    }
    size_t after = size;
    while (after < length && text[after] == ' ') {
        after++;
    }
    bool key = language->keys && after < length && (text[after] == ':' || text[after] == '=');
    return key ? THEME_KEYWORD : THEME_TEXT;
}

/* A comment or a string that may go on over lines; its bytes of this one. */
static size_t spanning(struct syntax_state *state, const char *text, size_t length,
                       const char *open, const char *shut, enum theme_role role)
{
    bool found;
    size_t opening = strlen(open);
    size_t size = opening + up_to(text + opening, length - opening, shut, &found);
    state->until = found ? NULL : shut;
    state->role = role;
    return size;
}

/* The piece that begins here, and what it is. */
static size_t piece(const struct syntax_language *language, struct syntax_state *state,
                    const char *text, size_t length, enum theme_role *role)
{
    if (begins(text, length, language->line)) {
        *role = THEME_COMMENT;
        return length;
    }
    if (begins(text, length, language->open)) {
        *role = THEME_COMMENT;
        return spanning(state, text, length, language->open, language->shut, *role);
    }
    for (size_t i = 0; i < LONG_STRINGS; i++) {
        const char *mark = language->long_strings[i];
        if (begins(text, length, mark)) {
            *role = THEME_STRING;
            return spanning(state, text, length, mark, mark, *role);
        }
    }
    if (*text != '\0' && strchr(language->quotes, *text) != NULL) {
        *role = THEME_STRING;
        return quoted(text, length);
    }
    if (isdigit((unsigned char)*text)) {
        *role = THEME_NUMBER;
        return word(text, length, true);
    }
    size_t size = word(text, length, false);
    *role = size > 0 ? word_role(language, text, size, length) : THEME_TEXT;
    return size > 0 ? size : 1;
}

void syntax_line(const struct syntax_language *language, struct syntax_state *state,
                 const char *text, size_t length, syntax_span *span, void *context)
{
    size_t at = 0;
    if (state->until != NULL) {
        bool found;
        at = up_to(text, length, state->until, &found);
        state->until = found ? NULL : state->until;
        span(context, text, at, state->role);
    }
    /* Neighbours of one role go out together. */
    size_t from = at;
    enum theme_role before = THEME_TEXT;
    while (at < length) {
        enum theme_role role;
        size_t size = piece(language, state, text + at, length - at, &role);
        if (role != before && at > from) {
            span(context, text + from, at - from, before);
            from = at;
        }
        before = role;
        at += size;
    }
    if (at > from) {
        span(context, text + from, at - from, before);
    }
}
