#include "CKernels.h"
#include "simd.h"

// Tables (entries, features), one row per token or position; blocks (features, places).

void ck_embed(float *restrict block, const float *restrict table, const int32_t *restrict tokens, size_t features,
              size_t places) {
  enum { SIDE = 16 };
  for (size_t f0 = 0; f0 < features; f0 += SIDE)
    for (size_t p = 0; p < places; ++p) {
      const float *row = table + (size_t)tokens[p] * features;
      for (size_t f = f0; f < f0 + SIDE && f < features; ++f) block[f * places + p] = row[f];
    }
}

void ck_embed_back(float *restrict dtable, const float *restrict dblock, const int32_t *restrict tokens,
                   size_t features, size_t places) {
  for (size_t p = 0; p < places; ++p) {
    float *row = dtable + (size_t)tokens[p] * features;
    for (size_t f = 0; f < features; ++f) row[f] += dblock[f * places + p];
  }
}

void ck_add_positions(float *restrict block, const float *restrict table, size_t features, size_t rows,
                      size_t length) {
  for (size_t f = 0; f < features; ++f)
    for (size_t r = 0; r < rows; ++r)
      for (size_t p = 0; p < length; ++p) block[(f * rows + r) * length + p] += table[p * features + f];
}

void ck_add_positions_back(float *restrict dtable, const float *restrict dblock, size_t features, size_t rows,
                           size_t length) {
  for (size_t f = 0; f < features; ++f)
    for (size_t r = 0; r < rows; ++r)
      for (size_t p = 0; p < length; ++p) dtable[p * features + f] += dblock[(f * rows + r) * length + p];
}
