/* resize: see resize.h. Each pass computes the weights of an output row or column once. */
#include "vision/resize.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { CHANNELS = 3, FRACTION_BITS = 22, SUPPORT = 2, TOKEN_PIXELS = 48 * 48 };

static const int32_t budgets[] = {70, 140, 280, 560, 1120};

static bool check_request(size_t width, size_t height, int32_t budget, struct err *err)
{
    bool known = budget == 0;
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        known = known || budgets[i] == budget;
    }
    if (!known) {
        return err_set(err, ERR_ARGUMENT,
                       "a picture of %d soft tokens: must be 70, 140, 280, 560 or 1120", budget);
    }
    if (width < 1 || height < 1 || width > RESIZE_SIDE_MAX || height > RESIZE_SIDE_MAX ||
        width * height > RESIZE_PIXELS_MAX) {
        return err_set(
            err, ERR_LIMIT,
            "a picture of %zu x %zu pixels: sides must be 1 to %d, and at most %d pixels", width,
            height, RESIZE_SIDE_MAX, RESIZE_PIXELS_MAX);
    }
    return true;
}

static bool keep_size(size_t width, size_t height, size_t *out_width, size_t *out_height,
                      struct err *err)
{
    if (width % RESIZE_TOKEN_SIDE != 0 || height % RESIZE_TOKEN_SIDE != 0) {
        return err_set(err, ERR_ARGUMENT,
                       "a picture of %zu x %zu pixels as it is: both sides must "
                       "be multiples of %d",
                       width, height, RESIZE_TOKEN_SIDE);
    }
    if (width / RESIZE_TOKEN_SIDE * (height / RESIZE_TOKEN_SIDE) > RESIZE_BUDGET_MAX) {
        return err_set(err, ERR_LIMIT,
                       "a picture of %zu x %zu pixels as it is: more than %d soft tokens", width,
                       height, RESIZE_BUDGET_MAX);
    }
    *out_width = width;
    *out_height = height;
    return true;
}

bool resize_target(size_t width, size_t height, int32_t budget, size_t *out_width,
                   size_t *out_height, struct err *err)
{
    if (!check_request(width, height, budget, err)) {
        return false;
    }
    if (budget == 0) {
        return keep_size(width, height, out_width, out_height, err);
    }
    const size_t side = RESIZE_TOKEN_SIDE, longest = (size_t)budget * RESIZE_TOKEN_SIDE;
    double target = (double)budget * TOKEN_PIXELS;
    double factor = sqrt(target / (double)(width * height));
    size_t w = (size_t)floor(factor * (double)width / (double)side) * side;
    size_t h = (size_t)floor(factor * (double)height / (double)side) * side;
    /* Sides whose ratio is greater than the budget: one row or column of tokens. Both cannot be 0,
     * for their product before rounding is the target. */
    if (h == 0) {
        h = side;
        w = width / height * side < longest ? width / height * side : longest;
    } else if (w == 0) {
        w = side;
        h = height / width * side < longest ? height / width * side : longest;
    }
    *out_width = w;
    *out_height = h;
    return true;
}

/* --- weights --- */

/* For each output index: the first input index, how many, and their weights. */
struct axis {
    size_t window; /* weights have this much room each */
    size_t *first, *count;
    int32_t *weights;
};

static void axis_finish(struct axis *axis)
{
    mem_free(axis->first);
    mem_free(axis->count);
    mem_free(axis->weights);
}

static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) {
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    }
    return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

/* The weights of one output index, of sum 1, to whole numbers. `exact` is scratch. */
static void weigh(struct axis *axis, size_t index, double scale, size_t in, double *exact)
{
    double stretch = scale > 1.0 ? scale : 1.0, support = SUPPORT * stretch;
    double centre = ((double)index + 0.5) * scale, sum = 0;
    double from = centre - support + 0.5, to = centre + support + 0.5;
    size_t low = from > 0 ? (size_t)from : 0;
    size_t high = to < (double)in ? (size_t)to : in;
    size_t count = high - low;
    int32_t *weights = axis->weights + index * axis->window;
    for (size_t i = 0; i < count; i++) {
        exact[i] = cubic(((double)(i + low) - centre + 0.5) * (1.0 / stretch));
        sum += exact[i];
    }
    for (size_t i = 0; i < count; i++) {
        double scaled = exact[i] / sum * (1 << FRACTION_BITS);
        weights[i] = (int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    axis->first[index] = low;
    axis->count[index] = count;
}

static bool axis_init(struct axis *axis, size_t in, size_t out, struct err *err)
{
    double scale = (double)in / (double)out;
    struct axis made = {0};
    made.window = (size_t)ceil(SUPPORT * (scale > 1.0 ? scale : 1.0)) * 2 + 1;
    made.first = mem_try_alloc(out, sizeof *made.first);
    made.count = mem_try_alloc(out, sizeof *made.count);
    made.weights = mem_try_alloc(out * made.window, sizeof *made.weights);
    double *exact = mem_try_alloc(made.window, sizeof *exact);
    if (made.first == NULL || made.count == NULL || made.weights == NULL || exact == NULL) {
        mem_free(exact);
        axis_finish(&made);
        return err_set(err, ERR_MEMORY, "no memory to scale a picture from %zu to %zu pixels", in,
                       out);
    }
    for (size_t i = 0; i < out; i++) {
        weigh(&made, i, scale, in, exact);
    }
    mem_free(exact);
    *axis = made;
    return true;
}

/* --- passes --- */

/* Sums are within 32 bits: 255 times the weights' absolute sum, which is below 1.5. */
static uint8_t round_sum(int32_t sum)
{
    int32_t value = (sum + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void pass_across(const struct axis *axis, const uint8_t *rgb, size_t width, size_t height,
                        uint8_t *out, size_t out_width)
{
    for (size_t y = 0; y < height; y++) {
        const uint8_t *row = rgb + y * width * CHANNELS;
        for (size_t x = 0; x < out_width; x++) {
            const int32_t *weights = axis->weights + x * axis->window;
            const uint8_t *in = row + axis->first[x] * CHANNELS;
            int32_t sums[CHANNELS] = {0};
            for (size_t i = 0; i < axis->count[x]; i++) {
                for (size_t c = 0; c < CHANNELS; c++) {
                    sums[c] += in[i * CHANNELS + c] * weights[i];
                }
            }
            for (size_t c = 0; c < CHANNELS; c++) {
                *out++ = round_sum(sums[c]);
            }
        }
    }
}

static void pass_down(const struct axis *axis, const uint8_t *rgb, size_t width, uint8_t *out,
                      size_t out_height)
{
    size_t stride = width * CHANNELS;
    for (size_t y = 0; y < out_height; y++) {
        const int32_t *weights = axis->weights + y * axis->window;
        const uint8_t *column = rgb + axis->first[y] * stride;
        for (size_t x = 0; x < stride; x++) {
            int32_t sum = 0;
            for (size_t i = 0; i < axis->count[y]; i++) {
                sum += column[i * stride + x] * weights[i];
            }
            *out++ = round_sum(sum);
        }
    }
}

bool resize_bicubic(const uint8_t *rgb, size_t width, size_t height, uint8_t *out, size_t out_width,
                    size_t out_height, struct err *err)
{
    bool across = width != out_width, down = height != out_height;
    if (!across && !down) {
        memcpy(out, rgb, width * height * CHANNELS);
        return true;
    }
    struct axis horizontal = {0}, vertical = {0};
    uint8_t *between = NULL;
    bool ok = (!across || axis_init(&horizontal, width, out_width, err)) &&
              (!down || axis_init(&vertical, height, out_height, err));
    if (ok && across && down) {
        between = mem_try_alloc(out_width * height, CHANNELS);
        ok = between != NULL ||
             err_set(err, ERR_MEMORY, "no memory for a picture of %zu x %zu", out_width, height);
    }
    if (ok && across) {
        pass_across(&horizontal, rgb, width, height, down ? between : out, out_width);
    }
    if (ok && down) {
        pass_down(&vertical, across ? between : rgb, out_width, out, out_height);
    }
    mem_free(between);
    axis_finish(&horizontal);
    axis_finish(&vertical);
    return ok;
}
