// Values as people type and read them (--invoke).
#include <fmt/format.h>

#include <bit>

#include "frontend/text_number.h"
#include "host/run.h"

namespace lr {
namespace {

template <typename Bits>
Result<u64> number_or_error(std::optional<Bits> bits, ValType type, std::string_view text) {
  if (bits) return u64{*bits};
  return make_error(Err::BadArgument, fmt::format("'{}' is no {}", text, name_of(type)));
}

std::optional<u64> parse_integer(std::string_view text, u32 bits) {
  const NumberShape shape = number_shape(text);
  if (shape != NumberShape::Nat && shape != NumberShape::Int) return std::nullopt;
  return parse_int(text, bits);
}

}  // namespace

Result<u64> parse_value(ValType type, std::string_view text) {
  const bool is_number = number_shape(text) != NumberShape::None;
  switch (type.kind) {
    case Kind::I32: {
      Result<u64> bits = number_or_error(parse_integer(text, 32), type, text);
      return bits.ok() ? Result<u64>(bits.value() & 0xffff'ffff) : bits;
    }
    case Kind::I64:
      return number_or_error(parse_integer(text, 64), type, text);
    case Kind::F32:
      return number_or_error(is_number ? parse_f32(text) : std::nullopt, type, text);
    case Kind::F64:
      return number_or_error(is_number ? parse_f64(text) : std::nullopt, type, text);
    case Kind::Ref:
      if (text == "null" && type.nullable) return u64{0};
      break;
    default:
      break;
  }
  return make_error(Err::BadArgument,
                    fmt::format("a {} cannot be given on the command line", name_of(type)));
}

std::string format_value(const InvokeResult& value) {
  switch (value.type.kind) {
    case Kind::I32:
      return fmt::format("{}", static_cast<i32>(value.bits));
    case Kind::I64:
      return fmt::format("{}", static_cast<i64>(value.bits));
    case Kind::F32:
      return fmt::format("{}", std::bit_cast<f32>(static_cast<u32>(value.bits)));
    case Kind::F64:
      return fmt::format("{}", std::bit_cast<f64>(value.bits));
    case Kind::V128:
      return fmt::format("0x{:016x}{:016x}", value.high, value.bits);
    default:
      return value.bits == 0 ? "null" : "(a reference)";
  }
}

}  // namespace lr
