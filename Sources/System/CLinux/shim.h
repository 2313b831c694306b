#pragma once
// Parts of the C library that Swift does not see.
#include <gnu/libc-version.h>
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/statfs.h>
#include <string.h>
#include <signal.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

// A text within a text, which string.h shows only to GNU sources.
void *memmem(const void *text, size_t count, const void *part, size_t part_count);

// A number as text, which stdlib.h shows only on request for ISO 60559's functions.
int strfromd(char *text, size_t size, const char *format, double number);

// The folder that a program starts in, which spawn.h shows only to GNU sources.
int posix_spawn_file_actions_addchdir_np(void *actions, const char *folder);

// A pipe whose ends child programs do not inherit, which unistd.h shows only to GNU sources.
int pipe2(int ends[2], int flags);

// A file in memory that child programs do not inherit; -1 if there can be none.
static inline int spd_memory_file(void) { return (int)syscall(SYS_memfd_create, "spd", 1 /* MFD_CLOEXEC */); }

// Makes a file share another's blocks, if the file system can.
static const unsigned long SPD_FICLONE = FICLONE;

// F_OFD_SETLK of the kernel's fcntl.h, which glibc shows only to GNU sources: a lock that belongs to an open file, not to a process.
static const int SPD_F_OFD_SETLK = 37;

// F_SETPIPE_SZ of the kernel's fcntl.h, likewise: how many bytes a pipe holds that nobody has read.
static const int SPD_F_SETPIPE_SZ = 1031;

// POSIX_SPAWN_SETSID of spawn.h, for GNU sources only, too: a program starts in its own session.
static const short SPD_SPAWN_SETSID = 0x80;

// Flushes standard output; 0 if everything got there, else the system's reason or -1.
static inline int spd_flush_output(void) {
    errno = 0;
    if (fflush(stdout) != 0) return errno ? errno : -1;
    return ferror(stdout) ? -1 : 0;
}

/// What a user may keep on a file system and does; limits that are 0 do not exist.
typedef struct {
    unsigned long long bytes_limit, bytes_used, files_limit, files_used;
} spd_quota;

/// The quota of a user on the file system of an open file; -1 if there is none or the kernel (before 5.14) cannot say.
static inline int spd_user_quota(int file, unsigned int user, spd_quota *quota) {
#ifdef SYS_quotactl_fd
    struct dqblk block;
    memset(&block, 0, sizeof block);
    if (syscall(SYS_quotactl_fd, file, QCMD(Q_GETQUOTA, USRQUOTA), user, &block) != 0) return -1;
    quota->bytes_limit = (block.dqb_bsoftlimit ? block.dqb_bsoftlimit : block.dqb_bhardlimit) * 1024ull;
    quota->bytes_used = block.dqb_curspace;
    quota->files_limit = block.dqb_isoftlimit ? block.dqb_isoftlimit : block.dqb_ihardlimit;
    quota->files_used = block.dqb_curinodes;
    return 0;
#else
    (void)file, (void)user, (void)quota;
    return -1;
#endif
}
