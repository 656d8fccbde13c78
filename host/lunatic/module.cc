// Modules that a process compiles, hands on in messages and spawns from.
#include "host/lunatic/abi.h"
#include "host/lunatic/lunatic.h"
#include "host/runtime.h"

namespace lr::lunatic {
namespace {

// What a process may hold of modules, in bytes of wasm.
constexpr u64 kModuleBytesMax = 256 * kMiB;
// Copied without looking up.
constexpr u64 kPieceBytes = 128 * kKiB;

class ModuleResource final : public MessageResource {
 public:
  explicit ModuleResource(HeldModule module)
      : MessageResource(Kind::Module), held(std::move(module)) {}
  HeldModule held;
};

Result<ModuleRef> compile(Runtime& runtime, std::vector<u8> bytes, std::string name) {
  auto module = TRY(runtime.load(std::move(bytes), std::move(name)));
  return runtime.link(module);
}

}  // namespace

Task<TrapOr<i32>> process_compile_module(Caller& caller, GuestBytes module, GuestOut<u64> id) {
  Process& process = *caller.process();
  if (!process.config().may_compile_modules) co_return -1;
  Resources& resources = process.resources();
  if (module.size() > kModuleBytesMax - resources.module_bytes) {
    id.set(keep_error(caller, fmt::format("more than {} bytes of modules", kModuleBytesMax)));
    co_return 1;
  }
  std::vector<u8> bytes;
  bytes.reserve(module.size());
  while (bytes.size() < module.size()) {
    const u64 at = bytes.size();
    bytes.resize(std::min<u64>(at + kPieceBytes, module.size()));
    module.copy_in(bytes.data() + at, bytes.size() - at, at);
    WaitAwaiter turn = caller.turn();
    co_await turn;
  }
  const u64 size = bytes.size();
  Runtime* const runtime = &process.environment().runtime();
  std::string name = fmt::format("compiled by process {}", process.pid());
  auto work =
      off_worker(caller, [runtime, bytes = std::move(bytes), name = std::move(name)]() mutable {
        return compile(*runtime, std::move(bytes), std::move(name));
      });
  Result<ModuleRef> compiled = co_await work;
  if (!compiled.ok()) {
    id.set(keep_error(caller, compiled.error().message()));
    co_return 1;
  }
  resources.module_bytes += size;
  id.set(resources.modules.add({std::move(*compiled), size}));
  co_return 0;
}

TrapOr<Done> process_drop_module(Caller& caller, u64 module_id) {
  Resources& resources = caller.process()->resources();
  const HeldModule* const held = resources.modules.find(module_id);
  if (held == nullptr) return refuse(caller, "there is no module {}", module_id);
  resources.module_bytes -= held->bytes;
  resources.modules.remove(module_id);
  return Done();
}

TrapOr<u64> message_push_module(Caller& caller, u64 module_id) {
  const HeldModule* const held = caller.process()->resources().modules.find(module_id);
  if (held == nullptr) return refuse(caller, "there is no module {}", module_id);
  Message* const message = TRY(data_message(caller));
  message->resources().push_back(std::make_unique<ModuleResource>(*held));
  return u64{message->resources().size() - 1};
}

TrapOr<u64> message_take_module(Caller& caller, u64 index) {
  Message* const message = TRY(data_message(caller));
  if (index >= message->resource_count()) {
    return refuse(caller, "the message has no resource {}", index);
  }
  std::unique_ptr<MessageResource>& slot = message->resources()[index];
  if (slot == nullptr) return refuse(caller, "resource {} has been taken", index);
  if (slot->kind() != MessageResource::Kind::Module) {
    return refuse(caller, "resource {} is no module", index);
  }
  Resources& resources = caller.process()->resources();
  HeldModule held = std::move(static_cast<ModuleResource&>(*slot).held);
  slot.reset();
  resources.module_bytes += held.bytes;
  return resources.modules.add(std::move(held));
}

}  // namespace lr::lunatic
