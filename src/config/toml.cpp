/* toml: toml++ behind a C interface. No exception leaves this file. */
#include "toml.h"

#include <algorithm>
#include <new>
#include <string>
#include <vector>

#include <toml++/toml.h>

extern "C" {
#include "base/err.h"
#include "base/mem.h"
}

namespace
{

struct walk {
    const char *name;
    bool (*entry)(void *, const struct toml_entry *, struct err *);
    void *context;
    struct err *err;
};

bool walk_table(const walk &w, const toml::table &table, const std::string &prefix);

bool refuse(const walk &w, const toml::node &node, const std::string &key, const char *what)
{
    return err_set(w.err, ERR_FORMAT, "%s:%u: %s %s", w.name,
                   static_cast<unsigned>(node.source().begin.line), key.c_str(), what);
}

bool walk_value(const walk &w, const toml::node &node, const std::string &key)
{
    struct toml_entry entry = {};
    std::vector<const char *> list;
    entry.key = key.c_str();
    entry.line = static_cast<unsigned>(node.source().begin.line);
    if (const auto *string = node.as_string()) {
        entry.type = TOML_STRING;
        entry.string = string->get().c_str();
    } else if (const auto *integer = node.as_integer()) {
        entry.type = TOML_INTEGER;
        entry.integer = integer->get();
    } else if (const auto *real = node.as_floating_point()) {
        entry.type = TOML_REAL;
        entry.real = real->get();
    } else if (const auto *boolean = node.as_boolean()) {
        entry.type = TOML_BOOL;
        entry.boolean = boolean->get();
    } else if (const auto *array = node.as_array()) {
        for (const auto &item : *array) {
            if (!item.is_string()) {
                return refuse(w, node, key, "must be a list of strings");
            }
            list.push_back(item.as_string()->get().c_str());
        }
        entry.type = TOML_LIST;
        entry.list = list.data();
        entry.list_count = list.size();
    } else {
        return refuse(w, node, key, "is a date or time, which no option is");
    }
    return w.entry(w.context, &entry, w.err);
}

/* A list of tables ([[name]]) is flattened to name.0.key, name.1.key, ... */
bool walk_node(const walk &w, const toml::node &node, const std::string &name)
{
    if (node.is_table()) {
        return walk_table(w, *node.as_table(), name + ".");
    }
    if (!node.is_array_of_tables()) {
        return walk_value(w, node, name);
    }
    size_t number = 0;
    for (const auto &item : *node.as_array()) {
        if (!walk_table(w, *item.as_table(), name + "." + std::to_string(number++) + ".")) {
            return false;
        }
    }
    return true;
}

/* toml++ keeps a table sorted by name; the first mistake told of should be the first in the file.
 */
bool walk_table(const walk &w, const toml::table &table, const std::string &prefix)
{
    std::vector<std::pair<const toml::key *, const toml::node *>> ordered;
    for (const auto &[key, node] : table) {
        ordered.emplace_back(&key, &node);
    }
    std::stable_sort(ordered.begin(), ordered.end(), [](const auto &a, const auto &b) {
        return a.first->source().begin.line < b.first->source().begin.line;
    });
    for (const auto &[key, node] : ordered) {
        std::string name = prefix + std::string(key->str());
        if (!walk_node(w, *node, name)) {
            return false;
        }
    }
    return true;
}

} // namespace

extern "C" bool toml_read(const char *name, const char *text, size_t length,
                          bool (*entry)(void *, const struct toml_entry *, struct err *),
                          void *context, struct err *err)
{
    /* An exception needs memory itself. */
    std::set_new_handler(mem_exhausted);
    try {
        toml::table table = toml::parse(std::string_view(text, length), std::string_view(name));
        return walk_table(walk{name, entry, context, err}, table, "");
    } catch (const toml::parse_error &error) {
        return err_set(err, ERR_FORMAT, "%s:%u: %s", name,
                       static_cast<unsigned>(error.source().begin.line),
                       std::string(error.description()).c_str());
    } catch (const std::exception &error) {
        return err_set(err, ERR_MEMORY, "%s: %s", name, error.what());
    }
}
