// A cursor over bytes. The first error wins, and reading goes on with zeros: whoever reads needs no
// test after each read, only `ok()` at the end of a construct (and in each loop whose count came
// from the input).
#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace lr {

// The first error of an input.
class Diag {
 public:
  bool ok() const { return !error_.has_value(); }

  // Keeps the first error. A detail that begins with a space continues the error's own text
  // ("unknown memory" and " 1").
  void fail(Err code, u64 offset, std::string detail = {}) {
    if (error_) return;
    error_ = Error{code, std::move(detail), offset};
  }

  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }

  // The error, or success. Leaves nothing behind.
  Status take() {
    if (!error_) return ok_status();
    Error error = std::move(*error_);
    error_.reset();
    return error;
  }

 private:
  std::optional<Error> error_;
};

// Length of the longest prefix that is strict UTF-8: no overlong forms, no surrogates, nothing
// above U+10FFFF.
usize utf8_prefix(std::span<const u8> bytes);
inline bool is_utf8(std::span<const u8> bytes) { return utf8_prefix(bytes) == bytes.size(); }
inline std::span<const u8> as_bytes(std::string_view text) {
  return {reinterpret_cast<const u8*>(text.data()), text.size()};
}
inline bool is_utf8(std::string_view text) { return is_utf8(as_bytes(text)); }

class Reader {
 public:
  // Reads all[from, to); offsets in errors count from the start of `all`. `end_error` is what
  // reading beyond `to` means.
  Reader(std::span<const u8> all, usize from, usize to, Diag& diag,
         Err end_error = Err::UnexpectedEndOfSection)
      : base_(all.data()),
        at_(base_ + from),
        end_(base_ + to),
        diag_(&diag),
        end_error_(end_error) {}

  bool ok() const { return diag_->ok(); }
  bool at_end() const { return at_ == end_; }
  u32 offset() const { return static_cast<u32>(at_ - base_); }
  u32 end_offset() const { return static_cast<u32>(end_ - base_); }
  usize remaining() const { return static_cast<usize>(end_ - at_); }
  Diag& diag() { return *diag_; }

  // Fails and ends the input, so that every loop over it ends.
  void fail(Err code, u64 offset, std::string detail = {}) {
    diag_->fail(code, offset, std::move(detail));
    at_ = end_;
  }

  // The next byte, or 0 at the end.
  u8 peek() const { return at_ == end_ ? u8{0} : *at_; }

  u8 byte() {
    if (at_ == end_) [[unlikely]] {
      fail(end_error_, offset());
      return 0;
    }
    return *at_++;
  }

  u32 leb_u32() {
    if (at_ != end_ && *at_ < 0x80) [[likely]]
      return *at_++;
    return static_cast<u32>(leb_slow<32, false>());
  }
  u64 leb_u64() {
    if (at_ != end_ && *at_ < 0x80) [[likely]]
      return *at_++;
    return leb_slow<64, false>();
  }
  i32 leb_s32() { return static_cast<i32>(leb_signed<32>()); }
  i64 leb_s33() { return leb_signed<33>(); }
  i64 leb_s64() { return leb_signed<64>(); }

  u32 fixed_u32() {
    u32 value = 0;
    auto from = bytes(4);
    if (from.size() == 4) std::memcpy(&value, from.data(), 4);
    return value;
  }
  u64 fixed_u64() {
    u64 value = 0;
    auto from = bytes(8);
    if (from.size() == 8) std::memcpy(&value, from.data(), 8);
    return value;
  }

  // The next `count` bytes, or none when there are fewer.
  std::span<const u8> bytes(u64 count) {
    if (count > remaining()) [[unlikely]] {
      fail(end_error_, offset());
      return {};
    }
    std::span<const u8> result(at_, count);
    at_ += count;
    return result;
  }

  // A length in bytes, in range.
  u32 length() {
    u32 at = offset();
    u32 count = leb_u32();
    if (count > remaining()) {
      fail(Err::LengthOutOfBounds, at);
      return 0;
    }
    return count;
  }

  // The number of elements of a vector, each at least one byte long.
  u32 vector_count() { return length(); }

  // A name: length and UTF-8.
  std::string_view name() {
    u32 count = length();
    u32 at = offset();
    auto text = bytes(count);
    if (!is_utf8(text)) fail(Err::BadUtf8, at);
    return {reinterpret_cast<const char*>(text.data()), text.size()};
  }

  // For a fast path that keeps the cursor itself.
  const u8* base() const { return base_; }
  const u8* position() const { return at_; }
  const u8* limit() const { return end_; }
  void set_position(const u8* at) { at_ = at; }

  void skip_to(u32 offset) { at_ = base_ + offset; }

 private:
  template <int kBits>
  i64 leb_signed() {
    if (at_ != end_ && *at_ < 0x80) [[likely]]
      return static_cast<i64>(u64{*at_++} << 57) >> 57;
    return static_cast<i64>(leb_slow<kBits, true>());
  }

  // A number of more than one byte, or none at all.
  template <int kBits, bool kSigned>
  u64 leb_slow();

  const u8* base_;
  const u8* at_;
  const u8* end_;
  Diag* diag_;
  Err end_error_;
};

extern template u64 Reader::leb_slow<32, false>();
extern template u64 Reader::leb_slow<64, false>();
extern template u64 Reader::leb_slow<32, true>();
extern template u64 Reader::leb_slow<33, true>();
extern template u64 Reader::leb_slow<64, true>();

}  // namespace lr
