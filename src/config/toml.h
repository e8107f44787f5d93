/* toml: a TOML file as a list of dotted keys with values and line numbers.
 *
 * The parser is toml++ (C++), behind this C header: nothing else of the program sees C++. Tables
 * are flattened ("[model] path" is "model.path", the second "[[hooks]] tool" is "hooks.1.tool");
 * other arrays may hold strings only; dates are refused.
 */
#ifndef CARAT_CONFIG_TOML_H
#define CARAT_CONFIG_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#ifdef __cplusplus
extern "C" {
#endif

enum toml_type { TOML_STRING, TOML_INTEGER, TOML_REAL, TOML_BOOL, TOML_LIST };

struct toml_entry {
    const char *key; /* dotted; views during the callback */
    unsigned line;
    enum toml_type type;
    const char *string;
    int64_t integer;
    double real;
    bool boolean;
    const char *const *list;
    size_t list_count;
};

/* Calls `entry` for each value in the order of the file; stops when it returns false (it has filled
 * err). Errors of the text itself name `name` and the line. */
bool toml_read(const char *name, const char *text, size_t length,
               bool (*entry)(void *context, const struct toml_entry *entry, struct err *err),
               void *context, struct err *err);

#ifdef __cplusplus
}
#endif

#endif
