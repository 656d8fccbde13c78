// CodeMapping: memory for machine code, mapped twice: executable at the address where it runs,
// writable at another. No mapping is both. Reserved without being committed: pages exist once they
// are written.
//
// Making and unmapping one costs more than compiling a small module, so that those of code that is
// gone wait, wiped, for the next code of the same size: a few of them, with a few pages each.
#pragma once

#include "base/result.h"
#include "base/types.h"

namespace lr::jit {

class CodeMapping {
 public:
  CodeMapping() = default;
  CodeMapping(CodeMapping&& other) noexcept { *this = static_cast<CodeMapping&&>(other); }
  CodeMapping& operator=(CodeMapping&& other) noexcept;
  ~CodeMapping();

  // `data_bytes` of ordinary read-write memory stand directly before the code, for what code reads
  // relative to itself. Both sizes are rounded up to pages. A mapping that was recycled holds
  // zeros and kTrapByte; a new one holds zeros.
  static Result<CodeMapping> create(u64 data_bytes, u64 code_bytes);
  // Keeps the addresses for others. Nobody is in the code or comes there again; beyond its first
  // `touched_bytes` it has no pages.
  static void recycle(CodeMapping mapping, u64 touched_bytes);

  u8* data() const { return range_; }
  const u8* code() const { return range_ + data_bytes_; }
  u8* writable() const { return writable_; }
  u64 data_bytes() const { return data_bytes_; }
  u64 code_bytes() const { return code_bytes_; }
  // Of the code: so many have pages from the start.
  u64 populated_bytes() const { return populated_bytes_; }
  // Where the byte that runs at `at` is written.
  u8* writable_at(const u8* at) const { return writable_ + (at - code()); }

 private:
  static Result<CodeMapping> make(u64 data_bytes, u64 code_bytes);
  bool map(int fd, u64 data_bytes, u64 code_bytes);
  bool wipe(u64 touched_bytes);

  u8* range_ = nullptr;
  u8* writable_ = nullptr;
  u64 data_bytes_ = 0;
  u64 code_bytes_ = 0;
  u64 populated_bytes_ = 0;
};

}  // namespace lr::jit
