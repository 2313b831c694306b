#pragma once
// What Swift's own view of the C library leaves out.
#include <gnu/libc-version.h>
#include <sys/statfs.h>
