/* speculation: see speculation.h. Look-up comes first, because it costs nothing; the drafter
 * guesses where nothing repeats. */
#include "speculation.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "text/drafter.h"

enum { FIRST_LENGTH = 4, FIRST_PAUSE = 8 };

uint64_t speculation_plan(size_t vocabulary, size_t hidden_size)
{
    const struct speculation *speculation = NULL;
    return SPECULATION_PASS *
           (vocabulary * sizeof *speculation->rows + hidden_size * sizeof *speculation->states);
}

bool speculation_init(struct speculation *speculation, const struct speculation_options *options,
                      struct err *err)
{
    struct speculation made = {
        .drafter = options->drafter,
        .lookup = options->lookup,
        .most = options->most,
        .proposed = speculation->proposed,
        .accepted = speculation->accepted,
    };
    size_t rows = options->most + 1;
    bool on = options->most > 0;
    bool drafts = on && options->drafter != NULL;
    made.rows = on ? mem_try_alloc(rows * options->vocabulary, sizeof *made.rows) : NULL;
    made.states = drafts ? mem_try_alloc(rows * options->hidden_size, sizeof *made.states) : NULL;
    if ((on && made.rows == NULL) || (drafts && made.states == NULL)) {
        speculation_finish(&made);
        return err_set(err, ERR_MEMORY, "no memory for the logits of %zu guesses", options->most);
    }
    speculation_finish(speculation);
    *speculation = made;
    return true;
}

void speculation_finish(struct speculation *speculation)
{
    mem_free(speculation->rows);
    mem_free(speculation->states);
    *speculation = (struct speculation){0};
}

/* --- how many --- */

size_t speculation_pace_next(struct speculation_pace *pace, size_t most)
{
    if (pace->next_pause == 0) { /* the first time */
        pace->next_pause = FIRST_PAUSE;
        pace->length = FIRST_LENGTH;
    }
    if (pace->pause > 0) {
        pace->pause--;
        return 0;
    }
    return pace->length < most ? pace->length : most;
}

void speculation_pace_settle(struct speculation_pace *pace, size_t guessed, size_t taken)
{
    if (taken == guessed) {
        pace->length = guessed * 2 < SPECULATION_MOST ? guessed * 2 : SPECULATION_MOST;
        pace->next_pause = FIRST_PAUSE;
        return;
    }
    if (taken * 2 >= guessed) {
        pace->length = guessed;
        pace->next_pause = FIRST_PAUSE;
        return;
    }
    pace->length = guessed / 2 > 1 ? guessed / 2 : 1;
    if (guessed == 1) { /* and that one failed: it does not pay here */
        pace->pause = pace->next_pause;
        pace->next_pause =
            pace->pause * 2 < SPECULATION_PAUSE_MOST ? pace->pause * 2 : SPECULATION_PAUSE_MOST;
    }
}

void speculation_settle(struct speculation *speculation)
{
    if (speculation->guessed > 0) {
        speculation_pace_settle(&speculation->paces[speculation->source], speculation->guessed,
                                speculation->taken);
    }
    speculation->guessed = 0;
    speculation->taken = 0;
}

/* --- what --- */

static bool same(const struct speculation_history *history, size_t a, size_t b)
{
    return history->tokens[a] == history->tokens[b] && history->contents[a] == history->contents[b];
}

/* How many positions before `end` hold the same as those before the history's end. */
static size_t common_suffix(const struct speculation_history *history, size_t end)
{
    size_t n = 0;
    while (n < end && n < SPECULATION_LONGEST &&
           same(history, end - 1 - n, history->count - 1 - n)) {
        n++;
    }
    return n;
}

size_t speculation_look_up(const struct speculation_history *history, size_t most, int32_t *guesses)
{
    size_t longest = SPECULATION_SHORTEST - 1, count = history->count, from = count;
    for (size_t end = count; end-- > SPECULATION_SHORTEST && longest < SPECULATION_LONGEST;) {
        size_t length = common_suffix(history, end);
        if (length > longest) {
            longest = length;
            from = end;
        }
    }
    if (from == count) {
        return 0;
    }
    for (size_t i = 0; i < most; i++) { /* what repeats to its very end goes on repeating */
        size_t at = from + i % (count - from);
        if (history->contents[at] != 0) {
            return i;
        }
        guesses[i] = history->tokens[at];
    }
    return most;
}

static size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t speculation_guess(struct speculation *speculation, const struct speculation_history *history,
                         size_t room, const struct drafter_place *place, int32_t *guesses)
{
    size_t found = 0, most = at_most(speculation->most, room);
    /* The look-up's pause counts the tokens at which there was something to guess. */
    if (speculation->lookup && most > 0 && speculation_look_up(history, 1, guesses) > 0) {
        size_t wanted = speculation_pace_next(&speculation->paces[SPECULATION_LOOKUP], most);
        found = wanted > 0 ? speculation_look_up(history, wanted, guesses) : 0;
        speculation->source = SPECULATION_LOOKUP;
    }
    if (found == 0 && most > 0 && speculation->drafter != NULL && place != NULL) {
        size_t wanted = speculation_pace_next(&speculation->paces[SPECULATION_DRAFTER],
                                              at_most(most, SPECULATION_DRAFTED));
        found = drafter_guess(speculation->drafter, place, wanted, guesses);
        speculation->source = SPECULATION_DRAFTER;
    }
    speculation->guessed = found;
    speculation->taken = 0;
    speculation->proposed += found;
    return found;
}
