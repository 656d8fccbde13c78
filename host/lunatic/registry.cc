// Names of processes. A call waits only while another process holds the registry.
#include "host/registry.h"

#include "host/lunatic/abi.h"
#include "host/lunatic/lunatic.h"
#include "host/lunatic/registry_wait.h"

namespace lr::lunatic {
namespace {

using Answer = Registry::Answer;

Registry& registry_of(Caller& caller) { return caller.process()->environment().registry(); }

struct Put {
  using Value = Done;
  std::string name;
  Registry::Place place;

  std::optional<TrapOr<Done>> operator()(Caller& caller) const {
    switch (registry_of(caller).put(caller.process()->pid(), name, place)) {
      case Answer::Held:
        return std::nullopt;
      case Answer::Full:
        return TrapOr<Done>(refuse(caller, "there are too many names"));
      case Answer::Done:
      case Answer::NotFound:
        break;
    }
    caller.process()->resources().registry_hold.reset();
    return TrapOr<Done>(Done());
  }
};

struct Remove {
  using Value = Done;
  std::string name;

  std::optional<TrapOr<Done>> operator()(Caller& caller) const {
    const Answer answer = registry_of(caller).remove(caller.process()->pid(), name);
    if (answer == Answer::Held) return std::nullopt;
    return TrapOr<Done>(Done());
  }
};

struct Get {
  using Value = u32;
  std::string name;
  GuestOut<u64> node_id;
  GuestOut<u64> process_id;
  bool holds_on = false;  // To the registry, if the name is not there.

  std::optional<TrapOr<u32>> operator()(Caller& caller) const {
    Registry& registry = registry_of(caller);
    const Pid me = caller.process()->pid();
    std::optional<RegistryHold> hold;
    if (holds_on) {
      if (!registry.hold(me)) return std::nullopt;
      hold.emplace(registry, me);
    }
    Registry::Place place;
    switch (registry.get(me, name, place)) {
      case Answer::Held:
        return std::nullopt;
      case Answer::Done:
        node_id.set(place.node);
        process_id.set(place.process);
        return TrapOr<u32>(0u);
      case Answer::NotFound:
      case Answer::Full:
        break;
    }
    if (hold) caller.process()->resources().registry_hold.emplace(std::move(*hold));
    return TrapOr<u32>(1u);
  }
};

}  // namespace

Step<TrapOr<Done>> registry_put(Caller& caller, GuestString name, u64 node_id, u64 process_id) {
  std::string text = TRY(read_text(caller, name));
  return in_turn(caller, Put{std::move(text), {node_id, process_id}});
}

Step<TrapOr<u32>> registry_get(Caller& caller, GuestString name, GuestOut<u64> node_id,
                               GuestOut<u64> process_id) {
  if (is_to_put(caller)) return must_put(caller);
  std::string text = TRY(read_text(caller, name));
  return in_turn(caller, Get{std::move(text), node_id, process_id});
}

Step<TrapOr<u32>> registry_get_or_put_later(Caller& caller, GuestString name, GuestOut<u64> node_id,
                                            GuestOut<u64> process_id) {
  if (is_to_put(caller)) return must_put(caller);
  std::string text = TRY(read_text(caller, name));
  return in_turn(caller, Get{std::move(text), node_id, process_id, true});
}

Step<TrapOr<Done>> registry_remove(Caller& caller, GuestString name) {
  if (is_to_put(caller)) return must_put(caller);
  std::string text = TRY(read_text(caller, name));
  return in_turn(caller, Remove{std::move(text)});
}

}  // namespace lr::lunatic
