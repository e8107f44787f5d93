/* grammar: the automaton.
 *
 *   HEAD {           OBJECT_OPEN -> KEY : VALUE -> AFTER , KEY_NEXT -> ...      } -> AFTER
 *   VALUE [          ARRAY_OPEN -> VALUE -> AFTER , VALUE -> ...                ] -> AFTER
 *
 * Numbers and bare literals have no end of their own: the byte behind them ends them and is then
 * read again, as what follows a value. A way that cannot be finished is not entered: see usable().
 */
#include "chat/grammar.h"

#include <string.h>

#include "chat/grammar_graph.h"
#include "chat/grammar_json.h"

enum {
    WHOLE_DIGITS_MAX = 18, /* fits in 64 bits */
    FRACTION_DIGITS_MAX = 17,
};

enum step {
    STEP_REFUSED,
    STEP_TAKEN,
    STEP_AGAIN, /* the byte ended a value and is still to be read */
};

static enum step taken(bool good)
{
    return good ? STEP_TAKEN : STEP_REFUSED;
}

static const struct grammar_node *node_at(const struct grammar_state *state, uint32_t node)
{
    return &state->grammar->nodes[node];
}

static struct grammar_frame *top(struct grammar_state *state)
{
    return &state->frames[state->depth - 1];
}

void grammar_start(struct grammar_state *state, const struct grammar *grammar)
{
    memset(state, 0, sizeof *state);
    state->grammar = grammar;
    if (grammar->json) {
        state->phase = GRAMMAR_VALUE;
        state->node = grammar->root;
    } else {
        state->phase = GRAMMAR_HEAD;
        state->set = &grammar->heads;
        state->last = (uint32_t)grammar->heads.count;
    }
}

void grammar_copy(struct grammar_state *to, const struct grammar_state *from)
{
    memcpy(to, from, offsetof(struct grammar_state, frames) + from->depth * sizeof from->frames[0]);
}

/* --- literals --- */

static void begin_literal(struct grammar_state *state, enum grammar_phase phase,
                          const struct grammar_set *set)
{
    state->phase = (uint8_t)phase;
    state->set = set;
    state->first = 0;
    state->last = (uint32_t)set->count;
    state->length = 0;
}

/* The literal that was written whole, or NULL; a longer one may begin with it. */
static const struct grammar_literal *whole_literal(const struct grammar_state *state)
{
    if (state->first >= state->last) { /* a set without any has no items to point at */
        return NULL;
    }
    const struct grammar_literal *literal = &state->set->items[state->first];
    return literal->length == state->length ? literal : NULL;
}

static bool literal_byte(struct grammar_state *state, unsigned char byte)
{
    bool found = grammar_set_narrow(state->set, &state->first, &state->last, state->length, byte);
    state->length++;
    return found;
}

/* --- values --- */

/* A value of this node fits in the levels that are left. */
static bool fits(const struct grammar_state *state, uint32_t height)
{
    return state->depth + height <= GRAMMAR_DEPTH;
}

static bool push(struct grammar_state *state, bool is_array)
{
    const struct grammar_node *node = node_at(state, state->node);
    if (!fits(state, is_array ? node->array_height : node->object_height)) {
        return false;
    }
    state->frames[state->depth++] =
        (struct grammar_frame){.node = state->node, .is_array = is_array};
    state->phase = is_array ? GRAMMAR_ARRAY_OPEN : GRAMMAR_OBJECT_OPEN;
    return true;
}

static bool pop(struct grammar_state *state)
{
    state->depth--;
    state->phase = GRAMMAR_AFTER;
    return true;
}

static bool begin_string(struct grammar_state *state)
{
    const struct grammar_node *node = node_at(state, state->node);
    if (node->kinds & GRAMMAR_KIND_STRING) {
        state->phase = GRAMMAR_STRING;
        state->continuations = 0;
        return true;
    }
    begin_literal(state, GRAMMAR_CHOICE, &node->strings);
    return node->strings.count > 0;
}

static bool begin_digits(struct grammar_state *state, unsigned char byte)
{
    state->phase = byte == '0' ? GRAMMAR_ZERO : GRAMMAR_DIGITS;
    state->length = 1;
    return byte >= '0' && byte <= '9';
}

static enum step at_value(struct grammar_state *state, unsigned char byte)
{
    const struct grammar_node *node = node_at(state, state->node);
    bool number = (node->kinds & (GRAMMAR_KIND_INTEGER | GRAMMAR_KIND_NUMBER)) != 0;
    if (byte == '{') {
        return taken(push(state, false));
    }
    if (byte == '[') {
        return taken(push(state, true));
    }
    if (byte == '"' && state->grammar->json) {
        return taken(begin_string(state));
    }
    if (number && byte == '-') {
        state->phase = GRAMMAR_MINUS;
        return STEP_TAKEN;
    }
    if (number && byte >= '0' && byte <= '9') {
        return taken(begin_digits(state, byte));
    }
    begin_literal(state, GRAMMAR_BARE, &node->bare);
    return taken(literal_byte(state, byte));
}

static enum step end_value(struct grammar_state *state)
{
    state->phase = GRAMMAR_AFTER;
    return STEP_AGAIN;
}

static enum step in_bare(struct grammar_state *state, unsigned char byte)
{
    bool whole = whole_literal(state) != NULL;
    uint32_t first = state->first, last = state->last;
    if (grammar_set_narrow(state->set, &first, &last, state->length, byte)) {
        return taken(literal_byte(state, byte));
    }
    return whole ? end_value(state) : STEP_REFUSED;
}

static enum step in_number(struct grammar_state *state, unsigned char byte)
{
    bool digit = byte >= '0' && byte <= '9';
    bool fraction = (node_at(state, state->node)->kinds & GRAMMAR_KIND_NUMBER) != 0;
    switch (state->phase) {
    case GRAMMAR_MINUS:
        return taken(begin_digits(state, byte));
    case GRAMMAR_POINT:
        state->phase = GRAMMAR_FRACTION;
        state->length = 1;
        return taken(digit);
    case GRAMMAR_FRACTION:
        return digit ? taken(++state->length <= FRACTION_DIGITS_MAX) : end_value(state);
    case GRAMMAR_DIGITS:
        if (digit) {
            return taken(++state->length <= WHOLE_DIGITS_MAX);
        }
        break;
    default: /* ZERO: no digit may follow */
        break;
    }
    if (byte == '.' && fraction) {
        state->phase = GRAMMAR_POINT;
        return STEP_TAKEN;
    }
    return digit ? STEP_REFUSED : end_value(state);
}

static enum step in_json_string(struct grammar_state *state, unsigned char byte)
{
    if (byte == '"' && grammar_in_json_string(state)) {
        state->phase = GRAMMAR_AFTER;
        return STEP_TAKEN;
    }
    return taken(grammar_json_byte(state, byte));
}

static enum step in_choice(struct grammar_state *state, unsigned char byte)
{
    /* No literal ends where an escaped quote goes on, so this quote is the closing one. */
    if (state->grammar->json && byte == '"' && whole_literal(state) != NULL) {
        state->phase = GRAMMAR_AFTER;
        return STEP_TAKEN;
    }
    return taken(literal_byte(state, byte));
}

/* --- keys --- */

/* The key may still be written here, and its value can be finished. */
static bool usable(const struct grammar_state *state, const struct grammar_literal *key)
{
    const struct grammar_frame *frame = &state->frames[state->depth - 1];
    return (frame->used >> key->slot & 1) == 0 && fits(state, node_at(state, key->node)->height);
}

static bool any_usable(const struct grammar_state *state, const struct grammar_set *set,
                       uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i < last; i++) {
        if (usable(state, &set->items[i])) {
            return true;
        }
    }
    return false;
}

static bool generic_usable(const struct grammar_state *state)
{
    const struct grammar_frame *frame = &state->frames[state->depth - 1];
    uint32_t additional = node_at(state, frame->node)->additional;
    return additional != GRAMMAR_NO_NODE && fits(state, node_at(state, additional)->height);
}

/* Begins a key of this set, or one that is not declared; false when there is none left. */
static bool begin_key(struct grammar_state *state, enum grammar_phase phase,
                      const struct grammar_set *set, bool generic)
{
    begin_literal(state, phase, set);
    state->generic = generic && generic_usable(state);
    return state->generic || any_usable(state, set, 0, (uint32_t)set->count);
}

static bool begin_quoted_key(struct grammar_state *state)
{
    const struct grammar_node *node = node_at(state, top(state)->node);
    return begin_key(state, GRAMMAR_KEY_QUOTED, &node->quoted_keys, state->grammar->json);
}

static bool any_key(const struct grammar_state *state)
{
    const struct grammar_node *node = node_at(state, state->frames[state->depth - 1].node);
    return generic_usable(state) || any_usable(state, &node->keys, 0, (uint32_t)node->keys.count) ||
           any_usable(state, &node->quoted_keys, 0, (uint32_t)node->quoted_keys.count);
}

static bool is_name_byte(unsigned char byte, bool first)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           (!first && byte >= '0' && byte <= '9');
}

static enum step key_byte(struct grammar_state *state, unsigned char byte)
{
    state->generic = state->generic && is_name_byte(byte, state->length == 0) &&
                     state->length < GRAMMAR_NAME_MAX;
    bool found = literal_byte(state, byte);
    if (found && any_usable(state, state->set, state->first, state->last)) {
        return STEP_TAKEN;
    }
    /* A key that is not declared must differ from the declared ones, and have room to. */
    bool stuck = state->length == GRAMMAR_NAME_MAX && found && whole_literal(state) != NULL;
    return taken(state->generic && !stuck);
}

/* The key is whole: its value comes next. */
static bool end_key(struct grammar_state *state, enum grammar_phase next)
{
    struct grammar_frame *frame = top(state);
    const struct grammar_literal *key = whole_literal(state);
    if (key != NULL) {
        if (!usable(state, key)) {
            return false;
        }
        frame->used |= UINT64_C(1) << key->slot;
        state->node = key->node;
    } else if (state->generic && state->length > 0) {
        state->node = node_at(state, frame->node)->additional;
    } else {
        return false;
    }
    state->phase = (uint8_t)next;
    return true;
}

static enum step in_key(struct grammar_state *state, unsigned char byte)
{
    if (byte == ':') {
        return taken(end_key(state, GRAMMAR_VALUE));
    }
    return key_byte(state, byte);
}

static enum step in_quoted_key(struct grammar_state *state, unsigned char byte)
{
    if (state->grammar->json && byte == '"' && (state->generic || whole_literal(state) != NULL)) {
        return taken(end_key(state, GRAMMAR_COLON));
    }
    return key_byte(state, byte);
}

static enum step at_key(struct grammar_state *state, unsigned char byte)
{
    const struct grammar_node *node = node_at(state, top(state)->node);
    if (byte == '}' && state->phase == GRAMMAR_OBJECT_OPEN) {
        return taken(node->required == 0 && pop(state));
    }
    if (state->grammar->json) {
        return taken(byte == '"' && begin_quoted_key(state));
    }
    return begin_key(state, GRAMMAR_KEY, &node->keys, true) ? key_byte(state, byte) : STEP_REFUSED;
}

/* --- structure --- */

static enum step in_head(struct grammar_state *state, unsigned char byte)
{
    const struct grammar_literal *head = byte == '{' ? whole_literal(state) : NULL;
    if (head != NULL) {
        state->node = head->node;
        return taken(push(state, false));
    }
    return taken(literal_byte(state, byte));
}

static enum step at_colon(struct grammar_state *state, unsigned char byte)
{
    state->phase = GRAMMAR_VALUE;
    return taken(byte == ':');
}

/* One more item of the array on top, if there may be one. */
static bool begin_item(struct grammar_state *state)
{
    struct grammar_frame *frame = top(state);
    const struct grammar_node *node = node_at(state, frame->node);
    if (frame->count >= node->max_items || !fits(state, node_at(state, node->item)->height)) {
        return false;
    }
    frame->count++;
    state->node = node->item;
    state->phase = GRAMMAR_VALUE;
    return true;
}

static enum step at_item(struct grammar_state *state, unsigned char byte)
{
    if (byte == ']') {
        return taken(node_at(state, top(state)->node)->min_items == 0 && pop(state));
    }
    return begin_item(state) ? at_value(state, byte) : STEP_REFUSED;
}

static enum step after_value(struct grammar_state *state, unsigned char byte)
{
    if (state->depth == 0) {
        return STEP_REFUSED;
    }
    const struct grammar_frame *frame = top(state);
    const struct grammar_node *node = node_at(state, frame->node);
    if (frame->is_array) {
        return byte == ','   ? taken(begin_item(state))
               : byte == ']' ? taken(frame->count >= node->min_items && pop(state))
                             : STEP_REFUSED;
    }
    if (byte == ',') {
        state->phase = GRAMMAR_KEY_NEXT;
        return taken(any_key(state));
    }
    return taken(byte == '}' && (frame->used & node->required) == node->required && pop(state));
}

/* --- feeding --- */

static enum step in_string(struct grammar_state *state, unsigned char byte)
{
    return state->grammar->json ? in_json_string(state, byte) : STEP_TAKEN;
}

static enum step at_end(struct grammar_state *state, unsigned char byte)
{
    (void)state;
    (void)byte;
    return STEP_REFUSED;
}

static enum step (*const steps[])(struct grammar_state *state, unsigned char byte) = {
    [GRAMMAR_HEAD] = in_head,
    [GRAMMAR_OBJECT_OPEN] = at_key,
    [GRAMMAR_KEY_NEXT] = at_key,
    [GRAMMAR_KEY] = in_key,
    [GRAMMAR_KEY_QUOTED] = in_quoted_key,
    [GRAMMAR_COLON] = at_colon,
    [GRAMMAR_VALUE] = at_value,
    [GRAMMAR_ARRAY_OPEN] = at_item,
    [GRAMMAR_STRING] = in_string,
    [GRAMMAR_ESCAPE] = in_json_string,
    [GRAMMAR_UNICODE] = in_json_string,
    [GRAMMAR_CHOICE] = in_choice,
    [GRAMMAR_BARE] = in_bare,
    [GRAMMAR_MINUS] = in_number,
    [GRAMMAR_ZERO] = in_number,
    [GRAMMAR_DIGITS] = in_number,
    [GRAMMAR_POINT] = in_number,
    [GRAMMAR_FRACTION] = in_number,
    [GRAMMAR_AFTER] = after_value,
    [GRAMMAR_END] = at_end,
};

bool grammar_feed_bytes(struct grammar_state *state, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        enum step step = steps[state->phase](state, byte);
        if (step == STEP_AGAIN) {
            step = after_value(state, byte);
        }
        if (step == STEP_REFUSED) {
            return false;
        }
    }
    return true;
}

static bool feed_quote(struct grammar_state *state)
{
    switch (state->phase) {
    case GRAMMAR_OBJECT_OPEN:
    case GRAMMAR_KEY_NEXT:
        return begin_quoted_key(state);
    case GRAMMAR_KEY_QUOTED:
        return end_key(state, GRAMMAR_COLON);
    case GRAMMAR_ARRAY_OPEN:
        return begin_item(state) && begin_string(state);
    case GRAMMAR_VALUE:
        return begin_string(state);
    case GRAMMAR_STRING:
        state->phase = GRAMMAR_AFTER;
        return true;
    case GRAMMAR_CHOICE:
        state->phase = GRAMMAR_AFTER;
        return whole_literal(state) != NULL;
    default:
        return false;
    }
}

bool grammar_feed_control(struct grammar_state *state, enum control control)
{
    if (state->grammar->json) {
        bool ends = control == CONTROL_TURN_CLOSE || control == CONTROL_EOS;
        bool done = state->phase != GRAMMAR_END && grammar_done(state);
        state->phase = GRAMMAR_END;
        return ends && done;
    }
    if (control == CONTROL_QUOTE) {
        return feed_quote(state);
    }
    bool done = state->phase == GRAMMAR_AFTER && state->depth == 0;
    state->phase = GRAMMAR_END;
    return control == CONTROL_CALL_CLOSE && done;
}

bool grammar_in_string(const struct grammar_state *state)
{
    return state->phase == GRAMMAR_STRING && !state->grammar->json;
}

bool grammar_in_json_string(const struct grammar_state *state)
{
    return state->phase == GRAMMAR_STRING && state->grammar->json && state->continuations == 0;
}

bool grammar_done(const struct grammar_state *state)
{
    if (state->phase == GRAMMAR_END) {
        return true;
    }
    if (!state->grammar->json || state->depth > 0) {
        return false;
    }
    switch (state->phase) {
    case GRAMMAR_AFTER:
    case GRAMMAR_ZERO:
    case GRAMMAR_DIGITS:
    case GRAMMAR_FRACTION:
        return true;
    case GRAMMAR_BARE:
        return whole_literal(state) != NULL;
    default:
        return false;
    }
}
