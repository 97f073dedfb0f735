// A program that uses CUDA: linked to the runtime, and asking for driver functions by name.
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  unsigned x, y, z;
} dim3;
extern long cudaLaunchKernel(void *, dim3, dim3, void **, unsigned long, void *);
extern long cudaStreamQuery(void *);
extern int fake_runtime_find(const char *, void **, int, int *);

long direct(void) {
  dim3 grid = {2, 3, 4}, block = {5, 6, 7};
  return cudaLaunchKernel((void *)1, grid, block, (void **)9, 8, (void *)10);
}
long by_dlsym(const char *library) {
  long (*launch)(long, long, long, long, long, long, long, long, long, long, long) = dlsym(dlopen(library, RTLD_NOW), "cuLaunchKernel");
  return launch(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
}
long by_address(const char *name, int version, int *status) {
  long (*it)(long, long, long);
  return fake_runtime_find(name, (void **)&it, version, status) ? -1 : it(100, 20, 3);
}
static void *query(void *times) {
  for (long left = *(long *)times; left; left--) cudaStreamQuery((void *)1);
  return NULL;
}
void on_a_thread(long times) {
  pthread_t thread;
  pthread_create(&thread, NULL, query, &times);
  pthread_join(thread, NULL);
}
void query_often(long times) { query(&times); }
// how many events a forked child has after a call of its own
int in_a_fork(unsigned long (*count)(unsigned long *)) {
  pid_t child = fork();
  if (!child) {
    cudaStreamQuery((void *)1);
    _exit((int)count(NULL));
  }
  int status;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}
