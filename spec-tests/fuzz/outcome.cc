#include "spec-tests/fuzz/outcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace lr::fuzz {

u64 canonical_bits(Kind kind, u64 bits) {
  if (kind == Kind::F32) {
    bits &= 0xffff'ffff;
    return (bits & 0x7fff'ffff) > 0x7f80'0000 ? 0x7fc0'0000 : bits;
  }
  if (kind == Kind::F64 && (bits << 1) > 0xffe0'0000'0000'0000) return 0x7ff8'0000'0000'0000;
  return kind == Kind::I32 ? bits & 0xffff'ffff : bits;
}

bool is_called(const Module& module, const Export& each) {
  if (each.kind != ExternKind::Func) return false;
  const DefinedType& type = *module.functions[each.index].signature;
  const auto all_numbers = [](std::span<const ValType> types) {
    return std::all_of(types.begin(), types.end(),
                       [](const ValType& t) { return t.is_int() || t.is_float(); });
  };
  return all_numbers(type.params) && all_numbers(type.results);
}

namespace {

std::string text_of(const CallOutcome& call) {
  if (!call.trap.empty()) return "trap: " + call.trap;
  std::string text = "returns";
  for (const u64 value : call.values) text += fmt::format(" {:#x}", value);
  return text;
}

}  // namespace

std::string difference(const Outcome& expected, const Outcome& actual) {
  if (expected.refused != actual.refused) {
    return fmt::format("refused: '{}', not '{}'", actual.refused, expected.refused);
  }
  for (usize i = 0; i < expected.calls.size(); i++) {
    if (expected.calls[i] == actual.calls[i]) continue;
    return fmt::format("call {} of f{}: {}, not {}", i % kRounds, i / kRounds,
                       text_of(actual.calls[i]), text_of(expected.calls[i]));
  }
  for (usize i = 0; i < expected.globals.size(); i++) {
    if (expected.globals[i] == actual.globals[i]) continue;
    return fmt::format("global {}: {:#x}, not {:#x}", i / 2, actual.globals[i],
                       expected.globals[i]);
  }
  for (usize i = 0; i < expected.tables.size(); i++) {
    if (expected.tables[i].size() != actual.tables[i].size()) {
      return fmt::format("table {} has {} elements, not {}", i, actual.tables[i].size(),
                         expected.tables[i].size());
    }
    for (usize k = 0; k < expected.tables[i].size(); k++) {
      if (expected.tables[i][k] == actual.tables[i][k]) continue;
      return fmt::format("table {}[{}]: {:#x}, not {:#x}", i, k, actual.tables[i][k],
                         expected.tables[i][k]);
    }
  }
  if (expected.host_log != actual.host_log) return "other arguments of host calls";
  return "";
}

u32 hash_of(const std::vector<u8>& bytes) {
  u32 hash = 0x811c'9dc5;
  for (usize i = 0; i + 4 <= bytes.size(); i += 4) {
    u32 word;
    std::memcpy(&word, bytes.data() + i, 4);
    hash = (hash ^ word) * 0x0100'0193;
    hash ^= hash >> 15;
  }
  return hash;
}

std::string to_text(const Outcome& outcome) {
  if (!outcome.refused.empty()) return "refused: " + outcome.refused + "\n";
  std::string text;
  for (usize i = 0; i < outcome.calls.size(); i++) {
    text += fmt::format("f{} {}\n", i / kRounds, text_of(outcome.calls[i]));
  }
  for (usize i = 0; i < outcome.memories.size(); i++) {
    const MemoryOutcome& memory = outcome.memories[i];
    text += fmt::format("memory {} pages {} hash {:#x}\n", i, memory.pages, hash_of(memory.bytes));
  }
  for (usize i = 0; i < outcome.tables.size(); i++) {
    text += fmt::format("table {}", i);
    for (const u64 element : outcome.tables[i]) text += element == 0 ? " null" : " ref";
    text += "\n";
  }
  return text + fmt::format("host {:#x}\n", outcome.host_log);
}

}  // namespace lr::fuzz
