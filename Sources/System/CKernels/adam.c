#include "CKernels.h"
#include "simd.h"

KERNEL void ck_adam_update(float *restrict parameter, float *restrict m, float *restrict v,
                           const float *restrict gradient, size_t count, ck_adam adam) {
  const float keep = 1 - adam.rate * adam.decay, step = adam.rate / adam.correction1;
  const float unscale = 1 / adam.sqrt_correction2;
  for (size_t i = 0; i < count; ++i) {
    const float g = gradient[i];
    m[i] = adam.beta1 * m[i] + adam.one_minus_beta1 * g;
    v[i] = adam.beta2 * v[i] + adam.one_minus_beta2 * (g * g);
    parameter[i] = parameter[i] * keep - step * (m[i] / (__builtin_sqrtf(v[i]) * unscale + adam.eps));
  }
}
