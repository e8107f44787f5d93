/* resample: see resample.h. The places of the new samples among the old ones repeat after to / gcd
 * of them, so there are that many sets of weights; each is computed once, and none that a sound is
 * too short for: at an odd rate all of them are 200 MB, and seconds of work. */
#include "media/resample.h"

#include <assert.h>
#include <math.h>

#include "base/err.h"
#include "base/mem.h"

enum { CROSSINGS = 32, COUNT_MAX = 1 << 28 };

static const double pi = 3.14159265358979323846;

/* The modified Bessel function of order 0, by its series, until a term changes nothing. */
static double bessel(double x)
{
    double sum = 1, term = 1;
    for (int k = 1; term > sum * 1e-17; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

/* x in zero crossings of the stretched sinc; not yet of a sum of 1. */
static double weight(double x)
{
    const double beta = 9;
    double inside = 1 - (x / CROSSINGS) * (x / CROSSINGS);
    if (inside <= 0) {
        return 0;
    }
    double sinc = fabs(x) < 1e-9 ? 1 : sin(pi * x) / (pi * x);
    return sinc * bessel(beta * sqrt(inside));
}

struct resample_bank {
    uint32_t from, to;
    uint32_t step, phases; /* a new sample lies step / phases old ones behind the last */
    int reach;             /* old samples to each side */
    double *weights;       /* [new samples up to phases][2 * reach] */
};

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The weights of the first `rows` new samples: what follows them all repeats them. */
static bool fill(struct resample_bank *bank, size_t rows, struct err *err)
{
    uint32_t from = bank->from, to = bank->to;
    double stretch = from > to ? (double)from / (double)to : 1;
    bank->reach = (int)ceil(CROSSINGS * stretch);
    size_t taps = 2 * (size_t)bank->reach;
    bank->weights = mem_try_alloc(rows * taps, sizeof *bank->weights);
    if (bank->weights == NULL) {
        return err_set(err, ERR_MEMORY, "no memory to convert a sound from %u to %u Hz", from, to);
    }
    for (size_t row = 0; row < rows; row++) {
        double *weights = bank->weights + row * taps;
        uint64_t phase = (uint64_t)row * bank->step % bank->phases;
        double place = (double)phase / (double)bank->phases, sum = 0;
        for (size_t i = 0; i < taps; i++) { /* old sample i - reach + 1 behind the whole part */
            weights[i] = weight(((double)i - (double)bank->reach + 1 - place) / stretch);
            sum += weights[i];
        }
        for (size_t i = 0; i < taps; i++) {
            weights[i] /= sum;
        }
    }
    return true;
}

static float new_sample(const struct resample_bank *bank, const float *samples, size_t count,
                        size_t index)
{
    int64_t whole = (int64_t)((uint64_t)index * bank->step / bank->phases), taps = 2 * bank->reach;
    const double *weights = bank->weights + index % bank->phases * (uint64_t)taps;
    double sum = 0;
    for (int64_t i = 0; i < taps; i++) {
        int64_t at = whole + i - bank->reach + 1;
        if (at >= 0 && at < (int64_t)count) {
            sum += weights[i] * (double)samples[at];
        }
    }
    return (float)sum;
}

static size_t new_count(uint32_t from, uint32_t to, size_t count)
{
    return (size_t)(((uint64_t)count * to + from - 1) / from);
}

/* For sounds of up to `count` old samples. */
static struct resample_bank *create(uint32_t from, uint32_t to, size_t count, struct err *err)
{
    assert(from > 0 && to > 0);
    struct resample_bank *bank = mem_try_zero(1, sizeof *bank);
    if (bank == NULL) {
        err_set(err, ERR_MEMORY, "no memory to convert a sound");
        return NULL;
    }
    uint32_t divisor = common_divisor(from, to);
    *bank = (struct resample_bank){
        .from = from, .to = to, .step = from / divisor, .phases = to / divisor};
    size_t rows = new_count(from, to, count);
    if (!fill(bank, rows < bank->phases ? rows + 1 : bank->phases, err)) { /* + 1: never nothing */
        mem_free(bank);
        return NULL;
    }
    return bank;
}

struct resample_bank *resample_bank_create(uint32_t from, uint32_t to, struct err *err)
{
    return create(from, to, COUNT_MAX, err);
}

void resample_bank_destroy(struct resample_bank *bank)
{
    if (bank != NULL) {
        mem_free(bank->weights);
        mem_free(bank);
    }
}

bool resample_with(const struct resample_bank *bank, const float *samples, size_t count,
                   float **out, size_t *out_count, struct err *err)
{
    if (count > COUNT_MAX || (uint64_t)count * bank->to / bank->from > COUNT_MAX) {
        return err_set(err, ERR_LIMIT, "a sound of %zu samples is too long to convert", count);
    }
    size_t made = new_count(bank->from, bank->to, count);
    float *values = mem_try_alloc(made + 1, sizeof *values); /* + 1: never nothing */
    if (values == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu samples", made);
    }
    for (size_t i = 0; i < made; i++) {
        values[i] = new_sample(bank, samples, count, i);
    }
    *out = values;
    *out_count = made;
    return true;
}

bool resample(const float *samples, size_t count, uint32_t from, uint32_t to, float **out,
              size_t *out_count, struct err *err)
{
    struct resample_bank *bank = create(from, to, count, err);
    bool ok = bank != NULL && resample_with(bank, samples, count, out, out_count, err);
    resample_bank_destroy(bank);
    return ok;
}
