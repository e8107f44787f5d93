/* kernels_scalar: the kernels in plain C; the meaning of the table, and the last resort.
 *
 * A sum runs in eight lanes, c modulo 8, that are added at the end. That is as exact as the vector
 * sets are, and a compiler can turn it into vector instructions without being told to reorder
 * additions.
 */
#include "compute/kernels.h"

#include <stdint.h>
#include <string.h>

#include "compute/row_kernels.h"

enum { LANES = 8 };

static bool always(void)
{
    return true;
}

static float add_lanes(const float lane[LANES])
{
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

static float dot_one(const float *row, const float *x, size_t columns)
{
    float lane[LANES] = {0};
    size_t whole = columns / LANES * LANES;
    for (size_t c = 0; c < whole; c += LANES) {
        for (size_t i = 0; i < LANES; i++) {
            lane[i] += row[c + i] * x[c + i];
        }
    }
    for (size_t c = whole; c < columns; c++) {
        lane[c - whole] += row[c] * x[c];
    }
    return add_lanes(lane);
}

static void panel(const float *rows, size_t row_stride, size_t row_count, size_t columns,
                  const float *x, size_t x_stride, size_t tokens, float *out, size_t out_stride)
{
    for (size_t t = 0; t < tokens; t++) {
        for (size_t r = 0; r < row_count; r++) {
            out[t * out_stride + r] = dot_one(rows + r * row_stride, x + t * x_stride, columns);
        }
    }
}

static void dot_f32(const unsigned char *rows, size_t row_bytes, size_t row_count, size_t columns,
                    const float *x, float *out)
{
    for (size_t r = 0; r < row_count; r++) {
        out[r] = dot_one((const float *)(const void *)(rows + r * row_bytes), x, columns);
    }
}

static float read_f16(const unsigned char *row, size_t c)
{
    uint16_t half;
    memcpy(&half, row + 2 * c, sizeof half);
    return quant_f16_to_f32(half);
}

static void dot_f16(const unsigned char *rows, size_t row_bytes, size_t row_count, size_t columns,
                    const float *x, float *out)
{
    size_t whole = columns / LANES * LANES;
    for (size_t r = 0; r < row_count; r++) {
        const unsigned char *row = rows + r * row_bytes;
        float lane[LANES] = {0};
        for (size_t c = 0; c < whole; c++) {
            lane[c % LANES] += read_f16(row, c) * x[c];
        }
        for (size_t c = whole; c < columns; c++) {
            lane[c - whole] += read_f16(row, c) * x[c];
        }
        out[r] = add_lanes(lane);
    }
}

/* Value c of a row of blocks: half d, 32 signed codes. */
static float read_q8_0(const unsigned char *row, size_t c)
{
    const unsigned char *block = row + c / 32 * 34;
    return read_f16(block, 0) * (float)(int8_t)block[2 + c % 32];
}

static void dot_q8_0(const unsigned char *rows, size_t row_bytes, size_t row_count, size_t columns,
                     const float *x, float *out)
{
    for (size_t r = 0; r < row_count; r++) {
        const unsigned char *row = rows + r * row_bytes;
        float lane[LANES] = {0};
        for (size_t c = 0; c < columns; c++) {
            lane[c % LANES] += read_q8_0(row, c) * x[c];
        }
        out[r] = add_lanes(lane);
    }
}

static void accumulate_f32(const unsigned char *rows, size_t row_bytes, size_t row_count,
                           size_t columns, const float *scale, float *sum)
{
    for (size_t r = 0; r < row_count; r++) {
        const float *row = (const float *)(const void *)(rows + r * row_bytes);
        for (size_t c = 0; c < columns; c++) {
            sum[c] += scale[r] * row[c];
        }
    }
}

static void accumulate_f16(const unsigned char *rows, size_t row_bytes, size_t row_count,
                           size_t columns, const float *scale, float *sum)
{
    for (size_t r = 0; r < row_count; r++) {
        for (size_t c = 0; c < columns; c++) {
            sum[c] += scale[r] * read_f16(rows + r * row_bytes, c);
        }
    }
}

static void accumulate_q8_0(const unsigned char *rows, size_t row_bytes, size_t row_count,
                            size_t columns, const float *scale, float *sum)
{
    for (size_t r = 0; r < row_count; r++) {
        for (size_t c = 0; c < columns; c++) {
            sum[c] += scale[r] * read_q8_0(rows + r * row_bytes, c);
        }
    }
}

const struct kernels kernels_scalar = {
    .name = "scalar",
    .supported = always,
    .panel = panel,
    .row = &row_kernels_scalar,
    .rows =
        {
            [QUANT_F32] = {.dot = dot_f32, .accumulate = accumulate_f32},
            [QUANT_F16] = {.dot = dot_f16, .accumulate = accumulate_f16},
            [QUANT_Q8_0] = {.dot = dot_q8_0, .accumulate = accumulate_q8_0},
        },
};
