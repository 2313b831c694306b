#include "attention_tile.h"

// Rows and columns change places: a butterfly of exchanges at distances 8, 4, 2 and 1.
#define SWAPPED(l, d) ((l) & (d) ? 16 + (l) - (d) : (l))
#define KEPT(l, d) ((l) & (d) ? 16 + (l) : (l) + (d))
#define ALL_LANES(of, d) \
  of(0, d), of(1, d), of(2, d), of(3, d), of(4, d), of(5, d), of(6, d), of(7, d), of(8, d), of(9, d), of(10, d), \
      of(11, d), of(12, d), of(13, d), of(14, d), of(15, d)
#define EXCHANGE(t, d) \
  _Pragma("clang loop unroll(full)") \
  for (int i = 0; i < LANES; ++i) \
    if (!(i & d)) { \
      const vec low = t[i], high = t[i + d]; \
      t[i] = __builtin_shufflevector(low, high, ALL_LANES(SWAPPED, d)); \
      t[i + d] = __builtin_shufflevector(low, high, ALL_LANES(KEPT, d)); \
    }

INLINE void transpose(vec *t) {
  EXCHANGE(t, 8)
  EXCHANGE(t, 4)
  EXCHANGE(t, 2)
  EXCHANGE(t, 1)
}

// sums[k][j] += Σ_q x[k][q] p[q][j] for `features` features.
INLINE void add_some(const int features, float *restrict sums, size_t width, const float *restrict x, const vec *p) {
  vec own[8] = {0};
  for (int q = 0; q < LANES; ++q) {
    const vec weight = p[q];
    _Pragma("clang loop unroll(full)")
    for (int g = 0; g < features; ++g) own[g] += x[g * LANES + q] * weight;
  }
  _Pragma("clang loop unroll(full)")
  for (int g = 0; g < features; ++g) STORE(sums + (size_t)g * width, LOAD(sums + (size_t)g * width) + own[g]);
}

INLINE void add_outer(const int group, float *restrict sums, size_t width, const float *restrict x, const vec *p,
                      size_t head) {
  size_t k = 0;
  for (; k + (size_t)group <= head; k += (size_t)group) add_some(group, sums + k * width, width, x + k * LANES, p);
  if (group > 4 && k + 4 <= head) {
    add_some(4, sums + k * width, width, x + k * LANES, p);
    k += 4;
  }
  for (; k < head; ++k) add_some(1, sums + k * width, width, x + k * LANES, p);
}

INLINE void backward(const int group, float *restrict dquery, float *restrict sums, float *restrict scratch,
                     const float *dout, const float *out, const float *log_sum, const float *query, const float *key,
                     const float *value, float scale, size_t window, ck_queries queries, size_t head, size_t length,
                     size_t stride) {
  const mask lane_numbers = LANE_NUMBERS;
  const size_t width = row_width(length);
  float *keys = scratch, *values = keys + head * width, *dkeys = sums, *dvalues = dkeys + head * width;
  float *x = values + head * width, *g = x + LANES * head, *o = g + LANES * head, *dx = o + LANES * head;
  if (window > length) window = length;
  const key_range seen = keys_of(queries, window);
  copy_rows(keys, key, head, seen.start, seen.end, length, stride);
  copy_rows(values, value, head, seen.start, seen.end, length, stride);
  for (size_t k = 0; k < 2 * head; ++k)
    for (size_t j = seen.start; j < row_width(seen.end); ++j) dkeys[k * width + j] = 0;
  for (size_t first = queries.from; first < queries.to; first += LANES) {
    const block b = queries_from(first, length, window);
    gather(x, query, &b, head, stride, scale);
    gather(g, dout, &b, head, stride, 1);
    gather(o, out, &b, head, stride, 1);
    // dscore = p (dp - Σ p dp), and Σ_j p_j dp_j = dout · out.
    vec means = {0};
    for (size_t k = 0; k < head; ++k) means += LOAD(g + k * LANES) * LOAD(o + k * LANES);
    vec logs = {0};
    for (size_t q = 0; q < LANES; ++q) logs[q] = q < b.count ? log_sum[first + q] : 0;
    // Where a single key is seen its weight is 1 whatever the score; what is left of dp - mean is rounding, which an
    // optimiser that divides by a gradient's size would take for one.
    const mask chooses = window == 1 ? (mask){0} : lane_numbers + (int32_t)(first != 0) > 0;
    for (size_t i = 0; i < LANES * head; ++i) dx[i] = 0;
    for (size_t start = b.start / LANES * LANES; start < b.end; start += LANES) {
      vec p[LANES], d[LANES];
      for (int i = 0; i < LANES; i += group) {
        dot(group, p + i, keys + start + i, width, x, head);
        dot(group, d + i, values + start + i, width, g, head);
      }
      for (int i = 0; i < LANES; ++i) {
        set_exponential(p + i, &logs);
        d[i] = p[i] * (d[i] - means);
      }
      if (!all_see(&b, start, LANES))
        for (int i = 0; i < LANES; ++i) {
          const mask seen = SEERS(&b, start + (size_t)i);
          p[i] = (vec)(seen & (mask)p[i]);
          d[i] = (vec)(seen & chooses & (mask)d[i]);
        }
      weigh(group, dx, keys + start, width, (const float *)d, LANES, head);
      transpose(p);
      transpose(d);
      add_outer(group, dvalues + start, width, g, p, head);
      add_outer(group, dkeys + start, width, x, d, head);
    }
    for (size_t k = 0; k < head; ++k)
      for (size_t q = 0; q < b.count; ++q) dquery[k * stride + first + q] += scale * dx[k * LANES + q];
  }
}

FOR_EACH_CPU(backward,
             (float *dquery, float *sums, float *scratch, const float *dout, const float *out, const float *log_sum,
              const float *query, const float *key, const float *value, float scale, size_t window, ck_queries queries,
              size_t head, size_t length, size_t stride),
             dquery, sums, scratch, dout, out, log_sum, query, key, value, scale, window, queries, head, length, stride)

size_t ck_attention_sums(size_t head, size_t length) { return 2 * head * row_width(length); }

KERNEL void ck_attention_add(float *restrict dkey, float *restrict dvalue, const float *restrict sums, size_t window,
                             ck_queries queries, size_t head, size_t length, size_t stride) {
  const size_t width = row_width(length);
  const key_range seen = keys_of(queries, window);
  const float *other = sums + head * width;
  for (size_t k = 0; k < head; ++k)
    for (size_t j = seen.start; j < seen.end; ++j) {
      dkey[k * stride + j] += sums[k * width + j];
      dvalue[k * stride + j] += other[k * width + j];
    }
}
