// Products of one matrix, packed once, with many blocks of rows: c (m, n) = a (m, k) · b (k, n), row-major.
//
// A library packs its factors at every call; the connections of a step stay the same for all of its tiles. Every element
// is one chain of multiply-adds along k, whatever m and n are: the tiles that a batch falls into do not change its bytes,
// nor does the height of the panels that a CPU's registers allow.
#include "CKernels.h"
#include "simd.h"
#include <string.h>

// k is cut into blocks of DEPTH, n into blocks of WIDTH: a packed block of b stays in the second-level cache.
enum { DEPTH = 512, WIDTH = 128 };

static _Thread_local float packed_b[DEPTH * WIDTH] __attribute__((aligned(64)));

// The panels of m rows are about equally high: none are left with so few rows that its sums wait for each other.
typedef struct { size_t count, height, higher; } split;

INLINE split split_rows(size_t m, size_t most) {
  const size_t count = (m + most - 1) / most;
  return (split){count, m / count, m % count};
}
INLINE size_t first_row(split s, size_t panel) { return panel * s.height + (panel < s.higher ? panel : s.higher); }
INLINE size_t height_of(split s, size_t panel) { return s.height + (panel < s.higher); }

// One kernel for panels of up to MOST rows of a and VECTORS vectors of LANES columns of b; the sums stay in registers.
#define PANEL_KERNEL(NAME, TARGET, MOST, VECTORS, LANES) \
  typedef float NAME##_vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias)); \
  TARGET INLINE void NAME##_panel_of(const int ROWS, const int WIDE, float *restrict c, size_t stride, \
                                     const float *restrict a, const float *restrict b, size_t b_stride, size_t depth, \
                                     size_t columns, int keep) { \
    NAME##_vec sum[MOST][VECTORS] = {0}; \
    for (size_t p = 0; p < depth; ++p) { \
      NAME##_vec right[VECTORS]; \
      _Pragma("clang loop unroll(full)") \
      for (int v = 0; v < WIDE; ++v) right[v] = *(const NAME##_vec *)(b + v * LANES); \
      _Pragma("clang loop unroll(full)") \
      for (int r = 0; r < ROWS; ++r) { \
        _Pragma("clang loop unroll(full)") \
        for (int v = 0; v < WIDE; ++v) sum[r][v] = a[r] * right[v] + sum[r][v]; \
      } \
      a += ROWS; \
      b += b_stride; \
    } \
    if (columns == WIDE * LANES) { \
      _Pragma("clang loop unroll(full)") \
      for (int r = 0; r < ROWS; ++r) { \
        _Pragma("clang loop unroll(full)") \
        for (int v = 0; v < WIDE; ++v) { \
          NAME##_vec *out = (NAME##_vec *)(c + r * stride + v * LANES); \
          *out = keep ? *out + sum[r][v] : sum[r][v]; \
        } \
      } \
    } else { \
      float edge[MOST][VECTORS * LANES]; \
      memcpy(edge, sum, sizeof edge); \
      for (size_t r = 0; r < ROWS; ++r) \
        for (size_t i = 0; i < columns; ++i) c[r * stride + i] = edge[r][i] + (keep ? c[r * stride + i] : 0); \
    } \
  } \
  TARGET static void NAME##_panel(size_t rows, float *restrict c, size_t stride, const float *restrict a, \
                                  const float *restrict b, size_t b_stride, size_t depth, size_t columns, int keep) { \
    if (columns > LANES) \
      switch (rows) { NAME##_CASES(NAME, VECTORS) } \
    else \
      switch (rows) { NAME##_CASES(NAME, 1) } \
  } \
  TARGET static void NAME##_pack_b(float *restrict out, const float *restrict b, size_t stride, size_t depth, \
                                   size_t columns) { \
    enum { PANEL = VECTORS * LANES }; \
    for (size_t j = 0; j < columns; j += PANEL, out += PANEL * depth) { \
      const size_t width = columns - j < PANEL ? columns - j : PANEL; \
      if (width == PANEL) { \
        for (size_t p = 0; p < depth; ++p) \
          for (int v = 0; v < VECTORS; ++v) \
            *(NAME##_vec *)(out + p * PANEL + v * LANES) = *(const NAME##_vec *)(b + p * stride + j + v * LANES); \
      } else { \
        for (size_t p = 0; p < depth; ++p) \
          for (size_t i = 0; i < PANEL; ++i) out[p * PANEL + i] = i < width ? b[p * stride + j + i] : 0; \
      } \
    } \
  } \
  TARGET static void NAME##_product(float *c, const float *a, const float *b, size_t m, size_t n, size_t k, \
                                    size_t stride, int keep) { \
    enum { PANEL = VECTORS * LANES }; \
    if (m == 0) return; \
    const split s = split_rows(m, MOST); \
    for (size_t p = 0; p < k; p += DEPTH) { \
      const size_t depth = k - p < DEPTH ? k - p : DEPTH; \
      for (size_t j = 0; j < n; j += WIDTH) { \
        const size_t width = n - j < WIDTH ? n - j : WIDTH; \
        /* What few panels read is not worth packing. */ \
        const int packs = s.count > 2 || width % PANEL != 0; \
        const float *right = packs ? packed_b : b + p * stride + j; \
        if (packs) NAME##_pack_b(packed_b, b + p * stride + j, stride, depth, width); \
        for (size_t i = 0; i < s.count; ++i) { \
          const size_t row = first_row(s, i), height = height_of(s, i); \
          for (size_t x = 0; x < width; x += PANEL) \
            NAME##_panel(height, c + row * stride + j + x, stride, a + row * k + p * height, \
                         right + (packs ? x * depth : x), packs ? PANEL : stride, depth, \
                         width - x < PANEL ? width - x : PANEL, keep || p > 0); \
        } \
      } \
    } \
  }
#define CASE(NAME, ROWS, WIDE) \
  case ROWS: NAME##_panel_of(ROWS, WIDE, c, stride, a, b, b_stride, depth, columns, keep); break;
#define plain_CASES(NAME, WIDE) CASE(NAME, 1, WIDE) CASE(NAME, 2, WIDE) CASE(NAME, 3, WIDE) CASE(NAME, 4, WIDE)
#define v3_CASES(NAME, WIDE) plain_CASES(NAME, WIDE) CASE(NAME, 5, WIDE) CASE(NAME, 6, WIDE)
#define v4_CASES(NAME, WIDE) \
  v3_CASES(NAME, WIDE) CASE(NAME, 7, WIDE) CASE(NAME, 8, WIDE) CASE(NAME, 9, WIDE) CASE(NAME, 10, WIDE) \
  CASE(NAME, 11, WIDE) CASE(NAME, 12, WIDE)

#if defined(__x86_64__)
// Compilers halve vectors of 512 bits unless they are asked for: twice as many sums then leave the registers.
PANEL_KERNEL(v4, __attribute__((target("arch=x86-64-v4"), min_vector_width(512))), 12, 2, 16)
PANEL_KERNEL(v3, __attribute__((target("arch=x86-64-v3"))), 6, 2, 8)
#endif
PANEL_KERNEL(plain, , 4, 2, 4)

static ck_panels best(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return CK_PANELS_V4;
  if (__builtin_cpu_supports("x86-64-v3")) return CK_PANELS_V3;
#endif
  return CK_PANELS_PLAIN;
}

int ck_has_panels(ck_panels panels) { return panels <= best(); }

ck_panels ck_best_panels(void) { return best(); }

static size_t most_rows(ck_panels panels) { return panels == CK_PANELS_V4 ? 12 : panels == CK_PANELS_V3 ? 6 : 4; }

void ck_pack(float *restrict packed, const float *restrict a, size_t m, size_t k, int is_transposed, size_t first,
             size_t end, ck_panels panels) {
  if (m == 0) return;
  const split s = split_rows(m, most_rows(panels));
  for (size_t i = 0; i < s.count; ++i) {
    const size_t row = first_row(s, i), height = height_of(s, i);
    float *panel = packed + row * k;
    if (is_transposed)
      for (size_t p = first; p < end; ++p)
        for (size_t r = 0; r < height; ++r) panel[p * height + r] = a[p * m + row + r];
    else
      for (size_t r = first > row ? first - row : 0; r < height && row + r < end; ++r)
        for (size_t p = 0; p < k; ++p) panel[p * height + r] = a[(row + r) * k + p];
  }
}

void ck_packed_product(float *c, const float *packed, const float *b, size_t m, size_t n, size_t k, size_t stride,
                       int keep, ck_panels panels) {
#if defined(__x86_64__)
  if (panels == CK_PANELS_V4) return v4_product(c, packed, b, m, n, k, stride, keep);
  if (panels == CK_PANELS_V3) return v3_product(c, packed, b, m, n, k, stride, keep);
#endif
  plain_product(c, packed, b, m, n, k, stride, keep);
}
