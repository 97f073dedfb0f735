// A CUDA driver for tests: functions that return a number made of every argument, and hand each other out by name.
#include <stdint.h>
#include <string.h>
#include <time.h>

static void spend(long ns) {
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  do clock_gettime(CLOCK_MONOTONIC, &now);
  while ((now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec - start.tv_nsec < ns);
}

// eleven arguments, as the real one: five of them come from the stack
long cuLaunchKernel(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k) {
  spend(20000);
  return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k;
}
long cuStreamSynchronize(long stream) {
  spend(100000);
  return stream;
}
long cuCtxGetCurrent(long place) { return place; }
// two functions of one name, which take a different number of arguments
static long info_1(long a, long b) { return a + b; }
static long info_2(long a, long b, long c) { return a + b + c; }

int cuGetProcAddress_v2(const char *name, void **place, int version, uint64_t flags, void *status);
int cuGetProcAddress(const char *name, void **place, int version, uint64_t flags) {
  *place = NULL;
  if (!strcmp(name, "cuLaunchKernel")) *place = (void *)cuLaunchKernel;
  if (!strcmp(name, "cuStreamSynchronize")) *place = (void *)cuStreamSynchronize;
  if (!strcmp(name, "cuCtxGetCurrent")) *place = (void *)cuCtxGetCurrent;
  if (!strcmp(name, "cuStreamGetCaptureInfo")) *place = version >= 12000 ? (void *)info_2 : (void *)info_1;
  if (!strcmp(name, "cuGetProcAddress")) *place = version >= 12000 ? (void *)cuGetProcAddress_v2 : (void *)cuGetProcAddress;
  (void)flags;
  return *place ? 0 : 1;
}
int cuGetProcAddress_v2(const char *name, void **place, int version, uint64_t flags, void *status) {
  if (status) *(int *)status = 7;
  return cuGetProcAddress(name, place, version, flags);
}
