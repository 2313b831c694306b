#pragma once
#include "CKernels.h"
#include "simd.h"

// What attention's two directions share: blocks of LANES queries, one in each lane of a vector. Keys and values of a head are
// copied first, (features, width): rows of a batch lie a power of two apart, where a cache has room for few of them. Each
// product of a key's element with a block of queries' is then one load, one broadcast and one multiply-add, and nothing is
// summed across lanes.
enum { LANES = 16 };

typedef float vec __attribute__((vector_size(LANES * sizeof(float)), may_alias));
typedef float loose_vec __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef int32_t mask __attribute__((vector_size(LANES * sizeof(int32_t)), may_alias));

// Macros, because a vector that is wider than the least CPU's cannot be a parameter.
#define LOAD(p) (*(const loose_vec *)(p))
#define STORE(p, v) (*(loose_vec *)(p) = (v))
#define CHOOSE(m, yes, no) ((vec)(((m) & (mask)(yes)) | (~(m) & (mask)(no))))

// The copies' rows: whole vectors of keys, and one more, so rows are no power of two apart and a group of keys may
// reach beyond the last. Zeros lie after the last token.
INLINE size_t row_width(size_t length) { return (length + LANES - 1) / LANES * LANES + LANES; }

// Copies the tokens from `first`, a multiple of LANES, to `end` - 1.
INLINE void copy_rows(float *restrict to, const float *restrict from, size_t head, size_t first, size_t end,
                      size_t length, size_t stride) {
  const size_t width = row_width(length);
  for (size_t k = 0; k < head; ++k) {
    for (size_t j = first; j < end; ++j) to[k * width + j] = from[k * stride + j];
    for (size_t j = end; j < row_width(end); ++j) to[k * width + j] = 0;
  }
}

// Some queries, and the keys that some of them see, by whole vectors: `start` to `end` - 1.
typedef struct { size_t start, end; } key_range;

INLINE key_range keys_of(ck_queries queries, size_t window) {
  const size_t start = queries.from + 1 > window ? queries.from + 1 - window : 0;
  return (key_range){start / LANES * LANES, queries.to};
}

// Queries `first` to `first + count` - 1, and the keys that some of them see: `start` to `end` - 1. The window is at most
// the length.
typedef struct {
  size_t first, count, start, end, window;
} block;

INLINE block queries_from(size_t first, size_t length, size_t window) {
  block b = {.first = first, .count = length - first < LANES ? length - first : LANES, .window = window};
  b.start = first + 1 > window ? first + 1 - window : 0;
  b.end = first + b.count;
  return b;
}

// Whether all queries see the keys from j to j + count - 1.
INLINE int all_see(const block *b, size_t j, size_t count) {
  return j + count <= b->first + 1 && j + b->window >= b->first + LANES;
}

// The queries that see key j.
#define SEERS(b, j) \
  ((lane_numbers >= (int32_t)(j) - (int32_t)(b)->first) & \
   (lane_numbers < (int32_t)((j) + (b)->window) - (int32_t)(b)->first))
#define LANE_NUMBERS {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// x[k][q] = scale from[k][q], zeros where a block has no query.
INLINE void gather(float *restrict x, const float *restrict from, const block *b, size_t head, size_t stride, float scale) {
  for (size_t k = 0; k < head; ++k) {
    const float *row = from + k * stride + b->first;
    if (b->count == LANES)
      for (size_t q = 0; q < LANES; ++q) x[k * LANES + q] = scale * row[q];
    else
      for (size_t q = 0; q < LANES; ++q) x[k * LANES + q] = q < b->count ? scale * row[q] : 0;
  }
}

// s[g][q] = Σ_k rows[k][g] x[k][q] for `keys` keys.
INLINE void dot(const int keys, vec *restrict s, const float *restrict rows, size_t width, const float *restrict x,
                size_t head) {
  vec sums[8] = {0};
  for (size_t k = 0; k < head; ++k) {
    const vec query = LOAD(x + k * LANES);
    _Pragma("clang loop unroll(full)")
    for (int g = 0; g < keys; ++g) sums[g] += rows[k * width + (size_t)g] * query;
  }
  _Pragma("clang loop unroll(full)")
  for (int g = 0; g < keys; ++g) s[g] = sums[g];
}

// o[k][q] += Σ_j rows[k][j] p[j][q] over `count` keys, for `features` features.
INLINE void weigh_some(const int features, float *restrict o, const float *restrict rows, size_t width,
                       const float *restrict p, size_t count) {
  vec sums[8] = {0};
  for (size_t j = 0; j < count; ++j) {
    const vec weight = LOAD(p + j * LANES);
    _Pragma("clang loop unroll(full)")
    for (int g = 0; g < features; ++g) sums[g] += rows[(size_t)g * width + j] * weight;
  }
  _Pragma("clang loop unroll(full)")
  for (int g = 0; g < features; ++g) STORE(o + g * LANES, LOAD(o + g * LANES) + sums[g]);
}

// The same for all features, `group` at a time, which is how many sums a CPU's registers hold.
INLINE void weigh(const int group, float *restrict o, const float *restrict rows, size_t width, const float *restrict p,
                  size_t count, size_t head) {
  size_t k = 0;
  for (; k + (size_t)group <= head; k += (size_t)group)
    weigh_some(group, o + k * LANES, rows + k * width, width, p, count);
  if (group > 4 && k + 4 <= head) {
    weigh_some(4, o + k * LANES, rows + k * width, width, p, count);
    k += 4;
  }
  for (; k < head; ++k) weigh_some(1, o + k * LANES, rows + k * width, width, p, count);
}

// *x = exp(*x - *minus) by `exp_approx`'s arithmetic, where that is at most 1.
INLINE void set_exponential(vec *x, const vec *minus) {
  vec v = *x - *minus;
  v = CHOOSE(v < -87.0f, (vec){0} - 87.0f, v);
  const vec n = __builtin_elementwise_roundeven(v * 1.44269504f);
  const vec r = v - n * 0.693359375f + n * 2.12194440e-4f;
  vec p = 1.9875691500e-4f * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  *x = p * (vec)((__builtin_convertvector(n, mask) + 127) << 23);
}

// The direction for a CPU: more sums at a time where registers are many. NAME is a function of that number first.
#if defined(__x86_64__)
// Compilers halve vectors of 512 bits unless they are asked for.
#define FOR_EACH_CPU(NAME, PARAMETERS, ...) \
  __attribute__((target("arch=x86-64-v4"), min_vector_width(512))) static void NAME##_v4 PARAMETERS { NAME(8, __VA_ARGS__); } \
  __attribute__((target("arch=x86-64-v3"))) static void NAME##_v3 PARAMETERS { NAME(4, __VA_ARGS__); } \
  void ck_attention_##NAME PARAMETERS { \
    switch (ck_best_panels()) { \
    case CK_PANELS_V4: NAME##_v4(__VA_ARGS__); break; \
    case CK_PANELS_V3: NAME##_v3(__VA_ARGS__); break; \
    default: NAME(4, __VA_ARGS__); \
    } \
  }
#else
#define FOR_EACH_CPU(NAME, PARAMETERS, ...) \
  void ck_attention_##NAME PARAMETERS { NAME(4, __VA_ARGS__); }
#endif
