#include "host/lunatic/lunatic.h"

#include "host/lunatic/abi.h"
#include "host/lunatic/hot.h"

namespace lr::lunatic {
namespace {

template <typename T>
struct NotYetResult : Returns<T> {};
template <>
struct NotYetResult<void> : Returns<Done> {};

HostStatus say_not_yet(Caller& caller, const HostFunction& function, u64* /*slots*/) {
  refuse(caller, "{}::{} is not available yet", function.module, function.name);
  return HostStatus::Trap;
}

template <typename Signature>
struct NotYet;
template <typename R, typename... P>
struct NotYet<R(P...)> {
  static constexpr usize kWords = sizeof...(P);
  static constexpr std::array<ValType, kWords> kTypes = {Param<P>::kTypes[0]...};
  static constexpr std::array<WordKind, kWords> kKinds = {Param<P>::kKinds[0]...};

  static consteval HostFunction row(std::string_view module, std::string_view name) {
    HostFunction function;
    function.module = module;
    function.name = name;
    function.params = kTypes;
    function.results = NotYetResult<R>::kTypes;
    function.kinds = kKinds;
    function.reply = NotYetResult<R>::kReply;
    function.body = &say_not_yet;
    return function;
  }
};

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
#define OLD_FN(module, name, words, permission)                                                \
  host_function<&module##_##name##_old>("lunatic::" #module, #name, words, count_words(words), \
                                        Permission::permission),
#include "host/lunatic/lunatic.def"
#define NOT_YET(module, name, result, params) \
  NotYet<result params>::row("lunatic::" #module, #name),
#include "host/lunatic/not_yet.def"
};

}  // namespace

std::span<const HostFunction> functions() { return kFunctions; }

}  // namespace lr::lunatic
