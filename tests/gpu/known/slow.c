// A CUDA runtime whose calls take longer by a known time: preloaded behind the light recorder, it stands between that and CUDA.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

typedef long (*function)(long, long, long, long, long, long);
static volatile long more_ns;

void slow_down(long ns) { more_ns = ns; }

static long now(void) {
  struct timespec moment;
  clock_gettime(CLOCK_MONOTONIC, &moment);
  return moment.tv_sec * 1000000000L + moment.tv_nsec;
}

static void spin(void) {
  if (!more_ns) return;
  for (long end = now() + more_ns; now() < end;)
    ;
}

#define SLOW(NAME) \
  long NAME(long a, long b, long c, long d, long e, long f) { \
    static function real; \
    if (!real) real = (function)dlsym(RTLD_NEXT, #NAME); \
    spin(); \
    return real(a, b, c, d, e, f); \
  }
SLOW(cudaStreamQuery)
SLOW(cudaMemcpyAsync)
