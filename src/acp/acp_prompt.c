#include "acp/acp_prompt.h"

#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void new_line(struct str *text)
{
    if (text->length > 0) {
        str_append(text, "\n");
    }
}

static bool add_file(struct acp_prompt *prompt, const json_t *data, bool picture, struct err *err)
{
    size_t length = json_string_length(data), size = 0;
    if (!json_is_string(data)) {
        return err_set(err, ERR_FORMAT, "has no data");
    }
    char *bytes = mem_alloc(length / 4 * 3 + 1, 1);
    if (!base64_decode(json_string_value(data), length, (unsigned char *)bytes, &size)) {
        mem_free(bytes);
        return err_set(err, ERR_FORMAT, "its data is not base64");
    }
    vec_room(&prompt->files, &prompt->capacity, prompt->count + 1, sizeof *prompt->files);
    prompt->files[prompt->count++] = (struct acp_prompt_file){bytes, size, picture};
    return true;
}

static bool is_kind(const char *mime, const char *kind)
{
    return mime != NULL && str_starts_with(mime, kind);
}

/* --- the kinds of blocks --- */

static bool add_text(struct acp_prompt *prompt, const json_t *block, struct err *err)
{
    const char *text = member(block, "text");
    if (text == NULL) {
        return err_set(err, ERR_FORMAT, "has no text");
    }
    new_line(&prompt->text);
    str_append(&prompt->text, text);
    return true;
}

static bool add_image(struct acp_prompt *prompt, const json_t *block, struct err *err)
{
    return add_file(prompt, json_object_get(block, "data"), true, err);
}

static bool add_audio(struct acp_prompt *prompt, const json_t *block, struct err *err)
{
    return add_file(prompt, json_object_get(block, "data"), false, err);
}

/* A file's address becomes its path, because that is what the tools take. */
static bool add_link(struct acp_prompt *prompt, const json_t *block, struct err *err)
{
    const char *uri = member(block, "uri");
    if (uri == NULL) {
        return err_set(err, ERR_FORMAT, "has no uri");
    }
    new_line(&prompt->text);
    str_append(&prompt->text, str_starts_with(uri, "file://") ? uri + strlen("file://") : uri);
    return true;
}

static bool add_resource(struct acp_prompt *prompt, const json_t *block, struct err *err)
{
    const json_t *resource = json_object_get(block, "resource");
    const char *text = member(resource, "text"), *mime = member(resource, "mimeType");
    if (text != NULL) {
        if (!add_link(prompt, resource, err)) {
            return false;
        }
        bool ended = str_ends_with(text, "\n");
        str_append_format(&prompt->text, ":\n```\n%s%s```", text, ended ? "" : "\n");
        return true;
    }
    if (is_kind(mime, "image/") || is_kind(mime, "audio/")) {
        return add_file(prompt, json_object_get(resource, "blob"), is_kind(mime, "image/"), err);
    }
    return err_set(err, ERR_UNSUPPORTED, "is a resource of the kind %.60s",
                   mime != NULL ? mime : "(none)");
}

static const struct {
    const char *type;
    bool (*add)(struct acp_prompt *prompt, const json_t *block, struct err *err);
} kinds[] = {
    {"text", add_text},          {"image", add_image},       {"audio", add_audio},
    {"resource_link", add_link}, {"resource", add_resource},
};

static bool add_block(struct acp_prompt *prompt, const json_t *block, struct err *err)
{
    const char *type = member(block, "type");
    for (size_t i = 0; type != NULL && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].type, type) == 0) {
            return kinds[i].add(prompt, block, err);
        }
    }
    return err_set(err, ERR_UNSUPPORTED, "is of the type \"%.40s\"", type != NULL ? type : "");
}

bool acp_prompt_read(const json_t *blocks, struct acp_prompt *prompt, struct err *err)
{
    json_t *block;
    size_t i;
    *prompt = (struct acp_prompt){0};
    str_init(&prompt->text);
    if (!json_is_array(blocks)) {
        return err_set(err, ERR_FORMAT, "prompt must be an array of content blocks");
    }
    json_array_foreach((json_t *)blocks, i, block)
    {
        if (!add_block(prompt, block, err)) {
            acp_prompt_finish(prompt);
            return err_prefix(err, "prompt[%zu]", i);
        }
    }
    bool blank = strspn(prompt->text.data, " \t\r\n") == prompt->text.length;
    if (blank && prompt->count == 0) {
        acp_prompt_finish(prompt);
        return err_set(err, ERR_ARGUMENT, "the prompt is empty");
    }
    return true;
}

void acp_prompt_finish(struct acp_prompt *prompt)
{
    for (size_t i = 0; i < prompt->count; i++) {
        mem_free(prompt->files[i].bytes);
    }
    mem_free(prompt->files);
    str_finish(&prompt->text);
    *prompt = (struct acp_prompt){0};
}
