// Tells the thread sanitizer about process stacks: it keeps one history for each stack and has to
// know when a thread changes to another. Nothing in other builds.
#pragma once

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LR_TSAN_FIBERS 1
#endif
#endif

#ifdef LR_TSAN_FIBERS
#include <sanitizer/tsan_interface.h>
#endif

namespace lr::sched {

#ifdef LR_TSAN_FIBERS

inline void* fiber_current() { return __tsan_get_current_fiber(); }
inline void fiber_destroy(void* fiber) {
  if (fiber != nullptr) __tsan_destroy_fiber(fiber);
}
// Makes `fiber`, created at its first use, the current one. Without synchronisation of its own: the
// scheduler's must be enough.
__attribute__((always_inline)) inline void fiber_switch(void*& fiber) {
  if (fiber == nullptr) fiber = __tsan_create_fiber(0);
  __tsan_switch_to_fiber(fiber, __tsan_switch_to_fiber_no_sync);
}

#else

inline void* fiber_current() { return nullptr; }
inline void fiber_destroy(void*) {}
inline void fiber_switch(void*&) {}

#endif

}  // namespace lr::sched
