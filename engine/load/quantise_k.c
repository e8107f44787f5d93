/* quantise_k: see quantise_k.h. quantise_fit finds scales and codes; here they are put where
 * quant.c looks for them, whose comments say what lies where. */
#include "load/quantise_k.h"

#include <string.h>

#include "load/quantise_fit.h"

static const int8_t iq4_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                      1,    13,   25,  38,  53,  69,  89,  113};

static const struct quantise_fit_shape shape_q2 = {16, 0, 3, 0, 15, NULL};
static const struct quantise_fit_shape shape_q3 = {16, -4, 3, -32, 31, NULL};
static const struct quantise_fit_shape shape_q4 = {32, 0, 15, 0, 63, NULL};
static const struct quantise_fit_shape shape_q5 = {32, 0, 31, 0, 63, NULL};
static const struct quantise_fit_shape shape_q6 = {16, -32, 31, -128, 127, NULL};
static const struct quantise_fit_shape shape_iq4 = {32, 0, 15, -32, 31, iq4_levels};

static void put_u16(unsigned char *bytes, uint16_t value)
{
    bytes[0] = (unsigned char)value;
    bytes[1] = (unsigned char)(value >> 8);
}

static void merge(unsigned char *byte, int bits, int shift)
{
    *byte = (unsigned char)(*byte | bits << shift);
}

void quantise_k_q2(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t b = 0; b < count; b++, values += QUANTISE_LARGE, blocks += 84) {
        struct quantise_fit_block fit;
        quantise_fit_large(values, &shape_q2, &fit);
        memset(blocks, 0, 84);
        for (int g = 0; g < 16; g++) {
            blocks[g] = (unsigned char)(fit.scales[g] | fit.minimums[g] << 4);
        }
        for (int i = 0; i < QUANTISE_LARGE; i++) {
            merge(&blocks[16 + i / 128 * 32 + i % 32], fit.codes[i], i % 128 / 32 * 2);
        }
        put_u16(blocks + 80, fit.unit);
        put_u16(blocks + 82, fit.minimum_unit);
    }
}

void quantise_k_q3(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t b = 0; b < count; b++, values += QUANTISE_LARGE, blocks += 110) {
        struct quantise_fit_block fit;
        quantise_fit_large(values, &shape_q3, &fit);
        memset(blocks, 0, 110);
        for (int i = 0; i < QUANTISE_LARGE; i++) {
            int code = fit.codes[i] + 4;
            merge(&blocks[32 + i / 128 * 32 + i % 32], code & 3, i % 128 / 32 * 2);
            merge(&blocks[i % 32], code >> 2, i / 32);
        }
        for (int g = 0; g < 16; g++) {
            int scale = fit.scales[g] + 32;
            merge(&blocks[96 + g % 8], scale & 15, g / 8 * 4);
            merge(&blocks[104 + g % 4], scale >> 4, g / 4 * 2);
        }
        put_u16(blocks + 108, fit.unit);
    }
}

/* The heads of Q4_K and Q5_K, and the low nibbles of their codes. */
static void put_4_or_5_bits(const struct quantise_fit_block *fit, unsigned char *block,
                            unsigned char *codes)
{
    unsigned char *packed = block + 4;
    put_u16(block, fit->unit);
    put_u16(block + 2, fit->minimum_unit);
    for (int g = 0; g < 4; g++) {
        packed[g] = (unsigned char)(fit->scales[g] | fit->scales[g + 4] >> 4 << 6);
        packed[g + 4] = (unsigned char)(fit->minimums[g] | fit->minimums[g + 4] >> 4 << 6);
        packed[g + 8] =
            (unsigned char)((fit->scales[g + 4] & 15) | (fit->minimums[g + 4] & 15) << 4);
    }
    for (int i = 0; i < QUANTISE_LARGE; i++) {
        merge(&codes[i / 64 * 32 + i % 32], fit->codes[i] & 15, i / 32 % 2 * 4);
    }
}

void quantise_k_q4(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t b = 0; b < count; b++, values += QUANTISE_LARGE, blocks += 144) {
        struct quantise_fit_block fit;
        quantise_fit_large(values, &shape_q4, &fit);
        memset(blocks, 0, 144);
        put_4_or_5_bits(&fit, blocks, blocks + 16);
    }
}

void quantise_k_q5(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t b = 0; b < count; b++, values += QUANTISE_LARGE, blocks += 176) {
        struct quantise_fit_block fit;
        quantise_fit_large(values, &shape_q5, &fit);
        memset(blocks, 0, 176);
        put_4_or_5_bits(&fit, blocks, blocks + 48);
        for (int i = 0; i < QUANTISE_LARGE; i++) {
            merge(&blocks[16 + i % 32], fit.codes[i] >> 4, i / 32);
        }
    }
}

void quantise_k_q6(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t b = 0; b < count; b++, values += QUANTISE_LARGE, blocks += 210) {
        struct quantise_fit_block fit;
        quantise_fit_large(values, &shape_q6, &fit);
        memset(blocks, 0, 210);
        for (int i = 0; i < QUANTISE_LARGE; i++) {
            int half = i / 128, quarter = i % 128 / 32, l = i % 32, code = fit.codes[i] + 32;
            merge(&blocks[64 * half + 32 * (quarter % 2) + l], code & 15, quarter / 2 * 4);
            merge(&blocks[128 + 32 * half + l], code >> 4, 2 * quarter);
        }
        memcpy(blocks + 192, fit.scales, 16);
        put_u16(blocks + 208, fit.unit);
    }
}

void quantise_k_iq4_xs(const float *values, size_t count, unsigned char *blocks)
{
    for (size_t b = 0; b < count; b++, values += QUANTISE_LARGE, blocks += 136) {
        struct quantise_fit_block fit;
        quantise_fit_large(values, &shape_iq4, &fit);
        memset(blocks, 0, 136);
        put_u16(blocks, fit.unit);
        for (int g = 0; g < 8; g++) {
            int scale = fit.scales[g] + 32;
            merge(&blocks[2 + g / 4], scale >> 4, 2 * (g % 4));
            merge(&blocks[4 + g / 2], scale & 15, g % 2 * 4);
            for (int i = 0; i < 16; i++) {
                blocks[8 + 16 * g + i] =
                    (unsigned char)(fit.codes[32 * g + i] | fit.codes[32 * g + i + 16] << 4);
            }
        }
    }
}
