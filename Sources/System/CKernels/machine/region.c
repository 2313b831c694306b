#define _GNU_SOURCE
#include "region.h"
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SPINS = 3000 };

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

void ck_await_change(_Atomic uint32_t *word, _Atomic uint32_t *sleepers, uint32_t seen) {
  for (int i = 0; i < SPINS; ++i) {
    if (atomic_load_explicit(word, memory_order_acquire) != seen) return;
    pause_briefly();
  }
  atomic_fetch_add(sleepers, 1);
  while (atomic_load(word) == seen) syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
  atomic_fetch_sub(sleepers, 1);
}

void ck_wake_sleepers(_Atomic uint32_t *word, _Atomic uint32_t *sleepers, int most) {
  if (atomic_load(sleepers) > 0) syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
}

void ck_region_open(region *r, size_t pieces, void (*body)(void *, size_t), void *context) {
  r->body = body;
  r->context = context;
  atomic_store_explicit(&r->pieces, pieces, memory_order_relaxed);
  atomic_store(&r->next, 0);
  const uint32_t door = atomic_load(&r->door);
  atomic_store(&r->door, ((door & ~(uint32_t)INSIDE) + NUMBER) | OPEN);
  ck_wake_sleepers(&r->door, &r->sleepers, INT_MAX);
}

void ck_region_work(region *r) {
  const size_t pieces = atomic_load_explicit(&r->pieces, memory_order_relaxed);
  for (size_t piece; (piece = atomic_fetch_add(&r->next, 1)) < pieces;) r->body(r->context, piece);
}

void ck_region_close(region *r) {
  uint32_t door = atomic_fetch_and(&r->door, ~(uint32_t)OPEN) & ~(uint32_t)OPEN;
  ck_wake_sleepers(&r->door, &r->sleepers, INT_MAX);
  for (; door & INSIDE; door = atomic_load_explicit(&r->door, memory_order_acquire))
    ck_await_change(&r->door, &r->sleepers, door);
}

int ck_region_enter(region *r, uint32_t door) { return atomic_compare_exchange_strong(&r->door, &door, door + 1); }

uint32_t ck_region_leave(region *r) {
  const uint32_t left = atomic_fetch_sub(&r->door, 1) - 1;
  // The last one out of a closed region lets the one that opened it continue.
  if (!(left & (OPEN | INSIDE))) ck_wake_sleepers(&r->door, &r->sleepers, INT_MAX);
  return left;
}
