/* grammar: what may be written next, byte by byte and control token by control token.
 *
 * Two languages, one automaton. A grammar of calls knows the declared tools: its sentences begin
 * behind CALL_OPEN and are
 *
 *     call:NAME{key:value,...} CALL_CLOSE      strings between QUOTE tokens, no white space
 *
 * with the keys in any order, each at most once, and the closing brace only where every required
 * one is there. A grammar of a value is one JSON text, without white space, that a JSON Schema
 * describes; it ends with TURN_CLOSE or EOS.
 *
 * Invariant: what was accepted can always be finished. A state is a plain value: to try a token,
 * copy the state and feed the copy. The grammar is read-only once made: any thread.
 *
 * Left out, because the tools check it themselves: pattern, format, bounds of numbers and of the
 * length of strings, allOf of several parts, not, if. Where alternatives (anyOf, oneOf) are both
 * objects, their keys are united and only what both require is required. Keys that a schema does
 * not declare but allows are names of at most GRAMMAR_NAME_MAX bytes, and may come twice.
 */
#ifndef CARAT_CHAT_GRAMMAR_H
#define CARAT_CHAT_GRAMMAR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chat/control.h"

struct err;
struct grammar;
struct grammar_set;

enum {
    GRAMMAR_DEPTH = 32,    /* most objects and arrays inside each other */
    GRAMMAR_MEMBERS = 64,  /* most declared keys of one object */
    GRAMMAR_NAME_MAX = 64, /* bytes of a key that is not declared */
};

/* The calls of the declared tools, an array in OpenAI form; NULL and *err when a name cannot stand
 * in a call, a schema is over a limit, or no arguments can satisfy it. `tools` is not kept. */
struct grammar *grammar_create_calls(const json_t *tools, struct err *err);

/* One JSON value. `schema` is not kept. */
struct grammar *grammar_create_value(const json_t *schema, struct err *err);

void grammar_destroy(struct grammar *grammar);

enum grammar_phase {
    GRAMMAR_HEAD,        /* in call:NAME */
    GRAMMAR_OBJECT_OPEN, /* behind {: a key or } */
    GRAMMAR_KEY_NEXT,    /* behind a comma in an object */
    GRAMMAR_KEY,         /* in a bare key */
    GRAMMAR_KEY_QUOTED,  /* in a quoted one */
    GRAMMAR_COLON,       /* behind a quoted one */
    GRAMMAR_VALUE,       /* before a value */
    GRAMMAR_ARRAY_OPEN,  /* behind [: a value or ] */
    GRAMMAR_STRING,      /* in a free string */
    GRAMMAR_ESCAPE,      /* behind a backslash in it (JSON) */
    GRAMMAR_UNICODE,     /* in the four digits of \u (JSON) */
    GRAMMAR_CHOICE,      /* in a string of an enumeration */
    GRAMMAR_BARE,        /* in true, false, null or a number of an enumeration */
    GRAMMAR_MINUS,       /* a number: behind its sign, */
    GRAMMAR_ZERO,        /* a leading zero, */
    GRAMMAR_DIGITS,      /* in its whole part, */
    GRAMMAR_POINT,       /* behind the point, */
    GRAMMAR_FRACTION,    /* behind that */
    GRAMMAR_AFTER,       /* behind a value */
    GRAMMAR_END,         /* behind the control token that ends it */
};

/* An object or array that is open. */
struct grammar_frame {
    uint64_t used; /* object: the declared keys that were written, by slot */
    uint32_t node, count;
    bool is_array;
};

/* Only the first `depth` frames mean anything; grammar_copy leaves out the others. */
struct grammar_state {
    const struct grammar *grammar;
    const struct grammar_set *set; /* HEAD, KEY*, CHOICE, BARE: the literals, of which */
    uint32_t first, last;          /* these begin with what was written; UNICODE: first = code */
    uint32_t length;               /* bytes of the literal or key; digits of the number or \u */
    uint32_t node;                 /* the value that is expected or being written */
    uint32_t depth;
    uint8_t phase;                              /* enum grammar_phase */
    bool generic;                               /* KEY*: it may be one that is not declared */
    uint8_t continuations, low_byte, high_byte; /* STRING: the rest of a UTF-8 sequence (JSON) */
    struct grammar_frame frames[GRAMMAR_DEPTH];
};

void grammar_start(struct grammar_state *state, const struct grammar *grammar);
void grammar_copy(struct grammar_state *to, const struct grammar_state *from);

/* False: it may not be written here, and the state is spoilt. */
bool grammar_feed_bytes(struct grammar_state *state, const char *bytes, size_t length);
bool grammar_feed_control(struct grammar_state *state, enum control control);

/* In a free string of a call: every ordinary token and QUOTE may follow, nothing else. */
bool grammar_in_string(const struct grammar_state *state);

/* In a free string of a JSON value, between two characters: whatever is plain text may follow. */
bool grammar_in_json_string(const struct grammar_state *state);

/* A call: CALL_CLOSE was fed. A value: it is complete (a number might still go on). */
bool grammar_done(const struct grammar_state *state);

#endif
