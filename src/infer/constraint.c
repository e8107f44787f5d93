/* constraint: which layer decides where.
 *
 *   START           a call or a thought alone, when the turn must begin with a call
 *   START, ANSWER   the answer's grammar, when there is one; calls and thoughts only before it
 *   CALL, STRING    the calls' grammar; free inside its free strings
 *   CALLED          control tokens alone
 *   THOUGHT         free, until its budget is used up: then one token after the other is forced
 */
#include "infer/constraint.h"

#include <string.h>

#include "base/mem.h"
#include "chat/grammar_mask.h"

/* Behind the beginning of the turn that is open there are results of tools. */
static bool is_later_step(const struct chat_prompt *prompt)
{
    for (size_t i = prompt->count; i-- > 0;) {
        const struct chat_segment *segment = &prompt->segments[i];
        if (segment->kind == CHAT_SEGMENT_CONTROL && segment->control == CONTROL_TURN_OPEN) {
            return false;
        }
        if (segment->kind == CHAT_SEGMENT_CONTROL && segment->control == CONTROL_RESPONSE_CLOSE) {
            return true;
        }
    }
    return false;
}

void constraint_init(struct constraint *constraint, const struct constraint_options *options)
{
    constraint->options = *options;
    mask_init(&constraint->mask, options->prompt, options->large);
    thinking_init(&constraint->thinking,
                  is_later_step(options->prompt) ? thinking_later_budget(options->thinking_budget)
                                                 : options->thinking_budget,
                  options->prompt->starts_in_thought);
    if (options->answer != NULL) {
        grammar_start(&constraint->answer, options->answer);
    }
    size_t most = grammar_mask_size(options->tokens) + CONTROL_COUNT;
    constraint->list = mem_alloc(most, sizeof *constraint->list);
}

void constraint_finish(struct constraint *constraint)
{
    mem_free(constraint->list);
    constraint->list = NULL;
}

static bool in_call(const struct constraint *constraint)
{
    return constraint->options.calls != NULL &&
           (constraint->mask.place == MASK_CALL || constraint->mask.place == MASK_STRING);
}

static bool in_answer(const struct constraint *constraint)
{
    return constraint->options.answer != NULL &&
           (constraint->mask.place == MASK_START || constraint->mask.place == MASK_ANSWER);
}

static bool must_call_now(const struct constraint *constraint)
{
    return constraint->options.must_call && constraint->mask.place == MASK_START;
}

/* Ordinary tokens that the grammar allows; returns their count. */
static size_t list_text(struct constraint *constraint, const struct grammar_state *state)
{
    size_t count;
    const int32_t *ids = grammar_mask_list(constraint->options.tokens, state, &count);
    memcpy(constraint->list, ids, count * sizeof *ids);
    return count;
}

static bool grammar_allows(const struct grammar_state *state, enum control control)
{
    struct grammar_state copy;
    grammar_copy(&copy, state);
    return grammar_feed_control(&copy, control);
}

static bool allows(const struct constraint *constraint, enum control control)
{
    if (in_call(constraint)) {
        return grammar_allows(&constraint->call, control);
    }
    if (!mask_allows(&constraint->mask, control)) {
        return false;
    }
    if (must_call_now(constraint)) {
        return control == CONTROL_CALL_OPEN || control == CONTROL_CHANNEL_OPEN;
    }
    bool begins = control == CONTROL_CALL_OPEN || control == CONTROL_CHANNEL_OPEN;
    if (!in_answer(constraint)) {
        return true;
    }
    return begins ? constraint->mask.place == MASK_START
                  : grammar_allows(&constraint->answer, control);
}

/* The token that must end the thought now, or -1. */
static int32_t closing_token(const struct constraint *constraint)
{
    const struct constraint_options *options = &constraint->options;
    enum thinking_place place = constraint->thinking.place;
    if (place == THINKING_NEWLINE && options->newline >= 0) {
        return options->newline;
    }
    return place == THINKING_NEWLINE || place == THINKING_CLOSE
               ? options->ids->id[CONTROL_CHANNEL_CLOSE]
               : -1;
}

const int32_t *constraint_list(struct constraint *constraint, size_t *count)
{
    size_t listed = 0;
    int32_t closing = closing_token(constraint);
    if (closing >= 0) {
        constraint->list[0] = closing;
        *count = 1;
        return constraint->list;
    }
    if (in_call(constraint)) {
        if (grammar_in_string(&constraint->call)) {
            return NULL;
        }
        listed = list_text(constraint, &constraint->call);
    } else if (in_answer(constraint) && !must_call_now(constraint)) {
        listed = list_text(constraint, &constraint->answer);
    } else if (!mask_bans_text(&constraint->mask) && !must_call_now(constraint)) {
        return NULL;
    }
    for (int i = 0; i < CONTROL_COUNT; i++) {
        int32_t id = constraint->options.ids->id[i];
        if (id >= 0 && allows(constraint, (enum control)i)) {
            constraint->list[listed++] = id;
        }
    }
    *count = listed;
    return constraint->list;
}

void constraint_step(struct constraint *constraint, enum control control, const char *bytes,
                     size_t length)
{
    bool was_in_call = in_call(constraint);
    thinking_step(&constraint->thinking, control, bytes, length);
    if (constraint->thinking.place == THINKING_CLOSED) {
        constraint->mask.may_think = false;
    }
    if (was_in_call && control == CONTROL_NONE) {
        grammar_feed_bytes(&constraint->call, bytes, length);
    } else if (was_in_call) {
        grammar_feed_control(&constraint->call, control);
    } else if (in_answer(constraint) && control == CONTROL_NONE) {
        grammar_feed_bytes(&constraint->answer, bytes, length);
    }
    mask_step(&constraint->mask, control);
    if (!was_in_call && in_call(constraint)) {
        grammar_start(&constraint->call, constraint->options.calls);
    }
}
