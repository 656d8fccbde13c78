// What a study runs: a kernel that is built in, or a program from a file.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lr::study {

struct Program {
  std::string name;
  std::vector<u8> module;     // Binary.
  std::string entry = "run";  // The export that is called.
  std::vector<u64> values;    // Its arguments, one word each.
  std::optional<u32> result;  // What it must return.
  // The same with less work, for counting checks; empty: there is none.
  std::vector<u64> small_values;
  std::optional<u32> small_result;
  // A WASI command: `entry` is _start, which runs once in a process, with these arguments.
  bool is_command = false;
  std::vector<std::string> arguments;  // argv[0] is the first.
};

// A module that exports run(i32) -> i32 and imports nothing, from bench/kernels/built.
struct Kernel {
  std::string_view name;
  std::span<const u8> module;
  u32 n;  // Some 25 ms of work.
  u32 result;
  u32 small_n;  // A few milliseconds at most.
  u32 small_result;
};

// kernel_data.cc, which the build makes.
std::span<const Kernel> kernels();

Program program_of(const Kernel& kernel);
// The program with less work, if it has some.
Program small_form(Program program);

// A binary module from a file, and the words behind its name. With `invoke`, they are that export's
// arguments; otherwise it is a command and they are the command's.
Result<Program> program_of(std::vector<u8> module, std::vector<std::string> words,
                           std::optional<std::string> invoke);

// FNV-1a, so that two reports can be seen to be of the same bytes.
u64 fingerprint(std::span<const u8> bytes);

}  // namespace lr::study
