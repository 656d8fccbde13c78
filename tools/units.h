// Numbers with units, as people write them on a command line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/types.h"

namespace lr::cli {

// "500ms", "5s", "1.5m", "2h", "10us", "10ns" in nanoseconds; a bare number is in seconds.
// Nothing if it is no such thing, or beyond what fits.
std::optional<u64> parse_duration_ns(std::string_view text);

// "4096", "64KiB", "1.5GiB", "10MB" in bytes. K, M and G alone mean KiB, MiB and GiB.
std::optional<u64> parse_size_bytes(std::string_view text);

// "1", "64": decimal digits only, nothing else, from 1.
std::optional<u32> parse_count(std::string_view text);

// "812 ns", "13.4 us", "2.7 ms", "61.0 s".
std::string duration_text(f64 ns);
// "812 bytes", "13.4 KiB", "2.7 GiB".
std::string size_text(u64 bytes);

}  // namespace lr::cli
