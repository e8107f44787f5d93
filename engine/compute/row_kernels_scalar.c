/* row_kernels_scalar: the row kernels in plain C; the meaning of the table, and the last resort. */
#include "compute/row_kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "load/quant.h"

enum { LANES = 8 };

/* 1 / the root of the mean square. The sum runs in eight lanes, as exact as the vector sets are. */
static float rms_factor(const float *x, size_t n, float eps)
{
    float lane[LANES] = {0};
    for (size_t i = 0; i < n; i++) {
        lane[i % LANES] += x[i] * x[i];
    }
    float squares =
        ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
    return 1.0f / sqrtf(squares / (float)n + eps);
}

static void rms_norm(float *out, const float *x, const float *weight, size_t n, float eps)
{
    float factor = rms_factor(x, n, eps);
    for (size_t i = 0; i < n; i++) {
        out[i] = weight == NULL ? x[i] * factor : x[i] * factor * weight[i];
    }
}

static void add_norm(float *x, const float *branch, const float *weight, size_t n, float eps,
                     float factor)
{
    float rms = rms_factor(branch, n, eps);
    for (size_t i = 0; i < n; i++) {
        x[i] = (x[i] + branch[i] * rms * weight[i]) * factor;
    }
}

static void add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] += y[i];
    }
}

static void scale(float *x, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] *= factor;
    }
}

static void gelu_multiply(float *x, const float *y, size_t n)
{
    const float root_two_over_pi = 0.7978845608028654f;
    for (size_t i = 0; i < n; i++) {
        float inner = root_two_over_pi * (x[i] + 0.044715f * x[i] * x[i] * x[i]);
        x[i] = x[i] / (1.0f + expf(-2.0f * inner)) * y[i];
    }
}

static void gate(float *out, const float *x, const float *gates, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = x[i] / (1.0f + expf(-gates[i]));
    }
}

static void clamp(float *out, const float *x, float least, float most, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float value = x[i] < least ? least : x[i];
        out[i] = value > most ? most : value;
    }
}

static void soft_cap(float *x, float cap, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = cap * tanhf(x[i] / cap);
    }
}

static float greatest(const float *x, size_t n)
{
    float most = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        most = x[i] > most ? x[i] : most;
    }
    return most;
}

static float exponentials(float *x, float subtract, size_t n)
{
    float lane[LANES] = {0};
    for (size_t i = 0; i < n; i++) {
        float difference = x[i] - subtract;
        x[i] = difference < -87.0f ? 0.0f : expf(difference);
        lane[i % LANES] += x[i];
    }
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

static void rotate(float *x, float *y, const float *cosines, const float *sines, size_t pairs)
{
    for (size_t i = 0; i < pairs; i++) {
        float a = x[i], b = y[i];
        x[i] = a * cosines[i] - b * sines[i];
        y[i] = b * cosines[i] + a * sines[i];
    }
}

static void blend(float *out, float out_factor, const float *x, float x_factor, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = out[i] * out_factor + x[i] * x_factor;
    }
}

static void transpose(const float *rows, size_t row_stride, size_t row_count, size_t width,
                      float *columns)
{
    size_t padded = (row_count + ROW_KERNELS_PAD - 1) / ROW_KERNELS_PAD * ROW_KERNELS_PAD;
    for (size_t c = 0; c < width; c++) {
        for (size_t r = 0; r < padded; r++) {
            columns[c * ROW_KERNELS_KEYS + r] = r < row_count ? rows[r * row_stride + c] : 0.0f;
        }
    }
}

static void multiply_add(const float *a, size_t a_stride, size_t rows, size_t depth, const float *b,
                         size_t b_stride, size_t columns, float *out, size_t out_stride)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; k < depth; k++) {
            float factor = a[r * a_stride + k];
            for (size_t c = 0; c < columns; c++) {
                out[r * out_stride + c] += factor * b[k * b_stride + c];
            }
        }
    }
}

static void store_f16(unsigned char *halves, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t half = quant_f32_to_f16(x[i]);
        memcpy(halves + 2 * i, &half, sizeof half);
    }
}

const struct row_kernels row_kernels_scalar = {
    .rms_norm = rms_norm,
    .add_norm = add_norm,
    .add = add,
    .scale = scale,
    .gelu_multiply = gelu_multiply,
    .gate = gate,
    .clamp = clamp,
    .soft_cap = soft_cap,
    .greatest = greatest,
    .exponentials = exponentials,
    .rotate = rotate,
    .blend = blend,
    .transpose = transpose,
    .multiply_add = multiply_add,
    .store_f16 = store_f16,
};
