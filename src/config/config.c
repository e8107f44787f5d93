#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "config/toml.h"

enum { FILE_LIMIT = 1024 * 1024, HELP_COLUMN = 32, HELP_WIDTH = 96 };

/* --- values --- */

static void set_origin(struct config_value *value, const char *origin)
{
    char *copy = mem_strdup(origin);
    mem_free(value->origin);
    value->origin = copy;
    value->set = true;
}

static void set_string(struct config_value *value, const char *text)
{
    char *copy = mem_strdup(text);
    mem_free(value->string);
    value->string = copy;
}

static const char *name_of(const struct option_row *row)
{
    return row->key != NULL ? row->key : row->flag;
}

static bool one_of(const char *choices, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = choices; *at != '\0';) {
        size_t size = strcspn(at, "|");
        if (size == length && memcmp(at, text, size) == 0) {
            return true;
        }
        at += size + (at[size] == '|');
    }
    return false;
}

static bool out_of_range(const struct option_row *row, const char *origin, const char *got,
                         struct err *err)
{
    return err_set(err, ERR_ARGUMENT, "%s: %s is %s, which must be %s from %.15g to %.15g", origin,
                   name_of(row), got, row->kind == OPTION_WHOLE ? "a whole number" : "a number",
                   row->low, row->high);
}

static bool store_number(struct config_value *value, const struct option_row *row, double number,
                         const char *shown, const char *origin, struct err *err)
{
    bool whole = row->kind != OPTION_WHOLE || number == (double)(int64_t)number;
    if (!(number >= row->low && number <= row->high) || !whole) {
        return out_of_range(row, origin, shown, err);
    }
    value->real = number;
    value->whole = row->kind == OPTION_WHOLE ? (int64_t)number : 0;
    set_origin(value, origin);
    return true;
}

void config_add_item(struct config_value *value, const char *text, const char *origin)
{
    config_list_add(&value->list, text);
    config_list_add(&value->origins, origin);
}

static bool store_path(struct config_value *value, const char *text, const char *origin,
                       struct err *err)
{
    if (!str_starts_with(text, "~/")) {
        set_string(value, text);
    } else {
        const char *home = getenv("HOME");
        if (home == NULL) {
            return err_set(err, ERR_ARGUMENT, "%s: %s: HOME is not set", origin, text);
        }
        struct str path;
        str_init(&path);
        str_append_format(&path, "%s%s", home, text + 1);
        set_string(value, path.data);
        str_finish(&path);
    }
    set_origin(value, origin);
    return true;
}

/* A value given as text: from a flag, the environment or the table's default. */
static bool store_text(struct config *config, int option, const char *text, const char *origin,
                       struct err *err)
{
    const struct option_row *row = &option_table[option];
    struct config_value *value = &config->values[option];
    char *end;
    switch (row->kind) {
    case OPTION_FLAG:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
            return err_set(err, ERR_ARGUMENT, "%s: %s is \"%s\", which must be true or false",
                           origin, name_of(row), text);
        }
        value->boolean = strcmp(text, "true") == 0;
        set_origin(value, origin);
        return true;
    case OPTION_WHOLE:
    case OPTION_REAL:
        errno = 0;
        double number = strtod(text, &end);
        if (end == text || *end != '\0' || errno == ERANGE) {
            return out_of_range(row, origin, text, err);
        }
        return store_number(value, row, number, text, origin, err);
    case OPTION_CHOICE:
    case OPTION_ALONE:
        text = option_translate((enum option)option, text);
        if (!one_of(row->choices, text)) {
            return err_set(err, ERR_ARGUMENT, "%s: %s is \"%s\", which must be one of %s", origin,
                           name_of(row), text, row->choices);
        }
        set_string(value, text);
        set_origin(value, origin);
        return true;
    case OPTION_PATH:
        return store_path(value, text, origin, err);
    case OPTION_STRING:
        set_string(value, text);
        set_origin(value, origin);
        return true;
    case OPTION_LIST:
        config_add_item(value, text, origin);
        set_origin(value, origin);
        return true;
    }
    return false;
}

void config_init(struct config *config)
{
    *config = (struct config){0};
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (option_table[i].standard != NULL) {
            store_text(config, i, option_table[i].standard, "default", NULL);
        }
    }
}

void config_finish(struct config *config)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        mem_free(config->values[i].string);
        mem_free(config->values[i].origin);
        mem_free(config->values[i].ceiling);
        mem_free(config->values[i].ceiling_origin);
        config_list_finish(&config->values[i].list);
        config_list_finish(&config->values[i].origins);
    }
    config_list_finish(&config->words);
    config_list_finish(&config->notices);
    config_servers_finish(&config->servers);
    config_hooks_finish(&config->hooks);
    for (size_t i = 0; i < config->key_count; i++) {
        mem_free(config->keys[i].action);
        mem_free(config->keys[i].keys);
        mem_free(config->keys[i].origin);
    }
    mem_free(config->keys);
    servers_finish(&config->remotes);
}

void config_notice(struct config *config, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    config_list_add(&config->notices, text);
}

/* --- the table of keys --- */

static void add_key(struct config *config, const char *action, const char *keys, const char *origin)
{
    vec_room(&config->keys, &config->key_capacity, config->key_count + 1, sizeof *config->keys);
    config->keys[config->key_count++] =
        (struct config_key){mem_strdup(action), mem_strdup(keys), mem_strdup(origin)};
}

static bool store_key(struct config *config, const char *action, const struct toml_entry *entry,
                      const char *origin, struct err *err)
{
    struct str keys;
    str_init(&keys);
    if (entry->type != TOML_STRING && entry->type != TOML_LIST) {
        return err_set(err, ERR_ARGUMENT,
                       "%s: %s must be a key's name or a list of them: \"Ctrl+R\"", origin,
                       entry->key);
    }
    if (entry->type == TOML_STRING) {
        str_append(&keys, entry->string);
    }
    for (size_t i = 0; entry->type == TOML_LIST && i < entry->list_count; i++) {
        str_append_format(&keys, "%s%s", i > 0 ? ", " : "", entry->list[i]);
    }
    add_key(config, action, keys.data, origin);
    str_finish(&keys);
    return true;
}

/* --- the file --- */

static const char *type_name(enum toml_type type)
{
    static const char *const names[] = {"a string", "a whole number", "a number", "true or false",
                                        "a list"};
    return names[type];
}

static bool wrong_type(const struct option_row *row, const struct toml_entry *entry,
                       const char *origin, struct err *err)
{
    static const char *const wanted[] = {"true or false", "a whole number",    "a number",
                                         "a string",      "a string (a path)", "a string",
                                         "a string",      "a list of strings"};
    return err_set(err, ERR_ARGUMENT, "%s: %s is %s, which must be %s", origin, name_of(row),
                   type_name(entry->type), wanted[row->kind]);
}

bool config_take(struct config *config, int option, const struct toml_entry *entry,
                 const char *origin, struct err *err)
{
    const struct option_row *row = &option_table[option];
    struct config_value *value = &config->values[option];
    switch (row->kind) {
    case OPTION_FLAG:
        if (entry->type != TOML_BOOL) {
            return wrong_type(row, entry, origin, err);
        }
        value->boolean = entry->boolean;
        set_origin(value, origin);
        return true;
    case OPTION_WHOLE:
    case OPTION_REAL:
        if (entry->type != TOML_INTEGER &&
            (entry->type != TOML_REAL || row->kind == OPTION_WHOLE)) {
            return wrong_type(row, entry, origin, err);
        }
        double number = entry->type == TOML_INTEGER ? (double)entry->integer : entry->real;
        struct str shown;
        str_init(&shown);
        str_append_format(&shown, "%.15g", number);
        bool ok = store_number(value, row, number, shown.data, origin, err);
        str_finish(&shown);
        return ok;
    case OPTION_LIST:
        if (entry->type != TOML_LIST) {
            return wrong_type(row, entry, origin, err);
        }
        for (size_t i = 0; i < entry->list_count; i++) {
            config_add_item(value, entry->list[i], origin);
        }
        set_origin(value, origin);
        return true;
    case OPTION_STRING:
    case OPTION_PATH:
    case OPTION_CHOICE:
    case OPTION_ALONE:
        return entry->type == TOML_STRING ? store_text(config, option, entry->string, origin, err)
                                          : wrong_type(row, entry, origin, err);
    }
    return false;
}

/* Nearest key by shared prefix, to help with a slip of the finger. */
static const char *nearest_key(const char *key)
{
    const char *best = NULL;
    size_t best_length = 2;
    for (int i = 0; i < OPTION_COUNT; i++) {
        const char *candidate = option_table[i].key;
        size_t length = 0;
        while (candidate != NULL && candidate[length] != '\0' && candidate[length] == key[length]) {
            length++;
        }
        if (length > best_length) {
            best = candidate;
            best_length = length;
        }
    }
    return best;
}

struct file_reading {
    struct config *config;
    const char *path;
    size_t hooks; /* there were before this file */
};

/* A member of [remote.NAME]: a text, or a list of texts. */
static bool server_entry(struct servers *servers, const struct toml_entry *entry,
                         const char *origin, struct err *err)
{
    bool ok = true;
    if (entry->type == TOML_STRING) {
        ok = servers_put(servers, entry->key, entry->string, err);
    } else if (entry->type == TOML_LIST) {
        for (size_t i = 0; ok && i < entry->list_count; i++) {
            ok = servers_put(servers, entry->key, entry->list[i], err);
        }
    } else {
        ok = err_set(err, ERR_ARGUMENT, "%s is %s, which must be a string", entry->key,
                     type_name(entry->type));
    }
    return ok || err_prefix(err, "%s", origin);
}

static bool file_entry(void *context, const struct toml_entry *entry, struct err *err)
{
    struct file_reading *reading = context;
    struct str origin;
    str_init(&origin);
    str_append_format(&origin, "%s:%u", reading->path, entry->line);
    int option = option_by_key(entry->key);
    bool ok;
    if (str_starts_with(entry->key, "keys.")) {
        ok = store_key(reading->config, entry->key + 5, entry, origin.data, err);
    } else if (str_starts_with(entry->key, "mcp.")) {
        ok = config_servers_entry(&reading->config->servers, entry->key + 4, entry, origin.data,
                                  err);
    } else if (str_starts_with(entry->key, "hooks.")) {
        ok = config_hooks_entry(&reading->config->hooks, reading->hooks, entry->key + 6, entry,
                                origin.data, err);
    } else if (option < 0 && servers_is_key(entry->key)) {
        ok = server_entry(&reading->config->remotes, entry, origin.data, err);
    } else if (option < 0) {
        const char *near = nearest_key(entry->key);
        ok = err_set(err, ERR_ARGUMENT, "%s: unknown key \"%s\"%s%s%s", origin.data, entry->key,
                     near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                     near != NULL ? "?" : "");
    } else {
        ok = config_take(reading->config, option, entry, origin.data, err);
    }
    str_finish(&origin);
    return ok;
}

bool config_read_file(struct config *config, const char *path, struct err *err)
{
    struct str text;
    str_init(&text);
    struct err cause = {0};
    bool ok = file_read(path, FILE_LIMIT, &text, &cause);
    if (ok) {
        struct file_reading reading = {config, path, config_hooks_base(&config->hooks)};
        ok = toml_read(path, text.data, text.length, file_entry, &reading, err) &&
             config_hooks_check(&config->hooks, err);
    } else if (cause.code == ERR_NOT_FOUND) {
        ok = true;
    } else {
        err_set(err, cause.code, "%s", cause.text);
    }
    str_finish(&text);
    return ok;
}

static int is_toml(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && str_ends_with(entry->d_name, ".toml");
}

bool config_read_folder(struct config *config, const char *path, struct err *err)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_toml, alphasort);
    bool ok = count >= 0 || errno == ENOENT || err_errno(err, ERR_IO, "reading %s", path);
    for (int i = 0; i < count; i++) {
        struct str file;
        str_init(&file);
        str_append_format(&file, "%s/%s", path, entries[i]->d_name);
        ok = ok && config_read_file(config, file.data, err);
        str_finish(&file);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

bool config_read_environment(struct config *config, struct err *err)
{
    static const struct {
        const char *variable;
        enum option option;
    } variables[] = {{"CARAT_MODEL", OPTION_MODEL},
                     {"CARAT_CPU", OPTION_CPU},
                     {"CARAT_SANDBOX", OPTION_SANDBOX}};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *text = getenv(variables[i].variable);
        if (text != NULL && text[0] != '\0' &&
            !store_text(config, (int)variables[i].option, text, variables[i].variable, err)) {
            return false;
        }
    }
    /* What others set in an environment, as a file of the project's may, takes no layer away. */
    const char *sandbox = config_string(config, OPTION_SANDBOX);
    return strcmp(sandbox, "danger-full-access") != 0 ||
           err_set(err, ERR_ARGUMENT,
                   "CARAT_SANDBOX is \"%s\": only --sandbox on the command line takes the sandbox "
                   "away",
                   sandbox);
}

/* --- while carat runs --- */

bool config_change(struct config *config, enum option option, const char *text, const char *origin,
                   struct err *err)
{
    const struct option_row *row = &option_table[option];
    const struct config_value *now = &config->values[option];
    struct config *draft = mem_zero(1, sizeof *draft);
    bool ok = store_text(draft, (int)option, text, origin, err);
    int64_t wanted = draft->values[option].whole;
    bool none = row->project == PROJECT_LOWER_FROM_NONE && wanted == 0;
    if (ok && now->limited && (wanted > now->most || none)) {
        ok = err_set(err, ERR_ARGUMENT,
                     "%s: this project's .carat/config.toml allows %s of %" PRId64 " at most",
                     origin, name_of(row), now->most);
    }
    config_finish(draft);
    mem_free(draft);
    return ok && store_text(config, (int)option, text, origin, err);
}

void config_copy_number(struct config_value *to, const struct config_value *from)
{
    mem_free(to->origin);
    to->set = from->set;
    to->boolean = from->boolean;
    to->whole = from->whole;
    to->real = from->real;
    to->origin = from->origin != NULL ? mem_strdup(from->origin) : NULL;
}

/* --- the command line --- */

static bool apply_set(struct config *config, const char *assignment, struct err *err)
{
    const char *equals = strchr(assignment, '=');
    char *key = mem_strndup(assignment, equals != NULL ? (size_t)(equals - assignment) : 0);
    int option = option_by_key(key);
    bool ok;
    if (equals == NULL) {
        ok = err_set(err, ERR_ARGUMENT, "--set: \"%s\" is not KEY=VALUE", assignment);
    } else if (str_starts_with(key, "keys.")) {
        add_key(config, key + 5, equals + 1, "--set");
        ok = true;
    } else if (option < 0 && servers_is_key(key)) {
        ok = servers_put(&config->remotes, key, equals + 1, err) || err_prefix(err, "--set");
    } else if (option < 0) {
        ok = err_set(err, ERR_ARGUMENT, "--set: unknown key \"%s\"", key);
    } else {
        ok = store_text(config, option, equals + 1, "--set", err);
    }
    mem_free(key);
    return ok;
}

static bool apply_option(struct config *config, int option, const char *text, const char *origin,
                         struct err *err)
{
    if (!store_text(config, option, text, origin, err)) {
        return false;
    }
    return option != OPTION_SET || apply_set(config, text, err);
}

/* --name, --no-name, --name=VALUE, --name VALUE. `*at` moves on when the next word is used up. */
static bool read_long(struct config *config, int argc, char *const argv[], int *at, struct err *err)
{
    const char *name = argv[*at] + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    bool negated = false;
    const struct option_alias *alias;
    int option = option_by_flag(name, length, &negated, &alias);
    if (option < 0) {
        return err_set(err, ERR_ARGUMENT, "unknown option %s (see carat --help)", argv[*at]);
    }
    bool alone = alias != NULL && alias->value != NULL;
    if (alone || option_table[option].kind == OPTION_FLAG) {
        const char *says = alone ? alias->value : negated ? "false" : "true";
        if (value != NULL) {
            return err_set(err, ERR_ARGUMENT, "--%.*s takes no value", (int)length, name);
        }
        return apply_option(config, option, says, argv[*at], err);
    }
    if (value == NULL && option_table[option].kind == OPTION_ALONE) {
        const char *choices = option_table[option].choices;
        char *first = mem_strndup(choices, strcspn(choices, "|"));
        bool ok = apply_option(config, option, first, argv[*at], err);
        mem_free(first);
        return ok;
    }
    if (value == NULL && *at + 1 >= argc) {
        return err_set(err, ERR_ARGUMENT, "%s needs a value: %s %s", argv[*at], argv[*at],
                       option_table[option].argument);
    }
    struct str shown;
    str_init(&shown);
    str_append_format(&shown, "--%.*s", (int)length, name);
    bool ok = apply_option(config, option, value != NULL ? value : argv[++*at], shown.data, err);
    str_finish(&shown);
    return ok;
}

/* -m FILE, -mFILE; flags may be joined (-pc). */
static bool read_short(struct config *config, int argc, char *const argv[], int *at,
                       struct err *err)
{
    for (const char *letter = argv[*at] + 1; *letter != '\0'; letter++) {
        int option = option_by_letter(*letter);
        char origin[3] = {'-', *letter, '\0'};
        if (option < 0) {
            return err_set(err, ERR_ARGUMENT, "unknown option %s in %s (see carat --help)", origin,
                           argv[*at]);
        }
        if (option_table[option].kind == OPTION_FLAG) {
            if (!apply_option(config, option, "true", origin, err)) {
                return false;
            }
            continue;
        }
        if (letter[1] == '\0' && *at + 1 >= argc) {
            return err_set(err, ERR_ARGUMENT, "%s needs a value: %s %s", origin, origin,
                           option_table[option].argument);
        }
        return apply_option(config, option, letter[1] != '\0' ? letter + 1 : argv[++*at], origin,
                            err);
    }
    return true;
}

bool config_read_arguments(struct config *config, int argc, char *const argv[], struct err *err)
{
    bool options_end = false;
    for (int at = 1; at < argc; at++) {
        const char *word = argv[at];
        bool ok = true;
        if (options_end || word[0] != '-' || word[1] == '\0') {
            config_list_add(&config->words, word);
            config->words_before += !options_end;
        } else if (strcmp(word, "--") == 0) {
            options_end = true;
        } else if (word[1] == '-') {
            ok = read_long(config, argc, argv, &at, err);
        } else {
            ok = read_short(config, argc, argv, &at, err);
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* --- reading --- */

bool config_set(const struct config *config, enum option option)
{
    return config->values[option].set;
}

bool config_boolean(const struct config *config, enum option option)
{
    return config->values[option].boolean;
}

int64_t config_whole(const struct config *config, enum option option)
{
    return config->values[option].whole;
}

double config_real(const struct config *config, enum option option)
{
    return config->values[option].real;
}

const char *config_string(const struct config *config, enum option option)
{
    return config->values[option].string;
}

const char *config_ceiling(const struct config *config, enum option option)
{
    return config->values[option].ceiling;
}

const char *config_ceiling_origin(const struct config *config, enum option option)
{
    return config->values[option].ceiling_origin;
}

const struct config_list *config_list(const struct config *config, enum option option)
{
    return &config->values[option].list;
}

const char *config_item_origin(const struct config *config, enum option option, size_t index)
{
    return config->values[option].origins.items[index];
}

/* --- texts made from the table --- */

/* Appends words of `text`, broken so that no line is longer than HELP_WIDTH; new lines begin with
 * `indent`. */
static void append_wrapped(struct str *out, const char *text, size_t column, const char *indent)
{
    size_t at = column;
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        if (at > strlen(indent) && at + length > HELP_WIDTH) {
            while (out->length > 0 && out->data[out->length - 1] == ' ') {
                str_truncate(out, out->length - 1);
            }
            str_append_format(out, "\n%s", indent);
            at = strlen(indent);
        }
        size_t blank = strspn(text + length, " ");
        str_append_bytes(out, text, length + blank);
        at += length + blank;
        text += length + blank;
    }
    str_append_char(out, '\n');
}

void config_append_help(struct str *out)
{
    char indent[HELP_COLUMN + 1];
    memset(indent, ' ', HELP_COLUMN);
    indent[HELP_COLUMN] = '\0';
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_table[i];
        if (row->flag == NULL) {
            continue;
        }
        size_t start = out->length;
        if (row->letter != 0) {
            str_append_format(out, "  -%c, --%s", row->letter, row->flag);
        } else {
            str_append_format(out, "      --%s", row->flag);
        }
        if (row->argument != NULL) {
            str_append_format(out, row->kind == OPTION_ALONE ? "[=%s]" : " %s", row->argument);
        }
        size_t length = out->length - start;
        if (length + 2 > HELP_COLUMN) {
            str_append_format(out, "\n%s", indent);
        } else {
            str_append_format(out, "%*s", (int)(HELP_COLUMN - length), "");
        }
        struct str text;
        str_init(&text);
        str_append(&text, row->help);
        if (row->choices != NULL) {
            str_append_format(&text, " (%s)", row->choices);
        }
        append_wrapped(out, text.data, HELP_COLUMN, indent);
        str_finish(&text);
    }
}

static void append_example_value(struct str *out, const struct option_row *row)
{
    bool quoted =
        row->kind == OPTION_STRING || row->kind == OPTION_PATH || row->kind == OPTION_CHOICE;
    if (row->kind == OPTION_LIST) {
        str_append(out, "[]");
    } else if (row->standard == NULL) {
        str_append(out, quoted ? "\"\"" : "0");
    } else {
        str_append_format(out, quoted ? "\"%s\"" : "%s", row->standard);
    }
}

void config_append_aliases(struct str *out)
{
    for (size_t i = 0; i < option_alias_count; i++) {
        const struct option_alias *alias = &option_aliases[i];
        const struct option_row *row = &option_table[alias->option];
        bool same = alias->value == NULL || row->kind == OPTION_FLAG;
        str_append_format(out, "      --%s%*s--%s%s%s\n", alias->flag,
                          (int)(HELP_COLUMN - 8 - strlen(alias->flag)), "", row->flag,
                          same ? "" : " ", same ? "" : alias->value);
    }
}

void config_append_example(struct str *out)
{
    str_append(out, "# carat's configuration: copy to ~/.config/carat/config.toml (or "
                    "$CARAT_HOME/config.toml) and\n"
                    "# take the # away from what you change. Made from the option table: carat "
                    "config example\n");
    char section[64] = "";
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_table[i];
        const char *dot = row->key != NULL ? strchr(row->key, '.') : NULL;
        if (dot == NULL) {
            continue;
        }
        size_t length = (size_t)(dot - row->key);
        if (strlen(section) != length || memcmp(section, row->key, length) != 0) {
            memcpy(section, row->key, length);
            section[length] = '\0';
            str_append_format(out, "\n[%s]\n", section);
        }
        str_append(out, "# ");
        append_wrapped(out, row->help, 2, "# ");
        if (row->choices != NULL) {
            str_append_format(out, "# One of: %s\n", row->choices);
        }
        str_append_format(out, "# %s = ", dot + 1);
        append_example_value(out, row);
        str_append_char(out, '\n');
    }
    servers_append_example(out);
    config_tables_append_example(out);
}
