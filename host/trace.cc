#include "host/trace.h"

#include <fmt/format.h>

#include <bit>

#include "host/wasi/errno.h"

namespace lr {
namespace {

constexpr usize kTextShown = 64;

std::string number(WordKind kind, u64 bits) {
  switch (kind) {
    case WordKind::I32:
      return fmt::format("{}", static_cast<i32>(bits));
    case WordKind::I64:
      return fmt::format("{}", static_cast<i64>(bits));
    case WordKind::F32:
      return fmt::format("{}", std::bit_cast<f32>(static_cast<u32>(bits)));
    case WordKind::F64:
      return fmt::format("{}", std::bit_cast<f64>(bits));
    case WordKind::U32:
    case WordKind::Pointer:
    case WordKind::Text:
    case WordKind::TextLength:
      return fmt::format("{}", static_cast<u32>(bits));
    case WordKind::U64:
      return fmt::format("{}", bits);
  }
  return {};
}

std::string_view next_word(std::string_view& words) {
  const usize start = words.find_first_not_of(' ');
  words.remove_prefix(start == words.npos ? words.size() : start);
  const std::string_view word = words.substr(0, words.find(' '));
  words.remove_prefix(word.size());
  return word;
}

}  // namespace

void Tracer::line(std::string_view text) {
  const std::lock_guard lock(mutex_);
  sink_(text);
}

std::string quoted(std::string_view text, usize limit) {
  std::string out = "\"";
  for (const char c : text.substr(0, limit)) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<u8>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<u8>(c));
    } else {
      out += c;
    }
  }
  out += text.size() > limit ? "\"..." : "\"";
  return out;
}

std::string describe_call(const Caller& caller, const HostFunction& function, const u64* slots) {
  std::string out(function.name);
  out += '(';
  std::string_view words = function.words;
  for (usize i = 0; i < function.kinds.size(); ++i) {
    const std::string_view name = next_word(words);
    const WordKind kind = function.kinds[i];
    if (kind == WordKind::TextLength) continue;  // The text before it says it.
    if (out.back() != '(') out += ", ";
    out += name;
    out += '=';
    const bool readable = kind == WordKind::Text && caller.memory().claim(slots[i], slots[i + 1]);
    if (readable) {
      const GuestString text(caller.memory(), slots[i], slots[i + 1]);
      out += quoted(text.copy(), kTextShown);
    } else {
      out += number(kind, slots[i]);
    }
  }
  out += ')';
  return out;
}

std::string describe_reply(const Caller& caller, const HostFunction& function, HostStatus status,
                           const u64* slots) {
  if (status == HostStatus::Trap) {
    if (caller.trap_code == jit::Trap::Exit) return "";
    return fmt::format(" -> trap: {}", caller.trap_message().empty()
                                           ? jit::text_of(caller.trap_code)
                                           : caller.trap_message());
  }
  switch (function.reply) {
    case Reply::Nothing:
    case Reply::NeverReturns:
      return "";
    case Reply::I32:
      return " -> " + number(WordKind::I32, slots[0]);
    case Reply::U32:
      return " -> " + number(WordKind::U32, slots[0]);
    case Reply::I64:
      return " -> " + number(WordKind::I64, slots[0]);
    case Reply::U64:
      return " -> " + number(WordKind::U64, slots[0]);
    case Reply::F32:
      return " -> " + number(WordKind::F32, slots[0]);
    case Reply::F64:
      return " -> " + number(WordKind::F64, slots[0]);
    case Reply::WasiErrno:
      return fmt::format(" -> {}", wasi::name_of(static_cast<wasi::Errno>(slots[0])));
  }
  return "";
}

}  // namespace lr
