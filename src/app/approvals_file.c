/* approvals_file: read as configuration, written anew as a whole. */
#include "app/approvals_file.h"

#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"

/* A rule has no control characters (approval_rule_for). */
static void append_string(struct str *out, const char *text)
{
    str_append_char(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        str_append(out, *c == '"' || *c == '\\' ? "\\" : "");
        str_append_char(out, *c);
    }
    str_append_char(out, '"');
}

static void append_file(struct str *out, const struct config_list *rules, const char *rule)
{
    str_append(out, "# What was answered with \"always\". Take out what is to ask again.\n"
                    "[approval]\nallow = [\n");
    bool there = false;
    for (size_t i = 0; i < rules->count; i++) {
        there = there || strcmp(rules->items[i], rule) == 0;
        str_append(out, "    ");
        append_string(out, rules->items[i]);
        str_append(out, ",\n");
    }
    if (!there) {
        str_append(out, "    ");
        append_string(out, rule);
        str_append(out, ",\n");
    }
    str_append(out, "]\n");
}

bool approvals_file_add(const char *path, const char *rule, struct err *err)
{
    struct config config;
    struct str text;
    char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    str_init(&text);
    config_init(&config);
    bool ok = config_read_file(&config, path, err) && file_make_directories(folder, err);
    if (ok) {
        append_file(&text, config_list(&config, OPTION_ALLOW), rule);
        ok = file_replace(path, text.data, text.length, err);
    }
    config_finish(&config);
    str_finish(&text);
    mem_free(folder);
    return ok;
}
