#include "spec-tests/fuzz/generator.h"

#include "spec-tests/fuzz/code_generator.h"

namespace lr::fuzz {

struct Generator::State {
  GeneratorOptions options;
  OpTables ops;
  OpTables ops_with_relaxed;
};

Generator::Generator(const GeneratorOptions& options)
    : state_(new State{options, OpTables(options.features, false),
                       OpTables(options.features, true)}) {}
Generator::~Generator() { delete state_; }

std::vector<u8> Generator::module(Choices& choices) const {
  const ModulePlan plan = make_plan(choices, state_->options.features);
  CodeGenerator code(plan, plan.has_relaxed ? state_->ops_with_relaxed : state_->ops, choices);
  const u32 first = static_cast<u32>(plan.imports.size());
  const u32 count = static_cast<u32>(plan.functions.size()) - first;
  std::vector<std::vector<u8>> bodies;
  for (u32 i = 0; i < count; i++) {
    const u32 fair = state_->options.nodes / count;
    bodies.push_back(code.body(first + i, choices.between(fair / 4, fair * 2)));
  }
  return encode(plan, bodies);
}

}  // namespace lr::fuzz
