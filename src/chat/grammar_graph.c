/* Building and finishing nodes. Indices name nodes, because the array moves while it grows. */
#include "chat/grammar_graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "chat/grammar.h"
#include "chat/grammar_json.h"
#include "chat/value.h"

/* --- building --- */

static void set_add(struct grammar_set *set, const char *bytes, size_t length)
{
    vec_room(&set->items, &set->capacity, set->count + 1, sizeof *set->items);
    set->items[set->count++] = (struct grammar_literal){
        .bytes = mem_strndup(bytes, length), .length = length, .node = GRAMMAR_NO_NODE};
}

struct grammar *grammar_graph_create(bool json)
{
    static const char *const words[] = {"true", "false", "null"};
    struct grammar *grammar = mem_zero(1, sizeof *grammar);
    grammar->json = json;
    grammar->root = GRAMMAR_NO_NODE;
    grammar_graph_add(grammar, NULL, NULL);
    struct grammar_node *any = &grammar->nodes[GRAMMAR_ANY];
    any->kinds =
        GRAMMAR_KIND_STRING | GRAMMAR_KIND_NUMBER | GRAMMAR_KIND_OBJECT | GRAMMAR_KIND_ARRAY;
    any->additional = any->item = GRAMMAR_ANY;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        set_add(&any->bare, words[i], strlen(words[i]));
    }
    return grammar;
}

uint32_t grammar_graph_add(struct grammar *grammar, const void *source, struct err *err)
{
    if (grammar->count == GRAMMAR_NODES_MAX) {
        err_set(err, ERR_LIMIT, "the schema has more than %d parts", GRAMMAR_NODES_MAX);
        return GRAMMAR_NO_NODE;
    }
    vec_room(&grammar->nodes, &grammar->capacity, grammar->count + 1, sizeof *grammar->nodes);
    grammar->nodes[grammar->count] = (struct grammar_node){.source = source,
                                                           .additional = GRAMMAR_NO_NODE,
                                                           .item = GRAMMAR_NO_NODE,
                                                           .max_items = GRAMMAR_NO_LIMIT};
    return (uint32_t)grammar->count++;
}

void grammar_graph_add_alternative(struct grammar_node *node, uint32_t alternative)
{
    vec_room(&node->alternatives, &node->alternative_capacity, node->alternative_count + 1,
             sizeof *node->alternatives);
    node->alternatives[node->alternative_count++] = alternative;
}

struct grammar_member *grammar_graph_member(struct grammar_node *node, const char *key,
                                            size_t length)
{
    for (size_t i = 0; i < node->member_count; i++) {
        if (node->members[i].length == length && memcmp(node->members[i].key, key, length) == 0) {
            return &node->members[i];
        }
    }
    vec_room(&node->members, &node->member_capacity, node->member_count + 1, sizeof *node->members);
    node->members[node->member_count] = (struct grammar_member){
        .key = mem_strndup(key, length), .length = length, .node = GRAMMAR_NO_NODE};
    return &node->members[node->member_count++];
}

static bool is_literal(const struct grammar_literal *literal, const char *bytes, size_t length)
{
    return literal->length == length && memcmp(literal->bytes, bytes, length) == 0;
}

bool grammar_graph_literal(struct grammar_set *set, const char *bytes, size_t length,
                           struct err *err)
{
    for (size_t i = 0; i < set->count; i++) {
        if (is_literal(&set->items[i], bytes, length)) {
            return true;
        }
    }
    if (length > GRAMMAR_LITERAL_MAX) {
        return err_set(err, ERR_LIMIT, "an enumerated value of %zu bytes: the most are %d", length,
                       GRAMMAR_LITERAL_MAX);
    }
    if (set->count == GRAMMAR_SET_MAX) {
        return err_set(err, ERR_LIMIT, "an enumeration of more than %d values", GRAMMAR_SET_MAX);
    }
    set_add(set, bytes, length);
    return true;
}

/* --- finishing --- */

static int compare_literals(const void *left, const void *right)
{
    const struct grammar_literal *a = left, *b = right;
    size_t common = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->bytes, b->bytes, common);
    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static void set_sort(struct grammar_set *set)
{
    if (set->count > 1) {
        qsort(set->items, set->count, sizeof *set->items, compare_literals);
    }
}

static void set_finish(struct grammar_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        mem_free(set->items[i].bytes);
    }
    mem_free(set->items);
    *set = (struct grammar_set){0};
}

/* A number that is free takes in the enumerated ones, so that a digit leads one way only. */
static void drop_bare_numbers(struct grammar_node *node)
{
    size_t kept = 0;
    for (size_t i = 0; i < node->bare.count; i++) {
        struct grammar_literal literal = node->bare.items[i];
        if (literal.bytes[0] == '-' || (literal.bytes[0] >= '0' && literal.bytes[0] <= '9')) {
            bool whole = strpbrk(literal.bytes, ".e") == NULL;
            node->kinds |= whole ? 0 : GRAMMAR_KIND_NUMBER;
            mem_free(literal.bytes);
        } else {
            node->bare.items[kept++] = literal;
        }
    }
    node->bare.count = kept;
}

/* The members become literals: as bare keys where they are names and the language has such. */
static bool spell_members(const struct grammar *grammar, struct grammar_node *node, struct err *err)
{
    if (node->member_count > GRAMMAR_MEMBERS) {
        return err_set(err, ERR_LIMIT, "an object of %zu declared keys: the most are %d",
                       node->member_count, GRAMMAR_MEMBERS);
    }
    struct str spelled;
    str_init(&spelled);
    for (size_t i = 0; i < node->member_count; i++) {
        const struct grammar_member *member = &node->members[i];
        bool bare = !grammar->json && chat_value_is_name(member->key, member->length);
        struct grammar_set *set = bare ? &node->keys : &node->quoted_keys;
        str_clear(&spelled);
        if (grammar->json) {
            grammar_json_escape(&spelled, member->key, member->length);
        } else {
            str_append_bytes(&spelled, member->key, member->length);
        }
        set_add(set, spelled.data, spelled.length);
        set->items[set->count - 1].node = member->node;
        set->items[set->count - 1].slot = (unsigned)i;
        node->required |= (uint64_t)member->required << i;
    }
    str_finish(&spelled);
    return true;
}

static uint32_t object_height(const struct grammar *grammar, const struct grammar_node *node)
{
    uint32_t height = 0;
    if ((node->kinds & GRAMMAR_KIND_OBJECT) == 0) {
        return GRAMMAR_IMPOSSIBLE;
    }
    for (size_t i = 0; i < node->member_count; i++) {
        uint32_t needed = grammar->nodes[node->members[i].node].height;
        if (node->members[i].required && needed > height) {
            height = needed;
        }
    }
    return height + 1;
}

static uint32_t array_height(const struct grammar *grammar, const struct grammar_node *node)
{
    if ((node->kinds & GRAMMAR_KIND_ARRAY) == 0 || node->min_items > node->max_items) {
        return GRAMMAR_IMPOSSIBLE;
    }
    return node->min_items == 0 ? 1 : grammar->nodes[node->item].height + 1;
}

/* Heights only fall, from impossible; what is not settled after GRAMMAR_DEPTH rounds needs more
 * levels than there are. */
static void measure(struct grammar *grammar)
{
    const unsigned scalars = GRAMMAR_KIND_STRING | GRAMMAR_KIND_INTEGER | GRAMMAR_KIND_NUMBER;
    for (size_t i = 0; i < grammar->count; i++) {
        grammar->nodes[i].height = GRAMMAR_IMPOSSIBLE;
    }
    for (int round = 0; round <= GRAMMAR_DEPTH + 1; round++) {
        for (size_t i = 0; i < grammar->count; i++) {
            struct grammar_node *node = &grammar->nodes[i];
            bool scalar =
                (node->kinds & scalars) != 0 || node->strings.count > 0 || node->bare.count > 0;
            node->object_height = object_height(grammar, node);
            node->array_height = array_height(grammar, node);
            node->height = scalar                                     ? 0
                           : node->object_height < node->array_height ? node->object_height
                                                                      : node->array_height;
        }
    }
}

bool grammar_graph_finish(struct grammar *grammar, struct err *err)
{
    if (!grammar_union_resolve(grammar, err)) {
        return false;
    }
    for (size_t i = 0; i < grammar->count; i++) {
        struct grammar_node *node = &grammar->nodes[i];
        node->source = NULL;
        if (node->kinds & (GRAMMAR_KIND_INTEGER | GRAMMAR_KIND_NUMBER)) {
            drop_bare_numbers(node);
        }
        if (node->kinds & GRAMMAR_KIND_STRING) {
            set_finish(&node->strings);
        }
        if (!spell_members(grammar, node, err)) {
            return false;
        }
        set_sort(&node->strings);
        set_sort(&node->bare);
        set_sort(&node->keys);
        set_sort(&node->quoted_keys);
    }
    set_sort(&grammar->heads);
    measure(grammar);
    return true;
}

void grammar_destroy(struct grammar *grammar)
{
    if (grammar == NULL) {
        return;
    }
    for (size_t i = 0; i < grammar->count; i++) {
        struct grammar_node *node = &grammar->nodes[i];
        set_finish(&node->strings);
        set_finish(&node->bare);
        set_finish(&node->keys);
        set_finish(&node->quoted_keys);
        for (size_t m = 0; m < node->member_count; m++) {
            mem_free(node->members[m].key);
        }
        mem_free(node->members);
        mem_free(node->alternatives);
    }
    mem_free(grammar->nodes);
    set_finish(&grammar->heads);
    mem_free(grammar);
}

/* --- searching --- */

/* The byte at `at`, or -1 behind the end: the shorter of two stands first. */
static int byte_at(const struct grammar_literal *literal, size_t at)
{
    return at < literal->length ? (unsigned char)literal->bytes[at] : -1;
}

static uint32_t lower_bound(const struct grammar_set *set, uint32_t first, uint32_t last, size_t at,
                            int byte)
{
    while (first < last) {
        uint32_t middle = first + (last - first) / 2;
        if (byte_at(&set->items[middle], at) < byte) {
            first = middle + 1;
        } else {
            last = middle;
        }
    }
    return first;
}

bool grammar_set_narrow(const struct grammar_set *set, uint32_t *first, uint32_t *last,
                        size_t length, unsigned char byte)
{
    *first = lower_bound(set, *first, *last, length, byte);
    *last = lower_bound(set, *first, *last, length, byte + 1);
    return *first < *last;
}
