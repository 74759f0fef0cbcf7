/* Fails every sync of a write-ahead log while the file named by TEST_SYNC_FAILS exists, as a broken disk would. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_broken(int descriptor) {
    const char *marker = getenv("TEST_SYNC_FAILS");
    char link[64], path[4096];
    ssize_t length;

    if (marker == NULL || access(marker, F_OK) != 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    length = readlink(link, path, sizeof path - 1);
    if (length < 4)
        return 0;
    path[length] = '\0';
    return strcmp(path + length - 4, "-wal") == 0;
}

static int sync_with(long call, int descriptor) {
    if (is_broken(descriptor)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, descriptor);
}

int fdatasync(int descriptor) { return sync_with(SYS_fdatasync, descriptor); }

int fsync(int descriptor) { return sync_with(SYS_fsync, descriptor); }
