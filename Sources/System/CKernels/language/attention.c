#include "CKernels.h"
#include "simd.h"
#include <math.h>

// One head of one row of tokens. Queries, keys and values are feature-major: element k of token j at k stride + j. Keys and
// values are packed first: LANES tokens at a time, their elements one behind the other, zeros behind the last token, so
// that everything below reads memory in its order and in whole vectors. QUERIES queries at a time go through the keys that
// they see: no tensor of size T² is ever stored, and each key is loaded once for all of them.
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

INLINE size_t packed_vectors(size_t length) { return (length + LANES - 1) / LANES; }

// packed[v][k][lane] = from[k][v LANES + lane].
INLINE void pack(float *packed, const float *from, size_t head, size_t length, size_t stride) {
  for (size_t v = 0; v < packed_vectors(length); ++v)
    for (size_t k = 0; k < head; ++k)
      for (size_t i = 0; i < LANES; ++i) {
        const size_t j = v * LANES + i;
        packed[(v * head + k) * LANES + i] = j < length ? from[k * stride + j] : 0;
      }
}

// to[k][j] += packed.
INLINE void add_packed(float *to, const float *packed, size_t head, size_t length, size_t stride) {
  for (size_t v = 0; v < packed_vectors(length); ++v)
    for (size_t k = 0; k < head; ++k)
      for (size_t i = 0; i < LANES && v * LANES + i < length; ++i)
        to[k * stride + v * LANES + i] += packed[(v * head + k) * LANES + i];
}

// s[q][j] = Σ_k x[k][q] keys[k][j] over `vectors` vectors of j.
INLINE void dot_keys(float *s, size_t width, const float *x, const float *keys, size_t head, size_t vectors) {
  for (size_t v = 0; v < vectors; ++v) {
    vec sums[QUERIES] = {0};
    for (size_t k = 0; k < head; ++k) {
      const vec key = LOAD(keys + (v * head + k) * LANES);
      for (int q = 0; q < QUERIES; ++q) sums[q] += x[k * QUERIES + q] * key;
    }
    for (int q = 0; q < QUERIES; ++q) STORE(s + (size_t)q * width + v * LANES, sums[q]);
  }
}

// o[k][q] = Σ_j p[q][j] values[k][j].
INLINE void weigh_values(float *o, const float *p, size_t width, const float *values, size_t head, size_t vectors) {
  size_t k = 0;
  for (; k + 4 <= head; k += 4) {
    vec sums[4][QUERIES] = {0};
    for (size_t v = 0; v < vectors; ++v) {
      vec weight[QUERIES];
      for (int q = 0; q < QUERIES; ++q) weight[q] = LOAD(p + (size_t)q * width + v * LANES);
      for (int i = 0; i < 4; ++i) {
        const vec value = LOAD(values + (v * head + k + (size_t)i) * LANES);
        for (int q = 0; q < QUERIES; ++q) sums[i][q] += weight[q] * value;
      }
    }
    for (int i = 0; i < 4; ++i)
      for (int q = 0; q < QUERIES; ++q) o[(k + (size_t)i) * QUERIES + (size_t)q] = total(&sums[i][q]);
  }
  for (; k < head; ++k) {
    vec sums[QUERIES] = {0};
    for (size_t v = 0; v < vectors; ++v) {
      const vec value = LOAD(values + (v * head + k) * LANES);
      for (int q = 0; q < QUERIES; ++q) sums[q] += LOAD(p + (size_t)q * width + v * LANES) * value;
    }
    for (int q = 0; q < QUERIES; ++q) o[k * QUERIES + (size_t)q] = total(&sums[q]);
  }
}

// keys[k][j] += Σ_q p[q][j] x[k][q].
INLINE void add_outer(float *keys, const float *p, size_t width, const float *x, size_t head, size_t vectors) {
  for (size_t v = 0; v < vectors; ++v) {
    vec weight[QUERIES];
    for (int q = 0; q < QUERIES; ++q) weight[q] = LOAD(p + (size_t)q * width + v * LANES);
    for (size_t k = 0; k < head; ++k) {
      float *place = keys + (v * head + k) * LANES;
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
  b.start = b.low[0] / LANES * LANES;
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

// The parts of a pass's scratch.
typedef struct {
  size_t width;
  float *p, *d, *x, *g, *o, *keys, *values, *dkeys, *dvalues;
} room;

INLINE size_t room_count(size_t head, size_t length) {
  const size_t width = packed_vectors(length) * LANES;
  return 2 * QUERIES * width + 3 * QUERIES * head + 4 * head * width;
}

INLINE room divide(float *scratch, size_t head, size_t length) {
  const size_t width = packed_vectors(length) * LANES, packed = head * width;
  room r = {.width = width, .keys = scratch};
  r.values = r.keys + packed;
  r.dkeys = r.values + packed;
  r.dvalues = r.dkeys + packed;
  r.p = r.dvalues + packed;
  r.d = r.p + QUERIES * width;
  r.x = r.d + QUERIES * width;
  r.g = r.x + QUERIES * head;
  r.o = r.g + QUERIES * head;
  return r;
}

size_t ck_attention_scratch(size_t head, size_t length) { return room_count(head, length); }

KERNEL void ck_attention_forward(float *out, float *log_sum, float *scratch, const float *query, const float *key,
                                 const float *value, float scale, size_t window, size_t head, size_t length,
                                 size_t stride) {
#pragma clang fp reassociate(on)
  const room r = divide(scratch, head, length);
  pack(r.keys, key, head, length, stride);
  pack(r.values, value, head, length, stride);
  for (size_t first = 0; first < length; first += QUERIES) {
    const block b = queries_from(first, length, window);
    const size_t n = b.vectors * LANES;
    gather(r.x, query, &b, head, stride, scale);
    dot_keys(r.p, r.width, r.x, r.keys + b.start * head, head, b.vectors);
    float sums[QUERIES];
    for (int q = 0; q < QUERIES; ++q) {
      float *row = r.p + (size_t)q * r.width;
      set_unseen(row, &b, q, -INFINITY);
      float tops[LANES], top = -INFINITY;
      for (int i = 0; i < LANES; ++i) tops[i] = -INFINITY;
      for (size_t j = 0; j < n; j += LANES)
        for (int i = 0; i < LANES; ++i) tops[i] = row[j + (size_t)i] > tops[i] ? row[j + (size_t)i] : tops[i];
      for (int i = 0; i < LANES; ++i) top = tops[i] > top ? tops[i] : top;
      // What is unseen adds less than a denormal to the sum.
      float sum = 0;
      for (size_t j = 0; j < n; ++j) {
        const float e = exp_approx(row[j] - top);
        row[j] = e;
        sum += e;
      }
      set_unseen(row, &b, q, 0);
      sums[q] = sum;
      if ((size_t)q < b.count) log_sum[first + (size_t)q] = top + logf(sum);
    }
    weigh_values(r.o, r.p, r.width, r.values + b.start * head, head, b.vectors);
    for (size_t k = 0; k < head; ++k)
      for (size_t q = 0; q < b.count; ++q) out[k * stride + first + q] = r.o[k * QUERIES + q] / sums[q];
  }
}

KERNEL void ck_attention_backward(float *dquery, float *dkey, float *dvalue, float *scratch, const float *dout,
                                  const float *out, const float *log_sum, const float *query, const float *key,
                                  const float *value, float scale, size_t window, size_t head, size_t length,
                                  size_t stride) {
#pragma clang fp reassociate(on)
  const room r = divide(scratch, head, length);
  pack(r.keys, key, head, length, stride);
  pack(r.values, value, head, length, stride);
  for (size_t i = 0; i < 2 * head * r.width; ++i) r.dkeys[i] = 0;
  for (size_t first = 0; first < length; first += QUERIES) {
    const block b = queries_from(first, length, window);
    const size_t n = b.vectors * LANES, place = b.start * head;
    gather(r.x, query, &b, head, stride, scale);
    gather(r.g, dout, &b, head, stride, 1);
    gather(r.o, out, &b, head, stride, 1);
    dot_keys(r.p, r.width, r.x, r.keys + place, head, b.vectors);
    dot_keys(r.d, r.width, r.g, r.values + place, head, b.vectors);
    for (int q = 0; q < QUERIES; ++q) {
      float *row = r.p + (size_t)q * r.width, *drow = r.d + (size_t)q * r.width;
      if ((size_t)q >= b.count) {
        for (size_t j = 0; j < n; ++j) row[j] = drow[j] = 0;
        continue;
      }
      // dscore = p (dp - Σ p dp), and Σ_j p_j dp_j = dout · out.
      float mean = 0;
      for (size_t k = 0; k < head; ++k) mean += r.g[k * QUERIES + (size_t)q] * r.o[k * QUERIES + (size_t)q];
      const float log_total = log_sum[first + (size_t)q];
      for (size_t j = 0; j < n; ++j) {
        const float p = exp_approx(row[j] - log_total);
        row[j] = p;
        drow[j] = p * (drow[j] - mean);
      }
      set_unseen(row, &b, q, 0);
      set_unseen(drow, &b, q, 0);
      // Where a single key is seen its weight is 1 whatever the score; what is left of dp - mean is rounding, which an
      // optimiser that divides by a gradient's size would take for one.
      if (b.end[q] - b.low[q] == 1) drow[b.low[q] - b.start] = 0;
    }
    add_outer(r.dvalues + place, r.p, r.width, r.g, head, b.vectors);
    add_outer(r.dkeys + place, r.d, r.width, r.x, head, b.vectors);
    weigh_values(r.o, r.d, r.width, r.keys + place, head, b.vectors);
    for (size_t k = 0; k < head; ++k)
      for (size_t q = 0; q < b.count; ++q) dquery[k * stride + first + q] += scale * r.o[k * QUERIES + q];
  }
  add_packed(dkey, r.dkeys, head, length, stride);
  add_packed(dvalue, r.dvalues, head, length, stride);
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
