// Products of one matrix, packed once, with many blocks of rows: c (m, n) = a (m, k) · b (k, n), row-major.
//
// A library packs its factors at every call; the connections of a step stay the same for all of its tiles. Every element
// is one chain of multiply-adds along k, whatever n is: the tiles that a batch falls into do not change its bytes.
#include "CKernels.h"
#include <string.h>

// k is cut into blocks of DEPTH, n into blocks of WIDTH: a packed block of b stays in the second-level cache.
enum { DEPTH = 512, WIDTH = 128 };

static _Thread_local float packed_b[DEPTH * WIDTH] __attribute__((aligned(64)));

// One kernel for panels of ROWS rows of a and VECTORS vectors of LANES columns of b; the sums stay in registers.
#define PANEL_KERNEL(NAME, TARGET, ROWS, VECTORS, LANES) \
  typedef float NAME##_vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias)); \
  TARGET static void NAME##_panel(float *restrict c, size_t stride, const float *restrict a, const float *restrict b, \
                                  size_t depth, size_t rows, size_t columns, int keep) { \
    NAME##_vec sum[ROWS][VECTORS] = {0}; \
    for (size_t p = 0; p < depth; ++p) { \
      NAME##_vec right[VECTORS]; \
      _Pragma("clang loop unroll(full)") \
      for (int v = 0; v < VECTORS; ++v) right[v] = *(const NAME##_vec *)(b + v * LANES); \
      _Pragma("clang loop unroll(full)") \
      for (int r = 0; r < ROWS; ++r) { \
        _Pragma("clang loop unroll(full)") \
        for (int v = 0; v < VECTORS; ++v) sum[r][v] = a[r] * right[v] + sum[r][v]; \
      } \
      a += ROWS; \
      b += VECTORS * LANES; \
    } \
    if (rows == ROWS && columns == VECTORS * LANES) { \
      _Pragma("clang loop unroll(full)") \
      for (int r = 0; r < ROWS; ++r) { \
        _Pragma("clang loop unroll(full)") \
        for (int v = 0; v < VECTORS; ++v) { \
          NAME##_vec *out = (NAME##_vec *)(c + r * stride + v * LANES); \
          *out = keep ? *out + sum[r][v] : sum[r][v]; \
        } \
      } \
    } else { \
      float edge[ROWS][VECTORS * LANES]; \
      memcpy(edge, sum, sizeof edge); \
      for (size_t r = 0; r < rows; ++r) \
        for (size_t i = 0; i < columns; ++i) c[r * stride + i] = edge[r][i] + (keep ? c[r * stride + i] : 0); \
    } \
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
  TARGET static void NAME##_product(float *c, const float *a, const float *b, size_t m, size_t n, size_t k, int keep) { \
    const size_t panels = (m + ROWS - 1) / ROWS; \
    for (size_t p = 0; p < k; p += DEPTH) { \
      const size_t depth = k - p < DEPTH ? k - p : DEPTH; \
      for (size_t j = 0; j < n; j += WIDTH) { \
        const size_t width = n - j < WIDTH ? n - j : WIDTH; \
        NAME##_pack_b(packed_b, b + p * n + j, n, depth, width); \
        for (size_t i = 0; i < panels; ++i) \
          for (size_t x = 0; x < width; x += VECTORS * LANES) \
            NAME##_panel(c + i * ROWS * n + j + x, n, a + (i * k + p) * ROWS, packed_b + x * depth, depth, \
                         m - i * ROWS < ROWS ? m - i * ROWS : ROWS, \
                         width - x < VECTORS * LANES ? width - x : VECTORS * LANES, keep || p > 0); \
      } \
    } \
  }

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

static size_t panel_rows(ck_panels panels) { return panels == CK_PANELS_V4 ? 12 : panels == CK_PANELS_V3 ? 6 : 4; }

size_t ck_packed_count(size_t m, size_t k) { return (m + 11) / 12 * 12 * k; }

void ck_pack(float *restrict packed, const float *restrict a, size_t m, size_t k, int is_transposed, ck_panels panels) {
  const size_t height = panel_rows(panels);
  for (size_t i = 0; i < m; i += height) {
    const size_t rows = m - i < height ? m - i : height;
    float *panel = packed + i * k;
    if (rows < height) memset(panel, 0, height * k * sizeof *panel);
    if (is_transposed)
      for (size_t p = 0; p < k; ++p)
        for (size_t r = 0; r < rows; ++r) panel[p * height + r] = a[p * m + i + r];
    else
      for (size_t r = 0; r < rows; ++r)
        for (size_t p = 0; p < k; ++p) panel[p * height + r] = a[(i + r) * k + p];
  }
}

void ck_packed_product(float *c, const float *packed, const float *b, size_t m, size_t n, size_t k, int keep,
                       ck_panels panels) {
#if defined(__x86_64__)
  if (panels == CK_PANELS_V4) return v4_product(c, packed, b, m, n, k, keep);
  if (panels == CK_PANELS_V3) return v3_product(c, packed, b, m, n, k, keep);
#endif
  plain_product(c, packed, b, m, n, k, keep);
}
