/* quantise: see quantise.h. The formats of single values and of 32; those of 256 are in
 * quantise_k.c.
 *
 * A block of 32 whose values lie on one of its format's grids is found by trying: its peak may be
 * any of the codes, and each such scale is given up at the first value that it does not hit. So
 * what was decoded is encoded again without loss. Other blocks take the scale of least squares
 * or, where rounding it to a half spoils that, the scale that puts the peak on the last code.
 */
#include "load/quantise.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "load/quantise_fit.h"
#include "load/quantise_k.h"

enum { SMALL = 32 };

static const int8_t iq4_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                      1,    13,   25,  38,  53,  69,  89,  113};

static void put_u16(unsigned char *bytes, uint16_t value)
{
    bytes[0] = (unsigned char)value;
    bytes[1] = (unsigned char)(value >> 8);
}

/* --- single values --- */

static void encode_f32(const float *values, size_t count, unsigned char *blocks)
{
    memcpy(blocks, values, count * sizeof *values);
}

static void encode_f16(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t i = 0; i < count; i++) {
        put_u16(blocks + 2 * i, quant_f32_to_f16(values[i]));
    }
}

/* To nearest even. */
static void encode_bf16(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        put_u16(blocks + 2 * i, (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16));
    }
}

/* --- 32 values, symmetric --- */

struct small {
    uint16_t scale, minimum; /* halves */
    int8_t codes[SMALL];
};

/* Does every value lie on scale * code? */
static bool is_on_grid(const float *values, float scale, int least, int most)
{
    for (size_t i = 0; i < SMALL; i++) {
        float code = values[i] / scale;
        if (!(code >= (float)least && code <= (float)most) || scale * rintf(code) != values[i]) {
            return false;
        }
    }
    return true;
}

static float peak_of(const float *values)
{
    float peak = 0;
    for (size_t i = 0; i < SMALL; i++) {
        peak = fabsf(values[i]) > fabsf(peak) ? values[i] : peak;
    }
    return peak;
}

/* The half that is the scale of the grid on which all values lie, or 0. */
static uint16_t find_grid(const float *values, int least, int most)
{
    float peak = peak_of(values);
    for (int n = -least; peak != 0 && n > 0; n--) {
        for (int sign = -1; sign <= (n <= most ? 1 : -1); sign += 2) {
            uint16_t half = quant_f32_to_f16(peak / (float)(sign * n));
            float scale = quant_f16_to_f32(half);
            if (scale != 0 && is_on_grid(values, scale, least, most)) {
                return half;
            }
        }
    }
    return 0;
}

/* The better of two scales, with the codes for it. */
static void choose_scale(const float *values, float first, float second, int least, int most,
                         struct small *small)
{
    int8_t codes[SMALL];
    uint16_t halves[] = {quant_f32_to_f16(first), quant_f32_to_f16(second)};
    float best =
        quantise_fit_codes(values, SMALL, quant_f16_to_f32(halves[0]), least, most, small->codes);
    small->scale = halves[0];
    if (quantise_fit_codes(values, SMALL, quant_f16_to_f32(halves[1]), least, most, codes) < best) {
        small->scale = halves[1];
        memcpy(small->codes, codes, sizeof codes);
    }
}

static void fit_small(const float *values, int least, int most, struct small *small)
{
    *small = (struct small){.scale = find_grid(values, least, most)};
    if (small->scale != 0) {
        quantise_fit_codes(values, SMALL, quant_f16_to_f32(small->scale), least, most,
                           small->codes);
        return;
    }
    float plain = peak_of(values) / (float)least;
    choose_scale(values, plain, quantise_fit_symmetric(values, SMALL, least, most), least, most,
                 small);
}

/* Nibbles: values 0..15 low, 16..31 high. */
static void put_nibbles(const int8_t *codes, int shift, unsigned char *bytes)
{
    for (int j = 0; j < 16; j++) {
        bytes[j] = (unsigned char)(((codes[j] + shift) & 15) | ((codes[j + 16] + shift) & 15) << 4);
    }
}

static void put_fifth_bits(const int8_t *codes, int shift, unsigned char *bytes)
{
    memset(bytes, 0, 4);
    for (int j = 0; j < SMALL; j++) {
        bytes[j / 8] |= (unsigned char)(((codes[j] + shift) >> 4 & 1) << j % 8);
    }
}

static void encode_q4_0(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t b = 0; b < count; b++, values += SMALL, blocks += 18) {
        struct small small;
        fit_small(values, -8, 7, &small);
        put_u16(blocks, small.scale);
        put_nibbles(small.codes, 8, blocks + 2);
    }
}

static void encode_q5_0(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t b = 0; b < count; b++, values += SMALL, blocks += 22) {
        struct small small;
        fit_small(values, -16, 15, &small);
        put_u16(blocks, small.scale);
        put_fifth_bits(small.codes, 16, blocks + 2);
        put_nibbles(small.codes, 16, blocks + 6);
    }
}

/* 8 bits are fine enough: no search, but the grid of 127 steps and the exact one. */
static void encode_q8_0(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t b = 0; b < count; b++, values += SMALL, blocks += 34) {
        int8_t codes[SMALL];
        uint16_t scale = find_grid(values, -128, 127);
        if (scale == 0) {
            scale = quant_f32_to_f16(fabsf(peak_of(values)) / 127.0f);
        }
        quantise_fit_codes(values, SMALL, quant_f16_to_f32(scale), -128, 127, codes);
        put_u16(blocks, scale);
        memcpy(blocks + 2, codes, sizeof codes);
    }
}

/* --- 32 values, affine --- */

static bool is_on_affine_grid(const float *values, float scale, float offset, int most)
{
    for (size_t i = 0; i < SMALL; i++) {
        float code = rintf((values[i] - offset) / scale);
        if (!(code >= 0 && code <= (float)most) || scale * code + offset != values[i]) {
            return false;
        }
    }
    return true;
}

/* The least and greatest value may have any two of the codes. */
static bool find_affine_grid(const float *values, float low, float high, int most,
                             struct small *small)
{
    for (int span = most; span > 0 && high > low; span--) {
        uint16_t scale = quant_f32_to_f16((high - low) / (float)span);
        float step = quant_f16_to_f32(scale);
        for (int first = 0; first + span <= most && step > 0; first++) {
            uint16_t offset = quant_f32_to_f16(low - step * (float)first);
            if (is_on_affine_grid(values, step, quant_f16_to_f32(offset), most)) {
                small->scale = scale;
                small->minimum = offset;
                return true;
            }
        }
    }
    return false;
}

static float affine_codes(const float *values, float scale, float offset, int most,
                          struct small *small)
{
    small->scale = quant_f32_to_f16(scale);
    small->minimum = quant_f32_to_f16(offset);
    return quantise_fit_affine_codes(values, SMALL, quant_f16_to_f32(small->scale),
                                     -quant_f16_to_f32(small->minimum), most, small->codes);
}

/* Moved below zero first, so that the fit's limit, a minimum of zero or more, never binds. */
static void fit_small_affine(const float *values, int most, struct small *small)
{
    float low = values[0], high = values[0], moved[SMALL], scale, minimum;
    for (size_t i = 1; i < SMALL; i++) {
        low = fminf(low, values[i]);
        high = fmaxf(high, values[i]);
    }
    if (find_affine_grid(values, low, high, most, small)) {
        affine_codes(values, quant_f16_to_f32(small->scale), quant_f16_to_f32(small->minimum), most,
                     small);
        return;
    }
    for (size_t i = 0; i < SMALL; i++) {
        moved[i] = values[i] - high;
    }
    quantise_fit_affine(moved, SMALL, most, &scale, &minimum);
    struct small plain;
    float fitted = affine_codes(values, scale, high - minimum, most, small);
    if (affine_codes(values, (high - low) / (float)most, low, most, &plain) < fitted) {
        *small = plain;
    }
}

static void encode_q4_1(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t b = 0; b < count; b++, values += SMALL, blocks += 20) {
        struct small small;
        fit_small_affine(values, 15, &small);
        put_u16(blocks, small.scale);
        put_u16(blocks + 2, small.minimum);
        put_nibbles(small.codes, 0, blocks + 4);
    }
}

static void encode_q5_1(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t b = 0; b < count; b++, values += SMALL, blocks += 24) {
        struct small small;
        fit_small_affine(values, 31, &small);
        put_u16(blocks, small.scale);
        put_u16(blocks + 2, small.minimum);
        put_fifth_bits(small.codes, 0, blocks + 4);
        put_nibbles(small.codes, 0, blocks + 8);
    }
}

/* --- 32 values on sixteen uneven levels --- */

/* As find_grid, over the levels. */
static uint16_t find_level_grid(const float *values)
{
    float peak = peak_of(values);
    for (size_t n = 0; n < 16 && peak != 0; n++) {
        uint16_t half = quant_f32_to_f16(peak / (float)iq4_levels[n]);
        float scale = quant_f16_to_f32(half);
        int8_t codes[SMALL];
        if (scale != 0 &&
            quantise_fit_level_codes(values, SMALL, scale, iq4_levels, 16, codes) == 0) {
            return half;
        }
    }
    return 0;
}

static void encode_iq4_nl(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t b = 0; b < count; b++, values += SMALL, blocks += 18) {
        int8_t codes[SMALL];
        uint16_t scale = find_level_grid(values);
        if (scale == 0) {
            scale = quant_f32_to_f16(quantise_fit_levels(values, SMALL, iq4_levels, 16));
        }
        quantise_fit_level_codes(values, SMALL, quant_f16_to_f32(scale), iq4_levels, 16, codes);
        put_u16(blocks, scale);
        put_nibbles(codes, 0, blocks + 2);
    }
}

/* --- the table --- */

static const struct {
    enum quant_type type;
    float most;
    void (*encode)(const float *values, size_t count, unsigned char *blocks);
} encoders[] = {
    {QUANT_F32, FLT_MAX, encode_f32},         {QUANT_BF16, 0x1.fep127f, encode_bf16},
    {QUANT_F16, 65504, encode_f16},           {QUANT_Q4_0, 65504, encode_q4_0},
    {QUANT_Q4_1, 65504, encode_q4_1},         {QUANT_Q5_0, 65504, encode_q5_0},
    {QUANT_Q5_1, 65504, encode_q5_1},         {QUANT_Q8_0, 65504, encode_q8_0},
    {QUANT_Q2_K, 65504, quantise_k_q2},       {QUANT_Q3_K, 65504, quantise_k_q3},
    {QUANT_Q4_K, 65504, quantise_k_q4},       {QUANT_Q5_K, 65504, quantise_k_q5},
    {QUANT_Q6_K, 65504, quantise_k_q6},       {QUANT_IQ4_NL, 65504, encode_iq4_nl},
    {QUANT_IQ4_XS, 65504, quantise_k_iq4_xs},
};

enum { ENCODERS = sizeof encoders / sizeof encoders[0] };

static size_t find(enum quant_type type)
{
    size_t i = 0;
    while (i < ENCODERS && encoders[i].type != type) {
        i++;
    }
    return i;
}

bool quantise_can(enum quant_type type)
{
    return find(type) < ENCODERS;
}

float quantise_most(enum quant_type type)
{
    return encoders[find(type)].most;
}

size_t quantise_find_bad(enum quant_type type, const float *values, size_t count)
{
    float most = quantise_most(type);
    size_t i = 0;
    while (i < count && fabsf(values[i]) <= most) {
        i++;
    }
    return i;
}

void quantise_blocks(enum quant_type type, const float *values, size_t count, unsigned char *blocks)
{
    encoders[find(type)].encode(values, count, blocks);
}
