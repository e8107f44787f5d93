#include "tui/keymap.h"

#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "tui/glyph.h"
#include "tui/layout.h"
#include "tui/terminal.h"

#define CONTROL(letter) ((uint32_t)(letter)&0x1F)

enum { KEYS_MAX = 6, NAME_COLUMNS = 29, WORD_MAX = 32 };

struct binding {
    uint32_t first; /* 0: one press */
    uint32_t key;
};

struct bindings {
    struct binding items[KEYS_MAX];
    size_t count;
};

struct keymap {
    struct bindings actions[ACTION_COUNT];
};

/* --- names of keys --- */

struct named_key {
    const char *name;
    uint32_t key;
};

/* The first name of a key is how it is written. */
static const struct named_key names[] = {
    {"Enter", '\r'},
    {"Return", '\r'},
    {"Tab", '\t'},
    {"Esc", TERMINAL_KEY_ESCAPE},
    {"Space", ' '},
    {"Backspace", TERMINAL_KEY_BACKSPACE},
    {"Delete", TERMINAL_KEY_DELETE},
    {"Up", TERMINAL_KEY_UP},
    {"Down", TERMINAL_KEY_DOWN},
    {"Left", TERMINAL_KEY_LEFT},
    {"Right", TERMINAL_KEY_RIGHT},
    {"Home", TERMINAL_KEY_HOME},
    {"End", TERMINAL_KEY_END},
    {"PgUp", TERMINAL_KEY_PAGE_UP},
    {"PgDn", TERMINAL_KEY_PAGE_DOWN},
    {"Comma", ','},
};

/* With Ctrl or Shift: terminals send these as keys of their own. */
static const struct named_key controlled[] = {
    {"Left", TERMINAL_KEY_WORD_LEFT},
    {"Right", TERMINAL_KEY_WORD_RIGHT},
    {"Home", TERMINAL_KEY_TOP},
    {"End", TERMINAL_KEY_BOTTOM},
    {"Space", 0},
};
static const struct named_key shifted[] = {{"Tab", TERMINAL_KEY_BACKTAB}, {"Enter", '\n'}};

/* Control characters that are another key already. */
static const struct {
    char letter;
    const char *same;
} aliases[] = {{'M', "Enter"}, {'I', "Tab"}, {'[', "Esc"}, {'H', "Backspace"}};

#define COUNT(array) (sizeof array / sizeof array[0])

static const uint32_t *find_name(const struct named_key *table, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(table[i].name, name) == 0) {
            return &table[i].key;
        }
    }
    return NULL;
}

static const char *find_key(const struct named_key *table, size_t count, uint32_t key)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].key == key) {
            return table[i].name;
        }
    }
    return NULL;
}

/* Takes "Ctrl+", "C-" and their like off the front of `*word`. */
static bool modifier(const char **word, const char *name, const char *shorthand)
{
    size_t length = strlen(name);
    if (strncasecmp(*word, name, length) == 0 && (*word)[length] == '+' &&
        (*word)[length + 1] != '\0') {
        *word += length + 1;
        return true;
    }
    if ((*word)[0] == shorthand[0] && (*word)[1] == '-' && (*word)[2] != '\0') {
        *word += 2;
        return true;
    }
    return false;
}

static bool control_key(const char *word, uint32_t *key, struct err *err)
{
    const uint32_t *named = find_name(controlled, COUNT(controlled), word);
    if (named != NULL) {
        *key = *named;
        return *key != 0 || err_set(err, ERR_ARGUMENT, "a terminal does not tell Ctrl+Space");
    }
    char letter = word[0] >= 'a' && word[0] <= 'z' ? (char)(word[0] - 'a' + 'A') : word[0];
    if (word[1] != '\0' || letter < '@' || letter > '_') {
        return err_set(err, ERR_ARGUMENT, "Ctrl+%s is no key that terminals send", word);
    }
    for (size_t i = 0; i < COUNT(aliases); i++) {
        if (aliases[i].letter == letter) {
            return err_set(err, ERR_ARGUMENT,
                           "Ctrl+%c is the same as %s to a terminal; name another key", letter,
                           aliases[i].same);
        }
    }
    *key = CONTROL(letter);
    return true;
}

/* One press. */
static bool parse_key(const char *word, uint32_t *key, struct err *err)
{
    const char *whole = word;
    bool control = false, alt = false, shift = false;
    for (bool more = true; more;) {
        bool c = modifier(&word, "Ctrl", "C"), a = modifier(&word, "Alt", "M");
        bool s = modifier(&word, "Shift", "S");
        control |= c;
        alt |= a;
        shift |= s;
        more = c || a || s;
    }
    const uint32_t *named = find_name(names, COUNT(names), word);
    size_t used = 0;
    if (control) {
        if (!control_key(word, key, err)) {
            return false;
        }
    } else if (shift) {
        named = find_name(shifted, COUNT(shifted), word);
        if (named == NULL) {
            return err_set(err, ERR_ARGUMENT, "%s is no key that terminals tell apart", whole);
        }
        *key = *named;
    } else if (named != NULL) {
        *key = *named;
    } else {
        *key = utf8_decode(word, strlen(word), &used);
        if (*key >= UTF8_INCOMPLETE || word[used] != '\0' || *key < 0x20) {
            return err_set(err, ERR_ARGUMENT,
                           "\"%s\" is no key: say Ctrl+R (or C-r), Alt+f (M-f), Tab, PgUp", whole);
        }
    }
    *key |= alt ? TERMINAL_KEY_ALT : 0;
    return true;
}

static void append_key(uint32_t key, struct str *out)
{
    if (key & TERMINAL_KEY_ALT) {
        str_append(out, "Alt+");
        key &= ~(uint32_t)TERMINAL_KEY_ALT;
    }
    const char *name = find_key(names, COUNT(names), key);
    char text[4];
    if (name != NULL) {
        str_append(out, name);
    } else if ((name = find_key(controlled, COUNT(controlled), key)) != NULL) {
        str_append_format(out, "Ctrl+%s", name);
    } else if (key == TERMINAL_KEY_BACKTAB) {
        str_append(out, "Shift+Tab");
    } else if (key < 0x20) {
        str_append_format(out, "Ctrl+%c", (char)(key + '@'));
    } else {
        str_append_bytes(out, text, utf8_encode(key, text));
    }
}

static void append_binding(const struct binding *binding, struct str *out)
{
    if (binding->first != 0) {
        append_key(binding->first, out);
        str_append(out, " ");
    }
    append_key(binding->key, out);
}

/* --- binding --- */

static bool types_itself(const struct binding *binding)
{
    return binding->first == 0 && binding->key >= 0x20 && binding->key < 0x110000;
}

/* The words of one binding, separated by blanks. */
static bool parse_binding(const char *text, size_t length, struct binding *out, struct err *err)
{
    uint32_t keys[2] = {0};
    size_t count = 0;
    for (size_t at = 0; at < length;) {
        size_t size = strcspn(text + at, " \t");
        size = size < length - at ? size : length - at;
        char word[WORD_MAX];
        if (size > 0 && (count == 2 || size >= sizeof word)) {
            return err_set(err, ERR_ARGUMENT, "\"%.*s\" is more than two presses", (int)length,
                           text);
        }
        if (size > 0) {
            memcpy(word, text + at, size);
            word[size] = '\0';
            if (!parse_key(word, &keys[count++], err)) {
                return false;
            }
        }
        at += size + (at + size < length);
    }
    if (count == 0) {
        return err_set(err, ERR_ARGUMENT, "there is a comma without a key");
    }
    *out = count == 2 ? (struct binding){keys[0], keys[1]} : (struct binding){0, keys[0]};
    return true;
}

static bool parse_bindings(const char *text, enum action action, struct bindings *out,
                           struct err *err)
{
    *out = (struct bindings){0};
    if (text[strspn(text, " \t")] == '\0') {
        return true;
    }
    for (;;) {
        size_t length = strcspn(text, ",");
        if (out->count == KEYS_MAX) {
            return err_set(err, ERR_LIMIT, "more than %d keys for one action", KEYS_MAX);
        }
        struct binding *binding = &out->items[out->count];
        if (!parse_binding(text, length, binding, err)) {
            return false;
        }
        struct binding begin = {0, binding->first != 0 ? binding->first : binding->key};
        if (types_itself(&begin) && action != ACTION_HELP) {
            return err_set(err, ERR_ARGUMENT,
                           "\"%.*s\" could no longer be typed; use it with Ctrl or Alt",
                           (int)length, text);
        }
        out->count++;
        if (text[length] == '\0') {
            return true;
        }
        text += length + 1;
    }
}

struct keymap *keymap_create(void)
{
    struct keymap *keymap = mem_zero(1, sizeof *keymap);
    for (int action = ACTION_NONE + 1; action < ACTION_COUNT; action++) {
        (void)parse_bindings(action_table[action].keys, (enum action)action,
                             &keymap->actions[action], NULL);
    }
    return keymap;
}

void keymap_destroy(struct keymap *keymap)
{
    mem_free(keymap);
}

static enum action action_by_name(const char *name)
{
    for (int action = ACTION_NONE + 1; action < ACTION_COUNT; action++) {
        if (strcmp(action_table[action].name, name) == 0) {
            return (enum action)action;
        }
    }
    return ACTION_NONE;
}

bool keymap_bind(struct keymap *keymap, const char *name, const char *keys, struct err *err)
{
    enum action action = action_by_name(name);
    struct bindings bindings;
    if (action == ACTION_NONE) {
        return err_set(err, ERR_ARGUMENT,
                       "there is no action \"%s\"; ? on the screen and config.example.toml list "
                       "them",
                       name);
    }
    if (!parse_bindings(keys, action, &bindings, err)) {
        return err_prefix(err, "%s", name);
    }
    keymap->actions[action] = bindings;
    return true;
}

/* Two bindings that cannot both be meant: the same, or one the beginning of the other. */
static bool clash(const struct binding *a, const struct binding *b)
{
    if (a->first == 0 || b->first == 0) {
        uint32_t a_begin = a->first != 0 ? a->first : a->key;
        uint32_t b_begin = b->first != 0 ? b->first : b->key;
        return a_begin == b_begin;
    }
    return a->first == b->first && a->key == b->key;
}

static bool check_pair(const struct keymap *keymap, int one, int other, struct err *err)
{
    const struct bindings *a = &keymap->actions[one], *b = &keymap->actions[other];
    for (size_t i = 0; i < a->count; i++) {
        for (size_t j = 0; j < b->count; j++) {
            if (clash(&a->items[i], &b->items[j])) {
                struct str first, second;
                str_init(&first);
                str_init(&second);
                append_binding(&a->items[i], &first);
                append_binding(&b->items[j], &second);
                err_set(err, ERR_ARGUMENT,
                        "%s is the key of %s, and %s that of %s: give one of them another, or \"\"",
                        first.data, action_table[one].name, second.data, action_table[other].name);
                str_finish(&first);
                str_finish(&second);
                return false;
            }
        }
    }
    return true;
}

bool keymap_check(const struct keymap *keymap, struct err *err)
{
    static const enum action needed[] = {ACTION_SUBMIT, ACTION_INTERRUPT};
    for (size_t i = 0; i < COUNT(needed); i++) {
        if (keymap->actions[needed[i]].count == 0) {
            return err_set(err, ERR_ARGUMENT, "%s needs a key", action_table[needed[i]].name);
        }
    }
    for (int one = 1; one < ACTION_COUNT; one++) {
        for (int other = one + 1; other < ACTION_COUNT; other++) {
            if (!check_pair(keymap, one, other, err)) {
                return false;
            }
        }
    }
    return true;
}

/* --- what keys mean --- */

enum action keymap_action(const struct keymap *keymap, uint32_t first, uint32_t key)
{
    for (int action = 1; action < ACTION_COUNT; action++) {
        const struct bindings *bindings = &keymap->actions[action];
        for (size_t i = 0; i < bindings->count; i++) {
            if (bindings->items[i].key == key && bindings->items[i].first == first) {
                return (enum action)action;
            }
        }
    }
    return ACTION_NONE;
}

bool keymap_begins(const struct keymap *keymap, uint32_t key)
{
    for (int action = 1; action < ACTION_COUNT; action++) {
        const struct bindings *bindings = &keymap->actions[action];
        for (size_t i = 0; i < bindings->count; i++) {
            if (bindings->items[i].first == key && key != 0) {
                return true;
            }
        }
    }
    return false;
}

/* --- words --- */

void keymap_append_keys(const struct keymap *keymap, enum action action, struct str *out)
{
    const struct bindings *bindings = &keymap->actions[action];
    for (size_t i = 0; i < bindings->count; i++) {
        str_append(out, i > 0 ? ", " : "");
        append_binding(&bindings->items[i], out);
    }
}

static void write_row(struct layout_writer *writer, const char *keys, const char *help,
                      const char *name)
{
    static const char blanks[] = "                                ";
    int used = glyph_columns(keys, strlen(keys));
    int pad = writer->width < 2 * NAME_COLUMNS ? 2 : NAME_COLUMNS - used;
    struct str rest;
    str_init(&rest);
    str_append_bytes(&rest, blanks, (size_t)(writer->width < 2 * NAME_COLUMNS ? 4 : NAME_COLUMNS));
    layout_add(writer, keys, strlen(keys), THEME_KEY);
    layout_add(writer, blanks, (size_t)(pad < 1 ? 1 : pad), THEME_TEXT);
    layout_add(writer, help, strlen(help), THEME_TEXT);
    if (name != NULL) {
        layout_add(writer, "  ", 2, THEME_TEXT);
        layout_add(writer, name, strlen(name), THEME_FAINT);
    }
    layout_end_line(writer, "", rest.data, THEME_TEXT, WRAP_WORDS);
    str_finish(&rest);
}

void keymap_write_help(const struct keymap *keymap, struct layout_writer *writer)
{
    struct str keys;
    str_init(&keys);
    for (int action = 1; action < ACTION_COUNT; action++) {
        str_clear(&keys);
        keymap_append_keys(keymap, (enum action)action, &keys);
        write_row(writer, keys.length > 0 ? keys.data : "(no key)", action_table[action].help,
                  action_table[action].name);
    }
    write_row(writer, "y, a, n", "answer a question: once, this session, no", NULL);
    write_row(writer, "/", "commands", NULL);
    write_row(writer, "@", "a file's name", NULL);
    write_row(writer, "!", "at the start: a command of your own, in the sandbox", NULL);
    str_finish(&keys);
}

void keymap_append_example(struct str *out)
{
    str_append(out, "[keys]\n"
                    "# What each key does, by the names that ? shows. Several keys: a list. \"\": "
                    "none.\n");
    for (int action = 1; action < ACTION_COUNT; action++) {
        str_append_format(out, "# %s = \"%s\"\n", action_table[action].name,
                          action_table[action].keys);
    }
}
