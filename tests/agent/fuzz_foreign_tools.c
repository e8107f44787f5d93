/* Fuzz target: any JSON as a tool of a foreign server and as a result of one; what leaves is within
 * the limits, without a control token, an escape or a character that hides others. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/foreign_tools.h"
#include "base/err.h"
#include "base/utf8.h"
#include "base/visible.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_clean(const char *text, size_t length)
{
    size_t used;
    assert(memmem(text, length, "<|", 2) == NULL && memmem(text, length, "|>", 2) == NULL);
    for (size_t at = 0; at < length; at += used) {
        uint32_t c = utf8_decode(text + at, length - at, &used);
        assert(c < UTF8_INCOMPLETE && c >= 0x20 && !(c >= 0x7F && c < 0xA0));
        assert(!visible_deceptive(c));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *value = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (value == NULL) {
        return 0;
    }
    struct err err = {0};
    json_t *declaration = foreign_tools_declare("x", value, &err);
    if (declaration != NULL) {
        const char *name = foreign_tools_name(declaration);
        assert(strncmp(name, "mcp__x__", 8) == 0 && strlen(name) <= FOREIGN_NAME_MAX);
        char *dump = json_dumps(declaration, JSON_COMPACT);
        assert(strlen(dump) <= FOREIGN_DECLARATION_MAX);
        check_clean(dump, strlen(dump));
        free(dump);
        json_decref(declaration);
    } else {
        assert(err.text[0] != '\0');
    }
    bool failed;
    json_t *result = foreign_tools_result(value, 100, &failed);
    const json_t *output = json_object_get(result, "output");
    assert(json_is_string(output) && json_string_length(output) <= 100);
    assert(memchr(json_string_value(output), '\0', json_string_length(output)) == NULL);
    json_decref(result);
    json_decref(value);
    return 0;
}
