#include "CKernels.h"
#include "simd.h"
#include <math.h>

// Tiles of logits (tokens, rows): a few hundred tokens of the vocabulary for some rows. A row's largest logit and the
// sum of its exponentials grow from tile to tile.
enum { BLOCK = 64 };

// Sums of some tokens are floats, and their sums doubles: a kl is a difference of sums that are nearly equal, and a float
// that grows over a whole tile is off by a tenth of a millionth of it and more.
enum { RUN = 8 };

KERNEL void ck_softmax_tile(float *restrict tile, float *restrict top, double *restrict sum, float *restrict rescale,
                            size_t tokens, size_t rows) {
  for (size_t first = 0; first < rows; first += BLOCK) {
    const size_t n = rows - first < BLOCK ? rows - first : BLOCK;
    float tops[BLOCK];
    double totals[BLOCK] = {0};
    for (size_t r = 0; r < n; ++r) tops[r] = top[first + r];
    for (size_t v = 0; v < tokens; ++v) {
      const float *l = tile + v * rows + first;
      for (size_t r = 0; r < n; ++r) tops[r] = l[r] > tops[r] ? l[r] : tops[r];
    }
    for (size_t run = 0; run < tokens; run += RUN) {
      const size_t end = run + RUN < tokens ? run + RUN : tokens;
      float sums[BLOCK] = {0};
      for (size_t v = run; v < end; ++v) {
        float *l = tile + v * rows + first;
        for (size_t r = 0; r < n; ++r) {
          const float e = exp_approx(l[r] - tops[r]);
          l[r] = e;
          sums[r] += e;
        }
      }
      for (size_t r = 0; r < n; ++r) totals[r] += (double)sums[r];
    }
    for (size_t r = 0; r < n; ++r) {
      const float shrink = exp_approx(top[first + r] - tops[r]);
      rescale[first + r] = shrink;
      sum[first + r] = sum[first + r] * (double)shrink + totals[r];
      top[first + r] = tops[r];
    }
  }
}

KERNEL void ck_scale_rows(float *restrict block, const float *restrict factor, size_t features, size_t rows) {
  for (size_t f = 0; f < features; ++f)
    for (size_t r = 0; r < rows; ++r) block[f * rows + r] *= factor[r];
}

KERNEL void ck_kl_tile(float *restrict out, const float *restrict target, double *restrict gain,
                       const float *restrict log_out, const float *restrict log_target, float scale, size_t tokens,
                       size_t rows) {
  for (size_t first = 0; first < rows; first += BLOCK) {
    const size_t n = rows - first < BLOCK ? rows - first : BLOCK;
    for (size_t run = 0; run < tokens; run += RUN) {
      const size_t end = run + RUN < tokens ? run + RUN : tokens;
      float sums[BLOCK] = {0};
      for (size_t v = run; v < end; ++v) {
        float *o = out + v * rows + first;
        const float *t = target + v * rows + first;
        for (size_t r = 0; r < n; ++r) {
          const float p = exp_approx(t[r] - log_target[first + r]);
          sums[r] += p * (t[r] - o[r]);
          o[r] = scale * (exp_approx(o[r] - log_out[first + r]) - p);
        }
      }
      for (size_t r = 0; r < n; ++r) gain[first + r] += (double)sums[r];
    }
  }
}

KERNEL void ck_gain(double *restrict gain, const float *restrict x, const float *restrict y,
                    const float *restrict weight, size_t features, size_t rows) {
  for (size_t first = 0; first < rows; first += BLOCK) {
    const size_t n = rows - first < BLOCK ? rows - first : BLOCK;
    double sums[BLOCK] = {0};
    for (size_t f = 0; f < features; ++f) {
      const size_t place = f * rows + first;
      for (size_t r = 0; r < n; ++r) sums[r] += (double)(x[place + r] - y[place + r]) * (double)weight[place + r];
    }
    for (size_t r = 0; r < n; ++r) gain[first + r] = sums[r];
  }
}

KERNEL void ck_expectation(float *restrict out, size_t stride, const float *restrict sums,
                           const double *restrict total, const float *minus, float scale, size_t features,
                           size_t rows) {
  for (size_t f = 0; f < features; ++f)
    for (size_t r = 0; r < rows; ++r) {
      const float mean = sums[f * rows + r] / (float)total[r];
      out[f * stride + r] = minus ? scale * (mean - minus[f * stride + r]) : mean;
    }
}

void ck_label_logits(double *restrict logits, const float *restrict x, size_t stride, const float *restrict table,
                     size_t label_stride, size_t feature_stride, const int32_t *restrict labels, size_t features,
                     size_t rows) {
  for (size_t r = 0; r < rows; ++r) {
    const float *row = table + (size_t)labels[r] * label_stride;
    double sum = 0;
    for (size_t f = 0; f < features; ++f) sum += (double)(x[f * stride + r] * row[f * feature_stride]);
    logits[r] = sum;
  }
}

KERNEL double ck_mse_tile(float *restrict out, const float *restrict target, float scale, size_t count) {
#pragma clang fp reassociate(on)
  double total = 0;
  for (size_t first = 0; first < count; first += 4096) {
    const size_t last = first + 4096 < count ? first + 4096 : count;
    float sum = 0;
    for (size_t i = first; i < last; ++i) {
      const float difference = out[i] - target[i];
      sum += difference * difference;
      out[i] = 2 * scale * difference;
    }
    total += (double)sum;
  }
  return total;
}

KERNEL double ck_dot(const float *restrict x, const float *restrict y, size_t count) {
#pragma clang fp reassociate(on)
  double total = 0;
  for (size_t first = 0; first < count; first += 4096) {
    const size_t last = first + 4096 < count ? first + 4096 : count;
    float sum = 0;
    for (size_t i = first; i < last; ++i) sum += x[i] * y[i];
    total += (double)sum;
  }
  return total;
}

KERNEL void ck_set_scaled(float *restrict out, const float *restrict x, float factor, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = factor * x[i];
}

KERNEL double ck_entropy_tile(float *restrict tile, const float *restrict logs, const int32_t *restrict labels,
                              int32_t first_token, float scale, size_t tokens, size_t rows) {
  double total = 0;
  for (size_t r = 0; r < rows; ++r) {
    const int64_t place = (int64_t)labels[r] - first_token;
    if (labels[r] >= 0 && place >= 0 && place < (int64_t)tokens) total += (double)logs[r] - (double)tile[(size_t)place * rows + r];
  }
  for (size_t v = 0; v < tokens; ++v)
    for (size_t r = 0; r < rows; ++r) {
      const float q = exp_approx(tile[v * rows + r] - logs[r]);
      const float hit = labels[r] == first_token + (int32_t)v ? 1 : 0;
      tile[v * rows + r] = labels[r] < 0 ? 0 : scale * (q - hit);
    }
  return total;
}
