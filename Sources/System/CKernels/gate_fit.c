// A gate is a smooth function of one scalar. Over the interval that a step's rows span it is replaced by its Chebyshev
// interpolant, as many nodes as bring it to float accuracy: the exact kernels run on the nodes, rows cost two multiply-adds
// a node, and the backward pass is the transposed interpolation. Where too many nodes would be needed, rows run exactly.
#include "CKernels.h"
#include "simd.h"
#include <math.h>
#include <pthread.h>
#include <string.h>

enum { LEVELS = 6, LANES = 16 };
static const int nodes_of_level[LEVELS] = {8, 12, 16, 24, 32, CK_FIT_NODES};

// cosines[level][k][j] = T_k at node j = cos(pi k (j + 1/2) / K)
static float cosines[LEVELS][CK_FIT_NODES][CK_FIT_NODES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill_cosines(void) {
  for (int level = 0; level < LEVELS; ++level) {
    const int nodes = nodes_of_level[level];
    for (int k = 0; k < nodes; ++k)
      for (int j = 0; j < nodes; ++j)
        cosines[level][k][j] = (float)cos(3.14159265358979323846 * k * (j + 0.5) / nodes);
  }
}

// A vector of floats in memory aligned as floats are.
typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define AT(pointer) (*(vec *)(pointer))

KERNEL void ck_widen_intervals(ck_fit *fits, const float *a, size_t components, size_t rows) {
  for (size_t c = 0; c < components; ++c) {
    const float *ac = a + c * rows;
    vec low = (vec){} + fits[c].low, high = (vec){} + fits[c].high;
    for (size_t r = 0; r < rows; r += LANES) {
      low = __builtin_elementwise_min(low, AT(ac + r));
      high = __builtin_elementwise_max(high, AT(ac + r));
    }
    for (int lane = 0; lane < LANES; ++lane) {
      fits[c].low = fminf(fits[c].low, low[lane]);
      fits[c].high = fmaxf(fits[c].high, high[lane]);
    }
  }
}

void ck_reset_fits(ck_fit *fits, size_t components) {
  for (size_t c = 0; c < components; ++c) {
    fits[c].low = INFINITY;
    fits[c].high = -INFINITY;
    fits[c].nodes = 0;
    memset(fits[c].moments, 0, sizeof fits[c].moments);
  }
}

void ck_join_intervals(ck_fit *fits, const ck_fit *others, size_t components) {
  for (size_t c = 0; c < components; ++c) {
    fits[c].low = fminf(fits[c].low, others[c].low);
    fits[c].high = fmaxf(fits[c].high, others[c].high);
  }
}

void ck_add_moments(ck_fit *fits, const ck_fit *others, size_t components) {
  for (size_t c = 0; c < components; ++c)
    for (int k = 0; k < fits[c].nodes; ++k) fits[c].moments[k] += others[c].moments[k];
}

INLINE void coefficients(float *restrict out, const float *restrict values, int level) {
#pragma clang fp reassociate(on)
  const int nodes = nodes_of_level[level];
  for (int k = 0; k < nodes; ++k) {
    float sum = 0;
    for (int j = 0; j < nodes; ++j) sum += values[j] * cosines[level][k][j];
    out[k] = sum * (k == 0 ? 1.0f : 2.0f) / (float)nodes;
  }
}

INLINE int has_converged(const float *coefficients, int nodes) {
  float top = 0, tail = 0;
  for (int k = 0; k < nodes; ++k) top = fmaxf(top, fabsf(coefficients[k]));
  for (int k = nodes - 3; k < nodes; ++k) tail = fmaxf(tail, fabsf(coefficients[k]));
  return tail <= 1.2e-7f * top;  // one unit in the last place of the largest coefficient
}

void ck_fit_gates(ck_fit *fits, const float *w_in, const float *b_in, const float *w_out, const float *b_out,
                  size_t components, size_t neurons, size_t rows) {
  pthread_once(&once, fill_cosines);
  for (size_t c = 0; c < components; ++c) {
    ck_fit *fit = &fits[c];
    fit->center = 0.5f * (fit->high + fit->low);
    // An interval of some units in the last place of its center is widened: rounded, the center would leave rows at twice
    // the interval's end and further, where the polynomials of an interpolant grow into the thousands.
    const float half = fmaxf(0.5f * (fit->high - fit->low), 1e-3f * fabsf(fit->center));
    fit->half = half > 0 ? half : 1;
    const float *w = w_in + c * neurons, *b = b_in + c * neurons, *o = w_out + c * neurons;
    float widest = 0;
    for (size_t n = 0; n < neurons; ++n) widest = fmaxf(widest, fabsf(w[n]));
    // How many nodes it takes grows with the steepest neuron's reach; a wrong first guess costs only time.
    const float reach = widest * half;
    int level = reach < 0.35f ? 0 : reach < 0.8f ? 1 : reach < 1.6f ? 2 : reach < 3.2f ? 3 : reach < 5 ? 4 : 5;
    for (; level < LEVELS; ++level) {
      const int nodes = nodes_of_level[level];
      // Nodes cost what rows do: with half as many nodes as rows nothing is won.
      if ((size_t)nodes * 2 > rows) break;
      float at[CK_FIT_NODES + 1], value[CK_FIT_NODES + 1], slope[CK_FIT_NODES];
      for (int j = 0; j < nodes; ++j) {
        at[j] = fit->center + fit->half * cosines[level][1][j];
        slope[j] = 0;
      }
      at[nodes] = 0;
      ck_gate_forward(value, at, w, b, o, b_out + c, 1, (size_t)nodes + 1, neurons);
      coefficients(fit->value, value, level);
      if (!has_converged(fit->value, nodes)) continue;
      ck_gate_slope(slope, at, w, b, o, (size_t)nodes, neurons);
      coefficients(fit->slope, slope, level);
      fit->at_zero = value[nodes];
      fit->nodes = nodes;
      fit->level = level;
      break;
    }
  }
}

// Empty rows have activations of exactly 0, and while biases are 0 their gates are too: where causal importances have
// their kink, an interpolant's rounding would decide on which side of it all these rows stand. They get the exact value.
//
// A block is as wide as the registers hold: its vectors' chains hide each other's latency, and none is spilled.
#define CLENSHAW(WIDTH) \
  { \
    vec t2[WIDTH], b1[WIDTH], b2[WIDTH]; \
    for (int i = 0; i < WIDTH; ++i) { \
      t2[i] = (AT(a + r + i * LANES) - center) * (2 * scale); \
      b1[i] = b2[i] = (vec){}; \
    } \
    for (int k = fit->nodes - 1; k > 0; --k) { \
      const float coefficient = fit->value[k]; \
      for (int i = 0; i < WIDTH; ++i) { \
        const vec next = t2[i] * b1[i] + (coefficient - b2[i]); \
        b2[i] = b1[i]; \
        b1[i] = next; \
      } \
    } \
    for (int i = 0; i < WIDTH; ++i) AT(g + r + i * LANES) = 0.5f * t2[i] * b1[i] + (fit->value[0] - b2[i]); \
    for (int i = 0; i < WIDTH * LANES; ++i) g[r + i] = a[r + i] == 0 ? fit->at_zero : g[r + i]; \
  }
KERNEL static void evaluate(float *restrict g, const float *restrict a, const ck_fit *fit, size_t rows, int is_wide) {
  const float center = fit->center, scale = 1 / fit->half;
  size_t r = 0;
  if (is_wide)
    for (; r + 4 * LANES <= rows; r += 4 * LANES) CLENSHAW(4)
  for (; r + 2 * LANES <= rows; r += 2 * LANES) CLENSHAW(2)
  for (; r < rows; r += LANES) CLENSHAW(1)
}

// da through the slope's series (Clenshaw), then sum_r dg_r T_k(a_r) by the recurrence of T: one after the other, both
// together do not fit the registers.
#define BACKWARD(WIDTH) \
  { \
    vec t2[WIDTH], one[WIDTH], two[WIDTH]; \
    for (int i = 0; i < WIDTH; ++i) { \
      t2[i] = (AT(a + r + i * LANES) - center) * (2 * scale); \
      one[i] = two[i] = (vec){}; \
    } \
    for (int k = nodes - 1; k > 0; --k) { \
      const float coefficient = fit->slope[k]; \
      for (int i = 0; i < WIDTH; ++i) { \
        const vec next = t2[i] * one[i] + (coefficient - two[i]); \
        two[i] = one[i]; \
        one[i] = next; \
      } \
    } \
    vec total = (vec){}; \
    for (int i = 0; i < WIDTH; ++i) { \
      const vec d = AT(dg + r + i * LANES), slope = 0.5f * t2[i] * one[i] + (fit->slope[0] - two[i]); \
      AT(da + r + i * LANES) += d * slope; \
      one[i] = 0.5f * t2[i] * d; \
      two[i] = d; \
      total += d; \
    } \
    sums[0] += total; \
    for (int k = 1; k < nodes; ++k) { \
      vec sum = one[0]; \
      for (int i = 1; i < WIDTH; ++i) sum += one[i]; \
      sums[k] += sum; \
      for (int i = 0; i < WIDTH; ++i) { \
        const vec after = t2[i] * one[i] - two[i]; \
        two[i] = one[i]; \
        one[i] = after; \
      } \
    } \
  }
KERNEL static void evaluate_backward(float *restrict da, ck_fit *fit, const float *restrict dg,
                                     const float *restrict a, size_t rows, int is_wide) {
  const float center = fit->center, scale = 1 / fit->half;
  const int nodes = fit->nodes;
  vec sums[CK_FIT_NODES];
  for (int k = 0; k < nodes; ++k) sums[k] = (vec){};
  size_t r = 0;
  if (is_wide)
    for (; r + 4 * LANES <= rows; r += 4 * LANES) BACKWARD(4)
  for (; r + 2 * LANES <= rows; r += 2 * LANES) BACKWARD(2)
  for (; r < rows; r += LANES) BACKWARD(1)
  for (int k = 0; k < nodes; ++k) {
    float sum = 0;
    for (int lane = 0; lane < LANES; ++lane) sum += sums[k][lane];
    fit->moments[k] += sum;
  }
}

void ck_fitted_gate_forward(float *g, const float *a, const ck_fit *fits, const float *w_in, const float *b_in,
                            const float *w_out, const float *b_out, size_t components, size_t rows, size_t neurons) {
  const int is_wide = ck_best_panels() == CK_PANELS_V4;
  for (size_t c = 0; c < components; ++c) {
    const float *w = w_in + c * neurons, *b = b_in + c * neurons, *o = w_out + c * neurons;
    if (fits[c].nodes > 0) {
      evaluate(g + c * rows, a + c * rows, &fits[c], rows, is_wide);
    } else {
      ck_gate_forward(g + c * rows, a + c * rows, w, b, o, b_out + c, 1, rows, neurons);
    }
  }
}

void ck_fitted_gate_backward(float *da, ck_fit *fits, float *dw_in, float *db_in, float *dw_out, float *db_out,
                             const float *dg, const float *a, const float *w_in, const float *b_in,
                             const float *w_out, size_t components, size_t rows, size_t neurons) {
  const int is_wide = ck_best_panels() == CK_PANELS_V4;
  for (size_t c = 0; c < components; ++c) {
    const size_t i = c * neurons;
    if (fits[c].nodes > 0)
      evaluate_backward(da + c * rows, &fits[c], dg + c * rows, a + c * rows, rows, is_wide);
    else
      ck_gate_backward(da + c * rows, dw_in + i, db_in + i, dw_out + i, db_out + c, dg + c * rows, a + c * rows,
                       w_in + i, b_in + i, w_out + i, 1, rows, neurons);
  }
}

void ck_fold_fits(ck_fit *fits, float *dw_in, float *db_in, float *dw_out, float *db_out, const float *w_in,
                  const float *b_in, const float *w_out, size_t components, size_t neurons) {
  for (size_t c = 0; c < components; ++c) {
    const ck_fit *fit = &fits[c];
    if (fit->nodes == 0) continue;
    const int nodes = fit->nodes, level = fit->level;
    float at[CK_FIT_NODES], d[CK_FIT_NODES] = {0}, da[CK_FIT_NODES] = {0};
    for (int k = 0; k < nodes; ++k) {
      const float moment = fit->moments[k] * (k == 0 ? 1.0f : 2.0f) / (float)nodes;
      for (int j = 0; j < nodes; ++j) d[j] += moment * cosines[level][k][j];
    }
    for (int j = 0; j < nodes; ++j) at[j] = fit->center + fit->half * cosines[level][1][j];
    const size_t i = c * neurons;
    ck_gate_backward(da, dw_in + i, db_in + i, dw_out + i, db_out + c, d, at, w_in + i, b_in + i, w_out + i, 1,
                     (size_t)nodes, neurons);
  }
}
