/* Each format is one function that turns whole blocks into float32.
 *
 * Exactness: the reference rounds after every product. Here no compiler flag can change a bit,
 * because every product is exact in float32: a half has 11 significant bits, scales at most 8,
 * codes at most 7 (and 11 + 6 + 5 <= 24 for the formats with both), and no exponent leaves the
 * range of float32 but where the reference overflows, too. So one rounding is left, that of a sum,
 * and fusing it with a product is the same. What would break it is -ffast-math or flush-to-zero:
 * subnormal halves and MXFP4's 2^-128 are values.
 *
 * A negative zero is kept: codes become float before they are multiplied, so that -d * 0 is -0.
 * Blocks are read byte by byte: they have no alignment.
 *
 * Left out: making blocks, and dot products that never leave the block form (engine/compute).
 */
#include "load/quant.h"

#include <string.h>

/* --- single values --- */

static uint16_t read_u16(const unsigned char *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t read_u32(const unsigned char *bytes)
{
    return (uint32_t)read_u16(bytes) | (uint32_t)read_u16(bytes + 2) << 16;
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float quant_f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 31;
    uint32_t fraction = half & 0x3FF;
    if (exponent == 31) { /* infinity, NaN */
        return from_bits(sign | 0x7F800000u | fraction << 13);
    }
    if (exponent == 0) { /* zero, subnormal: an integer times 2^-24, normal in float32 */
        float magnitude = (float)fraction * 0x1p-24f;
        return sign != 0 ? -magnitude : magnitude;
    }
    return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t quant_f32_to_f16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) { /* NaN: keep it one, whatever bits are cut off */
        return (uint16_t)(sign | 0x7E00 | (magnitude >> 13 & 0x3FF));
    }
    if (magnitude >= 0x477FF000u) { /* 65520 and more round to infinity */
        return sign | 0x7C00;
    }
    uint32_t kept, lost, half_way;
    if (magnitude >= 0x38800000u) { /* 2^-14: a normal half */
        kept = (magnitude - 0x38000000u) >> 13;
        lost = magnitude & 0x1FFF;
        half_way = 0x1000;
    } else if (magnitude >= 0x33000000u) {        /* 2^-25: rounds to a subnormal half or to zero */
        uint32_t shift = 126 - (magnitude >> 23); /* 14..24 */
        uint32_t fraction = (magnitude & 0x7FFFFF) | 0x800000;
        kept = fraction >> shift;
        lost = fraction & ((1u << shift) - 1);
        half_way = 1u << (shift - 1);
    } else {
        return sign;
    }
    /* A carry out of the fraction is the next exponent: just what is wanted. */
    kept += lost > half_way || (lost == half_way && (kept & 1) != 0);
    return (uint16_t)(sign | kept);
}

float quant_bf16_to_f32(uint16_t half)
{
    return from_bits((uint32_t)half << 16);
}

static float read_half(const unsigned char *bytes)
{
    return quant_f16_to_f32(read_u16(bytes));
}

/* --- formats of single values --- */

static void decode_f32(const unsigned char *blocks, size_t count, float *values)
{
    memcpy(values, blocks, count * sizeof *values);
}

static void decode_f16(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = read_half(blocks + 2 * i);
    }
}

static void decode_bf16(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = quant_bf16_to_f32(read_u16(blocks + 2 * i));
    }
}

/* --- blocks of 32: low nibbles are values 0..15, high nibbles 16..31 --- */

enum { SMALL = 32 };

/* half d; u8 codes[16] */
static void decode_q4_0(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 18, values += SMALL) {
        float d = read_half(blocks);
        for (int j = 0; j < 16; j++) {
            values[j] = d * (float)((blocks[2 + j] & 15) - 8);
            values[j + 16] = d * (float)((blocks[2 + j] >> 4) - 8);
        }
    }
}

/* half d; half m; u8 codes[16] */
static void decode_q4_1(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 20, values += SMALL) {
        float d = read_half(blocks), m = read_half(blocks + 2);
        for (int j = 0; j < 16; j++) {
            values[j] = d * (float)(blocks[4 + j] & 15) + m;
            values[j + 16] = d * (float)(blocks[4 + j] >> 4) + m;
        }
    }
}

/* Code `j` of a block with 16 bytes of nibbles and a word of fifth bits. */
static int five_bits(const unsigned char *nibbles, uint32_t high, int j)
{
    int nibble = j < 16 ? nibbles[j] & 15 : nibbles[j - 16] >> 4;
    return nibble | (int)(high >> j & 1) << 4;
}

/* half d; u32 high bits; u8 codes[16] */
static void decode_q5_0(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 22, values += SMALL) {
        float d = read_half(blocks);
        uint32_t high = read_u32(blocks + 2);
        for (int j = 0; j < SMALL; j++) {
            values[j] = d * (float)(five_bits(blocks + 6, high, j) - 16);
        }
    }
}

/* half d; half m; u32 high bits; u8 codes[16] */
static void decode_q5_1(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 24, values += SMALL) {
        float d = read_half(blocks), m = read_half(blocks + 2);
        uint32_t high = read_u32(blocks + 4);
        for (int j = 0; j < SMALL; j++) {
            values[j] = d * (float)five_bits(blocks + 8, high, j) + m;
        }
    }
}

/* half d; i8 codes[32] */
static void decode_q8_0(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 34, values += SMALL) {
        float d = read_half(blocks);
        for (int j = 0; j < SMALL; j++) {
            values[j] = d * (float)(int8_t)blocks[2 + j];
        }
    }
}

/* The 16 levels of IQ4: not at equal distances, denser around zero. */
static const int8_t iq4_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                      1,    13,   25,  38,  53,  69,  89,  113};

/* half d; u8 codes[16] */
static void decode_iq4_nl(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 18, values += SMALL) {
        float d = read_half(blocks);
        for (int j = 0; j < 16; j++) {
            values[j] = d * (float)iq4_levels[blocks[2 + j] & 15];
            values[j + 16] = d * (float)iq4_levels[blocks[2 + j] >> 4];
        }
    }
}

/* --- 4-bit floats: E2M1, doubled so that all are integers; the scale takes the half back. As
 * integers have no negative zero, code 8 is 0 --- */

static const int8_t e2m1_doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/* 2^(e - 128); below 2^-126 the power is a subnormal float. */
static float mxfp4_scale(unsigned char e)
{
    return from_bits(e < 2 ? 0x00200000u << e : (uint32_t)(e - 1) << 23);
}

/* u8 exponent; u8 codes[16] */
static void decode_mxfp4(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 17, values += SMALL) {
        float scale = mxfp4_scale(blocks[0]);
        for (int j = 0; j < 16; j++) {
            values[j] = scale * (float)e2m1_doubled[blocks[1 + j] & 15];
            values[j + 16] = scale * (float)e2m1_doubled[blocks[1 + j] >> 4];
        }
    }
}

/* Half of an unsigned E4M3: 0 and 0x7F (its NaN) mean 0. */
static float nvfp4_scale(unsigned char code)
{
    uint32_t exponent = code >> 3 & 15, fraction = code & 7;
    if (code == 0x7F) {
        return 0.0f;
    }
    if (exponent == 0) {
        return (float)fraction * 0x1p-10f;
    }
    return from_bits((exponent + 119) << 23 | fraction << 20); /* 127 - 7 - 1 */
}

/* u8 scales[4]; u8 codes[32]: four groups of 16 values, low nibbles first */
static void decode_nvfp4(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 36, values += 64) {
        for (int s = 0; s < 4; s++) {
            float scale = nvfp4_scale(blocks[s]);
            const unsigned char *codes = blocks + 4 + 8 * s;
            for (int j = 0; j < 8; j++) {
                values[16 * s + j] = scale * (float)e2m1_doubled[codes[j] & 15];
                values[16 * s + j + 8] = scale * (float)e2m1_doubled[codes[j] >> 4];
            }
        }
    }
}

/* --- blocks of 256 --- */

enum { LARGE = 256 };

/* u8 scales[16] (low nibble scale, high nibble minimum); u8 codes[64]; half d; half dmin.
 * Two halves of 128 values; in each, bit pair k of its 32 bytes gives the values 32k..32k+31. */
static void decode_q2_k(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 84, values += LARGE) {
        float d = read_half(blocks + 80), dmin = read_half(blocks + 82);
        for (int i = 0; i < LARGE; i++) {
            unsigned char scale = blocks[i / 16];
            int code = blocks[16 + i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
            values[i] = d * (float)(scale & 15) * (float)code - dmin * (float)(scale >> 4);
        }
    }
}

/* u8 high[32]; u8 codes[64]; u8 scales[12]; half d. Values in Q2_K's order; scale i has its low
 * four bits in scales[i % 8] and its high two in scales[8 + i % 4]. */
static void decode_q3_k(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 110, values += LARGE) {
        const unsigned char *codes = blocks + 32, *packed = blocks + 96;
        float d = read_half(blocks + 108);
        for (int i = 0; i < LARGE; i++) {
            int s = i / 16;
            int scale = (packed[s % 8] >> s / 8 * 4 & 15) | (packed[8 + s % 4] >> s / 4 * 2 & 3)
                                                                << 4;
            int code = codes[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
            int high = blocks[i % 32] >> i / 32 & 1;
            values[i] = d * (float)(scale - 32) * (float)(code - (high != 0 ? 0 : 4));
        }
    }
}

/* The 6-bit scale and minimum of group g of Q4_K and Q5_K, from their 12 bytes. */
static void scale_and_minimum(const unsigned char *packed, int g, int *scale, int *minimum)
{
    if (g < 4) {
        *scale = packed[g] & 63;
        *minimum = packed[g + 4] & 63;
    } else {
        *scale = (packed[g + 4] & 15) | packed[g - 4] >> 6 << 4;
        *minimum = packed[g + 4] >> 4 | packed[g] >> 6 << 4;
    }
}

/* half d; half dmin; u8 scales[12]; u8 codes[128]: groups 2k and 2k+1 share 32 bytes, low nibbles
 * for the even one. With `high`, bit g of high[i] is the fifth bit of value i of group g. */
static void decode_4_or_5_bits(const unsigned char *block, const unsigned char *high,
                               const unsigned char *codes, float *values)
{
    float d = read_half(block), dmin = read_half(block + 2);
    for (int g = 0; g < 8; g++) {
        int scale, minimum;
        scale_and_minimum(block + 4, g, &scale, &minimum);
        float step = d * (float)scale, offset = dmin * (float)minimum;
        for (int i = 0; i < 32; i++) {
            int code = codes[g / 2 * 32 + i] >> g % 2 * 4 & 15;
            code |= high == NULL ? 0 : (high[i] >> g & 1) << 4;
            values[32 * g + i] = step * (float)code - offset;
        }
    }
}

static void decode_q4_k(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 144, values += LARGE) {
        decode_4_or_5_bits(blocks, NULL, blocks + 16, values);
    }
}

/* As Q4_K, with u8 high[32] between the scales and the codes. */
static void decode_q5_k(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 176, values += LARGE) {
        decode_4_or_5_bits(blocks, blocks + 16, blocks + 48, values);
    }
}

/* u8 low[128]; u8 high[64]; i8 scales[16]; half d. In each half of 128 values, quarter k takes
 * nibbles {low of bytes 0..31, low of 32..63, high of 0..31, high of 32..63}[k]. */
static void decode_q6_k(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 210, values += LARGE) {
        float d = read_half(blocks + 208);
        for (int i = 0; i < LARGE; i++) {
            int half = i / 128, quarter = i % 128 / 32, l = i % 32;
            int low = blocks[64 * half + 32 * (quarter % 2) + l] >> quarter / 2 * 4 & 15;
            int high = blocks[128 + 32 * half + l] >> 2 * quarter & 3;
            float scale = d * (float)(int8_t)blocks[192 + i / 16];
            values[i] = scale * (float)((low | high << 4) - 32);
        }
    }
}

/* half d; u16 high bits of the scales; u8 low[4]; u8 codes[128]: 8 groups of 32, each like a block
 * of IQ4_NL with its own 6-bit scale. */
static void decode_iq4_xs(const unsigned char *blocks, size_t count, float *values)
{
    for (size_t b = 0; b < count; b++, blocks += 136, values += LARGE) {
        float d = read_half(blocks);
        int high = read_u16(blocks + 2);
        for (int g = 0; g < 8; g++) {
            int scale = (blocks[4 + g / 2] >> g % 2 * 4 & 15) | (high >> 2 * g & 3) << 4;
            float step = d * (float)(scale - 32);
            const unsigned char *codes = blocks + 8 + 16 * g;
            for (int j = 0; j < 16; j++) {
                values[32 * g + j] = step * (float)iq4_levels[codes[j] & 15];
                values[32 * g + j + 16] = step * (float)iq4_levels[codes[j] >> 4];
            }
        }
    }
}

/* --- the table --- */

static const struct quant_format formats[] = {
    {QUANT_F32, "F32", 1, 4, decode_f32},
    {QUANT_F16, "F16", 1, 2, decode_f16},
    {QUANT_BF16, "BF16", 1, 2, decode_bf16},
    {QUANT_Q4_0, "Q4_0", SMALL, 18, decode_q4_0},
    {QUANT_Q4_1, "Q4_1", SMALL, 20, decode_q4_1},
    {QUANT_Q5_0, "Q5_0", SMALL, 22, decode_q5_0},
    {QUANT_Q5_1, "Q5_1", SMALL, 24, decode_q5_1},
    {QUANT_Q8_0, "Q8_0", SMALL, 34, decode_q8_0},
    {QUANT_Q2_K, "Q2_K", LARGE, 84, decode_q2_k},
    {QUANT_Q3_K, "Q3_K", LARGE, 110, decode_q3_k},
    {QUANT_Q4_K, "Q4_K", LARGE, 144, decode_q4_k},
    {QUANT_Q5_K, "Q5_K", LARGE, 176, decode_q5_k},
    {QUANT_Q6_K, "Q6_K", LARGE, 210, decode_q6_k},
    {QUANT_IQ4_NL, "IQ4_NL", SMALL, 18, decode_iq4_nl},
    {QUANT_IQ4_XS, "IQ4_XS", LARGE, 136, decode_iq4_xs},
    {QUANT_MXFP4, "MXFP4", SMALL, 17, decode_mxfp4},
    {QUANT_NVFP4, "NVFP4", 64, 36, decode_nvfp4},
};

const struct quant_format *quant_format(uint32_t type)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if ((uint32_t)formats[i].type == type) {
            return &formats[i];
        }
    }
    return NULL;
}
