// A team of threads for regions of tens of microseconds. Any thread that is awake takes the next piece of a region; a thread that
// comes late finds the region closed and is not waited for, so a busy machine costs speed but never a time slice a
// region. Waiting threads spin briefly, then sleep on a futex.
#define _GNU_SOURCE
#include "CKernels.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SPINS = 3000, INSIDE = 0xff, OPEN = 0x100, REGION = 0x200 };

struct ck_team {
  // How many members are inside (8 bits), whether the region is open (1 bit), the region's number (the rest).
  _Atomic uint32_t door;
  _Atomic uint32_t sleepers;
  _Atomic size_t next;
  size_t pieces;
  void (*body)(void *, size_t);
  void *context;
  int threads;
  pthread_t *handles;
};

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Returns when the door has changed.
static void wait_for_change(ck_team *team, uint32_t door) {
  for (int i = 0; i < SPINS; ++i) {
    if (atomic_load_explicit(&team->door, memory_order_acquire) != door) return;
    pause_briefly();
  }
  atomic_fetch_add(&team->sleepers, 1);
  while (atomic_load(&team->door) == door) syscall(SYS_futex, &team->door, FUTEX_WAIT_PRIVATE, door, NULL, NULL, 0);
  atomic_fetch_sub(&team->sleepers, 1);
}

static void wake_sleepers(ck_team *team) {
  if (atomic_load(&team->sleepers) > 0) syscall(SYS_futex, &team->door, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void take_pieces(ck_team *team) {
  for (size_t piece; (piece = atomic_fetch_add(&team->next, 1)) < team->pieces;) team->body(team->context, piece);
}

static void *work(void *argument) {
  ck_team *team = argument;
  ck_flush_denormals();
  for (;;) {
    uint32_t door = atomic_load(&team->door);
    if (!(door & OPEN)) {
      wait_for_change(team, door);
      continue;
    }
    if (!atomic_compare_exchange_strong(&team->door, &door, door + 1)) continue;
    const int is_dismissed = !team->body;
    if (!is_dismissed) take_pieces(team);
    // The last one out of a closed region lets the caller continue.
    const uint32_t left = atomic_fetch_sub(&team->door, 1) - 1;
    if (!(left & (OPEN | INSIDE))) wake_sleepers(team);
    if (is_dismissed) return NULL;
    // Nothing is left to take: wait until this region is closed.
    while ((door = atomic_load(&team->door)) & OPEN && (door & ~INSIDE) == (left & ~INSIDE)) wait_for_change(team, door);
  }
}

static void open_region(ck_team *team) {
  const uint32_t door = atomic_load(&team->door);
  atomic_store(&team->door, ((door & ~(uint32_t)INSIDE) + REGION) | OPEN);
  wake_sleepers(team);
}

static void dismiss(ck_team *team, int members) {
  team->body = NULL;
  open_region(team);
  for (int i = 0; i < members; ++i) pthread_join(team->handles[i], NULL);
  free(team->handles);
  free(team);
}

ck_team *ck_team_create(int threads) {
  ck_team *team = calloc(1, sizeof *team);
  if (!team) return NULL;
  team->threads = threads;
  team->handles = calloc((size_t)threads, sizeof *team->handles);
  if (!team->handles || threads > INSIDE) {
    dismiss(team, 0);
    return NULL;
  }
  for (int i = 0; i < threads - 1; ++i) {
    if (pthread_create(&team->handles[i], NULL, work, team)) {
      dismiss(team, i);
      return NULL;
    }
  }
  return team;
}

void ck_team_share(ck_team *team, size_t pieces, void (*body)(void *context, size_t piece), void *context) {
  const unsigned denormals = ck_flush_denormals();
  team->body = body;
  team->context = context;
  team->pieces = pieces;
  atomic_store(&team->next, 0);
  const int is_shared = team->threads > 1 && pieces > 1;
  if (is_shared) open_region(team);
  take_pieces(team);
  if (is_shared) {
    uint32_t door = atomic_fetch_and(&team->door, ~(uint32_t)OPEN) & ~(uint32_t)OPEN;
    wake_sleepers(team);
    for (; door & INSIDE; door = atomic_load_explicit(&team->door, memory_order_acquire)) wait_for_change(team, door);
  }
  ck_restore_denormals(denormals);
}

void ck_team_destroy(ck_team *team) {
  if (team) dismiss(team, team->threads - 1);
}
