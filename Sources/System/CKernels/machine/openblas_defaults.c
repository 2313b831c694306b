// OpenBLAS older than the CPU falls back to its Haswell kernels, half as fast as AVX-512 ones, and clusters set
// OPENBLAS_CORETYPE for their oldest node. The OpenBLAS inside our binary takes the CPU it is on instead;
// SPD_OPENBLAS_CORETYPE overrides that. This comes before OpenBLAS's own constructor where both are linked statically;
// linked dynamically it is too late, and only OPENBLAS_CORETYPE itself helps.
//
// Its threads, which it starts at once and no step of ours uses, stay away: where memory is limited each of them asks for
// a buffer of 128 MB again and again, and keeps a process that has failed from ending.
#include <stdlib.h>

#if defined(__x86_64__)
extern char **environ;

// OpenBLAS's constructor, which does nothing the second time; not everybody who links this has it.
__attribute__((weak)) void gotoblas_init(void);

__attribute__((constructor(101)))
static void set_up_openblas(void) {
  // Swift looks for the program's arguments next to the environment that it was started with, and setenv moves that
  // away: it has to be back in its place before main. OpenBLAS reads its variables once, here.
  char **started_with = environ;
  const char *chosen = getenv("SPD_OPENBLAS_CORETYPE");
  __builtin_cpu_init();
  if (chosen)
    setenv("OPENBLAS_CORETYPE", chosen, 1);
  else if (__builtin_cpu_supports("x86-64-v4"))
    setenv("OPENBLAS_CORETYPE", "SkylakeX", 1);
  else
    unsetenv("OPENBLAS_CORETYPE");
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  if (gotoblas_init) gotoblas_init();
  environ = started_with;
}
#endif
