#include "CKernels.h"
#include "simd.h"

// Blocks are feature-major, so sums over features run along rows: BLOCK of them at a time stay in registers and L1.
enum { BLOCK = 128 };

KERNEL void ck_norm_forward(float *restrict y, float *restrict mean, float *restrict inverse, const float *restrict x,
                            const float *restrict w, const float *b, float eps, size_t features, size_t rows,
                            size_t stride) {
  for (size_t first = 0; first < rows; first += BLOCK) {
    const size_t n = rows - first < BLOCK ? rows - first : BLOCK;
    const float *xs = x + first;
    float center[BLOCK] = {0}, square[BLOCK] = {0};
    if (b) {
      for (size_t f = 0; f < features; ++f)
        for (size_t r = 0; r < n; ++r) center[r] += xs[f * stride + r];
      for (size_t r = 0; r < n; ++r) center[r] /= (float)features;
    }
    for (size_t f = 0; f < features; ++f)
      for (size_t r = 0; r < n; ++r) {
        const float d = xs[f * stride + r] - center[r];
        square[r] += d * d;
      }
    for (size_t r = 0; r < n; ++r) {
      mean[first + r] = center[r];
      inverse[first + r] = square[r] = 1 / __builtin_sqrtf(square[r] / (float)features + eps);
    }
    for (size_t f = 0; f < features; ++f) {
      const float bias = b ? b[f] : 0;
      for (size_t r = 0; r < n; ++r)
        y[f * stride + first + r] = w[f] * ((xs[f * stride + r] - center[r]) * square[r]) + bias;
    }
  }
}

KERNEL void ck_norm_backward(float *restrict dx, float *dw, float *db, const float *restrict dy,
                             const float *restrict x, const float *restrict mean, const float *restrict inverse,
                             const float *restrict w, int centered, size_t features, size_t rows, size_t stride) {
  for (size_t first = 0; first < rows; first += BLOCK) {
    const size_t n = rows - first < BLOCK ? rows - first : BLOCK;
    const float *center = mean + first, *scale = inverse + first;
    // Means over features of w dy and of w dy x̂, x̂ the normalised x.
    float sum[BLOCK] = {0}, dot[BLOCK] = {0};
    for (size_t f = 0; f < features; ++f) {
      const float *xs = x + f * stride + first, *dys = dy + f * stride + first;
      for (size_t r = 0; r < n; ++r) {
        const float d = w[f] * dys[r];
        sum[r] += d;
        dot[r] += d * ((xs[r] - center[r]) * scale[r]);
      }
      if (dw) {
#pragma clang fp reassociate(on)
        float total = 0;
        for (size_t r = 0; r < n; ++r) total += dys[r] * ((xs[r] - center[r]) * scale[r]);
        dw[f] += total;
      }
      if (db) {
#pragma clang fp reassociate(on)
        float total = 0;
        for (size_t r = 0; r < n; ++r) total += dys[r];
        db[f] += total;
      }
    }
    for (size_t r = 0; r < n; ++r) {
      sum[r] = centered ? sum[r] / (float)features : 0;
      dot[r] /= (float)features;
    }
    for (size_t f = 0; f < features; ++f) {
      const float *xs = x + f * stride + first, *dys = dy + f * stride + first;
      float *dxs = dx + f * stride + first;
      for (size_t r = 0; r < n; ++r)
        dxs[r] += scale[r] * (w[f] * dys[r] - sum[r] - (xs[r] - center[r]) * scale[r] * dot[r]);
    }
  }
}
