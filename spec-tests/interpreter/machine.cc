#include "spec-tests/interpreter/machine.h"

#include "base/check.h"
#include "spec-tests/interpreter/steps.h"

namespace lr::interp {

Machine::Machine(Store& store)
    : fuel(store.options().fuel),
      store_(store),
      values_(std::make_unique_for_overwrite<Value[]>(store.options().values_max)),
      limit_(values_.get() + store.options().values_max),
      top_(values_.get()) {}

// -- Execution ------------------------------------------------------------------------------------

void Machine::run() {
  is_running_ = true;
  outcome_ = {};
  while (is_running_) {
    if (fuel == 0) return end(Outcome::Kind::OutOfFuel);
    fuel--;
    const Inst& inst = *next_++;
    kSteps[static_cast<u32>(inst.op)](*this, inst);
  }
}

void Machine::end(Outcome::Kind kind) {
  is_running_ = false;
  outcome_.kind = kind;
}

void Machine::trap(Trap reason) {
  outcome_.trap = reason;
  end(Outcome::Kind::Trapped);
}

bool Machine::charge(u64 work) {
  if (work < fuel) {
    fuel -= work;
    return true;
  }
  fuel = 0;
  end(Outcome::Kind::OutOfFuel);
  return false;
}

Outcome Machine::invoke(FuncInst& func, std::span<const Value> args, std::span<Value> results) {
  top_ = values_.get();
  labels_.clear();
  frames_.clear();
  outcome_ = {};
  for (const Value& arg : args) push_value(arg);
  is_running_ = true;
  call(func);
  if (is_running_) run();
  if (outcome_.returned()) {
    for (usize i = 0; i < results.size(); i++) results[i] = values_[i];
  }
  return outcome_;
}

Outcome Machine::evaluate(ModuleInst& instance, const Code& code, Value& result) {
  top_ = values_.get();
  labels_.clear();
  frames_.clear();
  push_frame(instance, code);
  run();
  result = values_[0];
  return outcome_;
}

// -- Frames ---------------------------------------------------------------------------------------

void Machine::push_frame(ModuleInst& instance, const Code& code) {
  if (frames_.size() >= store_.options().calls_max ||
      static_cast<usize>(limit_ - top_) <= code.locals) {
    return trap(Trap::StackExhausted);
  }
  locals_ = top_ - code.params;
  std::fill_n(top_, code.locals, Value{});
  top_ += code.locals;
  frames_.push_back({&instance, &code, locals_, next_, labels_.size()});
  Label frame;
  frame.is_frame = true;
  labels_.push_back(frame);
  next_ = code.insts.data();
}

void Machine::pop_frame(u32 results) {
  const Frame frame = frames_.back();
  std::copy(top_ - results, top_, frame.locals);
  top_ = frame.locals + results;
  next_ = frame.return_to;
  labels_.resize(frame.labels);
  frames_.pop_back();
  if (!frames_.empty()) locals_ = frames_.back().locals;
}

void Machine::call(FuncInst& func) {
  if (func.host != nullptr) return call_host(func);
  if (!func.code) {
    func.code = std::make_unique<const Code>(decode_function(*func.module->module, func.index));
  }
  push_frame(*func.module, *func.code);
}

void Machine::call_host(FuncInst& func) {
  const DefinedType& type = defined_type(func.type);
  const usize params = type.params.size();
  const usize results = type.results.size();
  if (static_cast<usize>(limit_ - top_) < results) return trap(Trap::StackExhausted);
  Value* const args = top_ - params;
  const Trap trapped = func.host->body(func.host->state, {args, params}, {top_, results});
  if (trapped != Trap::None) return trap(trapped);
  std::copy(top_, top_ + results, args);
  top_ = args + results;
  if (frames_.empty()) end(Outcome::Kind::Returned);
}

void Machine::tail_call(FuncInst& func) {
  pop_frame(static_cast<u32>(defined_type(func.type).params.size()));
  call(func);
}

void Machine::return_from_frame() {
  pop_frame(code().results);
  if (frames_.empty()) end(Outcome::Kind::Returned);
}

// -- Labels ---------------------------------------------------------------------------------------

void Machine::enter_block(u32 block, Entry entry) {
  if (labels_.size() >= store_.options().values_max) return trap(Trap::StackExhausted);
  const Block& info = code().blocks[block];
  Label label;
  const bool is_loop = entry == Entry::Loop;
  label.entry = entry;
  label.arity = is_loop ? info.params : info.results;
  label.target = is_loop ? info.start : info.end + 1;
  label.block = block;
  label.height = top_ - info.params;
  labels_.push_back(label);
}

void Machine::branch(u32 depth) {
  const Label& target = label(depth);
  if (target.is_frame) return return_from_frame();
  std::copy(top_ - target.arity, top_, target.height);
  top_ = target.height + target.arity;
  jump(target.target);
  const bool stays = target.entry == Entry::Loop;
  labels_.resize(labels_.size() - depth - (stays ? 0 : 1));
}

// -- Exceptions -----------------------------------------------------------------------------------

// From the innermost label outwards, through all frames.
void Machine::throw_exception(Exception* exception) {
  usize at = labels_.size();
  while (at > 0) {
    const Label& label = labels_[--at];
    if (label.is_frame) {
      pop_frame(0);
    } else if (label.entry == Entry::Handler) {
      const Block& block = code().blocks[label.block];
      if (block.delegates) {
        at -= block.delegate;
      } else if (handle(at, *exception)) {
        return;
      }
    }
  }
  outcome_.exception = exception;
  end(Outcome::Kind::Thrown);
}

// False if the label has no handler for the exception.
bool Machine::handle(usize at, Exception& exception) {
  Label& label = labels_[at];
  const Block& block = code().blocks[label.block];
  for (u32 i = 0; i < block.handlers; i++) {
    const Handler& handler = code().handlers[block.handler + i];
    const Catch& clause = handler.clause;
    if (clause.has_tag() && instance().tags[clause.tag] != exception.tag) continue;
    const bool is_legacy = handler.start != 0;
    top_ = label.height;
    if (is_legacy) {
      label.entry = Entry::Block;
      label.caught = &exception;
    }
    labels_.resize(at + (is_legacy ? 1 : 0));
    if (clause.has_tag()) {
      for (const Value& value : exception.values()) push_value(value);
    }
    if (clause.has_ref()) push(reinterpret_cast<Ref>(&exception));
    if (is_legacy) {
      jump(handler.start);
    } else {
      branch(clause.label);
    }
    return true;
  }
  return false;
}

}  // namespace lr::interp
