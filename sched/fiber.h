// Tells the sanitizers about process stacks. The thread sanitizer keeps one history for each stack
// and has to know when a thread changes to another; the address sanitizer marks frames, and has to
// know when a stack is dropped with frames on it. Nothing in other builds.
#pragma once

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LR_TSAN_FIBERS 1
#endif
#if __has_feature(address_sanitizer)
#define LR_ASAN_STACKS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define LR_ASAN_STACKS 1
#endif

#ifdef LR_TSAN_FIBERS
#include <sanitizer/tsan_interface.h>
#endif

#ifdef LR_ASAN_STACKS
#include <sanitizer/asan_interface.h>
#endif

#include "base/types.h"

namespace lr::sched {

// The frames on this stack are gone, whether they returned or not.
inline void stack_dropped([[maybe_unused]] u8* low, [[maybe_unused]] u64 bytes) {
#ifdef LR_ASAN_STACKS
  __asan_unpoison_memory_region(low, bytes);
#endif
}

#ifdef LR_TSAN_FIBERS

inline void* fiber_current() { return __tsan_get_current_fiber(); }
inline void fiber_destroy(void* fiber) {
  if (fiber != nullptr) __tsan_destroy_fiber(fiber);
}
// Makes `fiber`, created at its first use, the current one. What a worker and the process it enters
// do is in order; between two workers it is the scheduler that must order it.
__attribute__((always_inline)) inline void fiber_switch(void*& fiber) {
  if (fiber == nullptr) fiber = __tsan_create_fiber(0);
  __tsan_switch_to_fiber(fiber, 0);
}

#else

inline void* fiber_current() { return nullptr; }
inline void fiber_destroy(void*) {}
inline void fiber_switch(void*&) {}

#endif

}  // namespace lr::sched
