#pragma once
// What Swift's own view of the C library leaves out.
#include <gnu/libc-version.h>
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/statfs.h>

// Makes a file share another's blocks, where the file system can.
static const unsigned long SPD_FICLONE = FICLONE;

// Brings what was printed to standard output; 0 if all of it got there, else the system's reason or -1.
static inline int spd_flush_output(void) {
    errno = 0;
    if (fflush(stdout) != 0) return errno ? errno : -1;
    return ferror(stdout) ? -1 : 0;
}
