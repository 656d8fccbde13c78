#include "host/lunatic/lunatic.h"

namespace lr::lunatic {
namespace {

constexpr HostFunction kFunctions[] = {
#define HOST_FN(module, name, words, permission)                                         \
  host_function<&module##_##name>("lunatic::" #module, #name, words, count_words(words), \
                                  Permission::permission),
#include "host/lunatic/lunatic.def"
};

}  // namespace

std::span<const HostFunction> functions() { return kFunctions; }

}  // namespace lr::lunatic
