#include "search_pattern.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#include "tool.h"

enum { LOOK_EVERY = 1024 }; /* bytes matched, before the heap is looked at */

/* One pair of parentheses, or the whole pattern. */
struct level {
    uint64_t parts; /* of all but the last item */
    uint64_t last;  /* of the last item, which a repetition multiplies */
};

/* What is known of a pattern after reading it once. */
struct reading {
    struct level levels[SEARCH_PATTERN_NESTING + 1];
    int nesting;
    char repetition; /* the one that was just read, or '\0' */
    bool repeats;
    bool tells_characters; /* means another thing in characters than in bytes */
    char why[160];         /* it is refused */
};

/* Spellings of other dialects that would compile and quietly mean something else. */
static const struct foreign {
    const char *spelling, *instead;
} foreign_spellings[] = {
    {"\\d", "[0-9]"},        {"\\D", "[^0-9]"},
    {"\\t", "a tab itself"}, {"\\n", "a pattern for one line"},
    {"(?", "a plain ( )"},
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct reading *reading,
                                                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reading->why, sizeof reading->why, format, arguments);
    va_end(arguments);
    return false;
}

/* The last byte of the set that begins at `at` ('['); NULL when it is never closed. */
static const char *set_end(const char *at)
{
    at += at[1] == '^' ? 2 : 1;
    at += *at == ']'; /* first in the set it is a member */
    for (; *at != '\0' && *at != ']'; at++) {
        if (*at == '[' && at[1] != '\0' && strchr(":=.", at[1]) != NULL) {
            char close[] = {at[1], ']', '\0'};
            at = strstr(at + 2, close);
            if (at == NULL) {
                return NULL;
            }
            at++;
        }
    }
    return *at == ']' ? at : NULL;
}

/* How often glibc copies what stands before the repetition at `at`: for {m,n}, {m} and its own
 * {,n} the upper bound, for {m,} and + one more than the lower. */
static uint64_t copies(const char *at)
{
    char *end;
    if (*at != '{') {
        return *at == '+' ? 2 : 1;
    }
    uint64_t bound = strtoul(at + 1, &end, 10);
    if (*end == ',') {
        bound = end[1] >= '0' && end[1] <= '9' ? strtoul(end + 1, NULL, 10) : bound + 1;
    }
    return bound == 0 ? 1 : bound;
}

static bool read_repetition(struct reading *reading, const char *at)
{
    struct level *level = &reading->levels[reading->nesting];
    /* The lazy ".*?" of other dialects finds the same lines as ".*". */
    bool lazy = *at == '?' && reading->repetition == '*';
    if (reading->repetition != '\0' && !lazy) {
        return refuse(reading,
                      "holds %c directly behind a repetition; the character itself is "
                      "written [%c]",
                      *at, *at);
    }
    if (*at == '{' && at[1] != ',' && (at[1] < '0' || at[1] > '9')) {
        return refuse(reading, "holds { without a number behind it; the character itself is "
                               "written [{]");
    }
    uint64_t times = copies(at);
    level->last *= times > SEARCH_PATTERN_PARTS ? SEARCH_PATTERN_PARTS + 1 : times;
    reading->repeats = reading->repeats || *at != '?';
    reading->repetition = *at;
    return true;
}

static bool read_group(struct reading *reading, char c)
{
    if (c == '(') {
        if (++reading->nesting > SEARCH_PATTERN_NESTING) {
            return refuse(reading, "is nested too deeply, %d levels are the most",
                          SEARCH_PATTERN_NESTING);
        }
        reading->levels[reading->nesting] = (struct level){0, 0};
        return true;
    }
    struct level group = reading->levels[reading->nesting--];
    struct level *outer = &reading->levels[reading->nesting];
    outer->parts += outer->last;
    outer->last = group.parts + group.last + 2;
    return true;
}

/* One character, set or escape: moves `*at` to its last byte. */
static void read_item(struct reading *reading, const char **at)
{
    struct level *level = &reading->levels[reading->nesting];
    const char *end = **at == '[' ? set_end(*at) : NULL;
    bool tells = **at == '.' || (unsigned char)**at >= 0x80;
    if (end != NULL) {
        tells = (*at)[1] == '^' || memmem(*at, (size_t)(end - *at), "[:", 2) != NULL;
        for (const char *member = *at; member < end; member++) {
            tells = tells || (unsigned char)*member >= 0x80;
        }
        *at = end;
    } else if (**at == '\\' && (*at)[1] != '\0') {
        *at += 1;
        tells = strchr("wWsSbB<>", **at) != NULL || (unsigned char)**at >= 0x80;
    }
    reading->tells_characters = reading->tells_characters || tells;
    level->parts += level->last;
    level->last = 1;
}

/* False, with the reason, when glibc cannot be trusted with the pattern. */
static bool read_pattern(struct reading *reading, const char *pattern)
{
    for (const char *at = pattern; *at != '\0'; at++) {
        bool repeats = strchr("*+?{", *at) != NULL;
        if (*at == '\\' && at[1] >= '1' && at[1] <= '9') {
            return refuse(reading, "holds a back-reference, which extended regular expressions "
                                   "do not have");
        }
        if (repeats && !read_repetition(reading, at)) {
            return false;
        }
        const char *close = *at == '{' ? strchr(at, '}') : NULL;
        at = close != NULL ? close : at;
        bool group = *at == '(' || (*at == ')' && reading->nesting > 0);
        if (group && !read_group(reading, *at)) {
            return false;
        }
        if (!repeats) {
            reading->repetition = '\0';
        }
        if (!repeats && !group) {
            read_item(reading, &at);
        }
        struct level *level = &reading->levels[reading->nesting];
        if (level->parts + level->last > SEARCH_PATTERN_PARTS) {
            return refuse(reading,
                          "repeats too often: with its repetitions written out it has "
                          "more than %d parts",
                          SEARCH_PATTERN_PARTS);
        }
    }
    return true;
}

static bool read_checked(struct reading *reading, const char *pattern, size_t length)
{
    if (length == 0) {
        return refuse(reading, "is empty");
    }
    if (length > SEARCH_PATTERN_LIMIT) {
        return refuse(reading, "is longer than %d bytes", SEARCH_PATTERN_LIMIT);
    }
    return read_pattern(reading, pattern);
}

static bool refuse_foreign(const char *pattern, struct tool_result *result)
{
    for (size_t i = 0; i < sizeof foreign_spellings / sizeof foreign_spellings[0]; i++) {
        const char *found = strstr(pattern, foreign_spellings[i].spelling);
        if (found != NULL && (found == pattern || found[-1] != '\\')) {
            tool_fail(result,
                      "the pattern \"%.100s\" holds %s, which extended regular expressions "
                      "do not know. Write %s, for example {\"pattern\": \"v[0-9]+\"}",
                      pattern, foreign_spellings[i].spelling, foreign_spellings[i].instead);
            return true;
        }
    }
    return false;
}

/* regcomp in a locale; 0 is the C locale, which this program never leaves for long. */
static int compile_in(locale_t locale, regex_t *regex, const char *text)
{
    locale_t before = locale == (locale_t)0 ? locale : uselocale(locale);
    int code = regcomp(regex, text, REG_EXTENDED);
    if (locale != (locale_t)0) {
        uselocale(before);
    }
    return code;
}

/* Both, or none of them. */
static int compile(struct search_pattern *pattern, regex_t *bytes, regex_t *characters)
{
    int code = compile_in((locale_t)0, bytes, pattern->text);
    if (code == 0 && pattern->utf8 != (locale_t)0) {
        code = compile_in(pattern->utf8, characters, pattern->text);
        if (code != 0) {
            regfree(bytes);
        }
    }
    return code;
}

static size_t heap_bytes(void)
{
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

static void fail_compile(const struct search_pattern *pattern, int code, struct tool_result *result)
{
    char why[100];
    if (code == REG_ECOLLATE && pattern->utf8 != (locale_t)0) {
        tool_fail(result,
                  "the pattern \"%.100s\" holds a range of characters beyond ASCII, which the "
                  "library does not know. Write them one by one, or a class, for example "
                  "{\"pattern\": \"[[:alpha:]]+\"}",
                  pattern->text);
        return;
    }
    regerror(code, NULL, why, sizeof why);
    tool_fail(result,
              "the pattern \"%.100s\" is not an extended regular expression: %s. To "
              "find a special character put \\ before it, for example {\"pattern\": "
              "\"main\\\\(\"}",
              pattern->text, why);
}

bool search_pattern_init(struct search_pattern *pattern, const char *text, size_t length,
                         struct tool_result *result)
{
    struct reading reading = {0};
    if (!read_checked(&reading, text, length)) {
        tool_fail(result,
                  "the pattern \"%.100s\" %s. Expected an extended regular expression, for "
                  "example {\"pattern\": \"int main\\\\(.*\\\\)\"}",
                  text, reading.why);
        return false;
    }
    if (refuse_foreign(text, result)) {
        return false;
    }
    *pattern = (struct search_pattern){.text = text, .repeats = reading.repeats};
    if (reading.tells_characters) {
        pattern->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    }
    int code = compile(pattern, &pattern->bytes, &pattern->characters);
    if (code != 0) {
        fail_compile(pattern, code, result);
        if (pattern->utf8 != (locale_t)0) {
            freelocale(pattern->utf8);
        }
        return false;
    }
    pattern->fresh = heap_bytes();
    return true;
}

static void free_compiled(struct search_pattern *pattern)
{
    regfree(&pattern->bytes);
    if (pattern->utf8 != (locale_t)0) {
        regfree(&pattern->characters);
    }
}

void search_pattern_finish(struct search_pattern *pattern)
{
    free_compiled(pattern);
    if (pattern->utf8 != (locale_t)0) {
        freelocale(pattern->utf8);
    }
}

/* Compiles anew where matching has come to keep too much. Without memory for it all stays. */
static void bound_states(struct search_pattern *pattern, size_t length)
{
    regex_t bytes, characters;
    pattern->matched += length;
    if (pattern->matched < LOOK_EVERY) {
        return;
    }
    pattern->matched = 0;
    if (heap_bytes() < pattern->fresh + SEARCH_PATTERN_KEEPS ||
        compile(pattern, &bytes, &characters) != 0) {
        return;
    }
    free_compiled(pattern);
    pattern->bytes = bytes;
    if (pattern->utf8 != (locale_t)0) {
        pattern->characters = characters;
    }
    pattern->fresh = heap_bytes();
}

bool search_pattern_needs_characters(const struct search_pattern *pattern, const char *line,
                                     size_t length)
{
    size_t ascii = 0;
    if (pattern->utf8 == (locale_t)0) {
        return false;
    }
    while (ascii < length && (unsigned char)line[ascii] < 0x80) {
        ascii++;
    }
    return ascii < length && utf8_valid(line + ascii, length - ascii);
}

int search_pattern_match(struct search_pattern *pattern, bool by_characters, const char *line,
                         regmatch_t *piece, int flags)
{
    size_t length = (size_t)(piece->rm_eo - piece->rm_so);
    locale_t before = by_characters ? uselocale(pattern->utf8) : (locale_t)0;
    int code = regexec(by_characters ? &pattern->characters : &pattern->bytes, line, 1, piece,
                       flags | REG_STARTEND);
    if (by_characters) {
        uselocale(before);
    }
    bound_states(pattern, length);
    return code;
}
