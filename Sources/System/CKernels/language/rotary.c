#include "CKernels.h"
#include "simd.h"

KERNEL void ck_rotate(float *restrict head, const float *restrict cosine, const float *restrict sine, float direction,
                      size_t half, size_t sequences, size_t length) {
  const size_t stride = sequences * length;
  for (size_t k = 0; k < half; ++k)
    for (size_t s = 0; s < sequences; ++s) {
      float *low = head + k * stride + s * length, *high = head + (k + half) * stride + s * length;
      const float *c = cosine + k * length, *n = sine + k * length;
      for (size_t j = 0; j < length; ++j) {
        const float a = low[j], b = high[j], turn = direction * n[j];
        low[j] = a * c[j] - b * turn;
        high[j] = b * c[j] + a * turn;
      }
    }
}
