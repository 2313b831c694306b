// Crews: the parts of a step, each led by one thread of a team, and helped by the threads that have no part. What a leader
// shares is a region of its own, which any helper may enter.
#include "CKernels.h"
#include "region.h"
#include <limits.h>
#include <stdlib.h>

struct ck_crews {
  // Changes whenever there is something new to do, or nothing any more.
  _Alignas(64) _Atomic uint32_t changes;
  _Atomic uint32_t sleepers;
  // How many parts are not done, and how many there are this time.
  _Alignas(64) _Atomic size_t open;
  size_t count;
  region regions[];
};

ck_crews *ck_crews_create(size_t most) {
  const size_t size = sizeof(ck_crews) + most * sizeof(region);
  ck_crews *crews = aligned_alloc(_Alignof(ck_crews), size);
  if (!crews) return NULL;
  *crews = (ck_crews){0};
  for (size_t i = 0; i < most; ++i) crews->regions[i] = (region){0};
  return crews;
}

void ck_crews_destroy(ck_crews *crews) { free(crews); }

static void announce(ck_crews *crews, int most) {
  atomic_fetch_add(&crews->changes, 1);
  ck_wake_sleepers(&crews->changes, &crews->sleepers, most);
}

void ck_crews_begin(ck_crews *crews, size_t parts) {
  crews->count = parts;
  atomic_store(&crews->open, parts);
}

void ck_crews_end(ck_crews *crews) {
  if (atomic_fetch_sub(&crews->open, 1) == 1) announce(crews, INT_MAX);
}

void ck_crews_share(ck_crews *crews, size_t crew, size_t pieces, void (*body)(void *context, size_t piece),
                    void *context) {
  region *r = &crews->regions[crew];
  ck_region_open(r, pieces, body, context);
  announce(crews, pieces <= INT_MAX ? (int)pieces - 1 : INT_MAX);
  ck_region_work(r);
  ck_region_close(r);
}

// Whether there was anything to do.
static int help(region *r) {
  for (;;) {
    const uint32_t door = atomic_load(&r->door);
    if (!(door & OPEN) || atomic_load(&r->next) >= atomic_load_explicit(&r->pieces, memory_order_relaxed)) return 0;
    if (!ck_region_enter(r, door)) continue;
    ck_region_work(r);
    ck_region_leave(r);
    return 1;
  }
}

void ck_crews_help(ck_crews *crews, size_t first) {
  for (;;) {
    const uint32_t seen = atomic_load(&crews->changes);
    if (atomic_load(&crews->open) == 0) return;
    int has_helped = 0;
    // A helper stays with a part while there is something to do: its caches hold that part's numbers.
    for (size_t i = 0; i < crews->count && !has_helped; ++i) {
      has_helped = help(&crews->regions[(first + i) % crews->count]);
      if (has_helped) first = (first + i) % crews->count;
    }
    if (!has_helped) ck_await_change(&crews->changes, &crews->sleepers, seen);
  }
}
