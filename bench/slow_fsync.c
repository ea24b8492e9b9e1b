/* Makes fsync and fdatasync take SLOW_FSYNC_US microseconds longer, like a disk that really writes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int slowly(const char *name, int file) {
    const char *delay = getenv("SLOW_FSYNC_US");
    if (delay) usleep((useconds_t)atol(delay));
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(file);
}
int fsync(int file) { return slowly("fsync", file); }
int fdatasync(int file) { return slowly("fdatasync", file); }
