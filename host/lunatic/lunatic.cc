#include "host/lunatic/lunatic.h"

#include "host/lunatic/hot.h"

namespace lr::lunatic {
namespace {

consteval HostFunction with_direct(HostFunction function, jit::HostFn direct) {
  function.direct = direct;
  return function;
}

constexpr HostFunction kFunctions[] = {
#define HOST_FN(module, name, words, permission)                                         \
  host_function<&module##_##name>("lunatic::" #module, #name, words, count_words(words), \
                                  Permission::permission),
#define HOT_FN(module, name, words, permission)                                            \
  with_direct(host_function<&module##_##name>("lunatic::" #module, #name, words,           \
                                              count_words(words), Permission::permission), \
              &hot_##module##_##name),
#include "host/lunatic/lunatic.def"
};

}  // namespace

std::span<const HostFunction> functions() { return kFunctions; }

}  // namespace lr::lunatic
