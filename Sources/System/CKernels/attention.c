#include "CKernels.h"
#include "simd.h"
#include <math.h>

// One head of one row of tokens. Queries, keys and values are feature-major: element k of token j at k stride + j.
// QUERIES queries at a time go through the keys that they see, so that no tensor of size T² is ever stored and each
// key is loaded once for all of them. Loops run over whole vectors of keys: what they read beyond a row of tokens is
// memory of the same blocks, and its weights are set to 0.
enum { QUERIES = 4, LANES = 16 };

typedef float vec __attribute__((vector_size(LANES * sizeof(float))));

typedef float loose_vec __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float))));

// Macros, because a vector that is wider than the least CPU's cannot be a parameter.
#define LOAD(p) (*(const loose_vec *)(p))
#define STORE(p, v) (*(loose_vec *)(p) = (v))

INLINE float total(const vec *v) {
#pragma clang fp reassociate(on)
  float sum = 0;
  for (int i = 0; i < LANES; ++i) sum += (*v)[i];
  return sum;
}

// s[q][j] = Σ_k x[q][k] keys[k][j] over `vectors` vectors of j.
INLINE void dot_keys(float *s, size_t width, const float *x, const float *keys, size_t head, size_t stride,
                     size_t vectors) {
  for (size_t v = 0; v < vectors; ++v) {
    vec sums[QUERIES] = {0};
    const float *place = keys + v * LANES;
    for (size_t k = 0; k < head; ++k) {
      const vec key = LOAD(place + k * stride);
      for (int q = 0; q < QUERIES; ++q) sums[q] += x[k * QUERIES + q] * key;
    }
    for (int q = 0; q < QUERIES; ++q) STORE(s + (size_t)q * width + v * LANES, sums[q]);
  }
}

// o[q][k] = Σ_j p[q][j] values[k][j].
INLINE void weigh_values(float *o, const float *p, size_t width, const float *values, size_t head, size_t stride,
                         size_t vectors) {
  size_t k = 0;
  for (; k + 4 <= head; k += 4) {
    vec sums[4][QUERIES] = {0};
    for (size_t v = 0; v < vectors; ++v) {
      vec weight[QUERIES];
      for (int q = 0; q < QUERIES; ++q) weight[q] = LOAD(p + (size_t)q * width + v * LANES);
      for (int i = 0; i < 4; ++i) {
        const vec value = LOAD(values + (k + (size_t)i) * stride + v * LANES);
        for (int q = 0; q < QUERIES; ++q) sums[i][q] += weight[q] * value;
      }
    }
    for (int i = 0; i < 4; ++i)
      for (int q = 0; q < QUERIES; ++q) o[(k + (size_t)i) * QUERIES + (size_t)q] = total(&sums[i][q]);
  }
  for (; k < head; ++k) {
    vec sums[QUERIES] = {0};
    for (size_t v = 0; v < vectors; ++v) {
      const vec value = LOAD(values + k * stride + v * LANES);
      for (int q = 0; q < QUERIES; ++q) sums[q] += LOAD(p + (size_t)q * width + v * LANES) * value;
    }
    for (int q = 0; q < QUERIES; ++q) o[k * QUERIES + (size_t)q] = total(&sums[q]);
  }
}

// keys[k][j] += Σ_q p[q][j] x[q][k].
INLINE void add_outer(float *keys, const float *p, size_t width, const float *x, size_t head, size_t stride,
                      size_t vectors) {
  for (size_t v = 0; v < vectors; ++v) {
    vec weight[QUERIES];
    for (int q = 0; q < QUERIES; ++q) weight[q] = LOAD(p + (size_t)q * width + v * LANES);
    for (size_t k = 0; k < head; ++k) {
      float *place = keys + k * stride + v * LANES;
      vec sum = LOAD(place);
      for (int q = 0; q < QUERIES; ++q) sum += x[k * QUERIES + q] * weight[q];
      STORE(place, sum);
    }
  }
}

// The queries from `first` on, and which keys each of them sees.
typedef struct {
  size_t first, count, start, vectors;
  size_t low[QUERIES], end[QUERIES];
} block;

INLINE block queries_from(size_t first, size_t length, size_t window) {
  block b = {.first = first, .count = length - first < QUERIES ? length - first : QUERIES};
  for (size_t q = 0; q < QUERIES; ++q) {
    const size_t i = first + (q < b.count ? q : b.count - 1);
    b.end[q] = i + 1;
    b.low[q] = i + 1 > window ? i + 1 - window : 0;
  }
  b.start = b.low[0];
  b.vectors = (b.end[QUERIES - 1] - b.start + LANES - 1) / LANES;
  return b;
}

// Sets what a query doesn't see to `value`.
INLINE void set_unseen(float *s, const block *b, int q, float value) {
  for (size_t j = b->start; j < b->low[q]; ++j) s[j - b->start] = value;
  for (size_t j = b->end[q]; j < b->start + b->vectors * LANES; ++j) s[j - b->start] = value;
}

// x[k][q]: the block's queries (or what is like them), a missing one as its last.
INLINE void gather(float *x, const float *from, const block *b, size_t head, size_t stride, float scale) {
  for (size_t k = 0; k < head; ++k)
    for (size_t q = 0; q < QUERIES; ++q)
      x[k * QUERIES + q] = scale * from[k * stride + b->first + (q < b->count ? q : b->count - 1)];
}

size_t ck_attention_scratch(size_t head, size_t length) { return 2 * QUERIES * (length + 2 * LANES) + 4 * QUERIES * head; }

KERNEL void ck_attention_forward(float *out, float *log_sum, float *scratch, const float *query, const float *key,
                                 const float *value, float scale, size_t window, size_t head, size_t length,
                                 size_t stride) {
#pragma clang fp reassociate(on)
  const size_t width = length + 2 * LANES;
  float *s = scratch, *x = scratch + 2 * QUERIES * width, *o = x + QUERIES * head;
  for (size_t first = 0; first < length; first += QUERIES) {
    const block b = queries_from(first, length, window);
    gather(x, query, &b, head, stride, scale);
    dot_keys(s, width, x, key + b.start, head, stride, b.vectors);
    float sums[QUERIES];
    for (int q = 0; q < QUERIES; ++q) {
      float *row = s + (size_t)q * width;
      set_unseen(row, &b, q, -INFINITY);
      vec tops = LOAD(row);
      for (size_t v = 1; v < b.vectors; ++v) tops = __builtin_elementwise_max(tops, LOAD(row + v * LANES));
      float top = tops[0];
      for (int i = 1; i < LANES; ++i) top = tops[i] > top ? tops[i] : top;
      float sum = 0;
      for (size_t j = 0; j < b.vectors * LANES; ++j) row[j] = exp_approx(row[j] - top);
      set_unseen(row, &b, q, 0);
      for (size_t j = 0; j < b.vectors * LANES; ++j) sum += row[j];
      sums[q] = sum;
      if ((size_t)q < b.count) log_sum[first + (size_t)q] = top + logf(sum);
    }
    weigh_values(o, s, width, value + b.start, head, stride, b.vectors);
    for (size_t k = 0; k < head; ++k)
      for (size_t q = 0; q < b.count; ++q) out[k * stride + first + q] = o[k * QUERIES + q] / sums[q];
  }
}

KERNEL void ck_attention_backward(float *dquery, float *dkey, float *dvalue, float *scratch, const float *dout,
                                  const float *out, const float *log_sum, const float *query, const float *key,
                                  const float *value, float scale, size_t window, size_t head, size_t length,
                                  size_t stride) {
#pragma clang fp reassociate(on)
  const size_t width = length + 2 * LANES;
  float *p = scratch, *d = p + QUERIES * width, *x = d + QUERIES * width, *g = x + QUERIES * head;
  float *o = g + QUERIES * head;
  for (size_t first = 0; first < length; first += QUERIES) {
    const block b = queries_from(first, length, window);
    gather(x, query, &b, head, stride, scale);
    gather(g, dout, &b, head, stride, 1);
    gather(o, out, &b, head, stride, 1);
    dot_keys(p, width, x, key + b.start, head, stride, b.vectors);
    dot_keys(d, width, g, value + b.start, head, stride, b.vectors);
    for (int q = 0; q < QUERIES; ++q) {
      float *row = p + (size_t)q * width, *drow = d + (size_t)q * width;
      if ((size_t)q >= b.count) {
        for (size_t j = 0; j < b.vectors * LANES; ++j) row[j] = drow[j] = 0;
        continue;
      }
      // dscore = p (dp - Σ p dp), and Σ_j p_j dp_j = dout · out.
      float mean = 0;
      for (size_t k = 0; k < head; ++k) mean += g[k * QUERIES + (size_t)q] * o[k * QUERIES + (size_t)q];
      const float log_total = log_sum[first + (size_t)q];
      for (size_t j = 0; j < b.vectors * LANES; ++j) row[j] = exp_approx(row[j] - log_total);
      set_unseen(row, &b, q, 0);
      for (size_t j = 0; j < b.vectors * LANES; ++j) drow[j] = row[j] * (drow[j] - mean);
    }
    add_outer(dvalue + b.start, p, width, g, head, stride, b.vectors);
    add_outer(dkey + b.start, d, width, x, head, stride, b.vectors);
    weigh_values(o, d, width, key + b.start, head, stride, b.vectors);
    for (size_t k = 0; k < head; ++k)
      for (size_t q = 0; q < b.count; ++q) dquery[k * stride + first + q] += scale * o[k * QUERIES + q];
  }
}

KERNEL void ck_rotate(float *restrict head, const float *restrict cosine, const float *restrict sine, float direction,
                      size_t half, size_t sequences, size_t length) {
  const size_t stride = sequences * length;
  for (size_t k = 0; k < half; ++k)
    for (size_t s = 0; s < sequences; ++s) {
      float *low = head + k * stride + s * length, *high = head + (k + half) * stride + s * length;
      const float *c = cosine + k * length, *n = sine + k * length;
      for (size_t j = 0; j < length; ++j) {
        const float a = low[j], b = high[j], turn = direction * n[j];
        low[j] = a * c[j] - b * turn;
        high[j] = b * c[j] + a * turn;
      }
    }
}
