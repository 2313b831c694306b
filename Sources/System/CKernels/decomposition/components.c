#include "CKernels.h"
#include "simd.h"

double ck_bilinear(const float *restrict u, const float *restrict w, const float *restrict v, size_t rows,
                   size_t columns) {
  double sum = 0;
  for (size_t r = 0; r < rows; ++r) {
    double product = 0;
    for (size_t c = 0; c < columns; ++c) product += (double)(w[r * columns + c] * v[c]);
    sum += (double)u[r] * product;
  }
  return sum;
}

KERNEL void ck_add_column_squares(float *restrict sums, const float *restrict matrix, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) sums[c] += matrix[r * columns + c] * matrix[r * columns + c];
}

// An embedding's subcomponents are row-major, (entries, C): an entry is a distinct token, or a position.

KERNEL void ck_entry_mask_forward(float *restrict masked, const float *restrict a, const float *restrict ci,
                                  const float *restrict u, const uint32_t *entry, const uint32_t *draw,
                                  size_t components, size_t places) {
  for (size_t p = 0; p < places; ++p) {
    const float *ap = a + (size_t)entry[p] * components, *cp = ci + (size_t)entry[p] * components;
    const float *up = u + (draw ? (size_t)draw[p] : p) * components;
    float *mp = masked + p * components;
    for (size_t c = 0; c < components; ++c) mp[c] = ap[c] * (cp[c] + (1 - cp[c]) * up[c]);
  }
}

KERNEL void ck_entry_mask_backward(float *restrict da, float *restrict dci, const float *restrict d,
                                   const float *restrict a, const float *restrict ci, const float *restrict u,
                                   const uint32_t *entry, const uint32_t *draw, size_t components, size_t places) {
  for (size_t p = 0; p < places; ++p) {
    const size_t first = (size_t)entry[p] * components;
    const float *up = u + (draw ? (size_t)draw[p] : p) * components, *dp = d + p * components;
    for (size_t c = 0; c < components; ++c) {
      dci[first + c] += dp[c] * a[first + c] * (1 - up[c]);
      da[first + c] += dp[c] * (ci[first + c] + (1 - ci[first + c]) * up[c]);
    }
  }
}

KERNEL void ck_raise(float *restrict top, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; ++i) top[i] = x[i] > top[i] ? x[i] : top[i];
}
