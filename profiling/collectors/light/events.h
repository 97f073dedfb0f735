// What the light recorder writes down: two moments and what happened between them, in a buffer per thread.
#pragma once
#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define LIGHT_EXPORT __attribute__((visibility("default")))

// `what` is the name of an op as the framework holds it (a char pointer), or an index below LIGHT_NAMES of a call.
typedef struct {
  uint64_t start, end, what;
} light_event;

enum { LIGHT_NAMES = 4096 };

// A moment: ticks of the time stamp counter, or ns of CLOCK_MONOTONIC where that can't be used.
extern LIGHT_EXPORT int light_uses_tsc;
static inline uint64_t light_now(void) {
#if defined(__x86_64__)
  if (__builtin_expect(light_uses_tsc, 1)) return __rdtsc();
#endif
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

LIGHT_EXPORT void light_write(uint64_t start, uint64_t end, uint64_t what);

#ifdef __cplusplus
}
#endif
