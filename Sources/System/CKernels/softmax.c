#include "CKernels.h"
#include "simd.h"
#include <math.h>

// Tiles of logits (tokens, rows): a few hundred tokens of the vocabulary for some rows. A row's largest logit and the
// sum of its exponentials grow from tile to tile.
enum { BLOCK = 64 };

KERNEL void ck_softmax_tile(float *restrict tile, float *restrict top, double *restrict sum, float *restrict rescale,
                            size_t tokens, size_t rows) {
  for (size_t first = 0; first < rows; first += BLOCK) {
    const size_t n = rows - first < BLOCK ? rows - first : BLOCK;
    float tops[BLOCK], sums[BLOCK] = {0};
    for (size_t r = 0; r < n; ++r) tops[r] = top[first + r];
    for (size_t v = 0; v < tokens; ++v) {
      const float *l = tile + v * rows + first;
      for (size_t r = 0; r < n; ++r) tops[r] = l[r] > tops[r] ? l[r] : tops[r];
    }
    for (size_t v = 0; v < tokens; ++v) {
      float *l = tile + v * rows + first;
      for (size_t r = 0; r < n; ++r) {
        const float e = exp_approx(l[r] - tops[r]);
        l[r] = e;
        sums[r] += e;
      }
    }
    for (size_t r = 0; r < n; ++r) {
      const float shrink = exp_approx(top[first + r] - tops[r]);
      rescale[first + r] = shrink;
      sum[first + r] = sum[first + r] * (double)shrink + (double)sums[r];
      top[first + r] = tops[r];
    }
  }
}

KERNEL void ck_scale_rows(float *restrict block, const float *restrict factor, size_t features, size_t rows) {
  for (size_t f = 0; f < features; ++f)
    for (size_t r = 0; r < rows; ++r) block[f * rows + r] *= factor[r];
}

KERNEL void ck_kl_tile(float *restrict out, const float *restrict target, double *restrict divergence,
                       const float *restrict log_out, const float *restrict log_target, float scale, size_t tokens,
                       size_t rows) {
  for (size_t first = 0; first < rows; first += BLOCK) {
    const size_t n = rows - first < BLOCK ? rows - first : BLOCK;
    float sums[BLOCK] = {0};
    for (size_t v = 0; v < tokens; ++v) {
      float *o = out + v * rows + first;
      const float *t = target + v * rows + first;
      for (size_t r = 0; r < n; ++r) {
        const float log_q = o[r] - log_out[first + r], log_p = t[r] - log_target[first + r];
        const float p = exp_approx(log_p);
        sums[r] += p * (log_p - log_q);
        o[r] = scale * (exp_approx(log_q) - p);
      }
    }
    for (size_t r = 0; r < n; ++r) divergence[first + r] += (double)sums[r];
  }
}
