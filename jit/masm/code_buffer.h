// What both Masms share: the code buffer of an asmjit assembler, into which hot methods write
// directly, and the list of forward references.
#pragma once

#include <asmjit/core.h>

#include <span>
#include <vector>

#include "base/check.h"
#include "base/types.h"
#include "jit/masm/masm.h"

namespace lr::jit {

// asmjit reports what it cannot do or encode here; it is remembered until the next function.
class StickyError final : public asmjit::ErrorHandler {
 public:
  void handleError(asmjit::Error error, const char* /*message*/,
                   asmjit::BaseEmitter* /*origin*/) override {
    if (error_ == asmjit::kErrorOk) error_ = error;
  }
  bool ok() const { return error_ == asmjit::kErrorOk; }
  void clear() { error_ = asmjit::kErrorOk; }

 private:
  asmjit::Error error_ = asmjit::kErrorOk;
};

// A reference to a label that is not bound yet. What is written at `at` counts from `base`.
struct Fixup {
  u32 at;
  u32 base;
  i32 previous;           // The label's reference before this one, or -1.
  bool in_table = false;  // An entry of a jump table: a plain 32-bit distance.
};

// The assembler and its buffer. Whoever writes bytes directly calls room() first and then moves
// the assembler's own pointer, so that direct and asmjit emission mix freely.
template <typename Assembler>
class CodeBuffer {
 public:
  // More than any method emits (a jump table asks for what it needs).
  static constexpr usize kMethodBytesMax = 512;
  static constexpr usize kFunctionBytesMax = usize{1} << 30;

  explicit CodeBuffer(asmjit::Arch arch) {
    code_.init(asmjit::Environment(arch));
    code_.setErrorHandler(&error_);
    code_.attach(&as_);
    grow(64 * kKiB);
  }
  CodeBuffer(const CodeBuffer&) = delete;
  CodeBuffer& operator=(const CodeBuffer&) = delete;

  Assembler& as() { return as_; }
  u8* at(u32 offset) { return as_._bufferData + offset; }
  u32 offset() const { return static_cast<u32>(as_._bufferPtr - as_._bufferData); }
  std::span<const u8> code() const { return {as_._bufferData, offset()}; }
  bool ok() const { return error_.ok() && !failed_; }
  void fail() { failed_ = true; }
  void set_logger(asmjit::Logger* logger) { code_.setLogger(logger); }

  void reset() {
    as_._bufferPtr = as_._bufferData;
    fixups_.clear();
    error_.clear();
    failed_ = false;
  }

  // A pointer to at least `bytes` of room. After a failure code overwrites the buffer's start.
  u8* room(usize bytes = kMethodBytesMax) {
    if (static_cast<usize>(as_._bufferEnd - as_._bufferPtr) < bytes) [[unlikely]]
      grow(bytes);
    return as_._bufferPtr;
  }
  void advance_to(u8* end) { as_._bufferPtr = end; }

  void add_fixup(Label& label, u32 at, u32 base, bool in_table = false) {
    fixups_.push_back({at, base, label.chain, in_table});
    label.chain = static_cast<i32>(fixups_.size()) - 1;
  }
  // Binds the label here and hands each forward reference to `apply`.
  template <typename Apply>
  void bind(Label& label, Apply apply) {
    DCHECK(!label.bound());
    label.position = static_cast<i32>(offset());
    for (i32 i = label.chain; i >= 0; i = fixups_[static_cast<usize>(i)].previous) {
      apply(fixups_[static_cast<usize>(i)]);
    }
    label.chain = -1;
  }

 private:
  void grow(usize bytes) {
    asmjit::CodeBuffer& buffer = as_._section->buffer();
    buffer._size = offset();
    const bool grown = buffer._size + bytes <= kFunctionBytesMax &&
                       code_.growBuffer(&buffer, bytes) == asmjit::kErrorOk;
    if (!grown) {
      CHECK(buffer._capacity >= bytes);
      failed_ = true;
      buffer._size = 0;
    }
    as_._bufferData = buffer._data;
    as_._bufferEnd = buffer._data + buffer._capacity;
    as_._bufferPtr = buffer._data + buffer._size;
  }

  StickyError error_;
  asmjit::CodeHolder code_;
  Assembler as_;
  std::vector<Fixup> fixups_;
  bool failed_ = false;
};

}  // namespace lr::jit
