#include "CKernels.h"
#include "simd.h"
#include <math.h>

KERNEL double ck_mse(float *restrict dout, const float *restrict out, const float *restrict target,
                     const float *restrict live, float scale, size_t features, size_t rows) {
#pragma clang fp reassociate(on)
  double total = 0;
  for (size_t f = 0; f < features; ++f) {
    const float *o = out + f * rows, *t = target + f * rows;
    float *d = dout + f * rows;
    float sum = 0;
    for (size_t r = 0; r < rows; ++r) {
      const float difference = (o[r] - t[r]) * live[r];
      sum += difference * difference;
      d[r] = 2 * scale * difference;
    }
    total += (double)sum;
  }
  return total;
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
