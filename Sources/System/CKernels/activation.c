#include "CKernels.h"
#include "simd.h"

INLINE float logistic(float x) { return 1.0f / (1.0f + exp_approx(-x)); }

INLINE float silu(float x) { return x * logistic(x); }
INLINE float silu_slope(float x) {
  const float s = logistic(x);
  return s + x * s * (1 - s);
}

INLINE float relu(float x) { return x > 0 ? x : 0; }
INLINE float relu_slope(float x) { return x > 0 ? 1.0f : 0.0f; }

INLINE float gelu(float x) { return x * normal_cdf(x); }
INLINE float gelu_slope(float x) { return normal_cdf(x) + x * normal_pdf(x); }

// 0.5 x (1 + tanh u) = x logistic(2 u), u = sqrt(2/pi) (x + 0.044715 x³).
INLINE float tanh_gelu(float x) { return x * logistic(1.59576912f * (x + 0.044715f * x * x * x)); }
INLINE float tanh_gelu_slope(float x) {
  const float s = logistic(1.59576912f * (x + 0.044715f * x * x * x));
  return s + x * s * (1 - s) * (1.59576912f * (1 + 0.134145f * x * x));
}

#define EACH_ACTIVATION(LOOP) \
  switch (activation) { \
  case CK_SILU: LOOP(silu, silu_slope) break; \
  case CK_RELU: LOOP(relu, relu_slope) break; \
  case CK_GELU: LOOP(gelu, gelu_slope) break; \
  default: LOOP(tanh_gelu, tanh_gelu_slope) \
  }

// Columns of blocks whose features are `stride` apart.
#define EACH(statement) \
  for (size_t f = 0; f < features; ++f) \
    for (size_t i = f * stride; i < f * stride + columns; ++i) statement

#define PLAIN(value, slope) EACH(y[i] = value(x[i]);)
#define PLAIN_BACKWARD(value, slope) EACH(dx[i] = dy[i] * slope(x[i]);)
#define GATED(value, slope) EACH(y[i] = value(x[i]) * up[i];)
#define GATED_BACKWARD(value, slope) \
  EACH({ \
    const float d = dy[i]; \
    dup[i] = d * value(x[i]); \
    dx[i] = d * up[i] * slope(x[i]); \
  })

KERNEL void ck_activation_forward(float *restrict y, const float *restrict x, const float *up, int activation,
                                  size_t features, size_t columns, size_t stride) {
  if (up) {
    EACH_ACTIVATION(GATED)
  } else {
    EACH_ACTIVATION(PLAIN)
  }
}

KERNEL void ck_activation_backward(float *restrict dx, float *dup, const float *restrict dy, const float *restrict x,
                                   const float *up, int activation, size_t features, size_t columns, size_t stride) {
  if (up) {
    EACH_ACTIVATION(GATED_BACKWARD)
  } else {
    EACH_ACTIVATION(PLAIN_BACKWARD)
  }
}
