// A team of threads for regions of tens of microseconds: waiting threads spin briefly, then sleep on a futex, so that
// a short serial part costs nothing and a long one burns no core.
#define _GNU_SOURCE
#include "CKernels.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SPINS = 20000 };

struct ck_team {
  _Atomic uint32_t generation, pending, sleepers;
  int threads;
  void (*body)(void *, int);
  void *context;
  pthread_t *handles;
};

typedef struct { ck_team *team; int thread; } member;

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static void wait_while_equal(ck_team *team, _Atomic uint32_t *word, uint32_t value) {
  for (int i = 0; i < SPINS; ++i) {
    if (atomic_load_explicit(word, memory_order_acquire) != value) return;
    pause_briefly();
  }
  atomic_fetch_add(&team->sleepers, 1);
  while (atomic_load(word) == value) syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
  atomic_fetch_sub(&team->sleepers, 1);
}

static void wake_all(ck_team *team, _Atomic uint32_t *word) {
  if (atomic_load(&team->sleepers) > 0) syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void *work(void *argument) {
  member self = *(member *)argument;
  free(argument);
  ck_team *team = self.team;
  ck_flush_denormals();
  for (uint32_t seen = 0;; ++seen) {
    wait_while_equal(team, &team->generation, seen);
    if (!team->body) return NULL;
    team->body(team->context, self.thread);
    if (atomic_fetch_sub(&team->pending, 1) == 1) wake_all(team, &team->pending);
  }
}

static void release_members(ck_team *team) {
  atomic_store(&team->pending, (uint32_t)team->threads - 1);
  atomic_fetch_add(&team->generation, 1);
  wake_all(team, &team->generation);
}

static void dismiss(ck_team *team, int members) {
  team->body = NULL;
  release_members(team);
  for (int i = 0; i < members; ++i) pthread_join(team->handles[i], NULL);
  free(team->handles);
  free(team);
}

ck_team *ck_team_create(int threads) {
  ck_team *team = calloc(1, sizeof *team);
  if (!team) return NULL;
  team->threads = threads;
  team->handles = calloc((size_t)threads, sizeof *team->handles);
  for (int i = 1; i < threads; ++i) {
    member *argument = malloc(sizeof *argument);
    if (!team->handles || !argument) { free(argument); dismiss(team, i - 1); return NULL; }
    *argument = (member){team, i};
    if (pthread_create(&team->handles[i - 1], NULL, work, argument)) {
      free(argument);
      dismiss(team, i - 1);
      return NULL;
    }
  }
  return team;
}

void ck_team_run(ck_team *team, void (*body)(void *, int), void *context) {
  team->body = body;
  team->context = context;
  if (team->threads > 1) release_members(team);
  body(context, 0);
  for (uint32_t left; team->threads > 1 && (left = atomic_load_explicit(&team->pending, memory_order_acquire)) != 0;)
    wait_while_equal(team, &team->pending, left);
}

void ck_team_destroy(ck_team *team) {
  if (team) dismiss(team, team->threads - 1);
}
