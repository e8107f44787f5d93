/* speculation: what a session guesses of the tokens to come, and whether guessing pays.
 *
 * A pass over several tokens costs little more than one over a single token, because the weights
 * are read once. So a session that appends a token evaluates guesses of what will follow it in the
 * same pass; when the caller then appends just that, everything is there already. Guesses come from
 *
 *   look-up    what followed where the session's last tokens stood before: edits, quotes, lists
 *   a drafter  a small model that was made to foresee the large one (text/drafter.h)
 *
 * Nothing is accepted here: the caller chooses each token as if there were no guesses, from logits
 * that are the same with and without them. For a guess that is one certain token this is rejection
 * sampling itself: it comes true with the probability that the model gives it, and where it does
 * not, what was drawn instead has the distribution of the rest.
 *
 * A pass of few tokens gives each of them the same bits as a pass of its own, in exact arithmetic
 * always and in fast arithmetic up to the number that compute/tensor.h names; SPECULATION_PASS is
 * not above it.
 *
 * How many tokens are guessed follows from how many came true, for each source apart, and falls to
 * none for a while where none do. Owned by a session, as its cache is.
 */
#ifndef CARAT_SPECULATION_H
#define CARAT_SPECULATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct drafter;
struct drafter_place;
struct err;

enum {
    SPECULATION_PASS = 16, /* tokens of a pass with guesses, those that are appended included */
    SPECULATION_MOST = SPECULATION_PASS - 1, /* guesses at a time */
    SPECULATION_DRAFTED = 4,      /* of these so many from a drafter: each is a pass of its own */
    SPECULATION_SHORTEST = 3,     /* tokens that must repeat for a look-up */
    SPECULATION_LONGEST = 32,     /* and that are compared at most */
    SPECULATION_PAUSE_MOST = 256, /* most tokens without a guess after guesses that failed */
};

enum speculation_source { SPECULATION_LOOKUP, SPECULATION_DRAFTER, SPECULATION_SOURCES };

/* How many tokens to guess; all 0 at first. */
struct speculation_pace {
    size_t length;
    size_t pause;      /* so many more rounds without a guess */
    size_t next_pause; /* how long the next one is */
};

struct speculation {
    struct drafter *drafter; /* borrowed; NULL = none */
    bool lookup;
    size_t most;   /* 0 = guess nothing */
    float *rows;   /* [most + 1][vocabulary]: logits after the last token and after each guess */
    float *states; /* [most + 1][hidden_size]: what those rows were made of; NULL: no drafter */
    bool has_state;
    size_t guessed, taken; /* of the last pass: the guesses, and how many of them came true */
    enum speculation_source source;
    struct speculation_pace paces[SPECULATION_SOURCES];
    uint64_t proposed, accepted;
};

/* What all guesses together take, at most. */
uint64_t speculation_plan(size_t vocabulary, size_t hidden_size);

struct speculation_options {
    struct drafter *drafter;
    bool lookup;
    size_t most; /* at most SPECULATION_MOST */
    size_t vocabulary, hidden_size;
};

/* In place of what was there (all 0 at first), whose counts stay. ERR_MEMORY changes nothing. */
bool speculation_init(struct speculation *speculation, const struct speculation_options *options,
                      struct err *err);
void speculation_finish(struct speculation *speculation);

/* The guesses of the last pass are over: learns from them. */
void speculation_settle(struct speculation *speculation);

/* What was said so far. Two positions hold the same when their tokens and their contents are equal;
 * soft tokens are never guessed. */
struct speculation_history {
    const int32_t *tokens;    /* [count] */
    const uint64_t *contents; /* [count] text/soft.h; 0 where a token is its id */
    size_t count;
};

/* Guesses at most `room` tokens that follow the history into guesses[SPECULATION_MOST]; returns how
 * many. `place` (NULL: no drafting) is where the last of the tokens stands. */
size_t speculation_guess(struct speculation *speculation, const struct speculation_history *history,
                         size_t room, const struct drafter_place *place, int32_t *guesses);

/* The parts, for tests. What followed the latest of the longest earlier places that end like the
 * history: `most` tokens, fewer where a soft token came, or none. */
size_t speculation_look_up(const struct speculation_history *history, size_t most,
                           int32_t *guesses);
/* How many tokens to guess now, and what came of so many. */
size_t speculation_pace_next(struct speculation_pace *pace, size_t most);
void speculation_pace_settle(struct speculation_pace *pace, size_t guessed, size_t taken);

#endif
