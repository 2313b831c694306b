// Hot loops of the SPD kernels. Activations are feature-major: block (C, rows), one subcomponent's rows contiguous,
// so that every loop below runs along rows and vectorises whatever C is.
#pragma once
#include <stddef.h>
#include <stdint.h>

// MARK: Threads (team.c)

typedef struct ck_team ck_team;
/// A team of `threads` threads, the caller's included. NULL if threads cannot be created.
ck_team *ck_team_create(int threads);
/// Runs body(context, piece) for each piece, on whichever thread is free next, and returns when all are done.
void ck_team_share(ck_team *team, size_t pieces, void (*body)(void *context, size_t piece), void *context);
void ck_team_destroy(ck_team *team);
/// The calling thread's number within its team, from 0: the number of the thread that shares.
int ck_thread_number(void);

// MARK: Crews (crews.c)

typedef struct ck_crews ck_crews;
/// Crews for up to this many parts of a step. NULL without memory.
ck_crews *ck_crews_create(size_t most);
void ck_crews_destroy(ck_crews *crews);
/// Opens this many parts; nobody may be helping.
void ck_crews_begin(ck_crews *crews, size_t parts);
/// Says that one part is done.
void ck_crews_end(ck_crews *crews);
/// Runs body(context, piece) for each piece of a part, on the calling thread, which leads the part, and whichever helper
/// comes; returns when all are done.
void ck_crews_share(ck_crews *crews, size_t part, size_t pieces, void (*body)(void *context, size_t piece), void *context);
/// Works on pieces of any part until all parts are done, of part `first` with preference.
void ck_crews_help(ck_crews *crews, size_t first);

// MARK: Turns (turns.c)

typedef struct ck_turns ck_turns;
/// Sections that pieces of work pass through in their order. NULL without memory.
ck_turns *ck_turns_create(size_t sections);
void ck_turns_destroy(ck_turns *turns);
/// Lets the pieces begin again from 0; nobody may be waiting.
void ck_turns_restart(ck_turns *turns);
/// Waits until all earlier pieces have passed through a section.
void ck_turns_await(ck_turns *turns, size_t section, uint32_t piece);
/// Lets the next piece into a section.
void ck_turns_pass(ck_turns *turns, size_t section);

// MARK: Random numbers (random.c)

/// A stream of uniform numbers in [0, 1): number i depends on the key and i only.
typedef struct { uint32_t low, high; } ck_key;
void ck_uniform(float *out, size_t count, ck_key key, uint32_t first);
/// out (components, rows): the numbers at index component * batch + row_index[row].
void ck_uniform_rows(float *out, const uint32_t *row_index, size_t from, size_t components, size_t rows, size_t batch,
                     ck_key key);
/// out = lowest + width value where active < probability, else 0.
void ck_sparse(float *out, const float *active, const float *value, float probability, float lowest, float width,
               size_t count);

// MARK: Products with a packed factor (product.c)

/// What panels a factor is packed into: those of the instruction set that multiplies it.
typedef enum { CK_PANELS_PLAIN, CK_PANELS_V3, CK_PANELS_V4 } ck_panels;
/// The panels for this CPU, and whether it can multiply others.
ck_panels ck_best_panels(void);
int ck_has_panels(ck_panels panels);
/// Packs a (m, k), as many floats, which is in memory as (k, m) where it is transposed: its rows there, from `first` to
/// before `end`. Rows can be packed on several threads at once.
void ck_pack(float *packed, const float *a, size_t m, size_t k, int is_transposed, size_t first, size_t end,
             ck_panels panels);
/// c (m, n) = a (m, k) · b (k, n), added to what is there if `keep`; rows of b and c are `stride` apart. An element's bytes
/// do not depend on the others.
void ck_packed_product(float *c, const float *packed, const float *b, size_t m, size_t n, size_t k, size_t stride,
                       int keep, ck_panels panels);

// MARK: Products along a tile's rows (rows.c). Blocks (features, rows); rows come in sixteens.

/// What of some inputs is not zero: row r's are those from start[r] to before start[r + 1], features in their order.
typedef struct {
  uint32_t *start, *feature;
  float *value;
  /// How many features and values there is room for.
  size_t room;
} ck_active;

/// Lists what is not zero in `values` (count, features), for `rows` rows; returns how much that is, or more than there is
/// room for.
size_t ck_list_active(ck_active list, const float *values, size_t count, size_t features, size_t rows);
/// out (components, rows) = vᵀ x + bias, v (features, components), bias (components) or NULL; at least 16 components. The
/// bytes are those of a packed product.
void ck_active_product(float *out, ck_active list, const float *v, const float *bias, size_t components, size_t rows);
/// sums (features, components) += x dᵀ, d (components, rows); at least 16 components.
void ck_active_sums(float *sums, ck_active list, const float *d, size_t components, size_t rows);
/// What computes sums of a (m, rows) · bᵀ, b (n, rows), fastest on this CPU: the library, or one of the two below.
typedef enum { CK_SUMS_OF_LIBRARY, CK_SUMS_NARROW, CK_SUMS_BY_PANELS } ck_sums;
ck_sums ck_fastest_sums(size_t m, size_t n);
/// c (m, n) = a bᵀ, a (m, rows), b (n, rows), added to what is there if `keep`.
void ck_narrow_sums(float *c, const float *a, const float *b, size_t m, size_t n, size_t rows, int keep);
/// The same (sums.c); on x86 only where panels of x86-64-v3 can be multiplied. Rows come in eights at least.
void ck_panel_sums(float *c, const float *a, const float *b, size_t m, size_t n, size_t rows, int keep);

// MARK: Gates (gate.c). a, g, dg, da (C, rows); w_in, b_in, w_out (C, N); b_out (C).

void ck_gate_forward(float *g, const float *a, const float *w_in, const float *b_in, const float *w_out,
                     const float *b_out, size_t components, size_t rows, size_t neurons);
/// Adds to the gradients of the parameters and to da.
void ck_gate_backward(float *da, float *dw_in, float *db_in, float *dw_out, float *db_out, const float *dg,
                      const float *a, const float *w_in, const float *b_in, const float *w_out, size_t components,
                      size_t rows, size_t neurons);
void ck_linear_gate_forward(float *g, const float *a, const float *w, const float *b, size_t components, size_t rows);
void ck_linear_gate_backward(float *da, float *dw, float *db, const float *dg, const float *a, const float *w,
                             size_t components, size_t rows);

// MARK: Interpolated gates (gate_fit.c). The same functions of a, to float accuracy.

/// What a subcomponent's inner activations span.
typedef struct { float low, high; } ck_interval;
enum { CK_FIT_NODES = 128 };
/// One subcomponent's gate on an interval: Chebyshev series of its value and slope. No nodes: rows run exactly.
typedef struct {
  float center, half;
  int nodes, level;
  /// The gate's exact value at 0.
  float at_zero;
  float value[CK_FIT_NODES], slope[CK_FIT_NODES];
  /// sum over rows of dg T_k(a).
  float moments[CK_FIT_NODES];
} ck_fit;

/// Empties the intervals.
void ck_reset_intervals(ck_interval *intervals, size_t components);
/// Widens each interval to hold a (components, rows).
void ck_widen_intervals(ck_interval *intervals, const float *a, size_t components, size_t rows);
/// Widens each interval to hold another's, of other rows.
void ck_join_intervals(ck_interval *intervals, const ck_interval *others, size_t components);
/// Fits the gates on their intervals; `rows` is how many rows will use a fit.
void ck_fit_gates(ck_fit *fits, const ck_interval *intervals, const float *w_in, const float *b_in, const float *w_out,
                  const float *b_out, size_t components, size_t neurons, size_t rows);
void ck_fitted_gate_forward(float *g, const float *a, const ck_fit *fits, const float *w_in, const float *b_in,
                            const float *w_out, const float *b_out, size_t components, size_t rows, size_t neurons);
/// Adds to da and to the fits' moments, for unfitted gates to the gradients.
void ck_fitted_gate_backward(float *da, ck_fit *fits, float *dw_in, float *db_in, float *dw_out, float *db_out,
                             const float *dg, const float *a, const float *w_in, const float *b_in,
                             const float *w_out, size_t components, size_t rows, size_t neurons);
/// Adds what the moments mean for the parameters to their gradients.
void ck_fold_fits(ck_fit *fits, float *dw_in, float *db_in, float *dw_out, float *db_out, const float *w_in,
                  const float *b_in, const float *w_out, size_t components, size_t neurons);

// MARK: Causal importance (importance.c)

enum { CK_NORMAL, CK_HARD, CK_LEAKY_HARD, CK_UPPER_LEAKY_HARD, CK_SWISH_HARD };

/// ci and ci_upper (C, rows) from the gates' outputs g.
void ck_importance_forward(float *ci, float *ci_upper, const float *g, int sigmoid, size_t count);
/// dg from the gradients of ci and ci_upper.
void ck_importance_backward(float *dg, const float *dci, const float *dci_upper, const float *g, int sigmoid,
                            size_t count);
/// Per subcomponent: sums[c] += sum_r weight_r (ci_upper + shift)^p; dci_upper = scale_c p weight_r (ci_upper + shift)^(p-1),
/// added to what is there if `add`. NULL `scale` counts as `coefficient` for every subcomponent.
void ck_power_sum(double *sums, float *dci_upper, const float *ci_upper, const float *weight, const float *scale,
                  float coefficient, float shift, float p, int add, size_t components, size_t rows);
/// peak[c] = max(peak[c], ci over the rows with weight); returns sum of weight over entries with ci > threshold.
double ck_importance_counts(float *peak, const float *ci, const float *weight, float threshold, size_t components,
                            size_t rows);

// MARK: Masks (mask.c). m = ci + (1 - ci) u

void ck_mask_forward(float *masked, const float *a, const float *ci, const float *u, size_t count);
/// da += d m (or = if !add), dci += d a (1 - u), with d the gradient of the masked activations.
void ck_mask_backward(float *da, float *dci, const float *d, const float *a, const float *ci, const float *u, int add,
                      size_t count);

// MARK: Elementwise (elementwise.c)

void ck_add(float *out, const float *x, size_t count);
void ck_subtract(float *out, const float *x, const float *y, size_t count);
void ck_add_bias(float *block, const float *bias, size_t features, size_t rows);
void ck_fill_rows(float *block, const float *bias, size_t features, size_t rows);
void ck_sum_rows(float *sums, const float *block, size_t features, size_t rows);
void ck_multiply(float *x, float factor, size_t count);
void ck_absolute(float *out, const float *x, size_t count);
void ck_relu(float *out, const float *x, size_t count);
void ck_relu_backward(float *dx, const float *dy, const float *x, size_t count);
void ck_gelu(float *out, const float *x, size_t count);
void ck_gelu_backward(float *dx, const float *dy, const float *x, size_t count);
double ck_sum_of_squares(const float *x, size_t count);
/// out (columns, stride): in (rows, columns) transposed, then zeros up to the stride.
void ck_transpose(float *out, const float *in, size_t rows, size_t columns, size_t stride);
/// Copies the rows of in (rows, columns) that hold anything but zeros to out, their numbers from `first` on to index;
/// returns how many there are.
size_t ck_keep_active_rows(float *out, uint32_t *index, const float *in, size_t rows, size_t columns, uint32_t first);
/// out (components, rows): given (batch, components) at row_index, transposed.
void ck_gather_rows(float *out, const uint32_t *row_index, const float *given, size_t components, size_t rows);

// MARK: Output losses (loss.c). Blocks (features, rows); live_r is 0 for padding.

/// Sum over rows of weight_r (out - target)^2; dout = scale * 2 weight_r (out - target).
double ck_mse(float *dout, const float *out, const float *target, const float *weight, float scale, size_t features,
              size_t rows);
/// The same with features weighed as well (features).
double ck_weighted_mse(float *dout, const float *out, const float *target, const float *weight,
                       const float *feature_weight, float scale, size_t features, size_t rows);
/// Labels of a residual MLP: 0 relu(k x) + x, 1 gelu(k x) + x, 2 |k x|, with k (features).
void ck_labels(float *y, const float *x, const float *coefficients, int kind, size_t features, size_t rows);
/// Sum over live rows of sum_f p log(p/q), p = softmax(target), q = softmax(out); dout = scale (q - p).
double ck_kl(float *dout, const float *out, const float *target, const float *live, float scale, size_t features,
             size_t rows);

// MARK: Transformers. Blocks (features, rows), a row being one place of a text.

// embedding.c. table (entries, features).
void ck_embed(float *block, const float *table, const int32_t *tokens, size_t features, size_t places);
/// Adds each place's gradient to its token's row of dtable.
void ck_embed_back(float *dtable, const float *dblock, const int32_t *tokens, size_t features, size_t places);
/// Adds the first `length` rows of the table to each text's places.
void ck_add_positions(float *block, const float *table, size_t features, size_t rows, size_t length);
void ck_add_positions_back(float *dtable, const float *dblock, size_t features, size_t rows, size_t length);

// norm.c. RMSNorm where b is NULL, else LayerNorm; mean and inverse standard deviation (rows) are kept for the way back.
// Blocks' features are `stride` apart.
void ck_norm_forward(float *y, float *mean, float *inverse, const float *x, const float *w, const float *b, float eps,
                     size_t features, size_t rows, size_t stride);
/// Adds to dx and, where they are not NULL, to the gradients of w and b.
void ck_norm_backward(float *dx, float *dw, float *db, const float *dy, const float *x, const float *mean,
                      const float *inverse, const float *w, int centered, size_t features, size_t rows,
                      size_t stride);

// activation.c. Blocks (features, columns), features `stride` apart.
enum { CK_SILU, CK_RELU, CK_GELU, CK_TANH_GELU };
/// y = act(x), times up where it is not NULL.
void ck_activation_forward(float *y, const float *x, const float *up, int activation, size_t features, size_t columns,
                           size_t stride);
/// dx and, with `up`, dup.
void ck_activation_backward(float *dx, float *dup, const float *dy, const float *x, const float *up, int activation,
                            size_t features, size_t columns, size_t stride);

// attention_forward.c, attention_backward.c. One head of one text: query, key, value, out (head, length), element k of token j at k stride + j.
/// The queries from `from`, a multiple of 16, to before `to`, another or the length.
typedef struct { size_t from, to; } ck_queries;
/// How many floats of scratch a pass takes.
size_t ck_attention_scratch(size_t head, size_t length);
/// How many floats the gradients of a head's keys and values take that some queries give.
size_t ck_attention_sums(size_t head, size_t length);
/// out = causal attention over the last `window` tokens; log_sum (length): the logarithm of the sum of exponentials.
void ck_attention_forward(float *out, float *log_sum, float *scratch, const float *query, const float *key,
                          const float *value, float scale, size_t window, ck_queries queries, size_t head,
                          size_t length, size_t stride);
/// Adds to dquery; leaves what the queries give to the gradients of keys and values in `sums`.
void ck_attention_backward(float *dquery, float *sums, float *scratch, const float *dout, const float *out,
                           const float *log_sum, const float *query, const float *key, const float *value, float scale,
                           size_t window, ck_queries queries, size_t head, size_t length, size_t stride);
/// Adds to dkey and dvalue what some queries have left.
void ck_attention_add(float *dkey, float *dvalue, const float *sums, size_t window, ck_queries queries, size_t head,
                      size_t length, size_t stride);
// rotary.c
/// Turns the first 2 half elements of a head of some texts by the angles of cosine and sine (half, length), or back
/// where direction is -1: at `places` places from `first` on; features are `stride` apart.
void ck_rotate(float *head, const float *cosine, const float *sine, float direction, size_t half, size_t length,
               size_t first, size_t places, size_t stride);

// softmax.c. Tiles (tokens, rows) of logits.
/// tile = exp(tile - top), top (rows) raised to the tile's largest; sum is brought to the new top and grows by the tile's;
/// rescale = exp(old top - new top).
void ck_softmax_tile(float *tile, float *top, double *sum, float *rescale, size_t tokens, size_t rows);
void ck_scale_rows(float *block, const float *factor, size_t features, size_t rows);
/// gain (rows) += sum_v p (target - out); out = scale (q - p), with q = exp(out - log_out), p of target likewise.
void ck_kl_tile(float *out, const float *target, double *gain, const float *log_out, const float *log_target, float scale,
                size_t tokens, size_t rows);
/// Sum of (out - target)²; out = 2 scale (out - target).
double ck_mse_tile(float *out, const float *target, float scale, size_t count);
/// gain (rows) = sum_f (x - y) weight.
void ck_gain(double *gain, const float *x, const float *y, const float *weight, size_t features, size_t rows);
/// out = sums / total, or scale (sums / total - minus) where minus is not NULL; sums (features, rows), out and minus with
/// features `stride` apart.
void ck_expectation(float *out, size_t stride, const float *sums, const double *total, const float *minus, float scale,
                    size_t features, size_t rows);
/// logits (rows) = sum_f x table[label][f], x (features, rows) with features `stride` apart.
void ck_label_logits(double *logits, const float *x, size_t stride, const float *table, size_t label_stride,
                     size_t feature_stride, const int32_t *labels, size_t features, size_t rows);
/// Sum over rows with a label that is not negative and in the tile, which begins at first_token, of logs - its logit;
/// tile = scale (exp(tile - logs) - 1 at the label), 0 if the label is negative.
double ck_entropy_tile(float *tile, const float *logs, const int32_t *labels, int32_t first_token, float scale,
                       size_t tokens, size_t rows);
double ck_dot(const float *x, const float *y, size_t count);
void ck_set_scaled(float *out, const float *x, float factor, size_t count);

// MARK: Subcomponents (components.c)

/// u · w v for w (rows, columns), in double.
double ck_bilinear(const float *u, const float *w, const float *v, size_t rows, size_t columns);
/// sums (columns) += the squares of each column's elements.
void ck_add_column_squares(float *sums, const float *matrix, size_t rows, size_t columns);
/// top = max(top, x).
void ck_raise(float *top, const float *x, size_t count);
/// masked (places, C) = a m with m = ci + (1 - ci) u; a, ci (entries, C) at each place's entry; u at each place's draw,
/// its own where `draw` is NULL.
void ck_entry_mask_forward(float *masked, const float *a, const float *ci, const float *u, const uint32_t *entry,
                           const uint32_t *draw, size_t components, size_t places);
/// Adds to da and dci (entries, C) from d, the gradient of masked.
void ck_entry_mask_backward(float *da, float *dci, const float *d, const float *a, const float *ci, const float *u,
                            const uint32_t *entry, const uint32_t *draw, size_t components, size_t places);

// MARK: The CPU (cpu.c)

/// The level of the CPU in the x86-64 ABI's words, `x86-64-v4` with AVX-512, `x86-64-v3` with AVX2.
const char *ck_cpu_level(void);

// MARK: Optimiser (adam.c)

/// One AdamW update (Loshchilov & Hutter, 2019), as PyTorch orders its operations:
/// p = p (1 - rate decay) - rate / correction1 * m / (sqrt(v) / sqrt_correction2 + eps).
typedef struct { float rate, beta1, one_minus_beta1, beta2, one_minus_beta2, eps, decay, correction1, sqrt_correction2; } ck_adam;
void ck_adam_update(float *parameter, float *m, float *v, const float *gradient, size_t count, ck_adam adam);

/// Treats denormal numbers as zero on the calling thread (they slow the optimiser's decaying moments down) and returns
/// how it was. Library code relies on denormals, so this must not outlast a region.
unsigned ck_flush_denormals(void);
void ck_restore_denormals(unsigned before);
