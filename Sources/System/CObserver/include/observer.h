#pragma once

/// What becomes an observer.
typedef struct {
  /// The program's file.
  const char *program;
  /// Its working folder.
  const char *folder;
  /// Bytes of memory that each of its processes may have.
  unsigned long long memory;
} spd_observer;

/// Starts an observer in its own session and ends as it ends, or when the process that has started this one ends, or is asked
/// to (SIGTERM). Whatever the observer has started ends with it, also what has left its session.
///
/// Returns only if nothing could be started: the system's reason.
int spd_supervise(const spd_observer *observer);
