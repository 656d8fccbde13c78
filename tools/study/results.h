// What a study measured, and under which conditions. Everything that is reported comes from here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jit/preempt.h"
#include "tools/study/machine.h"

namespace lr::study {

struct Settings {
  std::vector<jit::Preempt> mechanisms;  // Without none, which is always measured.
  bool slowdown = true;                  // What is measured. Checks are counted with it.
  bool latency = true;
  u32 rounds_max = 0;  // 0: as many as the budget allows.
  u64 budget_ns = 0;   // For everything, roughly. 0: none.
  u64 seed = 1;
  bool small = false;                 // The kernels' small sizes: a check that everything works.
  u64 count_max_ns = 10'000'000'000;  // For one program's checks.
  u32 workers = 0;                    // With hogs.
  u32 hogs = 16;
  u64 idle_ns = 30'000'000;   // For each program and mechanism: how long requests are made, ...
  u64 hogs_ns = 100'000'000;  // ... and how long hogs run.
  std::string cpu = "native";
  std::string memory = "guarded";
};

// A mechanism, or none once more. Column 0 is none, which all others are compared with; column 1 is
// none again, whose difference is the noise.
struct Column {
  std::string name;
  jit::Preempt preempt{};
};
inline constexpr usize kReference = 0;
inline constexpr usize kControl = 1;

struct Timing {
  u32 round = 0;
  u32 position = 0;  // In its round: how many columns ran before.
  u64 cpu_ns = 0;    // Of the thread that ran it.
  u64 wall_ns = 0;
};

// Nanoseconds from a request to the yield.
struct Latency {
  std::vector<u64> ns;  // Sorted.
  u64 disturbed = 0;    // Samples left out, since the system ran something else meanwhile.
};

// One program in one column.
struct Cell {
  std::vector<Timing> timings;
  std::optional<u64> checks;  // Executed in a run of the size for checks.
  u64 code_bytes = 0;
  u64 compile_ns = 0;  // The least of all rounds.
  Latency idle;
  Latency hogs;
};

struct Row {
  std::string program;
  u64 module_bytes = 0;
  u64 fingerprint = 0;
  u64 counted_ns = 0;       // What a run of the size for checks takes under none.
  std::vector<Cell> cells;  // By column.
};

struct Results {
  Settings settings;
  std::string command;
  std::string version;
  Machine machine;
  std::string started;  // UTC.
  u64 duration_ns = 0;
  Load before;
  Load after;
  i32 processor = -1;  // That the timed runs were kept on; -1: any.
  u64 slice_ns = 0;
  bool interrupted = false;
  u32 rounds = 0;  // Completed.
  std::vector<Column> columns;
  std::vector<Row> rows;
};

}  // namespace lr::study
