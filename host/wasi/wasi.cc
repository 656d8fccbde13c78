#include "host/wasi/wasi.h"

namespace lr::wasi {
namespace {

constexpr HostFunction kFunctions[] = {
#define HOST_FN(name, words, permission)                                           \
  host_function<&name>("wasi_snapshot_preview1", #name, words, count_words(words), \
                       Permission::permission),
#include "host/wasi/wasi.def"
};

}  // namespace

std::span<const HostFunction> functions() { return kFunctions; }

}  // namespace lr::wasi
