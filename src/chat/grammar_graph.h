/* grammar_graph: the nodes that a schema becomes, and that the automaton walks.
 *
 * A node is the set of all values that may stand at a place: kinds that are free (a string, a
 * number) and literals that are given (an enumeration, true, null). It is built in two steps.
 * grammar_schema.c makes nodes that still name alternatives; grammar_graph_finish unites those,
 * sorts the literals for search by prefix, and computes for every node how many levels of nesting
 * a value needs at least. A value that needs more than there are left may not be begun, which is
 * what makes a schema that only infinite values satisfy impossible to enter.
 *
 * Private to grammar*.c.
 */
#ifndef CARAT_CHAT_GRAMMAR_GRAPH_H
#define CARAT_CHAT_GRAMMAR_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum {
    GRAMMAR_KIND_STRING = 1,
    GRAMMAR_KIND_INTEGER = 2,
    GRAMMAR_KIND_NUMBER = 4,
    GRAMMAR_KIND_OBJECT = 8,
    GRAMMAR_KIND_ARRAY = 16,
};

enum {
    GRAMMAR_NODES_MAX = 4096,
    GRAMMAR_SET_MAX = 4096,     /* literals of one enumeration */
    GRAMMAR_LITERAL_MAX = 4096, /* bytes of one */
    GRAMMAR_ANY = 0,            /* the node of any value whatever */
    GRAMMAR_IMPOSSIBLE = 1000,  /* a height above every depth */
};

#define GRAMMAR_NO_NODE  UINT32_MAX
#define GRAMMAR_NO_LIMIT UINT32_MAX

struct grammar_literal {
    char *bytes; /* owned; may hold NULs */
    size_t length;
    uint32_t node; /* a key's value, a tool's arguments */
    unsigned slot; /* a key's bit */
};

/* After finishing: sorted by bytes, none twice. */
struct grammar_set {
    struct grammar_literal *items;
    size_t count, capacity;
};

struct grammar_member {
    char *key; /* as the schema spells it; owned */
    size_t length;
    uint32_t node;
    bool required;
};

struct grammar_node {
    const void *source; /* the schema, while it is being read */
    unsigned kinds;
    struct grammar_set strings, bare; /* values of enumerations: inside quotes, without */

    /* OBJECT */
    struct grammar_member *members;
    size_t member_count, member_capacity;
    uint32_t additional;                  /* of keys that are not declared, or NO_NODE */
    struct grammar_set keys, quoted_keys; /* finished: the members by their spelling */
    uint64_t required;                    /* finished: by slot */

    uint32_t item, min_items, max_items; /* ARRAY */

    /* Until finished: further nodes whose values may stand here too. */
    uint32_t *alternatives;
    size_t alternative_count, alternative_capacity;
    unsigned union_depth; /* how many unions inside each other made this node */

    uint32_t object_height, array_height, height; /* finished: levels of nesting needed */
};

struct grammar {
    bool json; /* a JSON value, not calls */
    struct grammar_node *nodes;
    size_t count, capacity;
    struct grammar_set heads; /* calls: "call:NAME" */
    uint32_t root;            /* value */
};

struct grammar *grammar_graph_create(bool json); /* with the node GRAMMAR_ANY */

/* An empty node: no value at all. GRAMMAR_NO_NODE and *err when there are too many. */
uint32_t grammar_graph_add(struct grammar *grammar, const void *source, struct err *err);
void grammar_graph_add_alternative(struct grammar_node *node, uint32_t alternative);

/* The member of that key, added when there is none: its node is GRAMMAR_NO_NODE then. A pointer
 * until the next one is added. */
struct grammar_member *grammar_graph_member(struct grammar_node *node, const char *key,
                                            size_t length);

/* Adds a literal unless it is there; false and *err when it or the set is too large. */
bool grammar_graph_literal(struct grammar_set *set, const char *bytes, size_t length,
                           struct err *err);

/* Unites, sorts and measures; nothing may be added afterwards. */
bool grammar_graph_finish(struct grammar *grammar, struct err *err);

/* The step of it that unites alternatives (grammar_union.c). */
bool grammar_union_resolve(struct grammar *grammar, struct err *err);

/* Narrows [*first, *last), the literals that agree in their first `length` bytes, to those that
 * go on with `byte`; false when none does. */
bool grammar_set_narrow(const struct grammar_set *set, uint32_t *first, uint32_t *last,
                        size_t length, unsigned char byte);

#endif
