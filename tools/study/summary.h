// What the measurements of a study say, in the numbers that every report shows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/study/results.h"
#include "tools/study/statistics.h"

namespace lr::study {

struct Percentiles {
  u64 samples = 0;
  u64 disturbed = 0;
  u64 p50 = 0;
  u64 p99 = 0;
  u64 p999 = 0;
  u64 max = 0;
};
Percentiles percentiles(const Latency& latency);

struct ColumnSummary {
  Estimate slowdown;  // Geometric mean over the programs, 1 is none.
  f64 worst = 0;      // The largest of one program, ...
  std::string worst_program;
  bool above_noise = false;
  u64 code_bytes = 0;
  f64 code_ratio = 1;
  u64 compile_ns = 0;
  // Of the programs whose checks could be counted: their number, checks, and time under none.
  usize counted = 0;
  u64 checks = 0;
  u64 counted_ns = 0;
  Latency idle;  // Of all programs together.
  Latency hogs;
};

struct RowSummary {
  f64 reference_ns = 0;
  std::vector<Estimate> slowdown;  // By column.
  std::vector<f64> spread;         // Of the times.
};

struct Summary {
  std::vector<ColumnSummary> columns;
  std::vector<RowSummary> rows;
  // How far none is from none, at the far end of the interval: a mean slowdown within is no result.
  f64 noise = 0;
  // The share of the timed runs' wall time that the thread did not run, and that the hypervisor
  // took from the whole machine meanwhile.
  f64 displaced = 0;
  f64 stolen = 0;
};

Summary summarize(const Results& results);

}  // namespace lr::study
