#include "tools/units.h"

#include <gtest/gtest.h>

namespace lr::cli {
namespace {

TEST(Units, Durations) {
  EXPECT_EQ(parse_duration_ns("500ms"), 500'000'000u);
  EXPECT_EQ(parse_duration_ns("5s"), 5'000'000'000u);
  EXPECT_EQ(parse_duration_ns("5"), 5'000'000'000u);
  EXPECT_EQ(parse_duration_ns("1.5m"), 90'000'000'000u);
  EXPECT_EQ(parse_duration_ns("0"), 0u);
  for (const char* bad : {"", "s", "-1s", "5 s", "5x", "inf", "nan", "1e3s", "99999999999h"}) {
    EXPECT_EQ(parse_duration_ns(bad), std::nullopt) << bad;
  }
}

TEST(Units, Sizes) {
  EXPECT_EQ(parse_size_bytes("4096"), 4096u);
  EXPECT_EQ(parse_size_bytes("64KiB"), 65536u);
  EXPECT_EQ(parse_size_bytes("1M"), 1u << 20);
  EXPECT_EQ(parse_size_bytes("1.5GiB"), 3u << 29);
  EXPECT_EQ(parse_size_bytes("10MB"), 10'000'000u);
  for (const char* bad : {"", "KiB", "-1", "1TiBB", "1 K", "0x10", "99999999999GiB"}) {
    EXPECT_EQ(parse_size_bytes(bad), std::nullopt) << bad;
  }
}

TEST(Units, Counts) {
  EXPECT_EQ(parse_count("64"), 64u);
  for (const char* bad : {"", "0", "-1", "+1", "1.5", "4294967296", "2 "}) {
    EXPECT_EQ(parse_count(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace lr::cli
