#include "frontend/text_number.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <string>

namespace lr {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Of a hexadecimal digit, else 16.
u32 digit_value(char c) {
  if (is_digit(c)) return static_cast<u32>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<u32>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<u32>(c - 'A') + 10;
  return 16;
}

// Skips digit ('_'? digit)* from `at`; nothing if there is no such run.
bool skip_digits(std::string_view text, usize& at, u32 base) {
  if (at == text.size() || digit_value(text[at]) >= base) return false;
  at++;
  while (at < text.size()) {
    usize next = at + (text[at] == '_');
    if (next == text.size() || digit_value(text[next]) >= base) break;
    at = next + 1;
  }
  return true;
}

bool is_sign(char c) { return c == '+' || c == '-'; }

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Removes the sign; true if it is a minus.
bool take_sign(std::string_view& text) {
  bool negative = text.starts_with('-');
  if (!text.empty() && is_sign(text[0])) text.remove_prefix(1);
  return negative;
}

template <typename Bits>
struct Format;
template <>
struct Format<u32> {
  using Float = f32;
  static constexpr int kFractionBits = 23;
  static constexpr int kExponentBits = 8;
};
template <>
struct Format<u64> {
  using Float = f64;
  static constexpr int kFractionBits = 52;
  static constexpr int kExponentBits = 11;
};

template <typename Bits>
constexpr Bits kInfinity =
    ((Bits{1} << Format<Bits>::kExponentBits) - 1) << Format<Bits>::kFractionBits;
template <typename Bits>
constexpr Bits kQuietBit = Bits{1} << (Format<Bits>::kFractionBits - 1);

// The float nearest to mantissa * 2^exponent, where `sticky` says that the true value is a little
// larger. The mantissa is 0 or has its highest bit set.
template <typename Bits>
std::optional<Bits> round_to_float(u64 mantissa, i64 exponent, bool sticky) {
  constexpr int kFraction = Format<Bits>::kFractionBits;
  constexpr i64 kBias = (i64{1} << (Format<Bits>::kExponentBits - 1)) - 1;
  if (mantissa == 0) return Bits{0};
  i64 biased = exponent + 63 + kBias;  // Of the highest bit.
  if (biased > 2 * kBias) return std::nullopt;
  // Subnormals have fewer bits of fraction and the exponent of the smallest normal number.
  i64 dropped = 63 - kFraction + (biased < 1 ? 1 - biased : 0);
  if (dropped > 64) return Bits{0};
  u64 kept = dropped == 64 ? 0 : mantissa >> dropped;
  u64 rest = dropped == 64 ? mantissa : mantissa << (64 - dropped);
  constexpr u64 kHalf = u64{1} << 63;
  if (rest > kHalf || (rest == kHalf && (sticky || (kept & 1) != 0))) kept++;
  // A carry out of the fraction is the next exponent, as it should be.
  u64 bits = biased < 1 ? kept : (static_cast<u64>(biased - 1) << kFraction) + kept;
  if (bits >= kInfinity<Bits>) return std::nullopt;
  return static_cast<Bits>(bits);
}

// Digits of an exponent, far enough out that no mantissa of any length brings it back in.
i64 parse_exponent(std::string_view text) {
  constexpr i64 kFar = i64{1} << 40;
  bool negative = take_sign(text);
  i64 value = 0;
  for (char c : text) {
    if (c != '_' && value < kFar) value = value * 10 + digit_value(c);
  }
  return negative ? -value : value;
}

template <typename Bits>
std::optional<Bits> parse_hex_float(std::string_view text) {
  u64 mantissa = 0;
  i64 exponent = 0;
  bool sticky = false;
  bool in_fraction = false;
  for (usize i = 0; i < text.size(); i++) {
    char c = text[i];
    if (c == '_') continue;
    if (c == '.') {
      in_fraction = true;
    } else if (c == 'p' || c == 'P') {
      exponent += parse_exponent(text.substr(i + 1));
      break;
    } else if (mantissa >> 60 == 0) {
      mantissa = mantissa << 4 | digit_value(c);
      if (in_fraction) exponent -= 4;
    } else {
      sticky |= c != '0';
      if (!in_fraction) exponent += 4;
    }
  }
  if (mantissa != 0) {
    int shift = std::countl_zero(mantissa);
    mantissa <<= shift;
    exponent -= shift;
  }
  return round_to_float<Bits>(mantissa, exponent, sticky);
}

// Whether a decimal number that no float is near to is tiny (else it is huge).
bool is_tiny(std::string_view digits) {
  usize e = digits.find_first_of("eE");
  std::string_view mantissa = digits.substr(0, e);
  i64 exponent = e == std::string_view::npos ? 0 : parse_exponent(digits.substr(e + 1));
  usize point = std::min(mantissa.find('.'), mantissa.size());
  usize first = mantissa.find_first_not_of("0.");
  if (first == std::string_view::npos) return true;
  i64 magnitude = static_cast<i64>(point) - static_cast<i64>(first);
  return magnitude + exponent < 0;
}

template <typename Bits>
std::optional<Bits> parse_decimal_float(std::string_view text) {
  std::string digits;
  digits.reserve(text.size());
  for (char c : text) {
    if (c != '_') digits += c;
  }
  typename Format<Bits>::Float value = 0;
  const char* end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, value).ec == std::errc::result_out_of_range) {
    if (is_tiny(digits)) return Bits{0};
    return std::nullopt;
  }
  Bits bits = std::bit_cast<Bits>(value);
  if (bits == kInfinity<Bits>) return std::nullopt;
  return bits;
}

template <typename Bits>
std::optional<Bits> parse_magnitude(std::string_view text) {
  if (text == "inf") return kInfinity<Bits>;
  if (text == "nan") return kInfinity<Bits> | kQuietBit<Bits>;
  if (take_prefix(text, "nan:")) {
    std::optional<u64> payload = parse_nat(text, (u64{1} << Format<Bits>::kFractionBits) - 1);
    if (!payload || *payload == 0) return std::nullopt;
    return kInfinity<Bits> | static_cast<Bits>(*payload);
  }
  if (take_prefix(text, "0x")) return parse_hex_float<Bits>(text);
  return parse_decimal_float<Bits>(text);
}

template <typename Bits>
std::optional<Bits> parse_float(std::string_view text) {
  bool negative = take_sign(text);
  std::optional<Bits> bits = parse_magnitude<Bits>(text);
  if (bits && negative) *bits |= Bits{1} << (sizeof(Bits) * 8 - 1);
  return bits;
}

}  // namespace

NumberShape number_shape(std::string_view text) {
  usize at = 0;
  bool is_signed = !text.empty() && is_sign(text[0]);
  if (is_signed) at++;
  std::string_view magnitude = text.substr(at);
  if (magnitude == "inf" || magnitude == "nan") return NumberShape::Float;
  bool is_nan = magnitude.starts_with("nan:0x");
  bool is_hex = is_nan || magnitude.starts_with("0x");
  at += is_nan ? 6 : is_hex ? 2 : 0;
  u32 base = is_hex ? 16 : 10;
  if (!skip_digits(text, at, base)) return NumberShape::None;
  if (is_nan) return at == text.size() ? NumberShape::Float : NumberShape::None;
  if (at == text.size()) return is_signed ? NumberShape::Int : NumberShape::Nat;
  if (text[at] == '.') {
    at++;
    skip_digits(text, at, base);
  }
  if (at < text.size() && (text[at] | 0x20) == (is_hex ? 'p' : 'e')) {
    at++;
    if (at < text.size() && is_sign(text[at])) at++;
    if (!skip_digits(text, at, 10)) return NumberShape::None;
  }
  return at == text.size() ? NumberShape::Float : NumberShape::None;
}

std::optional<u64> parse_nat(std::string_view text, u64 max) {
  u32 base = take_prefix(text, "0x") ? 16 : 10;
  u64 value = 0;
  for (char c : text) {
    if (c == '_') continue;
    u64 digit = digit_value(c);
    if (value > (std::numeric_limits<u64>::max() - digit) / base) return std::nullopt;
    value = value * base + digit;
  }
  if (value > max) return std::nullopt;
  return value;
}

std::optional<u64> parse_int(std::string_view text, u32 bits) {
  u64 unsigned_max = ~u64{0} >> (64 - bits);
  bool negative = take_sign(text);
  u64 limit = negative ? u64{1} << (bits - 1) : unsigned_max;
  std::optional<u64> magnitude = parse_nat(text, limit);
  if (!magnitude) return std::nullopt;
  return (negative ? 0 - *magnitude : *magnitude) & unsigned_max;
}

std::optional<u32> parse_f32(std::string_view text) { return parse_float<u32>(text); }
std::optional<u64> parse_f64(std::string_view text) { return parse_float<u64>(text); }

}  // namespace lr
