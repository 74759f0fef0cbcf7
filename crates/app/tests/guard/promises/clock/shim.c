/* Adds to the wall clock the seconds that the file named by TEST_CLOCK holds, as if somebody had set it. The clock that
   only ever goes forward is left alone, as a machine leaves it. */

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *moved_by;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TEST_CLOCK");
    int file = path == NULL ? -1 : open(path, O_RDONLY);
    void *shared;

    if (file < 0)
        return;
    shared = mmap(NULL, sizeof *moved_by, PROT_READ, MAP_SHARED, file, 0);
    if (shared != MAP_FAILED)
        moved_by = shared;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);

    if (failed == 0 && moved_by != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += *moved_by;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact) != 0)
        return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *into) {
    struct timespec exact;

    if (clock_gettime(CLOCK_REALTIME, &exact) != 0)
        return -1;
    if (into != NULL)
        *into = exact.tv_sec;
    return exact.tv_sec;
}
