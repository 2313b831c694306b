// A team of threads for regions of tens of microseconds.
#include "CKernels.h"
#include "region.h"
#include <pthread.h>
#include <stdlib.h>

typedef struct { ck_team *team; int number; } member;

struct ck_team {
  region region;
  int threads;
  pthread_t *handles;
  member *members;
};

static _Thread_local int own_number;

int ck_thread_number(void) { return own_number; }

static void *work(void *argument) {
  const member *self = argument;
  region *r = &self->team->region;
  own_number = self->number;
  ck_flush_denormals();
  for (;;) {
    uint32_t door = atomic_load(&r->door);
    if (!(door & OPEN)) {
      ck_await_change(&r->door, &r->sleepers, door);
      continue;
    }
    if (!ck_region_enter(r, door)) continue;
    const int is_dismissed = !r->body;
    if (!is_dismissed) ck_region_work(r);
    const uint32_t left = ck_region_leave(r);
    if (is_dismissed) return NULL;
    // Nothing is left to take: wait until this region is closed.
    while ((door = atomic_load(&r->door)) & OPEN && (door & ~INSIDE) == (left & ~INSIDE))
      ck_await_change(&r->door, &r->sleepers, door);
  }
}

static void dismiss(ck_team *team, int members) {
  ck_region_open(&team->region, 0, NULL, NULL);
  for (int i = 0; i < members; ++i) pthread_join(team->handles[i], NULL);
  free(team->handles);
  free(team->members);
  free(team);
}

ck_team *ck_team_create(int threads) {
  ck_team *team = aligned_alloc(_Alignof(ck_team), sizeof *team);
  if (!team) return NULL;
  *team = (ck_team){.threads = threads};
  team->handles = calloc((size_t)threads, sizeof *team->handles);
  team->members = calloc((size_t)threads, sizeof *team->members);
  if (!team->handles || !team->members || threads > INSIDE) {
    dismiss(team, 0);
    return NULL;
  }
  for (int i = 0; i < threads - 1; ++i) {
    team->members[i] = (member){team, i + 1};
    if (pthread_create(&team->handles[i], NULL, work, &team->members[i])) {
      dismiss(team, i);
      return NULL;
    }
  }
  return team;
}

void ck_team_share(ck_team *team, size_t pieces, void (*body)(void *context, size_t piece), void *context) {
  const unsigned denormals = ck_flush_denormals();
  const int number = own_number;
  own_number = 0;
  if (team->threads > 1 && pieces > 1) {
    ck_region_open(&team->region, pieces, body, context);
    ck_region_work(&team->region);
    ck_region_close(&team->region);
  } else {
    for (size_t piece = 0; piece < pieces; ++piece) body(context, piece);
  }
  own_number = number;
  ck_restore_denormals(denormals);
}

void ck_team_destroy(ck_team *team) {
  if (team) dismiss(team, team->threads - 1);
}
