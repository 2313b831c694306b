// Products along the rows of a tile, where a library's blocks do not fit: inputs of which few are not zero, and sums over
// rows for narrow matrices. Blocks (features, rows); every element is one chain, whatever else is computed with it.
#include "CKernels.h"
#include "simd.h"
#include <string.h>

enum { LANES = 16 };
typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define AT(pointer) (*(vec *)(pointer))

// Lanes of a and b by halves of 2 · WIDTH: their first ones, or their second ones.
#define FIRST_8(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define SECOND_8(a, b) __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#define FIRST_4(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
#define SECOND_4(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31)
#define FIRST_2(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define SECOND_2(a, b) __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define FIRST_1(a, b) __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#define SECOND_1(a, b) __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31)

#define SWAP_BLOCKS(t, WIDTH) \
  _Pragma("clang loop unroll(full)") for (int i = 0; i < LANES; ++i) { \
    if (i & WIDTH) continue; \
    const vec first = FIRST_##WIDTH(t[i], t[i + WIDTH]), second = SECOND_##WIDTH(t[i], t[i + WIDTH]); \
    t[i] = first; \
    t[i + WIDTH] = second; \
  }
#define TRANSPOSE(t) \
  do { SWAP_BLOCKS(t, 8) SWAP_BLOCKS(t, 4) SWAP_BLOCKS(t, 2) SWAP_BLOCKS(t, 1) } while (0)
// t[0]: in each lane the sum of the lanes of the vector with its number.
#define ADD_HALVES(t, WIDTH) \
  _Pragma("clang loop unroll(full)") for (int i = 0; i < WIDTH; ++i) \
    t[i] = FIRST_##WIDTH(t[i], t[i + WIDTH]) + SECOND_##WIDTH(t[i], t[i + WIDTH]);
#define ADD_LANES(t) \
  do { ADD_HALVES(t, 8) ADD_HALVES(t, 4) ADD_HALVES(t, 2) ADD_HALVES(t, 1) } while (0)

// With AVX-512 registers hold sixteen sums next to their factors, and the library is slow at narrow matrices only; with
// AVX2 it is slower than panels at all that tiles have.
ck_sums ck_fastest_sums(size_t m, size_t n) {
  const size_t less = m < n ? m : n, more = m < n ? n : m;
  switch (ck_best_panels()) {
  case CK_PANELS_V4: return less <= 16 && more >= 64 ? CK_SUMS_NARROW : CK_SUMS_OF_LIBRARY;
  case CK_PANELS_V3: return CK_SUMS_BY_PANELS;
  default: return CK_SUMS_OF_LIBRARY;
  }
}

size_t ck_list_active(ck_active list, const float *values, size_t count, size_t features, size_t rows) {
  size_t found = 0;
  for (size_t r = 0; r < rows; ++r) {
    list.start[r] = (uint32_t)found;
    for (size_t f = 0; r < count && f < features; ++f) {
      const float value = values[r * features + f];
      if (value == 0) continue;
      if (found == list.room) return list.room + 1;
      list.feature[found] = (uint32_t)f;
      list.value[found++] = value;
    }
  }
  list.start[rows] = (uint32_t)found;
  return found;
}

KERNEL void ck_active_product(float *restrict out, ck_active list, const float *restrict v, const float *restrict bias,
                              size_t components, size_t rows) {
  for (size_t block = 0; block < components; block += LANES) {
    // The last block overlaps the one before.
    const size_t c = block + LANES <= components ? block : components - LANES;
    for (size_t r = 0; r < rows; r += LANES) {
      vec sum[LANES];
      for (int i = 0; i < LANES; ++i) {
        sum[i] = (vec){};
        for (uint32_t e = list.start[r + i]; e < list.start[r + i + 1]; ++e)
          sum[i] = list.value[e] * AT(v + list.feature[e] * components + c) + sum[i];
        if (bias) sum[i] = AT(bias + c) + sum[i];
      }
      TRANSPOSE(sum);
      for (int i = 0; i < LANES; ++i) AT(out + (c + i) * rows + r) = sum[i];
    }
  }
}

KERNEL void ck_active_sums(float *restrict sums, ck_active list, const float *restrict d, size_t components, size_t rows) {
  for (size_t block = 0; block < components; block += LANES) {
    const size_t c = block + LANES <= components ? block : components - LANES;
    for (size_t r = 0; r < rows; r += LANES) {
      vec row[LANES];
      // What the block before has added is not added again.
      for (size_t i = 0; i < LANES; ++i) row[i] = c + i < block ? (vec){} : AT(d + (c + i) * rows + r);
      TRANSPOSE(row);
      for (int i = 0; i < LANES; ++i)
        for (uint32_t e = list.start[r + i]; e < list.start[r + i + 1]; ++e) {
          float *sum = sums + list.feature[e] * components + c;
          AT(sum) = list.value[e] * row[i] + AT(sum);
        }
    }
  }
}

KERNEL void ck_narrow_sums(float *restrict c, const float *restrict a, const float *restrict b, size_t m, size_t n,
                           size_t rows, int keep) {
  enum { SIDE = 4 };
  for (size_t i = 0; i < m; i += SIDE)
    for (size_t j = 0; j < n; j += SIDE) {
      const size_t height = m - i < SIDE ? m - i : SIDE, width = n - j < SIDE ? n - j : SIDE;
      const float *left[SIDE], *right[SIDE];
      for (size_t x = 0; x < SIDE; ++x) {
        left[x] = a + (i + (x < height ? x : 0)) * rows;
        right[x] = b + (j + (x < width ? x : 0)) * rows;
      }
      vec sum[SIDE * SIDE] = {};
      for (size_t r = 0; r < rows; r += LANES) {
        vec here[SIDE];
        _Pragma("clang loop unroll(full)") for (int y = 0; y < SIDE; ++y) here[y] = AT(right[y] + r);
        _Pragma("clang loop unroll(full)") for (int x = 0; x < SIDE; ++x) {
          const vec value = AT(left[x] + r);
          _Pragma("clang loop unroll(full)") for (int y = 0; y < SIDE; ++y)
            sum[x * SIDE + y] = value * here[y] + sum[x * SIDE + y];
        }
      }
      ADD_LANES(sum);
      for (size_t x = 0; x < height; ++x)
        for (size_t y = 0; y < width; ++y) {
          float *place = c + (i + x) * n + j + y;
          *place = (keep ? *place : 0) + sum[0][x * SIDE + y];
        }
    }
}
