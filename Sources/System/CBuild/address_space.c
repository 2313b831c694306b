// A process that is started with too little address space (ulimit -v) ends with a message. Without this, OpenBLAS asks for its first
// buffer endlessly before main, and the runtime waits for threads that cannot be started, or ends without saying why.
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { least_megabytes = 300 };

static void check_address_space(int argc, char **argv, char **envp) {
  (void)envp;
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur >= (rlim_t)least_megabytes * 1000000) return;
  const char *name = argc > 0 ? argv[0] : "spd";
  const char *slash = strrchr(name, '/');
  char text[256];
  int length = snprintf(
      text, sizeof text, "%.60s: the address space is limited to %.1f MB (ulimit -v); this program needs %d MB to start\n",
      slash ? slash + 1 : name, (double)limit.rlim_cur / 1e6, least_megabytes);
  // If nobody reads it, there is nobody left to tell.
  if (write(STDERR_FILENO, text, (size_t)length) < 0) _exit(1);
  _exit(1);
}

// Before the constructors of all libraries.
__attribute__((section(".preinit_array"), used))
static void (*const first_of_all)(int, char **, char **) = check_address_space;
