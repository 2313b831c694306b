#include "CKernels.h"
#include "simd.h"
#include <math.h>

INLINE double squared_error(float *restrict d, const float *restrict o, const float *restrict t,
                            const float *restrict weight, float feature_weight, float scale, size_t rows) {
#pragma clang fp reassociate(on)
  float sum = 0;
  for (size_t r = 0; r < rows; ++r) {
    const float difference = o[r] - t[r], weighted = weight[r] * feature_weight * difference;
    sum += weighted * difference;
    d[r] = 2 * scale * weighted;
  }
  return (double)sum;
}

KERNEL double ck_mse(float *restrict dout, const float *restrict out, const float *restrict target,
                     const float *restrict weight, float scale, size_t features, size_t rows) {
  double total = 0;
  for (size_t f = 0; f < features; ++f)
    total += squared_error(dout + f * rows, out + f * rows, target + f * rows, weight, 1, scale, rows);
  return total;
}

KERNEL double ck_weighted_mse(float *restrict dout, const float *restrict out, const float *restrict target,
                              const float *restrict weight, const float *restrict feature_weight, float scale,
                              size_t features, size_t rows) {
  double total = 0;
  for (size_t f = 0; f < features; ++f)
    total +=
        squared_error(dout + f * rows, out + f * rows, target + f * rows, weight, feature_weight[f], scale, rows);
  return total;
}

KERNEL void ck_labels(float *restrict y, const float *restrict x, const float *restrict coefficients, int kind,
                      size_t features, size_t rows) {
  for (size_t f = 0; f < features; ++f) {
    const float k = coefficients[f];
    for (size_t r = 0; r < rows; ++r) {
      const float v = x[f * rows + r], kv = k * v;
      y[f * rows + r] = kind == 2 ? (kv < 0 ? -kv : kv) : kind == 1 ? kv * normal_cdf(kv) + v : (kv > 0 ? kv : 0) + v;
    }
  }
}

// Rows are few features wide and the loss is rare; double keeps the small difference of large terms.
double ck_kl(float *restrict dout, const float *restrict out, const float *restrict target,
             const float *restrict live, float scale, size_t features, size_t rows) {
  double total = 0;
  for (size_t r = 0; r < rows; ++r) {
    double top_out = -INFINITY, top_target = -INFINITY, sum_out = 0, sum_target = 0;
    for (size_t f = 0; f < features; ++f) {
      top_out = fmax(top_out, out[f * rows + r]);
      top_target = fmax(top_target, target[f * rows + r]);
    }
    for (size_t f = 0; f < features; ++f) {
      sum_out += exp(out[f * rows + r] - top_out);
      sum_target += exp(target[f * rows + r] - top_target);
    }
    const double log_out = top_out + log(sum_out), log_target = top_target + log(sum_target);
    double divergence = 0;
    for (size_t f = 0; f < features; ++f) {
      const double log_q = out[f * rows + r] - log_out, log_p = target[f * rows + r] - log_target, p = exp(log_p);
      divergence += p * (log_p - log_q);
      dout[f * rows + r] = (float)((double)(scale * live[r]) * (exp(log_q) - p));
    }
    total += live[r] > 0 ? divergence : 0;
  }
  return total;
}
