/* mask: one table of what may be written where, one of where that leads.
 *
 *   START -> text -> ANSWER        START, ANSWER -> CALL_OPEN -> CALL -> CALL_CLOSE -> CALLED
 *   START -> CHANNEL_OPEN -> THOUGHT -> CHANNEL_CLOSE -> START      CALL <-> QUOTE <-> STRING
 */
#include "infer/mask.h"

#define BIT(control) (UINT32_C(1) << (control))

static const uint32_t allowed[MASK_PLACES] = {
    [MASK_START] = BIT(CONTROL_CHANNEL_OPEN) | BIT(CONTROL_CALL_OPEN),
    [MASK_ANSWER] = BIT(CONTROL_CALL_OPEN) | BIT(CONTROL_TURN_CLOSE) | BIT(CONTROL_EOS),
    [MASK_THOUGHT] = BIT(CONTROL_CHANNEL_CLOSE),
    [MASK_CALL] = BIT(CONTROL_QUOTE) | BIT(CONTROL_CALL_CLOSE),
    [MASK_STRING] = BIT(CONTROL_QUOTE),
    [MASK_CALLED] = BIT(CONTROL_CALL_OPEN) | BIT(CONTROL_RESPONSE_OPEN),
};

static const struct {
    enum mask_place from;
    enum control control;
    enum mask_place to;
} moves[] = {
    {MASK_START, CONTROL_NONE, MASK_ANSWER},
    {MASK_START, CONTROL_CHANNEL_OPEN, MASK_THOUGHT},
    {MASK_START, CONTROL_CALL_OPEN, MASK_CALL},
    {MASK_ANSWER, CONTROL_CALL_OPEN, MASK_CALL},
    {MASK_THOUGHT, CONTROL_CHANNEL_CLOSE, MASK_START},
    {MASK_CALL, CONTROL_QUOTE, MASK_STRING},
    {MASK_CALL, CONTROL_CALL_CLOSE, MASK_CALLED},
    {MASK_STRING, CONTROL_QUOTE, MASK_CALL},
    {MASK_CALLED, CONTROL_CALL_OPEN, MASK_CALL},
};

static bool prompt_has(const struct chat_prompt *prompt, enum control control)
{
    for (size_t i = 0; i < prompt->count; i++) {
        if (prompt->segments[i].kind == CHAT_SEGMENT_CONTROL &&
            prompt->segments[i].control == control) {
            return true;
        }
    }
    return false;
}

void mask_init(struct mask *mask, const struct chat_prompt *prompt, bool large)
{
    mask->place = prompt->starts_in_thought ? MASK_THOUGHT : MASK_START;
    mask->may_think = large || prompt_has(prompt, CONTROL_THINK);
    mask->may_call = prompt_has(prompt, CONTROL_TOOL_OPEN);
}

bool mask_allows(const struct mask *mask, enum control control)
{
    if ((control == CONTROL_CHANNEL_OPEN && !mask->may_think) ||
        (control == CONTROL_CALL_OPEN && !mask->may_call)) {
        return false;
    }
    return control_model_may_write(control) && (allowed[mask->place] & BIT(control)) != 0;
}

bool mask_bans_text(const struct mask *mask)
{
    return mask->place == MASK_CALLED;
}

void mask_step(struct mask *mask, enum control control)
{
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        if (moves[i].from == mask->place && moves[i].control == control) {
            mask->place = moves[i].to;
            return;
        }
    }
}
