#pragma once

/// The git commit that was built, or an empty string.
const char *spd_commit(void);
