/* declaration: see the header. The examples are a table beside the code because a schema does not
 * say what a sensible path or command looks like; a test holds it against the schemas. */
#include "declaration.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/utf8.h"

#include "prompts.h"
#include "tool.h"

/* So much of what was received is repeated to the model. */
enum { QUOTE_LIMIT = 200 };

static const struct {
    const char *name, *arguments;
} examples[] = {
    {"shell", "{\"command\": \"ls -l\"}"},
    {"read_file", "{\"path\": \"src/main.c\"}"},
    {"write_file", "{\"path\": \"notes.txt\", \"content\": \"one line\\n\"}"},
    {"edit_file", "{\"path\": \"notes.txt\", \"old_text\": \"one\", \"new_text\": \"two\"}"},
    {"list_files", "{\"path\": \"src\", \"pattern\": \"*.c\"}"},
    {"search_files", "{\"pattern\": \"int main\", \"path\": \"src\"}"},
    {"http_fetch", "{\"url\": \"https://example.org/\"}"},
    {"more_output", "{\"handle\": \"r1\", \"start_line\": 41}"},
    {"screenshot", "{}"},
};

/* The types that a parameter may have. */
static const struct {
    const char *name;
    json_type type;
} types[] = {{"string", JSON_STRING}, {"integer", JSON_INTEGER}};

static const char *const type_words[] = {
    [JSON_OBJECT] = "an object",
    [JSON_ARRAY] = "an array",
    [JSON_STRING] = "a string",
    [JSON_INTEGER] = "an integer",
    [JSON_REAL] = "a number with a fraction",
    [JSON_TRUE] = "true",
    [JSON_FALSE] = "false",
    [JSON_NULL] = "null",
};

json_t *declaration_table(struct err *err)
{
    json_error_t problem;
    json_t *table =
        json_loadb(prompts_tools, prompts_tools_length, JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_array(table)) {
        json_decref(table);
        err_set(err, ERR_FORMAT, "the embedded table of tools: %s",
                table == NULL ? problem.text : "not an array");
        return NULL;
    }
    return table;
}

static const char *name_of(const json_t *declaration)
{
    return json_string_value(json_object_get(json_object_get(declaration, "function"), "name"));
}

static const json_t *parameters_of(const json_t *declaration)
{
    return json_object_get(json_object_get(declaration, "function"), "parameters");
}

const json_t *declaration_find(const json_t *table, const char *name)
{
    for (size_t i = 0; i < json_array_size(table); i++) {
        const json_t *row = json_array_get(table, i);
        const char *row_name = name_of(row);
        if (row_name != NULL && strcmp(row_name, name) == 0) {
            return row;
        }
    }
    return NULL;
}

json_t *declaration_for_mcp(const json_t *declaration)
{
    const json_t *function = json_object_get(declaration, "function");
    const json_t *hints = json_object_get(declaration, "carat");
    return json_pack("{s:O?, s:O?, s:O?, s:{s:b, s:b}}", "name", json_object_get(function, "name"),
                     "description", json_object_get(function, "description"), "inputSchema",
                     json_object_get(function, "parameters"), "annotations", "readOnlyHint",
                     json_is_true(json_object_get(hints, "read_only")), "destructiveHint",
                     json_is_true(json_object_get(hints, "destructive")));
}

static bool is_required(const json_t *parameters, const char *key)
{
    const json_t *required = json_object_get(parameters, "required");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *name = json_string_value(json_array_get(required, i));
        if (name != NULL && strcmp(name, key) == 0) {
            return true;
        }
    }
    return false;
}

/* Appends why one argument does not fit its declaration (NULL = there is none). */
static bool check_value(const char *key, const json_t *declared, const json_t *value,
                        struct str *problem)
{
    if (declared == NULL) {
        str_append_format(problem, "\"%s\" is not a parameter", key);
        return false;
    }
    const char *type = json_string_value(json_object_get(declared, "type"));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (type != NULL && strcmp(types[i].name, type) == 0 &&
            json_typeof(value) != types[i].type) {
            str_append_format(problem, "\"%s\" must be %s, not %s", key, type_words[types[i].type],
                              type_words[json_typeof(value)]);
            return false;
        }
    }
    /* A path or a command with a NUL would mean one thing here and another to the system. */
    if (json_is_string(value) && strlen(json_string_value(value)) != json_string_length(value)) {
        str_append_format(problem, "\"%s\" holds a NUL character", key);
        return false;
    }
    return true;
}

static bool check_arguments(const json_t *parameters, const json_t *arguments, struct str *problem)
{
    if (arguments != NULL && !json_is_object(arguments)) {
        str_append_format(problem, "the arguments are %s", type_words[json_typeof(arguments)]);
        return false;
    }
    const json_t *properties = json_object_get(parameters, "properties");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)arguments, key, value)
    {
        if (!check_value(key, json_object_get(properties, key), value, problem)) {
            return false;
        }
    }
    json_object_foreach((json_t *)properties, key, value)
    {
        if (is_required(parameters, key) && json_object_get(arguments, key) == NULL) {
            str_append_format(problem, "\"%s\" is missing", key);
            return false;
        }
    }
    return true;
}

/* What was received, cut at a character if it is long. */
static void quote(const json_t *arguments, struct str *out)
{
    char *text = arguments == NULL ? NULL : json_dumps(arguments, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL) {
        str_append(out, "nothing");
        return;
    }
    size_t length = strlen(text);
    size_t shown = length <= QUOTE_LIMIT ? length : utf8_complete_length(text, QUOTE_LIMIT);
    str_append_bytes(out, text, shown);
    if (shown < length) {
        str_append_format(out, "... (%zu bytes)", length);
    }
    free(text);
}

static void describe_expected(const json_t *parameters, struct str *out)
{
    const char *key, *between = "";
    json_t *value;
    json_object_foreach(json_object_get(parameters, "properties"), key, value)
    {
        const char *type = json_string_value(json_object_get(value, "type"));
        str_append_format(out, "%s%s (%s%s)", between, key, type == NULL ? "any" : type,
                          is_required(parameters, key) ? ", required" : "");
        between = ", ";
    }
}

bool declaration_check(const json_t *declaration, const json_t *arguments, struct str *problem)
{
    const json_t *parameters = parameters_of(declaration);
    const char *name = name_of(declaration);
    struct str reason;
    str_init(&reason);
    bool fits = check_arguments(parameters, arguments, &reason);
    if (!fits) {
        str_append_format(problem, "%s. Received ", reason.data);
        quote(arguments, problem);
        str_append(problem, "; expected an object with ");
        describe_expected(parameters, problem);
        for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
            if (strcmp(examples[i].name, name) == 0) {
                str_append_format(problem, "; for example %s", examples[i].arguments);
            }
        }
    }
    str_finish(&reason);
    return fits;
}
