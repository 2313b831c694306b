// An observer and all that it starts are descendants of this process for as long as it lives: an orphan is given to the
// nearest "subreaper", and not to the system's first process. So they can be found whatever sessions they have made for themselves.
#define _GNU_SOURCE
#include "observer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { most_processes = 1 << 16 };

struct process {
  pid_t id, parent;
  int is_descendant;
};

static struct process processes[most_processes];

static int is_number(const char *name) { return *name && name[strspn(name, "0123456789")] == 0; }

// The parent of a process; 0 if it is gone.
static pid_t parent_of(const char *process) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%.20s/stat", process);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t count = read(file, text, sizeof text - 1);
  close(file);
  if (count <= 0) return 0;
  text[count] = 0;
  // Its name may hold anything, the bracket behind it included.
  const char *end = strrchr(text, ')');
  int parent = 0;
  return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

// Kills all descendants of this process; those that hang in a dead file system cannot be killed and are left behind.
static void end_descendants(void) {
  const struct timespec moment = {0, 5 * 1000 * 1000};
  for (int round = 0; round < 400; round++) {
    DIR *list = opendir("/proc");
    if (!list) return;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(list)) && count < most_processes;) {
      if (!is_number(entry->d_name)) continue;
      processes[count].id = atoi(entry->d_name);
      processes[count].parent = parent_of(entry->d_name);
      processes[count++].is_descendant = 0;
    }
    closedir(list);
    const pid_t self = getpid();
    for (int found = 1; found;) {
      found = 0;
      for (int i = 0; i < count; i++) {
        if (processes[i].is_descendant) continue;
        int is_one = processes[i].parent == self;
        for (int j = 0; j < count && !is_one; j++)
          is_one = processes[j].is_descendant && processes[j].id == processes[i].parent;
        found += processes[i].is_descendant = is_one;
      }
    }
    for (int i = 0; i < count; i++)
      if (processes[i].is_descendant) kill(processes[i].id, SIGKILL);
    while (waitpid(-1, NULL, WNOHANG) > 0) {}
    if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD) return;
    nanosleep(&moment, NULL);
  }
}

static void say(const char *path, const char *reason) {
  char text[4400];
  int length = snprintf(text, sizeof text, "%.4096s: %.200s\n", path, reason);
  if (write(STDERR_FILENO, text, (size_t)length) < 0) return;
}

static void trouble(const char *path) {
  const int code = errno;
  say(path, code == ENOENT && access(path, F_OK) == 0
                ? "the interpreter that its first line names is not on this machine"
                : strerror(code));
  _exit(127);
}

// What a signal handler writes to, for the waiting thread: other threads of this process may get the signal.
static int notes[2];

static void note(int number) {
  const int code = errno;
  const char byte = (char)number;
  if (write(notes[1], &byte, 1) < 0) errno = code;
  errno = code;
}

static void become(const spd_observer *observer, pid_t supervisor) {
  signal(SIGTERM, SIG_DFL);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != supervisor) _exit(127);
  setsid();
  struct rlimit limit = {observer->memory, observer->memory};
  setrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = limit.rlim_max = 0;
  setrlimit(RLIMIT_CORE, &limit);
  // If memory runs out, the kernel kills the observer before the run.
  int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file >= 0) {
    if (write(file, "1000", 4) < 0) errno = 0;
    close(file);
  }
  if (chdir(observer->folder) != 0) trouble(observer->folder);
#ifdef SYS_close_range
  if (syscall(SYS_close_range, 3, ~0u, 0u) != 0)
#endif
    for (int file = 3; file < 1024; file++) close(file);
  char *arguments[] = {(char *)observer->program, NULL};
  execv(observer->program, arguments);
  trouble(observer->program);
}

// Ends this process as another one has ended.
static void end_as(int status) {
  if (!WIFSIGNALED(status)) _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 127);
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  sigset_t all;
  sigfillset(&all);
  signal(WTERMSIG(status), SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &all, NULL);
  kill(getpid(), WTERMSIG(status));
  _exit(128 + WTERMSIG(status));
}

int spd_supervise(const spd_observer *observer) {
  const pid_t starter = getppid();
  if (pipe2(notes, O_CLOEXEC | O_NONBLOCK) != 0) return errno;
  struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
  if (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGCHLD, &action, NULL) != 0) return errno;
  // The process that started this may have ended already.
  if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0) return errno;
  if (getppid() != starter) return ESRCH;
  // Without this, what leaves the session is not found; a sandbox may forbid it.
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

  const pid_t self = getpid(), child = fork();
  if (child < 0) return errno;
  if (child == 0) become(observer, self);
  // The observer's pipes are its own: they end with it.
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int file = 0; file < 3; file++) dup2(nothing, file);
  for (struct pollfd told = {.fd = notes[0], .events = POLLIN};;) {
    char byte = 0;
    if (poll(&told, 1, -1) < 1 || read(notes[0], &byte, 1) != 1) continue;
    if (byte == SIGTERM) break;
    int status = 0;
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended != child) continue;
      end_descendants();
      end_as(status);
    }
  }
  end_descendants();
  _exit(128 + SIGTERM);
}
