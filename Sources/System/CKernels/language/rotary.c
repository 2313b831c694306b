#include "CKernels.h"
#include "simd.h"

KERNEL void ck_rotate(float *restrict head, const float *restrict cosine, const float *restrict sine, float direction,
                      size_t half, size_t length, size_t first, size_t places, size_t stride) {
  for (size_t k = 0; k < half; ++k)
    // The places may begin and end inside a text.
    for (size_t place = first, next; place < first + places; place = next) {
      const size_t position = place % length;
      next = place - position + length;
      if (next > first + places) next = first + places;
      float *low = head + k * stride + place, *high = head + (k + half) * stride + place;
      const float *c = cosine + k * length + position, *n = sine + k * length + position;
      for (size_t j = 0; j < next - place; ++j) {
        const float a = low[j], b = high[j], turn = direction * n[j];
        low[j] = a * c[j] - b * turn;
        high[j] = b * c[j] + a * turn;
      }
    }
}
