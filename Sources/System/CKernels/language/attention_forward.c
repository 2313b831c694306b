#include "attention_tile.h"
#include <math.h>

// Keys are summed over this many at a time, so sums of thousands lose no more digits than short ones.
enum { CHUNK = 64 };

INLINE void forward(const int group, float *restrict out, float *restrict log_sum, float *restrict scratch,
                    const float *query, const float *key, const float *value, float scale, size_t window,
                    ck_queries queries, size_t head, size_t length, size_t stride) {
  const mask lane_numbers = LANE_NUMBERS;
  const vec unseen = (vec){0} - 1e30f;
  const size_t width = row_width(length);
  float *keys = scratch, *values = keys + head * width, *x = values + head * width, *o = x + LANES * head;
  if (window > length) window = length;
  const key_range seen = keys_of(queries, window);
  copy_rows(keys, key, head, seen.start, seen.end, length, stride);
  copy_rows(values, value, head, seen.start, seen.end, length, stride);
  for (size_t first = queries.from; first < queries.to; first += LANES) {
    const block b = queries_from(first, length, window);
    gather(x, query, &b, head, stride, scale);
    // Sums and results so far are relative to the largest score so far, and shrink when it grows.
    vec top = unseen, sum = {0};
    for (size_t i = 0; i < head * LANES; ++i) o[i] = 0;
    for (size_t start = b.start; start < b.end; start += CHUNK) {
      const size_t count = b.end - start < CHUNK ? b.end - start : CHUNK;
      vec p[CHUNK], higher = top;
      for (size_t i = 0; i < count; i += (size_t)group) {
        dot(group, p + i, keys + start + i, width, x, head);
        if (!all_see(&b, start + i, (size_t)group))
          for (size_t g = i; g < i + (size_t)group; ++g) p[g] = CHOOSE(SEERS(&b, start + g), p[g], unseen);
        _Pragma("clang loop unroll(full)")
        for (int g = 0; g < group; ++g) higher = CHOOSE(p[i + (size_t)g] > higher, p[i + (size_t)g], higher);
      }
      set_exponential(&top, &higher);
      sum *= top;
      for (size_t k = 0; k < head; ++k) STORE(o + k * LANES, LOAD(o + k * LANES) * top);
      top = higher;
      vec part = {0};
      for (size_t i = 0; i < count; ++i) {
        set_exponential(p + i, &top);
        if (!all_see(&b, start + i, 1)) p[i] = (vec)(SEERS(&b, start + i) & (mask)p[i]);
        part += p[i];
      }
      sum += part;
      weigh(group, o, values + start, width, (const float *)p, count, head);
    }
    for (size_t k = 0; k < head; ++k) {
      const vec mean = LOAD(o + k * LANES) / sum;
      float *place = out + k * stride + first;
      if (b.count == LANES) {
        STORE(place, mean);
      } else {
        for (size_t q = 0; q < b.count; ++q) place[q] = mean[q];
      }
    }
    for (size_t q = 0; q < b.count; ++q) log_sum[first + q] = top[q] + logf(sum[q]);
  }
}

FOR_EACH_CPU(forward,
             (float *out, float *log_sum, float *scratch, const float *query, const float *key, const float *value,
              float scale, size_t window, ck_queries queries, size_t head, size_t length, size_t stride),
             out, log_sum, scratch, query, key, value, scale, window, queries, head, length, stride)

size_t ck_attention_scratch(size_t head, size_t length) {
  const size_t width = row_width(length);
  return head * (2 * width + 4 * LANES);
}
