// A gate is a smooth function of one scalar. Over the interval that a step's rows span it is replaced by its Chebyshev
// interpolant, as many nodes as bring it to float accuracy: the exact kernels run on the nodes, rows cost two multiply-adds
// a node, and the backward pass is the transposed interpolation. Where too many nodes would be needed, rows run exactly.
#include "CKernels.h"
#include "simd.h"
#include <math.h>
#include <pthread.h>
#include <string.h>

enum { LEVELS = 9, LANES = 16 };
// Gates run on whole vectors, the point 0 next to the nodes: the numbers of nodes leave room for it.
static const int nodes_of_level[LEVELS] = {8, 12, 15, 24, 31, 47, 63, 95, CK_FIT_NODES - 1};

// cosines[level][k][j] = T_k at node j = cos(pi k (j + 1/2) / K), and the same transposed; zeros beyond.
static float cosines[LEVELS][CK_FIT_NODES][CK_FIT_NODES], by_node[LEVELS][CK_FIT_NODES][CK_FIT_NODES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill_cosines(void) {
  for (int level = 0; level < LEVELS; ++level) {
    const int nodes = nodes_of_level[level];
    for (int k = 0; k < nodes; ++k)
      for (int j = 0; j < nodes; ++j)
        by_node[level][j][k] = cosines[level][k][j] = (float)cos(3.14159265358979323846 * k * (j + 0.5) / nodes);
  }
}

// A vector of floats in memory aligned as floats are.
typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int bits __attribute__((vector_size(4 * LANES), may_alias));
#define AT(pointer) (*(vec *)(pointer))

// Not functions: the vectors they would take as arguments depend on the CPU.
#define SELECT(mask, yes, no) ((vec)(((mask) & (bits)(yes)) | (~(mask) & (bits)(no))))
#define PLUS(x, y) ((x) + (y))
#define LOWER(x, y) SELECT((y) < (x), y, x)
#define HIGHER(x, y) SELECT((y) > (x), y, x)
// Lanes are joined pairwise, so they do not wait for each other.
#define JOINED(lanes, join) __extension__({ \
    vec x = lanes; \
    x = join(x, __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15)); \
    x = join(x, __builtin_shufflevector(x, x, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7)); \
    x = join(x, __builtin_shufflevector(x, x, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3)); \
    x = join(x, __builtin_shufflevector(x, x, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)); \
    x[0]; \
  })

KERNEL void ck_widen_intervals(ck_interval *intervals, const float *a, size_t components, size_t rows) {
  for (size_t c = 0; c < components; ++c) {
    const float *ac = a + c * rows;
    vec low = (vec){} + intervals[c].low, high = (vec){} + intervals[c].high;
    for (size_t r = 0; r < rows; r += LANES) {
      low = LOWER(low, AT(ac + r));
      high = HIGHER(high, AT(ac + r));
    }
    intervals[c].low = JOINED(low, LOWER);
    intervals[c].high = JOINED(high, HIGHER);
  }
}

void ck_reset_intervals(ck_interval *intervals, size_t components) {
  for (size_t c = 0; c < components; ++c) intervals[c] = (ck_interval){INFINITY, -INFINITY};
}

void ck_join_intervals(ck_interval *intervals, const ck_interval *others, size_t components) {
  for (size_t c = 0; c < components; ++c) {
    intervals[c].low = fminf(intervals[c].low, others[c].low);
    intervals[c].high = fmaxf(intervals[c].high, others[c].high);
  }
}

// out[k] = the series's coefficients, from the values at the nodes.
KERNEL static void coefficients(float *restrict out, const float *restrict values, int level) {
  const int nodes = nodes_of_level[level];
  for (int k = 0; k < nodes; k += LANES) {
    vec sum = {};
    for (int j = 0; j < nodes; ++j) sum += values[j] * AT(&by_node[level][j][k]);
    AT(out + k) = sum * (2.0f / (float)nodes);
  }
  out[0] *= 0.5f;
}

// out[j] = the gradient of the value at a node, from the moments.
KERNEL static void interpolate_back(float *restrict out, const ck_fit *fit) {
  for (int j = 0; j < fit->nodes; j += LANES) {
    vec sum = (vec){} + 0.5f * fit->moments[0];
    for (int k = 1; k < fit->nodes; ++k) sum += fit->moments[k] * AT(&cosines[fit->level][k][j]);
    AT(out + j) = sum * (2.0f / (float)fit->nodes);
  }
}

// Whether the last coefficients are below this share of the largest one, or of what a gate's terms come to as independent
// numbers: where they cancel, sums are no more exact than that, and neither is the exact gate. Weights so large that a sum
// overflows, or NaN, leave nothing to judge by: such a gate is computed exactly.
INLINE int has_converged(const float *coefficients, int nodes, float squared_terms, float share) {
  float top = sqrtf(squared_terms), tail = 0, sum = squared_terms;
  for (int k = 0; k < nodes; ++k) {
    top = fmaxf(top, fabsf(coefficients[k]));
    sum += fabsf(coefficients[k]);
  }
  for (int k = nodes - 3; k < nodes; ++k) tail = fmaxf(tail, fabsf(coefficients[k]));
  return isfinite(sum) && tail <= share * top;
}

// Some neurons of one gate, filled up to whole vectors by neurons that count for nothing. At the few points where a fit
// needs the exact gate, vectors run along neurons: rows would not fill them.
enum { BLOCK = 128 };
typedef struct {
  size_t count, whole;
  float w_in[BLOCK], b_in[BLOCK], w_out[BLOCK];
} some_neurons;

INLINE void take_neurons(some_neurons *some, const float *w_in, const float *b_in, const float *w_out, size_t neurons) {
  some->count = neurons < BLOCK ? neurons : BLOCK;
  some->whole = (some->count + LANES - 1) & ~(size_t)(LANES - 1);
  for (size_t n = some->whole - LANES; n < some->whole; ++n) some->w_in[n] = some->b_in[n] = some->w_out[n] = 0;
  memcpy(some->w_in, w_in, some->count * sizeof *w_in);
  memcpy(some->b_in, b_in, some->count * sizeof *b_in);
  memcpy(some->w_out, w_out, some->count * sizeof *w_out);
}

#define ALONG_NEURONS \
  _Pragma("clang loop vectorize_width(16) interleave(disable)") for (size_t n = 0; n < some->whole; ++n)

// Returns the largest sum of squared terms at one point.
KERNEL static float add_values(float *restrict values, const float *restrict at, int count, const some_neurons *some) {
#pragma clang fp reassociate(on)
  float largest = 0;
  for (int j = 0; j < count; ++j) {
    float sum = 0, squares = 0;
    ALONG_NEURONS {
      const float x = at[j] * some->w_in[n] + some->b_in[n], term = some->w_out[n] * x * normal_cdf(x);
      sum += term;
      squares += term * term;
    }
    values[j] += sum;
    largest = squares > largest ? squares : largest;
  }
  return largest;
}

KERNEL static float add_slopes(float *restrict slopes, const float *restrict at, int count, const some_neurons *some) {
#pragma clang fp reassociate(on)
  float largest = 0;
  for (int j = 0; j < count; ++j) {
    float sum = 0, squares = 0;
    ALONG_NEURONS {
      const float w = some->w_in[n], x = at[j] * w + some->b_in[n];
      const float term = w * (some->w_out[n] * (normal_cdf(x) + x * normal_pdf(x)));
      sum += term;
      squares += term * term;
    }
    slopes[j] += sum;
    largest = squares > largest ? squares : largest;
  }
  return largest;
}

// Adds what the gradients d at some points mean for the neurons.
KERNEL static void add_neuron_gradients(float *restrict dw_in, float *restrict db_in, float *restrict dw_out,
                                        const float *restrict d, const float *restrict at, int count,
                                        const some_neurons *some) {
  float sum_w[BLOCK] = {0}, sum_b[BLOCK] = {0}, sum_o[BLOCK] = {0};
  for (int j = 0; j < count; ++j) {
    ALONG_NEURONS {
      const float x = at[j] * some->w_in[n] + some->b_in[n], cdf = normal_cdf(x);
      const float dx = d[j] * (some->w_out[n] * (cdf + x * normal_pdf(x)));
      sum_o[n] += d[j] * (x * cdf);
      sum_b[n] += dx;
      sum_w[n] += dx * at[j];
    }
  }
  for (size_t n = 0; n < some->count; ++n) {
    dw_in[n] += sum_w[n];
    db_in[n] += sum_b[n];
    dw_out[n] += sum_o[n];
  }
}

// Tries the first guess's level and the next ones until an interpolant has converged; where none has, it leaves no nodes.
INLINE void fit_gate(ck_fit *fit, ck_interval interval, const float *w, const float *b, const float *o, float b_out,
                     size_t neurons, size_t rows) {
  fit->nodes = 0;
  fit->center = 0.5f * (interval.high + interval.low);
  // An interval of some units in the last place of its center is widened: rounded, the center would leave rows at twice
  // the interval's end and further, where the polynomials of an interpolant grow into the thousands.
  const float half = fmaxf(0.5f * (interval.high - interval.low), 1e-3f * fabsf(fit->center));
  fit->half = half > 0 ? half : 1;
  float widest = 0;
  for (size_t n = 0; n < neurons; ++n) widest = fmaxf(widest, fabsf(w[n]));
  // How many nodes it takes grows with the steepest neuron's reach; a wrong first guess costs only time.
  const float reach = widest * half;
  some_neurons some;
  if (neurons <= BLOCK) take_neurons(&some, w, b, o, neurons);
  for (int level = reach < 0.2f ? 0 : reach < 0.85f ? 1 : reach < 1.6f ? 2 : reach < 4 ? 3 : reach < 6 ? 4 : reach < 11 ? 5
                   : reach < 16 ? 6 : 7;
       level < LEVELS; ++level) {
    const int nodes = nodes_of_level[level];
    // Nodes cost as much as rows: with half as many nodes as rows nothing is gained.
    if ((size_t)nodes * 2 > rows) return;
    float at[CK_FIT_NODES], value[CK_FIT_NODES], slope[CK_FIT_NODES];
    for (int j = 0; j < nodes; ++j) {
      at[j] = fit->center + fit->half * cosines[level][1][j];
      value[j] = b_out;
      slope[j] = 0;
    }
    at[nodes] = 0;
    value[nodes] = b_out;
    float squares = b_out * b_out;
    for (size_t n = 0; n < neurons; n += BLOCK) {
      if (neurons > BLOCK) take_neurons(&some, w + n, b + n, o + n, neurons - n);
      squares += add_values(value, at, nodes + 1, &some);
    }
    coefficients(fit->value, value, level);
    if (!has_converged(fit->value, nodes, squares, 1.2e-7f)) continue;
    squares = 0;
    for (size_t n = 0; n < neurons; n += BLOCK) {
      if (neurons > BLOCK) take_neurons(&some, w + n, b + n, o + n, neurons - n);
      squares += add_slopes(slope, at, nodes, &some);
    }
    coefficients(fit->slope, slope, level);
    // A slope's series converges later; it multiplies gradients, which need fewer digits.
    if (!has_converged(fit->slope, nodes, squares, 5e-7f)) continue;
    fit->at_zero = value[nodes];
    fit->nodes = nodes;
    fit->level = level;
    memset(fit->moments, 0, sizeof fit->moments);
    return;
  }
}

void ck_fit_gates(ck_fit *fits, const ck_interval *intervals, const float *w_in, const float *b_in, const float *w_out,
                  const float *b_out, size_t components, size_t neurons, size_t rows) {
  pthread_once(&once, fill_cosines);
  for (size_t c = 0; c < components; ++c) {
    const size_t i = c * neurons;
    fit_gate(&fits[c], intervals[c], w_in + i, b_in + i, w_out + i, b_out[c], neurons, rows);
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
    for (int i = 0; i < WIDTH; ++i) { \
      const vec value = 0.5f * t2[i] * b1[i] + (fit->value[0] - b2[i]); \
      AT(g + r + i * LANES) = SELECT(AT(a + r + i * LANES) == 0, (vec){} + fit->at_zero, value); \
    } \
  }
KERNEL static void evaluate(float *restrict g, const float *restrict a, const ck_fit *fit, size_t rows, int is_wide) {
  const float center = fit->center, scale = 1 / fit->half;
  size_t r = 0;
  if (is_wide) {
    for (; r + 8 * LANES <= rows; r += 8 * LANES) CLENSHAW(8)
    for (; r + 4 * LANES <= rows; r += 4 * LANES) CLENSHAW(4)
  }
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
    _Pragma("clang loop unroll_count(2)") \
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
  if (is_wide) {
    for (; r + 8 * LANES <= rows; r += 8 * LANES) BACKWARD(8)
    for (; r + 4 * LANES <= rows; r += 4 * LANES) BACKWARD(4)
  }
  for (; r + 2 * LANES <= rows; r += 2 * LANES) BACKWARD(2)
  for (; r < rows; r += LANES) BACKWARD(1)
  for (int k = 0; k < nodes; ++k) fit->moments[k] += JOINED(sums[k], PLUS);
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
  some_neurons some;
  for (size_t c = 0; c < components; ++c) {
    const ck_fit *fit = &fits[c];
    const int nodes = fit->nodes, level = fit->level;
    if (nodes == 0) continue;
    float at[CK_FIT_NODES], d[CK_FIT_NODES];
    interpolate_back(d, fit);
    for (int j = 0; j < nodes; ++j) {
      at[j] = fit->center + fit->half * cosines[level][1][j];
      db_out[c] += d[j];
    }
    for (size_t n = 0; n < neurons; n += BLOCK) {
      const size_t i = c * neurons + n;
      take_neurons(&some, w_in + i, b_in + i, w_out + i, neurons - n);
      add_neuron_gradients(dw_in + i, db_in + i, dw_out + i, d, at, nodes, &some);
    }
  }
}
