/* advice: which model fits a machine.
 *
 * A token reads all weights that it uses once, so decoding is as fast as memory can be read; and
 * the weights have to stay in memory. From both follows what a machine can run, and how fast: of
 * what fits, the strongest that is quick enough to talk to. The figures are those of the models'
 * files in Q4_0; other formats are larger.
 *
 * advice_choose and advice_speed are pure. advice_measure runs for a fraction of a second.
 */
#ifndef CARAT_MODELS_ADVICE_H
#define CARAT_MODELS_ADVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct advice_machine {
    uint64_t memory; /* bytes that may be taken */
    int cores;
    double read; /* bytes a second that all cores read together; 0 = not known */
};

struct advice_model {
    const char *name; /* in the catalogue */
    uint64_t file;    /* bytes in Q4_0 */
    uint64_t stays;   /* of them must stay in memory, with a context of 32768 and activations */
    uint64_t token;   /* of them a token reads */
};

/* From the weakest model to the strongest. */
extern const struct advice_model advice_models[];
extern const size_t advice_count;

/* Tokens a second that a model decodes there, at most; 0 when the machine's speed is not known. */
double advice_speed(const struct advice_model *model, const struct advice_machine *machine);
bool advice_fits(const struct advice_model *model, const struct advice_machine *machine);

/* The strongest that fits and makes at least ADVICE_QUICK tokens a second; else of those that fit
 * the quickest; NULL when none fits. */
enum { ADVICE_QUICK = 8 };
const struct advice_model *advice_choose(const struct advice_machine *machine);

/* The cores that this process may use, and how fast they read 256 MiB together, the best of some
 * rounds, for other work only slows it. `read` is 0 when there is no memory or no threads for it.
 * `memory` is not looked at. */
void advice_measure(struct advice_machine *machine);

#endif
