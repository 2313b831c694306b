#pragma once
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

// A region of work whose pieces any thread that is awake takes. One thread opens it, works along and closes it; a thread
// that comes late finds it closed and is not waited for, so a busy machine costs speed but never a time slice a region.
// Waiting threads spin briefly, then sleep on a futex.

enum { INSIDE = 0xff, OPEN = 0x100, NUMBER = 0x200 };

typedef struct {
  // How many threads are inside besides the one that opened it (8 bits), whether it is open (1 bit), its number (the rest).
  _Alignas(64) _Atomic uint32_t door;
  _Atomic uint32_t sleepers;
  _Atomic size_t next, pieces;
  void (*body)(void *, size_t);
  void *context;
} region;

/// Returns when *word is no longer what was seen.
void ck_await_change(_Atomic uint32_t *word, _Atomic uint32_t *sleepers, uint32_t seen);
/// Wakes up to `most` of those who sleep until *word changes.
void ck_wake_sleepers(_Atomic uint32_t *word, _Atomic uint32_t *sleepers, int most);

/// Opens the region to other threads.
void ck_region_open(region *r, size_t pieces, void (*body)(void *, size_t), void *context);
/// Works on pieces until none is left to take.
void ck_region_work(region *r);
/// Lets nobody in any more and returns when all are out.
void ck_region_close(region *r);
/// Goes in if the door is still as it was seen, open; whether it was.
int ck_region_enter(region *r, uint32_t door);
/// Goes out and returns the door as it is then.
uint32_t ck_region_leave(region *r);
