// The light recorder's first half: every call of the CUDA runtime and driver that a process makes, with two time stamps each.
//
// Preloaded into a process (LD_PRELOAD), it stands before the CUDA runtime's own functions, and before the driver's as `dlsym`
// and `cuGetProcAddress` hand them out. A call inside another one that is recorded is not recorded again: the outermost is what a
// program pays for. While recording is off, a call costs one branch more than without this library.
//
// Arguments are passed on untyped: six words in registers and ROOM more from the stack, which holds for every function of the two
// interfaces under the System V ABI of x86-64 (eight and ROOM on AArch64), structures passed by value included.
#define _GNU_SOURCE
#include "events.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

// ---- buffers: a list of chunks per thread, kept when the thread ends

enum { CHUNK = 1 << 15 };
typedef struct chunk {
  struct chunk *next;
  uint32_t used;
  light_event events[CHUNK];
} chunk;
typedef struct buffer {
  struct buffer *next;
  uint64_t thread, dropped, written;
  chunk *first, *last;
} buffer;

static _Atomic(buffer *) buffers;
// preloaded, it is there when a process begins: what is of a thread has a place that needs no look-up
#define OF_THREAD static __thread __attribute__((tls_model("initial-exec")))
OF_THREAD buffer *mine;
OF_THREAD int within;  // inside a call that is being recorded
static volatile int on;
static uint64_t most = 1 << 24;  // events of one thread; beyond that they are counted only

static chunk *new_chunk(void) {
  chunk *made = malloc(sizeof *made);
  if (made) memset(made, 0, sizeof *made);  // its pages are there before a call is timed
  return made;
}

static buffer *new_buffer(void) {
  buffer *made = calloc(1, sizeof *made);
  if (!made) return NULL;
  made->thread = (uint64_t)syscall(SYS_gettid);
  made->first = made->last = new_chunk();
  buffer *before = atomic_load(&buffers);
  do made->next = before;
  while (!atomic_compare_exchange_weak(&buffers, &before, made));
  return mine = made;
}

LIGHT_EXPORT void light_write(uint64_t start, uint64_t end, uint64_t what) {
  buffer *it = mine ? mine : new_buffer();
  if (!it || !it->last || it->written >= most) {
    if (it) it->dropped++;
    return;
  }
  if (it->last->used == CHUNK) {
    if (!it->last->next) it->last->next = new_chunk();
    if (!it->last->next) {
      it->dropped++;
      return;
    }
    it->last = it->last->next;
  }
  light_event *event = &it->last->events[it->last->used++];
  event->start = start;
  event->end = end;
  event->what = what;
  it->written++;
}

// Room for `events` more of the calling thread, so that none has to be found while something is timed.
LIGHT_EXPORT void light_make_room(uint64_t events) {
  buffer *it = mine ? mine : new_buffer();
  if (!it || !it->last) return;
  chunk *at = it->last;
  for (uint64_t have = CHUNK - at->used; have < events; have += CHUNK) {
    if (!at->next) at->next = new_chunk();
    if (!at->next) return;
    at = at->next;
  }
}

LIGHT_EXPORT void light_limit(uint64_t events) { most = events; }
LIGHT_EXPORT void light_on(void) { on = 1; }
LIGHT_EXPORT void light_off(void) { on = 0; }
LIGHT_EXPORT uint64_t light_moment(void) { return light_now(); }

// `count` events of nothing: what an event's own two moments lie apart.
LIGHT_EXPORT void light_record_nothing(uint64_t count) {
  for (uint64_t each = 0; each < count; each++) {
    uint64_t start = light_now();
    light_write(start, light_now(), 0);
  }
}

// How many events there are, and how many had no room.
LIGHT_EXPORT uint64_t light_count(uint64_t *dropped) {
  uint64_t count = 0, lost = 0;
  for (buffer *it = atomic_load(&buffers); it; it = it->next) count += it->written, lost += it->dropped;
  if (dropped) *dropped = lost;
  return count;
}

// Copy all events and the thread of each into arrays with `room`, and forget them. Recording must be off.
LIGHT_EXPORT uint64_t light_take(light_event *events, uint64_t *threads, uint64_t room) {
  uint64_t count = 0;
  for (buffer *it = atomic_load(&buffers); it; it = it->next) {
    for (chunk *at = it->first; at; at = at->next) {
      for (uint32_t index = 0; index < at->used && count < room; index++, count++) {
        events[count] = at->events[index];
        threads[count] = it->thread;
      }
      at->used = 0;
    }
    it->last = it->first;
    it->written = it->dropped = 0;
  }
  return count;
}

// ---- the clock

LIGHT_EXPORT int light_uses_tsc;

// Whether the time stamp counter runs at one rate and shows one time on all cores: the processor says the first; for the second,
// moments are taken on one core after the other, and must not go back.
static int tsc_is_sound(void) {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  if (!__get_cpuid(0x80000007, &a, &b, &c, &d) || !(d & (1u << 8))) return 0;
  cpu_set_t was, one;
  if (sched_getaffinity(0, sizeof was, &was)) return 0;
  uint64_t before = 0;
  int sound = 1;
  for (int lap = 0; lap < 3 && sound; lap++)
    for (int core = 0, tried = 0; core < CPU_SETSIZE && tried < 64 && sound; core++) {
      if (!CPU_ISSET(core, &was)) continue;
      tried++;
      CPU_ZERO(&one);
      CPU_SET(core, &one);
      if (sched_setaffinity(0, sizeof one, &one)) continue;
      uint64_t now = __rdtsc();
      sound = now > before;
      before = now;
    }
  sched_setaffinity(0, sizeof was, &was);
  return sound;
#else
  return 0;
#endif
}

// ---- the functions that stand before CUDA's own

typedef uint64_t word;
#if defined(__x86_64__)
#define WORDS word a, word b, word c, word d, word e, word f, word g, word h, word i, word j, word k, word l
#define GIVEN a, b, c, d, e, f, g, h, i, j, k, l
#else
#define WORDS word a, word b, word c, word d, word e, word f, word g, word h, word i, word j, word k, word l, word m, word n
#define GIVEN a, b, c, d, e, f, g, h, i, j, k, l, m, n
#endif
typedef word (*function)(WORDS);

static char names[LIGHT_NAMES][72];
static _Atomic uint32_t named = 1;  // 0 is no name
static pthread_mutex_t naming = PTHREAD_MUTEX_INITIALIZER;

// The number of a name; the same one for the same name, 0 where there is no room for another.
static uint32_t number_of(const char *name) {
  pthread_mutex_lock(&naming);
  uint32_t count = atomic_load(&named), number = 0;
  for (uint32_t each = 1; each < count && !number; each++)
    if (!strncmp(names[each], name, sizeof names[each] - 1)) number = each;
  if (!number && count < LIGHT_NAMES) {
    strncpy(names[count], name, sizeof names[count] - 1);
    atomic_store(&named, count + 1);
    number = count;
  }
  pthread_mutex_unlock(&naming);
  return number;
}

LIGHT_EXPORT const char *light_name(uint32_t number) { return number && number < atomic_load(&named) ? names[number] : ""; }

// A function of CUDA's own, and the number of its name.
typedef struct {
  _Atomic(function) real;
  _Atomic uint32_t what;
} own;
OF_THREAD own *called;  // the one that `recorded` is to call

static __attribute__((noinline)) word recorded(WORDS) {
  own *it = called;
  function real = atomic_load_explicit(&it->real, memory_order_relaxed);
  within = 1;
  uint64_t start = light_now();
  word result = real(GIVEN);
  uint64_t end = light_now();
  within = 0;
  light_write(start, end, atomic_load_explicit(&it->what, memory_order_relaxed));
  return result;
}

// What stands in each of some thousand functions is short, or a compiler takes ten seconds for all of them: `recorded` takes
// the same arguments in the same places, and finds beside them which it is to call.
static inline __attribute__((always_inline)) word call(own *it, WORDS) {
  if (__builtin_expect(!on, 1) || within) return atomic_load_explicit(&it->real, memory_order_relaxed)(GIVEN);
  called = it;
  return recorded(GIVEN);
}

// Functions that are handed out: each has a slot of its own, for two functions of one name may take different arguments.
enum { SLOTS = 1024 };
static own slots[SLOTS];
static pthread_mutex_t handing_out = PTHREAD_MUTEX_INITIALIZER;
static uint32_t handed;
static _Atomic uint32_t not_wrapped;  // functions that found no slot

#define SLOT(N) \
  static word slot_##N(WORDS) { return call(&slots[0x##N], GIVEN); }
#define TIMES16(M, P) M(P##0) M(P##1) M(P##2) M(P##3) M(P##4) M(P##5) M(P##6) M(P##7) M(P##8) M(P##9) M(P##a) M(P##b) M(P##c) M(P##d) M(P##e) M(P##f)
#define TIMES256(M, P) \
  TIMES16(M, P##0) TIMES16(M, P##1) TIMES16(M, P##2) TIMES16(M, P##3) TIMES16(M, P##4) TIMES16(M, P##5) TIMES16(M, P##6) TIMES16(M, P##7) \
  TIMES16(M, P##8) TIMES16(M, P##9) TIMES16(M, P##a) TIMES16(M, P##b) TIMES16(M, P##c) TIMES16(M, P##d) TIMES16(M, P##e) TIMES16(M, P##f)
TIMES256(SLOT, 0) TIMES256(SLOT, 1) TIMES256(SLOT, 2) TIMES256(SLOT, 3)
#define NAME_OF_SLOT(N) slot_##N,
static const function wrappers[SLOTS] = {TIMES256(NAME_OF_SLOT, 0) TIMES256(NAME_OF_SLOT, 1) TIMES256(NAME_OF_SLOT, 2) TIMES256(NAME_OF_SLOT, 3)};

static int is_wrapper(function it) {
  for (uint32_t slot = 0; slot < SLOTS; slot++)
    if (wrappers[slot] == it) return 1;
  return 0;
}

// What to hand out in place of `real`.
static void *wrapped(const char *name, void *real) {
  if (!real || is_wrapper((function)real)) return real;
  pthread_mutex_lock(&handing_out);
  uint32_t slot = 0;
  while (slot < handed && atomic_load(&slots[slot].real) != (function)real) slot++;
  if (slot == handed && handed < SLOTS) {
    atomic_store(&slots[slot].what, number_of(name));
    atomic_store(&slots[slot].real, (function)real);
    handed++;
  }
  pthread_mutex_unlock(&handing_out);
  if (slot < SLOTS) return (void *)wrappers[slot];
  atomic_fetch_add(&not_wrapped, 1);
  return real;
}

LIGHT_EXPORT uint32_t light_not_wrapped(void) { return atomic_load(&not_wrapped); }

// Whether a name is of CUDA's runtime (`cudaMalloc`) or driver (`cuInit`), and of a function that may be wrapped: not of those that
// hand out others, and not of CUPTI's, cuBLAS' and the like, whose third letter is small.
static int upper(char letter) { return letter >= 'A' && letter <= 'Z'; }
static int of_runtime(const char *name) { return !strncmp(name, "cuda", 4) && upper(name[4]); }
static int of_driver(const char *name) { return !strncmp(name, "cu", 2) && upper(name[2]); }
static int hands_out(const char *name) { return !strncmp(name, "cuGetProcAddress", 16) || !strcmp(name, "cuGetExportTable"); }

// Calls that only look something up in the host's memory take less time than two time stamps: they are left in what made them.
static const char *const looked_up[] = {
    "cuDevicePrimaryCtxGetState", "cuCtxGetCurrent", "cuCtxSetCurrent", "cuCtxPushCurrent", "cuCtxPopCurrent", "cuCtxGetDevice",
    "cuCtxGetLimit", "cuCtxGetFlags", "cuCtxGetApiVersion", "cuCtxGetId", "cuDeviceGet", "cuDeviceGetAttribute", "cuDeviceGetCount",
    "cuDriverGetVersion", "cuGetErrorString", "cuGetErrorName", "cuStreamIsCapturing", "cuStreamGetCtx", "cuStreamGetFlags", "cuStreamGetId",
    "cuStreamGetPriority", "cuStreamGetDevice", "cuThreadExchangeStreamCaptureMode", "cuKernelGetAttribute", "cuKernelSetAttribute",
    "cuKernelGetFunction", "cuFuncGetAttribute", "cuFuncSetAttribute", "cuFuncGetModule", "cudaGetDevice", "cudaSetDevice", "cudaGetLastError",
    "cudaPeekAtLastError", "cudaStreamIsCapturing", "cudaGetDeviceCount", "cudaDeviceGetAttribute"};
static int only_looks_up(const char *name) {
  for (unsigned each = 0; each < sizeof looked_up / sizeof *looked_up; each++) {
    size_t length = strlen(looked_up[each]);
    if (!strncmp(name, looked_up[each], length) && (!name[length] || name[length] == '_')) return 1;
  }
  return 0;
}

static void *(*real_dlsym)(void *, const char *);

static int in_library(struct dl_phdr_info *info, size_t size, void *asked) {
  (void)size;
  const char *name = info->dlpi_name, *base = name ? strrchr(name, '/') : NULL;
  base = base ? base + 1 : name;
  const char *wanted = ((const char **)asked)[0];
  if (!base || strncmp(base, wanted, strlen(wanted))) return 0;
  ((const char **)asked)[1] = name;
  return 1;
}

// CUDA's own function of a name: the next one in the order of the loader, else the one in the library, which need not be in that order.
static function next_of(const char *name) {
  void *found = real_dlsym(RTLD_NEXT, name);
  if (!found) {
    const char *asked[2] = {of_runtime(name) || !strncmp(name, "__cuda", 6) ? "libcudart.so" : "libcuda.so", NULL};
    dl_iterate_phdr(in_library, asked);
    void *library = asked[1] ? dlopen(asked[1], RTLD_LAZY | RTLD_NOLOAD) : NULL;
    if (library) found = real_dlsym(library, name);
  }
  if (!found) {
    fprintf(stderr, "launchlens: %s was called, and no CUDA library has it\n", name);
    abort();
  }
  return (function)found;
}

static __attribute__((noinline, cold)) void find(own *it, const char *name) {
  atomic_store(&it->what, number_of(name));
  atomic_store(&it->real, next_of(name));
}

#define STANDS_BEFORE(NAME) \
  LIGHT_EXPORT word NAME(WORDS) { \
    static own it; \
    if (__builtin_expect(!atomic_load_explicit(&it.real, memory_order_relaxed), 0)) find(&it, #NAME); \
    return call(&it, GIVEN); \
  }

// Names of the runtime and the driver that a library may be linked to; what else a library asks for by name is handed out wrapped.
#include "names.h"
CUDA_NAMES(STANDS_BEFORE)

typedef int (*get_address)(const char *, void **, int, uint64_t, void *);
typedef int (*get_address_1)(const char *, void **, int, uint64_t);
typedef int (*get_entry_point)(const char *, void **, uint64_t, void *);
static get_address real_get_address;
static get_address_1 real_get_address_1;

static void *handed_out(const char *name, void *real, int version);

static int my_get_address(const char *name, void **place, int version, uint64_t flags, void *status) {
  int result = real_get_address(name, place, version, flags, status);
  if (!result && place && *place && name) *place = handed_out(name, *place, version);
  return result;
}

static int my_get_address_1(const char *name, void **place, int version, uint64_t flags) {
  int result = real_get_address_1(name, place, version, flags);
  if (!result && place && *place && name) *place = handed_out(name, *place, version);
  return result;
}

// `cuGetProcAddress` asks for itself by that name, and gets the form with five arguments from CUDA 12.0 on.
static void *handed_out(const char *name, void *real, int version) {
  int second = !strcmp(name, "cuGetProcAddress_v2");
  if (second || !strcmp(name, "cuGetProcAddress")) {
    if (second || version >= 12000) {
      if (real != (void *)my_get_address) real_get_address = (get_address)real;
      return (void *)my_get_address;
    }
    if (real != (void *)my_get_address_1) real_get_address_1 = (get_address_1)real;
    return (void *)my_get_address_1;
  }
  return of_driver(name) && !hands_out(name) && !only_looks_up(name) ? wrapped(name, real) : real;
}

LIGHT_EXPORT int cuGetProcAddress_v2(const char *name, void **place, int version, uint64_t flags, void *status) {
  if (!real_get_address) real_get_address = (get_address)next_of("cuGetProcAddress_v2");
  return my_get_address(name, place, version, flags, status);
}

LIGHT_EXPORT int cuGetProcAddress(const char *name, void **place, int version, uint64_t flags) {
  if (!real_get_address_1) real_get_address_1 = (get_address_1)next_of("cuGetProcAddress");
  return my_get_address_1(name, place, version, flags);
}

// `dlsym` for all handles but RTLD_NEXT, which means what comes after the caller: that call jumps on, so that its caller stays its
// caller.
__attribute__((used)) static void *asked_by_name(void *handle, const char *name) {
  void *found = real_dlsym(handle, name);
  if (!found || !name) return found;
  if (of_runtime(name) && only_looks_up(name)) return found;
  if (of_runtime(name)) {
    // a wrapper of this library's own is found where the handle means all libraries
    Dl_info where, here;
    if (dladdr(found, &where) && dladdr((void *)light_write, &here) && where.dli_fbase == here.dli_fbase) return found;
    return wrapped(name, found);
  }
  if (!of_driver(name) && strncmp(name, "cuGetProcAddress", 16)) return found;
  Dl_info where, here;
  if (dladdr(found, &where) && dladdr((void *)light_write, &here) && where.dli_fbase == here.dli_fbase) return found;
  return handed_out(name, found, strcmp(name, "cuGetProcAddress") ? 12000 : 0);
}

static void find_dlsym(void) {
  const char *versions[] = {"GLIBC_2.34", "GLIBC_2.2.5", "GLIBC_2.17"};
  for (unsigned each = 0; each < sizeof versions / sizeof *versions && !real_dlsym; each++)
    real_dlsym = (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", versions[each]);
  if (!real_dlsym) abort();
}

#if defined(__x86_64__)
__attribute__((used)) static void *dlsym_or_find(void *handle, const char *name) {
  if (!real_dlsym) find_dlsym();
  return handle == RTLD_NEXT ? real_dlsym(handle, name) : asked_by_name(handle, name);
}
__attribute__((naked)) LIGHT_EXPORT void *dlsym(void *handle, const char *name) {
  (void)handle, (void)name;
  __asm__("cmpq $-1, %rdi\n\t"
          "jne 1f\n\t"
          "movq real_dlsym(%rip), %rax\n\t"
          "testq %rax, %rax\n\t"
          "je 1f\n\t"
          "jmp *%rax\n"
          "1:\tjmp dlsym_or_find\n\t");
}
#else
LIGHT_EXPORT void *dlsym(void *handle, const char *name) {
  if (!real_dlsym) find_dlsym();
  return handle == RTLD_NEXT ? real_dlsym(handle, name) : asked_by_name(handle, name);
}
#endif

static void in_child(void) {
  // a forked process records nothing: its parent's events are not its own
  on = 0;
  within = 0;
  mine = NULL;
  atomic_store(&buffers, NULL);
}

__attribute__((constructor)) static void begin(void) {
  if (!real_dlsym) find_dlsym();
  light_uses_tsc = getenv("LAUNCHLENS_LIGHT_CLOCK") ? 0 : tsc_is_sound();
  pthread_atfork(NULL, NULL, in_child);
}
