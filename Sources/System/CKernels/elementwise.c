#include "CKernels.h"
#include "simd.h"

#if defined(__x86_64__)
#include <pmmintrin.h>
#include <xmmintrin.h>
#endif

unsigned ck_flush_denormals(void) {
#if defined(__x86_64__)
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | _MM_FLUSH_ZERO_ON | _MM_DENORMALS_ZERO_ON);
  return before;
#else
  return 0;
#endif
}

void ck_restore_denormals(unsigned before) {
#if defined(__x86_64__)
  _mm_setcsr(before);
#else
  (void)before;
#endif
}

KERNEL void ck_add(float *restrict out, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] += x[i];
}

KERNEL void ck_subtract(float *restrict out, const float *restrict x, const float *restrict y, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = x[i] - y[i];
}

KERNEL void ck_add_bias(float *restrict block, const float *restrict bias, size_t features, size_t rows) {
  for (size_t f = 0; f < features; ++f)
    for (size_t r = 0; r < rows; ++r) block[f * rows + r] += bias[f];
}

KERNEL void ck_fill_rows(float *restrict block, const float *restrict bias, size_t features, size_t rows) {
  for (size_t f = 0; f < features; ++f)
    for (size_t r = 0; r < rows; ++r) block[f * rows + r] = bias[f];
}

KERNEL void ck_sum_rows(float *restrict sums, const float *restrict block, size_t features, size_t rows) {
#pragma clang fp reassociate(on)
  for (size_t f = 0; f < features; ++f) {
    float sum = 0;
    for (size_t r = 0; r < rows; ++r) sum += block[f * rows + r];
    sums[f] += sum;
  }
}

KERNEL void ck_absolute(float *out, const float *x, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = x[i] < 0 ? -x[i] : x[i];
}

KERNEL void ck_relu(float *out, const float *x, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = x[i] > 0 ? x[i] : 0;
}

KERNEL void ck_relu_backward(float *dx, const float *dy, const float *x, size_t count) {
  for (size_t i = 0; i < count; ++i) dx[i] = x[i] > 0 ? dy[i] : 0;
}

KERNEL void ck_gelu(float *out, const float *x, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = x[i] * normal_cdf(x[i]);
}

KERNEL void ck_gelu_backward(float *dx, const float *dy, const float *x, size_t count) {
  for (size_t i = 0; i < count; ++i) dx[i] = dy[i] * (normal_cdf(x[i]) + x[i] * normal_pdf(x[i]));
}

KERNEL double ck_sum_of_squares(const float *x, size_t count) {
#pragma clang fp reassociate(on)
  double total = 0;
  for (size_t first = 0; first < count; first += 4096) {  // short float sums, added up in double
    const size_t last = first + 4096 < count ? first + 4096 : count;
    float sum = 0;
    for (size_t i = first; i < last; ++i) sum += x[i] * x[i];
    total += (double)sum;
  }
  return total;
}

void ck_transpose(float *restrict out, const float *restrict in, size_t rows, size_t columns, size_t stride) {
  enum { SIDE = 16 };
  for (size_t r0 = 0; r0 < rows; r0 += SIDE)
    for (size_t c0 = 0; c0 < columns; c0 += SIDE)
      for (size_t c = c0; c < c0 + SIDE && c < columns; ++c)
        for (size_t r = r0; r < r0 + SIDE && r < rows; ++r) out[c * stride + r] = in[r * columns + c];
  for (size_t c = 0; c < columns; ++c)
    for (size_t r = rows; r < stride; ++r) out[c * stride + r] = 0;
}

KERNEL size_t ck_keep_active_rows(float *restrict out, uint32_t *restrict index, const float *restrict in, size_t rows,
                                  size_t columns, uint32_t first) {
  size_t kept = 0;
  for (size_t r = 0; r < rows; ++r) {
    const float *row = in + r * columns;
    float *place = out + kept * columns;
    uint32_t any = 0;
    for (size_t c = 0; c < columns; ++c) {
      uint32_t bits;
      __builtin_memcpy(&bits, &row[c], sizeof bits);
      any |= bits << 1;  // without the sign: -0 is zero too
      place[c] = row[c];
    }
    index[kept] = first + (uint32_t)r;
    kept += any != 0;
  }
  return kept;
}

void ck_gather_rows(float *restrict out, const uint32_t *restrict row_index, const float *restrict given,
                    size_t components, size_t rows) {
  for (size_t c = 0; c < components; ++c)
    for (size_t r = 0; r < rows; ++r) out[c * rows + r] = given[row_index[r] * components + c];
}

KERNEL void ck_multiply(float *x, float factor, size_t count) {
  for (size_t i = 0; i < count; ++i) x[i] *= factor;
}
