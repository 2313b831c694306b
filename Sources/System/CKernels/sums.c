// Sums over the rows of a tile: c (m, n) = a (m, rows) · bᵀ, b (n, rows), on registers of 256 bits.
//
// A library packs both factors for large depths; here the depth is a tile's rows, and m and n are mostly small. One factor
// is read in place, the other goes sixteen columns at a time through a block that stays in the first-level cache. Every
// element is one chain of multiply-adds along the rows.
#include "CKernels.h"
#include "simd.h"
#include <string.h>

// The rows of a panel, the columns of a vector and of a panel, and the rows of a tile that one block holds.
enum { MOST = 6, LANES = 8, PANEL = 2 * LANES, DEPTH = 256 };
typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define AT(pointer) (*(vec *)(pointer))
#if defined(__x86_64__)
#define TARGET __attribute__((target("arch=x86-64-v3")))
#else
#define TARGET
#endif
#define UNROLL _Pragma("clang loop unroll(full)")

static _Thread_local float packed_b[DEPTH * PANEL] __attribute__((aligned(64)));

#define PAIRS_OF_1(a, b, i) __builtin_shufflevector(a, b, i, i + 8, i + 1, i + 9, i + 4, i + 12, i + 5, i + 13)
#define PAIRS_OF_2(a, b, i) __builtin_shufflevector(a, b, i, i + 1, i + 8, i + 9, i + 4, i + 5, i + 12, i + 13)
#define PAIRS_OF_4(a, b, i) __builtin_shufflevector(a, b, i, i + 1, i + 2, i + 3, i + 8, i + 9, i + 10, i + 11)

// Eight places of eight rows of b become eight rows of a packed panel's half.
TARGET INLINE void transpose(float *restrict out, const float *const row[LANES], size_t place) {
  vec t[LANES], s[LANES];
  UNROLL for (int i = 0; i < LANES; ++i) s[i] = AT(row[i] + place);
  UNROLL for (int i = 0; i < LANES; i += 2) {
    t[i] = PAIRS_OF_1(s[i], s[i + 1], 0);
    t[i + 1] = PAIRS_OF_1(s[i], s[i + 1], 2);
  }
  UNROLL for (int i = 0; i < LANES; i += 4) {
    s[i] = PAIRS_OF_2(t[i], t[i + 2], 0);
    s[i + 1] = PAIRS_OF_2(t[i], t[i + 2], 2);
    s[i + 2] = PAIRS_OF_2(t[i + 1], t[i + 3], 0);
    s[i + 3] = PAIRS_OF_2(t[i + 1], t[i + 3], 2);
  }
  UNROLL for (int i = 0; i < 4; ++i) {
    AT(out + i * PANEL) = PAIRS_OF_4(s[i], s[i + 4], 0);
    AT(out + (i + 4) * PANEL) = PAIRS_OF_4(s[i], s[i + 4], 4);
  }
}

TARGET static void pack_b(const float *b, size_t stride, size_t depth, size_t columns) {
  for (size_t half = 0; half < PANEL && half < columns; half += LANES) {
    const float *row[LANES];
    // A missing column is replaced by another one, whose sums are not kept.
    for (size_t i = 0; i < LANES; ++i) row[i] = b + (half + i < columns ? half + i : 0) * stride;
    for (size_t p = 0; p < depth; p += LANES) transpose(packed_b + p * PANEL + half, row, p);
  }
}

// Where an element of c lies: c[row * down + column * across].
typedef struct { size_t down, across; } strides;

TARGET INLINE void panel_of(const int ROWS, const int WIDE, float *restrict c, strides to, const float *restrict a,
                            size_t stride, size_t depth, size_t columns, int keep) {
  vec sum[MOST][2] = {};
  const float *b = packed_b;
  // The accumulator comes from far away, a line or two of each row: it is prefetched while the sums are computed.
  if (to.across == 1) {
    UNROLL for (int r = 0; r < ROWS; ++r) {
      __builtin_prefetch(c + (size_t)r * to.down, 1);
      __builtin_prefetch(c + (size_t)r * to.down + columns - 1, 1);
    }
  } else {
    for (size_t i = 0; i < columns; ++i) __builtin_prefetch(c + i * to.across, 1);
  }
  for (size_t p = 0; p < depth; ++p, b += PANEL) {
    vec right[2];
    UNROLL for (int v = 0; v < WIDE; ++v) right[v] = AT(b + v * LANES);
    UNROLL for (int r = 0; r < ROWS; ++r)
      UNROLL for (int v = 0; v < WIDE; ++v) sum[r][v] = a[(size_t)r * stride + p] * right[v] + sum[r][v];
  }
  if (to.across == 1 && columns == (size_t)(WIDE * LANES)) {
    UNROLL for (int r = 0; r < ROWS; ++r)
      UNROLL for (int v = 0; v < WIDE; ++v) {
        float *out = c + (size_t)r * to.down + v * LANES;
        AT(out) = keep ? AT(out) + sum[r][v] : sum[r][v];
      }
    return;
  }
  float edge[MOST][PANEL];
  memcpy(edge, sum, sizeof edge);
  for (size_t i = 0; i < columns; ++i)
    UNROLL for (size_t r = 0; r < (size_t)ROWS; ++r) {
      float *out = c + r * to.down + i * to.across;
      *out = (keep ? *out : 0) + edge[r][i];
    }
}

#define CASE(ROWS, WIDE) \
  case ROWS: panel_of(ROWS, WIDE, c, to, a, stride, depth, columns, keep); break;
#define CASES(WIDE) \
  switch (rows) { CASE(1, WIDE) CASE(2, WIDE) CASE(3, WIDE) CASE(4, WIDE) CASE(5, WIDE) CASE(6, WIDE) }
TARGET static void panel(size_t rows, float *c, strides to, const float *a, size_t stride, size_t depth, size_t columns,
                         int keep) {
  if (columns > LANES) CASES(2) else CASES(1)
}

// The share of whole vectors that this many columns fill, in hundredths.
INLINE size_t fill(size_t columns) { return 100 * columns / ((columns + LANES - 1) / LANES * LANES); }

TARGET void ck_panel_sums(float *restrict c, const float *restrict a, const float *restrict b, size_t m, size_t n,
                          size_t rows, int keep) {
  strides to = {n, 1};
  // Storing columns next to each other costs as much as a tenth of empty lanes.
  if (fill(m) > fill(n) + 10) {
    const float *left = a;
    const size_t height = m;
    a = b, b = left, m = n, n = height;
    to = (strides){1, m};
  }
  const size_t panels = (m + MOST - 1) / MOST, height = m / panels, higher = m % panels;
  for (size_t p = 0; p < rows; p += DEPTH) {
    const size_t depth = rows - p < DEPTH ? rows - p : DEPTH;
    for (size_t j = 0; j < n; j += PANEL) {
      const size_t columns = n - j < PANEL ? n - j : PANEL;
      pack_b(b + j * rows + p, rows, depth, columns);
      for (size_t i = 0, row = 0; i < panels; ++i) {
        const size_t count = height + (i < higher);
        panel(count, c + row * to.down + j * to.across, to, a + row * rows + p, rows, depth, columns, keep || p > 0);
        row += count;
      }
    }
  }
}
