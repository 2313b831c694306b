#include "CBuild.h"

#ifndef SPD_COMMIT
#define SPD_COMMIT ""
#endif

const char *spd_commit(void) { return SPD_COMMIT; }
