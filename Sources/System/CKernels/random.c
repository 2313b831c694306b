#include "CKernels.h"
#include "simd.h"

// Counter-based: a 32-bit counter hashed under a 64-bit key. The multipliers are Wellons' triple32, whose measured bias
// is near the bound for a 32-bit permutation; the key enters before and between the rounds.
INLINE uint32_t hash(uint32_t x, ck_key key) {
  x ^= key.low;
  x ^= x >> 17;
  x *= 0xed5ad4bbu;
  x ^= x >> 11;
  x += key.high;
  x *= 0xac4c1b51u;
  x ^= x >> 15;
  x *= 0x31848babu;
  x ^= x >> 14;
  return x;
}

INLINE float unit(uint32_t bits) { return (float)(int32_t)(bits >> 8) * 0x1p-24f; }

KERNEL void ck_uniform(float *out, size_t count, ck_key key, uint32_t first) {
  for (size_t i = 0; i < count; ++i) out[i] = unit(hash(first + (uint32_t)i, key));
}

KERNEL void ck_uniform_rows(float *restrict out, const uint32_t *restrict row_index, size_t from, size_t components,
                            size_t rows, size_t batch, ck_key key) {
  for (size_t c = 0; c < components; ++c) {
    const uint32_t first = (uint32_t)((from + c) * batch);
    float *o = out + c * rows;
    for (size_t r = 0; r < rows; ++r) o[r] = unit(hash(first + row_index[r], key));
  }
}

KERNEL void ck_sparse(float *restrict out, const float *restrict active, const float *restrict value,
                      float probability, float lowest, float width, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = active[i] < probability ? lowest + width * value[i] : 0;
}
