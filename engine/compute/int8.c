/* int8: the choice between the sets, and the set in plain C that says what they mean.
 *
 * The reference takes codes one by one through a function of the format; the float32 part runs
 * block by block in the order of the row. It is meant to be read and to be compared with.
 */
#include "compute/int8.h"

#include <math.h>
#include <string.h>

/* --- the choice --- */

/* Best first within each family. AVX-512 without its whole-number products has those of AVX2. */
static const struct int8_kernels *const sets[] = {
#if defined(__x86_64__)
    &int8_avx512,   &int8_avxvnni, &int8_avx2,
#endif
#if defined(__aarch64__)
    &int8_neon_dot, &int8_neon,
#endif
    &int8_scalar,
};

enum { SET_COUNT = sizeof sets / sizeof sets[0] };

const struct int8_kernels *int8_at(size_t index)
{
    return index < SET_COUNT ? sets[index] : NULL;
}

const struct int8_kernels *int8_choose(const char *family)
{
    bool tiles = strcmp(family, "amx") == 0; /* their kernels for few tokens are avx512's */
    bool wider = tiles || strcmp(family, "avx512") == 0;
    family = tiles ? "avx512" : family;
    for (size_t i = 0; i < SET_COUNT; i++) {
        bool fits =
            strcmp(sets[i]->family, family) == 0 || (wider && strcmp(sets[i]->family, "avx2") == 0);
        if (fits && sets[i]->supported()) {
            return sets[i];
        }
    }
    return &int8_scalar;
}

/* --- activations --- */

static bool always(void)
{
    return true;
}

/* The greatest magnitude as bits: NaN is above infinity, which is above all numbers. */
static uint32_t greatest_magnitude(const float *x)
{
    uint32_t greatest = 0;
    for (size_t i = 0; i < INT8_BLOCK; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7FFFFFFFu;
        greatest = bits > greatest ? bits : greatest;
    }
    return greatest;
}

static void quantise_block(const float *x, struct int8_quad *quad, size_t block)
{
    const uint32_t least = 0x03800000u /* 2^-120 */, infinity = 0x7F800000u;
    uint32_t bits = greatest_magnitude(x);
    float greatest, scale = 0, inverse = 0;
    memcpy(&greatest, &bits, sizeof greatest);
    if (bits >= infinity) {
        scale = NAN;
    } else if (bits >= least) {
        scale = greatest / 127.0f;
        inverse = 127.0f / greatest;
    }
    for (size_t i = 0; i < INT8_BLOCK; i++) {
        int code = inverse != 0 ? (int)nearbyintf(x[i] * inverse) : 0;
        size_t lane = 4 * block + i % 16 / 4;
        quad->codes[i / 16][16 * block + i % 16] = (int8_t)code;
        quad->offset[lane] -= 128 * code;
        quad->half_offset[i / 16][lane] -= 128 * code;
    }
    for (size_t i = 0; i < 4; i++) {
        quad->scale[4 * block + i] = scale;
    }
}

static void quantise(const float *x, size_t columns, struct int8_quad *quads)
{
    memset(quads, 0, int8_quads(columns) * sizeof *quads);
    for (size_t c = 0; c < columns; c += INT8_BLOCK) {
        quantise_block(x + c, &quads[c / INT8_QUAD], c % INT8_QUAD / INT8_BLOCK);
    }
}

/* --- the formats --- */

/* 32 values of a row: w[i] = step[i / 16] * code[i] - minimum. */
struct values {
    int code[INT8_BLOCK];
    float step[2], minimum;
};

static float half_at(const unsigned char *bytes)
{
    return quant_f16_to_f32((uint16_t)(bytes[0] | bytes[1] << 8));
}

static uint32_t word_at(const unsigned char *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Sixteen bytes of nibbles and, when `high` says so, fifth bits. */
static void read_nibbles(const unsigned char *nibbles, uint32_t high, int less,
                         struct values *values)
{
    for (size_t i = 0; i < INT8_BLOCK; i++) {
        int nibble = i < 16 ? nibbles[i] & 15 : nibbles[i - 16] >> 4;
        values->code[i] = (nibble | (int)(high >> i & 1) << 4) - less;
    }
}

static void read_q4_0(const unsigned char *row, size_t block, struct values *values)
{
    row += 18 * block;
    read_nibbles(row + 2, 0, 8, values);
    values->step[0] = values->step[1] = half_at(row);
    values->minimum = 0;
}

static void read_q4_1(const unsigned char *row, size_t block, struct values *values)
{
    row += 20 * block;
    read_nibbles(row + 4, 0, 0, values);
    values->step[0] = values->step[1] = half_at(row);
    values->minimum = -half_at(row + 2);
}

static void read_q5_0(const unsigned char *row, size_t block, struct values *values)
{
    row += 22 * block;
    read_nibbles(row + 6, word_at(row + 2), 16, values);
    values->step[0] = values->step[1] = half_at(row);
    values->minimum = 0;
}

static void read_q5_1(const unsigned char *row, size_t block, struct values *values)
{
    row += 24 * block;
    read_nibbles(row + 8, word_at(row + 4), 0, values);
    values->step[0] = values->step[1] = half_at(row);
    values->minimum = -half_at(row + 2);
}

static void read_q8_0(const unsigned char *row, size_t block, struct values *values)
{
    row += 34 * block;
    for (size_t i = 0; i < INT8_BLOCK; i++) {
        values->code[i] = (int8_t)row[2 + i];
    }
    values->step[0] = values->step[1] = half_at(row);
    values->minimum = 0;
}

/* Group g = block % 8 of a block of 256 as Q4_K and, with its 32 bytes of fifth bits, Q5_K. */
static void read_k(const unsigned char *block, const unsigned char *high,
                   const unsigned char *nibbles, size_t g, struct values *values)
{
    const unsigned char *packed = block + 4;
    int scale = packed[g] & 63, minimum = packed[g + 4] & 63;
    if (g >= 4) {
        scale = (packed[g + 4] & 15) | packed[g - 4] >> 6 << 4;
        minimum = packed[g + 4] >> 4 | packed[g] >> 6 << 4;
    }
    for (size_t i = 0; i < INT8_BLOCK; i++) {
        int code = nibbles[g / 2 * 32 + i] >> g % 2 * 4 & 15;
        values->code[i] = code | (high != NULL ? (high[i] >> g & 1) << 4 : 0);
    }
    values->step[0] = values->step[1] = half_at(block) * (float)scale;
    values->minimum = half_at(block + 2) * (float)minimum;
}

static void read_q4_k(const unsigned char *row, size_t block, struct values *values)
{
    row += block / 8 * 144;
    read_k(row, NULL, row + 16, block % 8, values);
}

static void read_q5_k(const unsigned char *row, size_t block, struct values *values)
{
    row += block / 8 * 176;
    read_k(row, row + 16, row + 48, block % 8, values);
}

static void read_q6_k(const unsigned char *row, size_t block, struct values *values)
{
    row += block / 8 * 210;
    size_t part = block % 8 / 4, k = block % 4; /* 128 values; 32 of these */
    const unsigned char *low = row + 64 * part + 32 * (k % 2), *high = row + 128 + 32 * part;
    for (size_t i = 0; i < INT8_BLOCK; i++) {
        values->code[i] = ((low[i] >> k / 2 * 4 & 15) | (high[i] >> 2 * k & 3) << 4) - 32;
    }
    const unsigned char *scales = row + 192 + 8 * part + 2 * k;
    values->step[0] = half_at(row + 208) * (float)(int8_t)scales[0];
    values->step[1] = half_at(row + 208) * (float)(int8_t)scales[1];
    values->minimum = 0;
}

static float multiply_block(const struct values *values, const struct int8_quad *quad, size_t b)
{
    int32_t products[2] = {0}, codes = 0;
    for (size_t i = 0; i < INT8_BLOCK; i++) {
        int code = quad->codes[i / 16][16 * b + i % 16];
        products[i / 16] += values->code[i] * code;
        codes += code;
    }
    float sum = values->step[0] * (float)products[0] + values->step[1] * (float)products[1] -
                values->minimum * (float)codes;
    return quad->scale[4 * b] * sum;
}

static void multiply(const unsigned char *rows, size_t row_bytes, size_t row_count, size_t columns,
                     const struct int8_quad *x, size_t tokens, float *out, size_t out_stride,
                     void (*read)(const unsigned char *, size_t, struct values *))
{
    size_t quads = int8_quads(columns);
    for (size_t r = 0; r < row_count; r++) {
        float sums[INT8_TOKENS_MAX] = {0};
        for (size_t block = 0; block < columns / INT8_BLOCK; block++) {
            struct values values;
            read(rows + r * row_bytes, block, &values);
            for (size_t t = 0; t < tokens; t++) {
                sums[t] += multiply_block(&values, &x[t * quads + block / 4], block % 4);
            }
        }
        for (size_t t = 0; t < tokens; t++) {
            out[t * out_stride + r] = sums[t];
        }
    }
}

#define DEFINE_FORMAT(NAME)                                                                     \
    static void multiply_##NAME(const unsigned char *rows, size_t row_bytes, size_t row_count,  \
                                size_t columns, const struct int8_quad *x, size_t tokens,       \
                                float *out, size_t out_stride)                                  \
    {                                                                                           \
        multiply(rows, row_bytes, row_count, columns, x, tokens, out, out_stride, read_##NAME); \
    }
DEFINE_FORMAT(q4_0)
DEFINE_FORMAT(q4_1)
DEFINE_FORMAT(q5_0)
DEFINE_FORMAT(q5_1)
DEFINE_FORMAT(q8_0)
DEFINE_FORMAT(q4_k)
DEFINE_FORMAT(q5_k)
DEFINE_FORMAT(q6_k)

const struct int8_kernels int8_scalar = {
    .name = "scalar",
    .family = "scalar",
    .supported = always,
    .quantise = quantise,
    .multiply =
        {
            [QUANT_Q4_0] = multiply_q4_0,
            [QUANT_Q4_1] = multiply_q4_1,
            [QUANT_Q5_0] = multiply_q5_0,
            [QUANT_Q5_1] = multiply_q5_1,
            [QUANT_Q8_0] = multiply_q8_0,
            [QUANT_Q4_K] = multiply_q4_k,
            [QUANT_Q5_K] = multiply_q5_k,
            [QUANT_Q6_K] = multiply_q6_k,
        },
};
