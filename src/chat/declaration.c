/* The printer of tool declarations: the order of the attributes, what is omitted when empty and
 * what is printed of malformed schemas is the template's. A schema that is no object prints as one
 * without attributes. Function names, keys and brackets are text; every string stands between QUOTE
 * tokens.
 */
#include "chat/declaration.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/prompt_writer.h"
#include "chat/value.h"

enum { SCHEMA_DEPTH = 32 };

struct printer {
    struct prompt_writer *writer;
    const char *tool; /* for messages */
    int depth;
    struct err *err;
};

static bool print_properties(struct printer *printer, const json_t *properties, bool fake);

/* --- what the template takes for true, and for text --- */

static bool is_truthy(const json_t *value)
{
    switch (value == NULL ? JSON_NULL : json_typeof(value)) {
    case JSON_NULL:
    case JSON_FALSE:
        return false;
    case JSON_TRUE:
        return true;
    case JSON_INTEGER:
        return json_integer_value(value) != 0;
    case JSON_REAL:
        return json_real_value(value) != 0;
    case JSON_STRING:
        return json_string_length(value) > 0;
    case JSON_ARRAY:
        return json_array_size(value) > 0;
    case JSON_OBJECT:
        return json_object_size(value) > 0;
    }
    return false;
}

static void append_upper(struct str *out, const json_t *text)
{
    const char *bytes = json_string_value(text);
    for (size_t i = 0; i < json_string_length(text); i++) {
        char c = bytes[i];
        str_append_char(out, c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
    }
}

/* A type in upper case; a list of types as the template spells one (['STRING', 'NULL']); nothing
 * for a schema without a type. */
static void upper_type(struct str *out, const json_t *type)
{
    if (json_is_string(type)) {
        append_upper(out, type);
    } else if (json_is_array(type)) {
        str_append(out, "[");
        for (size_t i = 0; i < json_array_size(type); i++) {
            str_append(out, i > 0 ? ", '" : "'");
            append_upper(out, json_array_get(type, i));
            str_append(out, "'");
        }
        str_append(out, "]");
    }
}

/* --- pieces --- */

static bool refuse(struct printer *printer, const char *what, const char *value)
{
    return err_set(printer->err, ERR_FORMAT, "tool \"%.60s\": %s%.80s", printer->tool, what, value);
}

static void separate(struct printer *printer, bool *first)
{
    if (!*first) {
        prompt_writer_text(printer->writer, ",");
    }
    *first = false;
}

static void print_type(struct printer *printer, const json_t *type)
{
    struct str text;
    str_init(&text);
    upper_type(&text, type);
    prompt_writer_text(printer->writer, "type:");
    prompt_writer_string(printer->writer, text.data, text.length);
    str_finish(&text);
}

static bool print_string(struct printer *printer, const char *label, const json_t *text)
{
    if (text != NULL && !json_is_string(text)) {
        return refuse(printer, "not a string: ", label);
    }
    prompt_writer_text(printer->writer, label);
    prompt_writer_string(printer->writer, text == NULL ? "" : json_string_value(text),
                         text == NULL ? 0 : json_string_length(text));
    return true;
}

static bool print_required(struct printer *printer, const json_t *required)
{
    prompt_writer_text(printer->writer, "required:[");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const json_t *name = json_array_get(required, i);
        if (!json_is_string(name)) {
            return refuse(printer, "not a string: an entry of ", "required");
        }
        if (!print_string(printer, i > 0 ? "," : "", name)) {
            return false;
        }
    }
    prompt_writer_text(printer->writer, "]");
    return true;
}

static bool print_key(struct printer *printer, const char *key)
{
    if (!chat_value_is_name(key, strlen(key))) {
        return refuse(printer, "not a name that can be printed: ", key);
    }
    prompt_writer_text(printer->writer, key);
    prompt_writer_text(printer->writer, ":");
    return true;
}

/* --- schemas --- */

/* Types of array items are an ordinary value, so a list of them is one of strings. */
static void print_item_type(struct printer *printer, const json_t *type)
{
    if (!json_is_array(type)) {
        print_type(printer, type);
        return;
    }
    json_t *upper = json_array();
    for (size_t i = 0; i < json_array_size(type); i++) {
        struct str text;
        str_init(&text);
        append_upper(&text, json_array_get(type, i));
        json_array_append_new(upper, json_stringn(text.data, text.length));
        str_finish(&text);
    }
    prompt_writer_text(printer->writer, "type:");
    chat_value_print(printer->writer, upper, CHAT_KEYS_QUOTED);
    json_decref(upper);
}

static bool print_item_entry(struct printer *printer, const char *key, const json_t *value)
{
    if (strcmp(key, "properties") == 0) {
        prompt_writer_text(printer->writer, "properties:{");
        if (json_is_object(value) && !print_properties(printer, value, false)) {
            return false;
        }
        prompt_writer_text(printer->writer, "}");
        return true;
    }
    if (strcmp(key, "required") == 0) {
        return print_required(printer, value);
    }
    if (strcmp(key, "type") == 0) {
        print_item_type(printer, value);
        return true;
    }
    if (!print_key(printer, key)) {
        return false;
    }
    chat_value_print(printer->writer, value, CHAT_KEYS_QUOTED);
    return true;
}

static bool print_items(struct printer *printer, const json_t *items)
{
    size_t count;
    const char **keys = chat_value_sorted_keys(items, &count);
    bool ok = true, first = true;
    prompt_writer_text(printer->writer, "items:{");
    for (size_t i = 0; ok && i < count; i++) {
        const json_t *value = json_object_get(items, keys[i]);
        if (!json_is_null(value)) {
            separate(printer, &first);
            ok = print_item_entry(printer, keys[i], value);
        }
    }
    prompt_writer_text(printer->writer, "}");
    mem_free(keys);
    return ok;
}

/* An object without `properties` shows its other keywords as if they were some. */
static bool print_object_attributes(struct printer *printer, const json_t *schema, bool *first)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *required = json_object_get(schema, "required");
    bool fake = !json_is_object(properties);
    separate(printer, first);
    prompt_writer_text(printer->writer, "properties:{");
    if (!print_properties(printer, fake ? schema : properties, fake)) {
        return false;
    }
    prompt_writer_text(printer->writer, "}");
    if (!is_truthy(required)) {
        return true;
    }
    separate(printer, first);
    return print_required(printer, required);
}

static bool print_attributes(struct printer *printer, const json_t *schema, const char *type)
{
    const json_t *description = json_object_get(schema, "description");
    const json_t *values = json_object_get(schema, "enum");
    const json_t *items = json_object_get(schema, "items");
    bool first = true;
    if (is_truthy(description)) {
        separate(printer, &first);
        if (!print_string(printer, "description:", description)) {
            return false;
        }
    }
    if (strcmp(type, "STRING") == 0 && is_truthy(values)) {
        separate(printer, &first);
        prompt_writer_text(printer->writer, "enum:");
        chat_value_print(printer->writer, values, CHAT_KEYS_QUOTED);
    }
    if (strcmp(type, "ARRAY") == 0 && json_is_object(items) && is_truthy(items)) {
        separate(printer, &first);
        if (!print_items(printer, items)) {
            return false;
        }
    }
    if (is_truthy(json_object_get(schema, "nullable"))) {
        separate(printer, &first);
        prompt_writer_text(printer->writer, "nullable:true");
    }
    if (strcmp(type, "OBJECT") == 0 && !print_object_attributes(printer, schema, &first)) {
        return false;
    }
    separate(printer, &first);
    print_type(printer, json_object_get(schema, "type"));
    return true;
}

static bool print_property(struct printer *printer, const char *key, const json_t *schema)
{
    struct str type;
    if (!print_key(printer, key)) {
        return false;
    }
    if (printer->depth == SCHEMA_DEPTH) {
        return refuse(printer, "schema nested too deeply at ", key);
    }
    printer->depth++;
    str_init(&type);
    upper_type(&type, json_object_get(schema, "type"));
    prompt_writer_text(printer->writer, "{");
    bool ok = print_attributes(printer, schema, type.data);
    prompt_writer_text(printer->writer, "}");
    str_finish(&type);
    printer->depth--;
    return ok;
}

/* `fake`: the object is a schema whose own keywords are left out. */
static bool print_properties(struct printer *printer, const json_t *properties, bool fake)
{
    static const char *const own[] = {"description", "type", "properties", "required", "nullable"};
    size_t count;
    const char **keys = chat_value_sorted_keys(properties, &count);
    bool ok = true, first = true;
    for (size_t i = 0; ok && i < count; i++) {
        bool skip = false;
        for (size_t k = 0; fake && k < sizeof own / sizeof *own; k++) {
            skip = skip || strcmp(keys[i], own[k]) == 0;
        }
        if (!skip) {
            separate(printer, &first);
            ok = print_property(printer, keys[i], json_object_get(properties, keys[i]));
        }
    }
    mem_free(keys);
    return ok;
}

/* --- functions --- */

static bool print_parameters(struct printer *printer, const json_t *parameters)
{
    const json_t *properties = json_object_get(parameters, "properties");
    const json_t *required = json_object_get(parameters, "required");
    const json_t *type = json_object_get(parameters, "type");
    if (!json_is_string(type) || !is_truthy(type)) {
        return refuse(printer, "its parameters have no type; write \"type\": \"object\"", "");
    }
    prompt_writer_text(printer->writer, ",parameters:{");
    if (is_truthy(properties) && !json_is_object(properties)) {
        return refuse(printer, "not an object: ", "parameters.properties");
    }
    if (is_truthy(properties)) {
        prompt_writer_text(printer->writer, "properties:{");
        if (!print_properties(printer, properties, false)) {
            return false;
        }
        prompt_writer_text(printer->writer, "},");
    }
    if (is_truthy(required)) {
        if (!print_required(printer, required)) {
            return false;
        }
        prompt_writer_text(printer->writer, ",");
    }
    print_type(printer, type);
    prompt_writer_text(printer->writer, "}");
    return true;
}

static bool print_response(struct printer *printer, const json_t *response)
{
    struct str type;
    str_init(&type);
    upper_type(&type, json_object_get(response, "type"));
    bool is_object = strcmp(type.data, "OBJECT") == 0;
    str_finish(&type);
    if (!is_object) {
        return refuse(printer, "its response is declared as something else than an object", "");
    }
    const json_t *description = json_object_get(response, "description");
    prompt_writer_text(printer->writer, ",response:{");
    if (is_truthy(description)) {
        if (!print_string(printer, "description:", description)) {
            return false;
        }
        prompt_writer_text(printer->writer, ",");
    }
    print_type(printer, json_object_get(response, "type"));
    prompt_writer_text(printer->writer, "}");
    return true;
}

bool chat_declaration_print(struct prompt_writer *writer, const json_t *tool, struct err *err)
{
    const json_t *function = json_object_get(tool, "function");
    const json_t *name = json_object_get(function, "name");
    const json_t *description = json_object_get(function, "description");
    const json_t *parameters = json_object_get(function, "parameters");
    const json_t *response = json_object_get(function, "response");
    struct printer printer = {.writer = writer, .tool = "", .err = err};
    if (!json_is_string(name) ||
        !chat_value_is_name(json_string_value(name), json_string_length(name))) {
        return refuse(&printer, "a tool needs a function.name of letters, digits and _ . -, got ",
                      json_is_string(name) ? json_string_value(name) : "none");
    }
    printer.tool = json_string_value(name);
    prompt_writer_control(writer, CONTROL_TOOL_OPEN);
    prompt_writer_text(writer, "declaration:");
    prompt_writer_text(writer, printer.tool);
    if (!print_string(&printer, "{description:", json_is_null(description) ? NULL : description)) {
        return false;
    }
    if (is_truthy(parameters) && !print_parameters(&printer, parameters)) {
        return false;
    }
    if (response != NULL && !print_response(&printer, response)) {
        return false;
    }
    prompt_writer_text(writer, "}");
    prompt_writer_control(writer, CONTROL_TOOL_CLOSE);
    return true;
}

bool chat_declaration_check(const json_t *tool, struct err *err)
{
    struct chat_prompt prompt;
    struct prompt_writer writer;
    chat_prompt_init(&prompt);
    prompt_writer_init(&writer, &prompt);
    bool ok = chat_declaration_print(&writer, tool, err);
    prompt_writer_finish(&writer);
    chat_prompt_finish(&prompt);
    return ok;
}
