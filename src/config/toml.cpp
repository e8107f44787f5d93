/* toml: toml++ behind a C interface. No exception leaves this file.
 *
 * Some texts that are no TOML ("[ " and the end of the line) are not refused by toml++ but run into
 * its assertions, and a file of a workspace must not be able to end the program. So what toml++
 * asserts is checked in every build and throws like its other refusals; only the line is not known.
 * And each dot of a key is a table in a table, made, walked and destroyed by recursion: a file of
 * some kilobytes could use up the stack, so dots are counted before toml++ sees them.
 */
#include "toml.h"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

[[noreturn]] static void toml_not_asserted()
{
    throw std::logic_error("is not TOML: a name or a value is missing or cannot be read");
}

#define TOML_ASSERT(holds) (static_cast<bool>(holds) ? static_cast<void>(0) : toml_not_asserted())
#undef NDEBUG // with it toml++ would drop its assertions and believe them
#include <toml++/toml.h>

extern "C" {
#include "base/err.h"
#include "base/mem.h"
}

namespace
{

/* All tables of all keys inside each other would be this deep, and need some hundred bytes each. */
constexpr size_t DOTS_MAX = 2000;

/* Where the string or comment that begins at `at` ends, or at + 1 where none begins. What is not
 * TOML may be understood wrongly: toml++ stops there. */
size_t skip(std::string_view text, size_t at)
{
    const char mark = text[at];
    if (mark == '#') {
        return std::min(text.find('\n', at), text.size());
    }
    if (mark != '"' && mark != '\'') {
        return at + 1;
    }
    const std::string three(3, mark);
    const bool lines = text.compare(at, 3, three) == 0;
    for (size_t end = at + (lines ? 3 : 1); end < text.size(); end++) {
        if (mark == '"' && text[end] == '\\') {
            end++;
        } else if (lines && text.compare(end, 3, three) == 0) {
            end += 3; // up to two more belong to the text
            for (int more = 0; more < 2 && end < text.size() && text[end] == mark; more++) {
                end++;
            }
            return end;
        } else if (!lines && (text[end] == mark || text[end] == '\n')) {
            return end + 1;
        }
    }
    return text.size();
}

size_t count_dots(std::string_view text)
{
    size_t dots = 0;
    for (size_t at = 0; at < text.size(); at = skip(text, at)) {
        dots += text[at] == '.';
    }
    return dots;
}

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
        if (count_dots(std::string_view(text, length)) > DOTS_MAX) {
            return err_set(err, ERR_LIMIT, "%s has more than %zu dots outside of texts", name,
                           DOTS_MAX);
        }
        toml::table table = toml::parse(std::string_view(text, length), std::string_view(name));
        return walk_table(walk{name, entry, context, err}, table, "");
    } catch (const toml::parse_error &error) {
        return err_set(err, ERR_FORMAT, "%s:%u: %s", name,
                       static_cast<unsigned>(error.source().begin.line),
                       std::string(error.description()).c_str());
    } catch (const std::logic_error &error) {
        return err_set(err, ERR_FORMAT, "%s: %s", name, error.what());
    } catch (const std::exception &error) {
        return err_set(err, ERR_MEMORY, "%s: %s", name, error.what());
    }
}
