#include "tools/study/summary.h"

#include <algorithm>
#include <cmath>

namespace lr::study {

namespace {

std::vector<f64> times(const Cell& cell) {
  std::vector<f64> values;
  for (const Timing& timing : cell.timings) values.push_back(static_cast<f64>(timing.cpu_ns));
  return values;
}

// Rounds are in the same order in every cell.
Pairs pairs(const Row& row, usize column) {
  return {times(row.cells[column]), times(row.cells[kReference])};
}

void summarize_rows(const Results& results, Random& random, Summary& summary) {
  for (const Row& row : results.rows) {
    RowSummary& out = summary.rows.emplace_back();
    if (results.rounds == 0) continue;
    out.reference_ns = median(times(row.cells[kReference]));
    for (usize column = 0; column < results.columns.size(); column++) {
      out.slowdown.push_back(slowdown(pairs(row, column), random));
      out.spread.push_back(spread(times(row.cells[column])));
    }
  }
}

void summarize_slowdown(const Results& results, Random& random, Summary& summary) {
  if (results.rounds == 0 || results.rows.empty()) return;
  for (usize column = 0; column < results.columns.size(); column++) {
    ColumnSummary& out = summary.columns[column];
    std::vector<Pairs> programs;
    for (usize i = 0; i < results.rows.size(); i++) {
      programs.push_back(pairs(results.rows[i], column));
      const f64 value = summary.rows[i].slowdown[column].value;
      if (value <= out.worst) continue;
      out.worst = value;
      out.worst_program = results.rows[i].program;
    }
    out.slowdown = mean_slowdown(programs, random);
  }
  const Estimate& control = summary.columns[kControl].slowdown;
  summary.noise = std::max(std::abs(control.low - 1), std::abs(control.high - 1));
  for (ColumnSummary& column : summary.columns) {
    // The interval lies outside of what none does to itself.
    column.above_noise =
        column.slowdown.low - 1 > summary.noise || 1 - column.slowdown.high > summary.noise;
  }
}

void append(const Latency& from, Latency& to) {
  to.ns.insert(to.ns.end(), from.ns.begin(), from.ns.end());
  to.disturbed += from.disturbed;
}

void summarize_rest(const Results& results, Summary& summary) {
  for (usize column = 0; column < results.columns.size(); column++) {
    ColumnSummary& out = summary.columns[column];
    for (const Row& row : results.rows) {
      const Cell& cell = row.cells[column];
      out.code_bytes += cell.code_bytes;
      out.compile_ns += cell.compile_ns;
      if (cell.checks) {
        out.counted++;
        out.checks += *cell.checks;
        out.counted_ns += row.counted_ns;
      }
      append(cell.idle, out.idle);
      append(cell.hogs, out.hogs);
    }
    std::sort(out.idle.ns.begin(), out.idle.ns.end());
    std::sort(out.hogs.ns.begin(), out.hogs.ns.end());
    const u64 reference = summary.columns[kReference].code_bytes;
    if (reference != 0) {
      out.code_ratio = static_cast<f64>(out.code_bytes) / static_cast<f64>(reference);
    }
  }
}

f64 displaced_share(const Results& results) {
  u64 cpu = 0, wall = 0;
  for (const Row& row : results.rows) {
    for (const Cell& cell : row.cells) {
      for (const Timing& timing : cell.timings) {
        cpu += timing.cpu_ns;
        wall += timing.wall_ns;
      }
    }
  }
  return wall <= cpu ? 0 : 1 - static_cast<f64>(cpu) / static_cast<f64>(wall);
}

f64 stolen_share(const Results& results) {
  const u64 all = results.after.all_ticks - results.before.all_ticks;
  const u64 stolen = results.after.stolen_ticks - results.before.stolen_ticks;
  return all == 0 ? 0 : static_cast<f64>(stolen) / static_cast<f64>(all);
}

}  // namespace

Percentiles percentiles(const Latency& latency) {
  Percentiles out;
  out.samples = latency.ns.size();
  out.disturbed = latency.disturbed;
  if (latency.ns.empty()) return out;
  out.p50 = percentile(latency.ns, 0.5);
  out.p99 = percentile(latency.ns, 0.99);
  out.p999 = percentile(latency.ns, 0.999);
  out.max = latency.ns.back();
  return out;
}

Summary summarize(const Results& results) {
  Summary summary;
  summary.columns.resize(results.columns.size());
  Random random(results.settings.seed);
  summarize_rows(results, random, summary);
  summarize_slowdown(results, random, summary);
  summarize_rest(results, summary);
  summary.displaced = displaced_share(results);
  summary.stolen = stolen_share(results);
  return summary;
}

}  // namespace lr::study
