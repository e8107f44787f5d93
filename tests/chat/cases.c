/* Shared parts of the chat tests. See the header. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/vec.h"

json_t *cases_load(const char *name)
{
    struct str path, content;
    struct err err;
    str_init(&path);
    str_init(&content);
    str_append_format(&path, "%s/%s", TEST_DATA, name);
    if (!file_read(path.data, 4 * 1024 * 1024, &content, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    json_t *cases = json_array();
    for (char *line = content.data; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        json_error_t error;
        json_t *value = json_loadb(line, length, JSON_ALLOW_NUL, &error);
        if (value == NULL) {
            fprintf(stderr, "%s: line %zu: %s\n", path.data, json_array_size(cases) + 1,
                    error.text);
            exit(1);
        }
        json_array_append_new(cases, value);
        line += length + (line[length] == '\n');
    }
    str_finish(&content);
    str_finish(&path);
    return cases;
}

const char *cases_label(const json_t *value, size_t index)
{
    static char label[64];
    const char *name = json_string_value(json_object_get(value, "name"));
    snprintf(label, sizeof label, "case %zu %s", index, name == NULL ? "" : name);
    return label;
}

const struct control_ids *cases_control_ids(void)
{
    static struct control_ids ids;
    for (int i = 0; i < CONTROL_COUNT; i++) {
        ids.id[i] = CASES_FIRST_CONTROL + i;
    }
    ids.vocabulary_size = CASES_FIRST_CONTROL + CONTROL_COUNT;
    return &ids;
}

static void append(struct chat_ids *out, int32_t id)
{
    vec_room(&out->items, &out->capacity, out->count + 1, sizeof *out->items);
    out->items[out->count++] = id;
}

static bool encode(void *context, const char *text, size_t length, struct chat_ids *out,
                   struct err *err)
{
    (void)context;
    (void)err;
    for (size_t i = 0; i < length; i++) {
        append(out, (unsigned char)text[i]);
    }
    return true;
}

struct chat_encoder cases_encoder(void)
{
    return (struct chat_encoder){.encode = encode, .control = cases_control_ids()};
}

void cases_token_bytes(void *context, int32_t id, struct str *out)
{
    (void)context;
    if (id >= CASES_FIRST_CONTROL) {
        str_append(out, control_spelling((enum control)(id - CASES_FIRST_CONTROL)));
    } else {
        str_append_char(out, (char)id);
    }
}

void cases_ids(struct chat_ids *out, const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        enum control control = control_match(text + at, length - at);
        if (control == CONTROL_NONE) {
            append(out, (unsigned char)text[at++]);
        } else {
            append(out, CASES_FIRST_CONTROL + (int32_t)control);
            at += strlen(control_spelling(control));
        }
    }
}
