#include "CKernels.h"
#include "simd.h"

// g = sum_n w_out_n gelu(x_n) + b_out with x_n = a w_in_n + b_in_n, per subcomponent; nothing of shape (C, rows, N) is
// ever stored.

KERNEL void ck_gate_forward(float *restrict g, const float *restrict a, const float *w_in, const float *b_in,
                            const float *w_out, const float *b_out, size_t components, size_t rows, size_t neurons) {
  for (size_t c = 0; c < components; ++c) {
    const float *ac = a + c * rows;
    float *gc = g + c * rows;
    for (size_t r = 0; r < rows; ++r) gc[r] = b_out[c];
    for (size_t n = 0; n < neurons; ++n) {
      const float w = w_in[c * neurons + n], b = b_in[c * neurons + n], o = w_out[c * neurons + n];
      for (size_t r = 0; r < rows; ++r) {
        const float x = ac[r] * w + b;
        gc[r] += o * x * normal_cdf(x);
      }
    }
  }
}

KERNEL void ck_gate_backward(float *restrict da, float *restrict dw_in, float *restrict db_in, float *restrict dw_out,
                             float *restrict db_out, const float *restrict dg, const float *restrict a,
                             const float *w_in, const float *b_in, const float *w_out, size_t components, size_t rows,
                             size_t neurons) {
#pragma clang fp reassociate(on)
  for (size_t c = 0; c < components; ++c) {
    const float *ac = a + c * rows, *dgc = dg + c * rows;
    float *dac = da + c * rows;
    float total = 0;
    for (size_t r = 0; r < rows; ++r) total += dgc[r];
    db_out[c] += total;
    for (size_t n = 0; n < neurons; ++n) {
      const size_t i = c * neurons + n;
      const float w = w_in[i], b = b_in[i], o = w_out[i];
      float sum_w = 0, sum_b = 0, sum_o = 0;
      for (size_t r = 0; r < rows; ++r) {
        const float x = ac[r] * w + b, cdf = normal_cdf(x);
        const float dx = dgc[r] * (o * (cdf + x * normal_pdf(x)));  // gelu'(x) = Φ(x) + x φ(x)
        sum_o += dgc[r] * (x * cdf);
        sum_b += dx;
        sum_w += dx * ac[r];
        dac[r] += dx * w;
      }
      dw_in[i] += sum_w;
      db_in[i] += sum_b;
      dw_out[i] += sum_o;
    }
  }
}

KERNEL void ck_linear_gate_forward(float *restrict g, const float *restrict a, const float *w, const float *b,
                                   size_t components, size_t rows) {
  for (size_t c = 0; c < components; ++c)
    for (size_t r = 0; r < rows; ++r) g[c * rows + r] = w[c] * a[c * rows + r] + b[c];
}

KERNEL void ck_linear_gate_backward(float *restrict da, float *restrict dw, float *restrict db,
                                    const float *restrict dg, const float *restrict a, const float *w,
                                    size_t components, size_t rows) {
#pragma clang fp reassociate(on)
  for (size_t c = 0; c < components; ++c) {
    const float *ac = a + c * rows, *dgc = dg + c * rows;
    float sum_w = 0, sum_b = 0;
    for (size_t r = 0; r < rows; ++r) {
      sum_w += dgc[r] * ac[r];
      sum_b += dgc[r];
      da[c * rows + r] += dgc[r] * w[c];
    }
    dw[c] += sum_w;
    db[c] += sum_b;
  }
}
