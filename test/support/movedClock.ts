import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A process reads this file once, from the folder in which it starts. */
const fileName = 'clock.offset';

/**
 * A wall clock with an offset of microseconds, read from a file, for a process that preloads it. libfaketime does not
 * work with the allocator of Redis.
 */
const source = `
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static const long long none = 0;
static volatile const long long *offset;
static long long micros(void) {
  if (!offset) {
    int file = open("${fileName}", O_RDONLY);
    void *mapped = file < 0 ? MAP_FAILED : mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0) close(file);
    offset = mapped == MAP_FAILED ? &none : mapped;
  }
  return *offset;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
  int failed = syscall(SYS_clock_gettime, clock, now);
  if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    long long by = micros(), nanos = now->tv_nsec + by % 1000000 * 1000;
    now->tv_sec += by / 1000000 + (nanos >= 1000000000) - (nanos < 0);
    now->tv_nsec = nanos - 1000000000LL * (nanos >= 1000000000) + 1000000000LL * (nanos < 0);
  }
  return failed;
}
int gettimeofday(struct timeval *now, void *zone) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *to) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (to) *to = now.tv_sec;
  return now.tv_sec;
}
`;

/** Whether this machine can build the library. */
export const canMoveClocks = spawnSync('cc', ['--version']).status === 0;

/** Builds a library, for `LD_PRELOAD`, that moves the wall clock of a process. Returns its path. */
export function makeClockLibrary(dir: string): string {
  const library = join(dir, 'clock.so');
  const compiled = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-x', 'c', '-o', library, '-'], { input: source });
  if (compiled.status !== 0) throw new Error(compiled.stderr.toString());
  return library;
}

/**
 * Moves the clock of the process that was started in a folder. Call it before the process starts too, since the
 * process reads the file once.
 */
export function moveClock(folder: string, offsetMs: number): void {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(offsetMs) * 1_000n);
  const file = join(folder, fileName);
  // A process may have mapped the file, so it must stay the same file.
  writeFileSync(file, bytes, { flag: existsSync(file) ? 'r+' : 'w' });
}
