#include "CKernels.h"
#include "simd.h"

KERNEL void ck_mask_forward(float *restrict masked, const float *restrict a, const float *restrict ci,
                            const float *restrict u, size_t count) {
  for (size_t i = 0; i < count; ++i) masked[i] = a[i] * (ci[i] + (1 - ci[i]) * u[i]);
}

KERNEL void ck_mask_backward(float *da, float *restrict dci, const float *restrict d, const float *a,
                             const float *restrict ci, const float *restrict u, int add, size_t count) {
  if (add) {
    for (size_t i = 0; i < count; ++i) {
      dci[i] += d[i] * a[i] * (1 - u[i]);
      da[i] += d[i] * (ci[i] + (1 - ci[i]) * u[i]);
    }
  } else {
    for (size_t i = 0; i < count; ++i) {
      dci[i] += d[i] * a[i] * (1 - u[i]);
      da[i] = d[i] * (ci[i] + (1 - ci[i]) * u[i]);
    }
  }
}
