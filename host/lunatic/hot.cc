#include "host/lunatic/hot.h"

#include "host/host_function.h"
#include "host/lunatic/abi.h"

namespace lr::lunatic {
namespace {

using jit::Context;
using jit::HostStatus;

Process& process_of(Context* context) {
  return static_cast<Process&>(sched::Process::from(context->run));
}

// The message in the slot if it is one of data, else null.
Message* data_message(Process& process) {
  Message* const message = process.scratch().get();
  return message != nullptr && message->type == Message::Type::Data ? message : nullptr;
}

}  // namespace

// tag, capacity
HostStatus hot_message_create_data(Context* context, const jit::HostFunction* self, u64* args) {
  Process& process = process_of(context);
  if (!process.may_directly(Permission::Messages)) return host_entry(context, self, args);
  MessagePtr& scratch = process.scratch();
  if (scratch == nullptr) scratch = std::make_unique<Message>();
  scratch->reset(static_cast<i64>(args[0]));
  return HostStatus::Done;
}

// data, length -> length
HostStatus hot_message_write_data(Context* context, const jit::HostFunction* self, u64* args) {
  Process& process = process_of(context);
  Message* const message = data_message(process);
  if (!process.may_directly(Permission::Messages) || message == nullptr ||
      !may_touch(*context, args[0], args[1]) || !message->has_room(args[1])) {
    return host_entry(context, self, args);
  }
  message->append_in_place(context->memory_base + args[0], args[1]);
  args[0] = args[1];
  return HostStatus::Done;
}

// data, length -> how many were left and have been copied
HostStatus hot_message_read_data(Context* context, const jit::HostFunction* self, u64* args) {
  Process& process = process_of(context);
  Message* const message = data_message(process);
  if (!process.may_directly(Permission::Messages) || message == nullptr ||
      !may_touch(*context, args[0], args[1]) || !message->is_in_first(message->read_at)) {
    return host_entry(context, self, args);
  }
  const u64 length = std::min(args[1], message->size() - message->read_at);
  message->copy_out(message->read_at, context->memory_base + args[0], length);
  message->read_at += length;
  args[0] = length;
  return HostStatus::Done;
}

// process id -> 0
HostStatus hot_message_send(Context* context, const jit::HostFunction* self, u64* args) {
  Process& process = process_of(context);
  if (!process.may_directly(Permission::Messages) || process.scratch() == nullptr) {
    return host_entry(context, self, args);
  }
  send_from(process, args[0], std::move(process.scratch()));
  args[0] = 0;
  return HostStatus::Done;
}

// tags, how many, timeout -> the kind of message
HostStatus hot_message_receive(Context* context, const jit::HostFunction* self, u64* args) {
  Process& process = process_of(context);
  Mailbox& mailbox = process.mailbox();
  if (!process.may_directly(Permission::Messages) || mailbox.count() == 0 || args[1] > 1) {
    return host_entry(context, self, args);
  }
  MessagePtr message;
  if (args[1] == 0) {
    message = mailbox.take();
  } else {
    if (!may_touch(*context, args[0], sizeof(i64))) return host_entry(context, self, args);
    i64 tag = 0;
    std::memcpy(&tag, context->memory_base + args[0], sizeof tag);
    message = mailbox.take({&tag, 1});
  }
  if (message == nullptr) return host_entry(context, self, args);
  args[0] = static_cast<u64>(message->type);
  process.scratch() = std::move(message);
  return HostStatus::Done;
}

HostStatus hot_process_process_id(Context* context, const jit::HostFunction* self, u64* args) {
  Process& process = process_of(context);
  if (!process.may_directly(Permission::Processes)) return host_entry(context, self, args);
  args[0] = process.pid();
  return HostStatus::Done;
}

HostStatus hot_distributed_node_id(Context* context, const jit::HostFunction* self, u64* args) {
  Process& process = process_of(context);
  if (!process.may_directly(Permission::None)) return host_entry(context, self, args);
  args[0] = 0;
  return HostStatus::Done;
}

}  // namespace lr::lunatic
