// Errors, the version, and what a program that runs on one node answers about others.
#include "host/lunatic/abi.h"
#include "host/lunatic/lunatic.h"

namespace lr::lunatic {
namespace {

TrapOr<std::string*> find_error(Caller& caller, u64 id) {
  std::string* const error = caller.process()->resources().errors.find(id);
  if (error == nullptr) return refuse(caller, "no error {}", id);
  return error;
}

}  // namespace

TrapOr<u32> error_string_size(Caller& caller, u64 error_id) {
  std::string* const error = TRY(find_error(caller, error_id));
  return static_cast<u32>(error->size());
}

TrapOr<Done> error_to_string(Caller& caller, u64 error_id, GuestPointer text) {
  std::string* const error = TRY(find_error(caller, error_id));
  if (!text.memory->claim(text.offset, error->size())) return out_of_bounds(caller);
  GuestBytes(*text.memory, text.offset, error->size()).copy_out(error->data(), error->size());
  return Done();
}

TrapOr<Done> error_drop(Caller& caller, u64 error_id) {
  if (!caller.process()->resources().errors.remove(error_id)) {
    return refuse(caller, "no error {}", error_id);
  }
  return Done();
}

// The version of Lunatic whose functions these are.
u32 version_major(Caller& /*caller*/) { return 0; }
u32 version_minor(Caller& /*caller*/) { return 13; }
u32 version_patch(Caller& /*caller*/) { return 2; }

u64 distributed_node_id(Caller& /*caller*/) { return 0; }
u64 distributed_module_id(Caller& /*caller*/) { return 0; }
u32 distributed_nodes_count(Caller& /*caller*/) { return 0; }

}  // namespace lr::lunatic
