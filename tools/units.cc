#include "tools/units.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <span>

namespace lr::cli {

namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr Unit kDurations[] = {{"", 1e9},  {"ns", 1},   {"us", 1e3},  {"ms", 1e6},
                               {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};

constexpr double kKi = 1024;
constexpr Unit kSizes[] = {
    {"", 1},
    {"B", 1},
    {"kB", 1e3},
    {"MB", 1e6},
    {"GB", 1e9},
    {"K", kKi},
    {"KiB", kKi},
    {"M", kKi* kKi},
    {"MiB", kKi* kKi},
    {"G", kKi* kKi* kKi},
    {"GiB", kKi* kKi* kKi},
};

std::optional<u64> parse_with_unit(std::string_view text, std::span<const Unit> units) {
  // from_chars would take a sign, "inf" and "nan".
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  double number = 0;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  std::string_view name(rest, static_cast<usize>(end - rest));
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    double value = std::round(number * unit.factor);
    if (value >= 0x1p63) return std::nullopt;
    return static_cast<u64>(value);
  }
  return std::nullopt;
}

}  // namespace

std::optional<u64> parse_duration_ns(std::string_view text) {
  return parse_with_unit(text, kDurations);
}

std::optional<u64> parse_size_bytes(std::string_view text) { return parse_with_unit(text, kSizes); }

std::string duration_text(f64 ns) {
  if (ns < 1e3) return fmt::format("{:.0f} ns", ns);
  if (ns < 1e6) return fmt::format("{:.1f} us", ns / 1e3);
  if (ns < 1e9) return fmt::format("{:.1f} ms", ns / 1e6);
  return fmt::format("{:.1f} s", ns / 1e9);
}

std::string size_text(u64 bytes) {
  const f64 size = static_cast<f64>(bytes);
  if (bytes < kKiB) return fmt::format("{} bytes", bytes);
  if (bytes < kMiB) return fmt::format("{:.1f} KiB", size / kKiB);
  if (bytes < kGiB) return fmt::format("{:.1f} MiB", size / kMiB);
  return fmt::format("{:.1f} GiB", size / kGiB);
}

std::optional<u32> parse_count(std::string_view text) {
  u32 value = 0;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end || value == 0) return std::nullopt;
  return value;
}

}  // namespace lr::cli
