// A trap leaves the C stack (which is in memory, and not the machine's) where it was: the pointer
// to its top is put back by hand.
#include "lunatic.h"

__asm__(".globaltype __stack_pointer, i32\n");

static inline uintptr_t stack_pointer(void) {
  uintptr_t value;
  __asm__ volatile("global.get __stack_pointer\n\tlocal.set %0" : "=r"(value));
  return value;
}

static inline void set_stack_pointer(uintptr_t value) {
  __asm__ volatile("local.get %0\n\tglobal.set __stack_pointer" : : "r"(value));
}

// What the host calls under its catch; 0 is what it answers itself after a trap.
__attribute__((export_name("_lunatic_catch_trap"))) uint32_t lunatic_c_catch(uintptr_t function,
                                                                             uintptr_t argument) {
  ((void (*)(void*))function)((void*)argument);
  return 1;
}

bool lunatic_try(void (*function)(void*), void* argument) {
  const uintptr_t top = stack_pointer();
  const uint32_t returned = lunatic_trap_catch((uintptr_t)function, (uintptr_t)argument);
  set_stack_pointer(top);
  return returned != 0;
}
