#include "CKernels.h"
#include "simd.h"
#include <math.h>

// The gate's output g becomes a causal importance. `leaky_hard` has two faces: masks see clamp(g, 0, 1) whose gradient
// leaks below 0 (lower-leaky), importance losses see one that leaks above 1 (upper-leaky). For the other sigmoids masks
// see the value and importance losses its absolute value. An absolute value has no slope at 0, so neither has an
// importance loss there (every gate starts at 0 on an empty row).

static const float ALPHA = 0.01f;

INLINE float logistic(float x) { return 1.0f / (1.0f + exp_approx(-x)); }
INLINE float clamp01(float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

INLINE float upper_leaky(float g) { return g > 1 ? 1 + ALPHA * (g - 1) : clamp01(g); }
INLINE float upper_leaky_slope(float g) { return g > 1 ? ALPHA : g >= 0 ? 1.0f : 0.0f; }

// s(x) = x sigmoid(10 x), a smooth max(x, 0); u(x) = x sigmoid(-10 x), a smooth min(x, 0).
INLINE float swish(float x) { return x * logistic(10 * x); }
INLINE float swish_slope(float x) {
  const float s = logistic(10 * x);
  return s + 10 * x * s * (1 - s);
}
INLINE float swish_hard(float g) {
  const float x = g - 0.5f;
  return 0.5f + (x - 0.5f) * logistic(-10 * (x - 0.5f)) - swish(x) + swish(x + 0.5f) - x * logistic(-10 * x);
}
INLINE float unswish_slope(float x) {
  const float s = logistic(-10 * x);
  return s - 10 * x * s * (1 - s);
}
INLINE float swish_hard_slope(float g) {
  const float x = g - 0.5f;
  return unswish_slope(x - 0.5f) - swish_slope(x) + swish_slope(x + 0.5f) - unswish_slope(x);
}

#define FORWARD(value) \
  for (size_t i = 0; i < count; ++i) { \
    const float x = g[i], s = value; \
    ci[i] = s; \
    ci_upper[i] = s < 0 ? -s : s; \
  }

KERNEL void ck_importance_forward(float *restrict ci, float *restrict ci_upper, const float *restrict g, int sigmoid,
                                  size_t count) {
  switch (sigmoid) {
  case CK_NORMAL: FORWARD(logistic(x)) break;
  case CK_HARD: FORWARD(clamp01(x)) break;
  case CK_UPPER_LEAKY_HARD: FORWARD(upper_leaky(x)) break;
  case CK_SWISH_HARD: FORWARD(swish_hard(x)) break;
  default:
    for (size_t i = 0; i < count; ++i) {
      ci[i] = clamp01(g[i]);
      ci_upper[i] = upper_leaky(g[i]);
    }
  }
}

#define BACKWARD(value, slope) \
  for (size_t i = 0; i < count; ++i) { \
    const float x = g[i], s = value; \
    const float sign = s > 0 ? 1.0f : s < 0 ? -1.0f : 0.0f; \
    const float ds = slope; \
    dg[i] = ds == 0 ? 0 : ds * (dci[i] + (sign == 0 ? 0 : sign * dci_upper[i])); \
  }

KERNEL void ck_importance_backward(float *restrict dg, const float *restrict dci, const float *restrict dci_upper,
                                   const float *restrict g, int sigmoid, size_t count) {
  switch (sigmoid) {
  case CK_NORMAL: BACKWARD(logistic(x), (s * (1 - s))) break;
  case CK_HARD: BACKWARD(clamp01(x), (x >= 0 && x <= 1 ? 1.0f : 0.0f)) break;
  case CK_UPPER_LEAKY_HARD: BACKWARD(upper_leaky(x), upper_leaky_slope(x)) break;
  case CK_SWISH_HARD: BACKWARD(swish_hard(x), swish_hard_slope(x)) break;
  default:
    for (size_t i = 0; i < count; ++i) {
      const float x = g[i], lower = x <= 0 ? ALPHA : x <= 1 ? 1.0f : 0.0f;
      const float upper = x == 0 ? 0 : upper_leaky_slope(x);
      dg[i] = lower * dci[i] + (upper == 0 ? 0 : upper * dci_upper[i]);
    }
  }
}

// t^p and p t^(p-1), by the loop the exponent allows.
#define POWER_SUM(power, slope) \
  for (size_t c = 0; c < components; ++c) { \
    const float factor = scale ? scale[c] * coefficient : coefficient; \
    const float *x = ci_upper + c * rows; \
    float *d = dci_upper + c * rows; \
    float sum = 0; \
    for (size_t r = 0; r < rows; ++r) { \
      const float t = x[r] + shift; \
      sum += weight[r] * (power); \
      const float s = factor * weight[r] * (slope); \
      d[r] = (add ? d[r] : 0) + s; \
    } \
    sums[c] += (double)sum; \
  }

KERNEL void ck_power_sum(double *restrict sums, float *restrict dci_upper, const float *restrict ci_upper,
                         const float *restrict weight, const float *scale, float coefficient, float shift, float p,
                         int add, size_t components, size_t rows) {
#pragma clang fp reassociate(on)
  if (p == 1) {
    POWER_SUM(t, 1.0f)
  } else if (p == 2) {
    POWER_SUM(t * t, 2 * t)
  } else {
    POWER_SUM(powf(t, p), p * powf(t, p - 1))
  }
}

KERNEL double ck_importance_counts(float *restrict peak, const float *restrict ci, const float *restrict weight,
                                   float threshold, size_t components, size_t rows) {
#pragma clang fp reassociate(on)
  enum { LANES = 16 };
  typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
  typedef int bits __attribute__((vector_size(4 * LANES), may_alias));
  double count = 0;
  for (size_t c = 0; c < components; ++c) {
    const float *x = ci + c * rows;
    vec tops = {}, sums = {};
    size_t r = 0;
    // In vectors, because a compiler may not reorder a maximum of floats.
    for (; r + LANES <= rows; r += LANES) {
      const vec w = *(const vec *)(weight + r), here = *(const vec *)(x + r);
      const vec value = (vec)((bits)here & (w > 0));
      const bits higher = value > tops;
      tops = (vec)((higher & (bits)value) | (~higher & (bits)tops));
      sums += (vec)((bits)w & (value > threshold));
    }
    float top = peak[c], sum = 0;
    for (int lane = 0; lane < LANES; ++lane) {
      top = tops[lane] > top ? tops[lane] : top;
      sum += sums[lane];
    }
    for (; r < rows; ++r) {
      const float value = weight[r] > 0 ? x[r] : 0;
      top = value > top ? value : top;
      sum += value > threshold ? weight[r] : 0;
    }
    peak[c] = top;
    count += (double)sum;
  }
  return count;
}
