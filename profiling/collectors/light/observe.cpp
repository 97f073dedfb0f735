// The light recorder's second half: when each of the framework's ops began and ended, on whatever thread.
//
// Callbacks are global, for backward runs on threads of autograd's. An op's inputs are not looked at, and it gets no id: both cost
// more than the two time stamps.
#include "events.h"

#include <ATen/record_function.h>

#include <cstring>
#include <mutex>
#include <string>
#include <unordered_set>

namespace {

constexpr int DEEPEST = 256;
thread_local uint64_t begun[DEEPEST];
thread_local int depth = 0;
at::CallbackHandle handle = at::INVALID_CALLBACK_HANDLE;

// A name that lives on. Those of the dispatcher's own ops do; others may be made for one call.
const char* lasting(const char* name) {
  if (std::strncmp(name, "aten::", 6) == 0) return name;
  static std::mutex lock;
  static std::unordered_set<std::string> names;
  std::lock_guard<std::mutex> held(lock);
  return names.emplace(name).first->c_str();
}

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction&) {
  if (depth < DEEPEST) begun[depth] = light_now();
  depth++;
  return nullptr;
}

void end(const at::RecordFunction& op, at::ObserverContext*) {
  // an op that began before the callbacks were there is not known
  if (depth == 0) return;
  depth--;
  if (depth < DEEPEST) {
    uint64_t now = light_now();
    light_write(begun[depth], now, reinterpret_cast<uint64_t>(lasting(op.name())));
  }
}

}  // namespace

extern "C" {

LIGHT_EXPORT void light_observe_ops(void) {
  if (handle != at::INVALID_CALLBACK_HANDLE) return;
  depth = 0;
  handle = at::addGlobalCallback(at::RecordFunctionCallback(begin, end)
                                     .needsInputs(false)
                                     .needsIds(false)
                                     .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
}

LIGHT_EXPORT void light_leave_ops(void) {
  if (handle == at::INVALID_CALLBACK_HANDLE) return;
  at::removeCallback(handle);
  handle = at::INVALID_CALLBACK_HANDLE;
}

}
