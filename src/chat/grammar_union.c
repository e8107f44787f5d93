/* grammar_union: nodes that name alternatives become nodes that hold them.
 *
 * What may stand at the place is told apart by its first byte, so strings, numbers, literals, one
 * kind of object and one of array can share a node. Two objects become one with the keys of both;
 * a key that both declare leads to a new union of its two values. Unions inside each other end at
 * UNION_DEPTH_MAX, where any value is allowed. References that lead back to where they began add
 * nothing: they are followed once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "chat/grammar_graph.h"

enum { UNION_DEPTH_MAX = 4 };

/* A node for either of two; the same one when they are one. */
static bool either(struct grammar *grammar, uint32_t left, uint32_t right, unsigned depth,
                   uint32_t *node, struct err *err)
{
    if (left == right || right == GRAMMAR_NO_NODE) {
        *node = left;
    } else if (left == GRAMMAR_NO_NODE) {
        *node = right;
    } else if (depth >= UNION_DEPTH_MAX) {
        *node = GRAMMAR_ANY;
    } else {
        uint32_t made = grammar_graph_add(grammar, NULL, err);
        if (made == GRAMMAR_NO_NODE) {
            return false;
        }
        grammar_graph_add_alternative(&grammar->nodes[made], left);
        grammar_graph_add_alternative(&grammar->nodes[made], right);
        grammar->nodes[made].union_depth = depth + 1;
        *node = made;
    }
    return true;
}

static bool unite_sets(struct grammar_set *into, const struct grammar_set *from, struct err *err)
{
    for (size_t i = 0; i < from->count; i++) {
        if (!grammar_graph_literal(into, from->items[i].bytes, from->items[i].length, err)) {
            return false;
        }
    }
    return true;
}

static bool has_required(const struct grammar_node *node, const struct grammar_member *member)
{
    for (size_t i = 0; i < node->member_count; i++) {
        const struct grammar_member *other = &node->members[i];
        if (other->length == member->length &&
            memcmp(other->key, member->key, member->length) == 0) {
            return other->required;
        }
    }
    return false;
}

static bool unite_members(struct grammar *grammar, uint32_t into, uint32_t from, struct err *err)
{
    bool first = (grammar->nodes[into].kinds & GRAMMAR_KIND_OBJECT) == 0;
    unsigned depth = grammar->nodes[into].union_depth;
    for (size_t i = 0; i < grammar->nodes[from].member_count; i++) {
        const struct grammar_member source = grammar->nodes[from].members[i];
        struct grammar_node *node = &grammar->nodes[into];
        size_t before = node->member_count;
        struct grammar_member *member = grammar_graph_member(node, source.key, source.length);
        size_t at = (size_t)(member - node->members);
        if (at == before) {
            member->required = first && source.required;
        }
        uint32_t value;
        if (!either(grammar, member->node, source.node, depth, &value, err)) {
            return false;
        }
        grammar->nodes[into].members[at].node = value;
    }
    struct grammar_node *node = &grammar->nodes[into];
    for (size_t i = 0; !first && i < node->member_count; i++) {
        node->members[i].required &= has_required(&grammar->nodes[from], &node->members[i]);
    }
    uint32_t additional;
    if (!either(grammar, node->additional, grammar->nodes[from].additional, depth, &additional,
                err)) {
        return false;
    }
    grammar->nodes[into].additional = additional;
    return true;
}

static bool unite_items(struct grammar *grammar, uint32_t into, uint32_t from, struct err *err)
{
    struct grammar_node *node = &grammar->nodes[into];
    const struct grammar_node *other = &grammar->nodes[from];
    if ((node->kinds & GRAMMAR_KIND_ARRAY) == 0) {
        node->min_items = other->min_items;
        node->max_items = other->max_items;
    } else {
        node->min_items = node->min_items < other->min_items ? node->min_items : other->min_items;
        node->max_items = node->max_items > other->max_items ? node->max_items : other->max_items;
    }
    uint32_t item;
    if (!either(grammar, node->item, other->item, node->union_depth, &item, err)) {
        return false;
    }
    grammar->nodes[into].item = item;
    return true;
}

static bool unite(struct grammar *grammar, uint32_t into, uint32_t from, struct err *err)
{
    unsigned kinds = grammar->nodes[from].kinds;
    if (!unite_sets(&grammar->nodes[into].strings, &grammar->nodes[from].strings, err) ||
        !unite_sets(&grammar->nodes[into].bare, &grammar->nodes[from].bare, err)) {
        return false;
    }
    if ((kinds & GRAMMAR_KIND_OBJECT) && !unite_members(grammar, into, from, err)) {
        return false;
    }
    if ((kinds & GRAMMAR_KIND_ARRAY) && !unite_items(grammar, into, from, err)) {
        return false;
    }
    grammar->nodes[into].kinds |= kinds;
    return true;
}

/* All that `node` leads to over alternatives that are not united yet, itself first. */
static size_t collect(const struct grammar *grammar, uint32_t node, uint32_t *found, bool *seen)
{
    size_t count = 0;
    found[count++] = node;
    seen[node] = true;
    for (size_t next = 0; next < count; next++) {
        const struct grammar_node *at = &grammar->nodes[found[next]];
        for (size_t i = 0; i < at->alternative_count; i++) {
            uint32_t other = at->alternatives[i];
            if (!seen[other]) {
                seen[other] = true;
                found[count++] = other;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        seen[found[i]] = false;
    }
    return count;
}

bool grammar_union_resolve(struct grammar *grammar, struct err *err)
{
    uint32_t *found = mem_alloc(GRAMMAR_NODES_MAX, sizeof *found);
    bool *seen = mem_zero(GRAMMAR_NODES_MAX, sizeof *seen);
    bool good = true;
    for (uint32_t i = 0; good && i < grammar->count; i++) {
        if (grammar->nodes[i].alternative_count == 0) {
            continue;
        }
        size_t count = collect(grammar, i, found, seen);
        for (size_t n = 1; good && n < count; n++) {
            good = unite(grammar, i, found[n], err);
        }
        grammar->nodes[i].alternative_count = 0;
    }
    mem_free(found);
    mem_free(seen);
    return good;
}
