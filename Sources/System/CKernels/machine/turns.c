// Turns: sections that pieces of work pass through in the pieces' order, each on its own thread. What they add up has
// the same bytes then, whichever thread works on which piece.
#define _GNU_SOURCE
#include "CKernels.h"
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

// How often a thread looks before it sleeps: first at once, then between yields. A turn comes within a
// millisecond or so, and waking up takes longer than most turns.
enum { SPINS = 1000, YIELDS = 3000 };

// How many pieces have passed through a section, and which sleep before it; on separate cache lines.
typedef struct {
  _Alignas(64) _Atomic uint32_t passed;
  _Atomic uint32_t sleepers;
} section;

struct ck_turns {
  size_t count;
  section sections[];
};

ck_turns *ck_turns_create(size_t count) {
  const size_t size = sizeof(ck_turns) + count * sizeof(section);
  ck_turns *turns = aligned_alloc(64, (size + 63) & ~(size_t)63);
  if (!turns) return NULL;
  turns->count = count;
  for (size_t i = 0; i < count; ++i) {
    atomic_init(&turns->sections[i].passed, 0);
    atomic_init(&turns->sections[i].sleepers, 0);
  }
  return turns;
}

void ck_turns_destroy(ck_turns *turns) { free(turns); }

void ck_turns_restart(ck_turns *turns) {
  for (size_t i = 0; i < turns->count; ++i) atomic_store_explicit(&turns->sections[i].passed, 0, memory_order_relaxed);
}

void ck_turns_await(ck_turns *turns, size_t number, uint32_t piece) {
  section *s = &turns->sections[number];
  for (int i = 0; i < SPINS; ++i) {
    if (atomic_load_explicit(&s->passed, memory_order_acquire) == piece) return;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  for (int i = 0; i < YIELDS; ++i) {
    if (atomic_load_explicit(&s->passed, memory_order_acquire) == piece) return;
    sched_yield();
  }
  atomic_fetch_add(&s->sleepers, 1);
  for (uint32_t passed; (passed = atomic_load(&s->passed)) != piece;)
    syscall(SYS_futex, &s->passed, FUTEX_WAIT_PRIVATE, passed, NULL, NULL, 0);
  atomic_fetch_sub(&s->sleepers, 1);
}

void ck_turns_pass(ck_turns *turns, size_t number) {
  section *s = &turns->sections[number];
  atomic_fetch_add(&s->passed, 1);
  if (atomic_load(&s->sleepers) > 0) syscall(SYS_futex, &s->passed, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
