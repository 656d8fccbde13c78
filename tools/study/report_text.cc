#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/study/report.h"
#include "tools/text_table.h"

namespace lr::study {

namespace {

using cli::TextTable;

std::string or_unknown(const std::string& text) { return text.empty() ? "not readable" : text; }

std::string load_text(const Load& load) {
  return fmt::format("{:.2f} {:.2f} {:.2f}", load.average[0], load.average[1], load.average[2]);
}

// "+1.3 ±0.2": the interval is not symmetric, so this is half of it; JSON has both ends.
std::string estimate_text(const Estimate& estimate) {
  return fmt::format("{} ±{:.1f}", percent_text(estimate.value),
                     (estimate.high - estimate.low) * 50);
}

std::string slowdown_table(const Results& results, const Summary& summary) {
  std::vector<std::string> header = {"program", "none", "spread"};
  for (usize i = kControl; i < results.columns.size(); i++) {
    header.push_back(results.columns[i].name);
  }
  TextTable table(header);
  for (usize i = 0; i < results.rows.size(); i++) {
    const RowSummary& row = summary.rows[i];
    const f64 widest = *std::max_element(row.spread.begin(), row.spread.end());
    std::vector<std::string> cells = {results.rows[i].program, duration_text(row.reference_ns),
                                      fmt::format("{:.1f}%", widest * 100)};
    for (usize column = kControl; column < results.columns.size(); column++) {
      cells.push_back(estimate_text(row.slowdown[column]));
    }
    table.add(cells);
  }
  table.rule();
  std::vector<std::string> mean = {fmt::format("geomean of {}", results.rows.size()), "", ""};
  std::vector<std::string> worst = {"worst", "", ""}, at = {"at", "", ""};
  for (usize column = kControl; column < results.columns.size(); column++) {
    const ColumnSummary& about = summary.columns[column];
    mean.push_back(estimate_text(about.slowdown));
    worst.push_back(percent_text(about.worst));
    at.push_back(about.worst_program);
  }
  table.add(mean);
  table.add(worst);
  table.add(at);
  return table.text();
}

// Between two checks, in time of code without.
std::string interval_text(const ColumnSummary& about) {
  const f64 ns = static_cast<f64>(about.counted_ns) / static_cast<f64>(about.checks);
  return ns < 100 ? fmt::format("{:.2f} ns", ns) : duration_text(ns);
}

std::string code_table(const Results& results, const Summary& summary) {
  TextTable table({"mechanism", "code bytes", "against none", "compiled in", "checks", "one every",
                   "checks are"});
  constexpr std::string_view kCosts[] = {
#define PREEMPT(name, text, cost) cost,
#include "jit/preempt.def"
  };
  for (usize column = 0; column < results.columns.size(); column++) {
    if (column == kControl) continue;
    const ColumnSummary& about = summary.columns[column];
    table.add({results.columns[column].name, fmt::format("{}", about.code_bytes),
               percent_text(about.code_ratio) + "%",
               duration_text(static_cast<f64>(about.compile_ns)),
               about.counted == 0 ? "-" : fmt::format("{}", about.checks),
               about.checks == 0 ? "-" : interval_text(about),
               std::string(kCosts[static_cast<usize>(results.columns[column].preempt)])});
  }
  return table.text();
}

std::string latency_table(const Results& results, const Summary& summary) {
  TextTable table({"mechanism", "machine", "p50", "p99", "p99.9", "max", "samples", "left out"});
  for (usize column = kControl + 1; column < results.columns.size(); column++) {
    const ColumnSummary& about = summary.columns[column];
    const struct {
      std::string_view name;
      const Latency& latency;
    } kinds[] = {{"idle", about.idle}, {"hogs", about.hogs}};
    for (const auto& kind : kinds) {
      const Percentiles p = percentiles(kind.latency);
      std::vector<std::string> cells = {results.columns[column].name, std::string(kind.name)};
      for (const u64 ns : {p.p50, p.p99, p.p999, p.max}) {
        cells.push_back(p.samples == 0 ? "-" : duration_text(static_cast<f64>(ns)));
      }
      cells.push_back(fmt::format("{}", p.samples));
      cells.push_back(fmt::format("{}", p.disturbed));
      table.add(cells);
    }
  }
  return table.text();
}

}  // namespace

std::string percent_text(f64 ratio, u32 decimals) {
  // No "-0.0".
  const f64 scale = std::pow(10, decimals);
  const f64 percent = std::round((ratio - 1) * 100 * scale) / scale;
  return fmt::format("{:+.{}f}", percent == 0 ? 0.0 : percent, decimals);
}

std::vector<Condition> conditions(const Results& results, const Summary& summary) {
  const Machine& machine = results.machine;
  const Settings& settings = results.settings;
  std::vector<Condition> lines;
  lines.push_back({"version", results.version});
  lines.push_back({"command", results.command});
  lines.push_back(
      {"machine", fmt::format("{}, {} processors{}, {:.1f} GiB, {}", or_unknown(machine.processor),
                              machine.processors, machine.is_virtual ? " (virtual)" : "",
                              static_cast<f64>(machine.memory_bytes) / (1 << 30), machine.system)});
  lines.push_back({"governor", or_unknown(machine.governor)});
  lines.push_back({"load", fmt::format("{} at start, {} at end (1, 5 and 15 minutes)",
                                       load_text(results.before), load_text(results.after))});
  lines.push_back({"disturbance",
                   fmt::format("timed runs were off their processor for {:.1f}% of the time; the "
                               "hypervisor took {:.2f}% of all",
                               summary.displaced * 100, summary.stolen * 100)});
  lines.push_back(
      {"settings",
       fmt::format("{} programs{}, {} rounds, seed {}, --cpu={}, {} memory, timed on {}",
                   results.rows.size(), settings.small ? " of small size" : "", results.rounds,
                   settings.seed, settings.cpu, settings.memory,
                   results.processor < 0 ? "any processor"
                                         : fmt::format("processor {}", results.processor))});
  if (settings.latency) {
    lines.push_back(
        {"latency",
         fmt::format("per program and mechanism {} idle, {} with {} hogs on {} workers "
                     "and slices of {}",
                     duration_text(static_cast<f64>(settings.idle_ns)),
                     duration_text(static_cast<f64>(settings.hogs_ns)), settings.hogs,
                     settings.workers, duration_text(static_cast<f64>(results.slice_ns)))});
  }
  lines.push_back({"time", fmt::format("{}, took {}", results.started,
                                       duration_text(static_cast<f64>(results.duration_ns)))});
  return lines;
}

std::string verdict(const Results& results, const Summary& summary, usize column) {
  const ColumnSummary& about = summary.columns[column];
  const Estimate& mean = about.slowdown;
  const std::string interval = fmt::format("{}% ({} to {})", percent_text(mean.value, 2),
                                           percent_text(mean.low, 2), percent_text(mean.high, 2));
  const std::string& name = results.columns[column].name;
  if (about.above_noise) return fmt::format("{} costs {}", name, interval);
  return fmt::format("{}: {} is not above the noise of ±{:.2f}%", name, interval,
                     summary.noise * 100);
}

std::string text_report(const Results& results, const Summary& summary) {
  std::string out;
  for (const Condition& line : conditions(results, summary)) {
    out += fmt::format("{:<12} {}\n", line.name, line.text);
  }
  if (results.interrupted) out += "INTERRUPTED: what was measured until then\n";
  if (results.rounds > 0) {
    out +=
        "\nSlowdown against none in per cent of processor time: the ratio of the medians over all\n"
        "rounds, ± half of its 95% interval (bootstrap over rounds). Spread: the widest of the "
        "row,\n"
        "half the distance between quartiles. \"none again\" is the noise: none against "
        "itself.\n\n";
    out += slowdown_table(results, summary) + "\n";
    for (usize column = kControl + 1; column < results.columns.size(); column++) {
      out += verdict(results, summary, column) + "\n";
    }
    if (results.rounds < kRoundsMin) {
      out += fmt::format("Fewer than {} rounds: there are no intervals, and no conclusions.\n",
                         kRoundsMin);
    }
    out +=
        "\nMachine code of all programs; and how many checks they execute in runs of a small size, "
        "and\n"
        "how far they are apart in time of none.\n\n" +
        code_table(results, summary);
  }
  if (results.settings.latency) {
    out +=
        "\nFrom the request to the yield. Idle: the program alone, requests at random; samples "
        "during\n"
        "which the system ran something else are left out. Hogs: more processes than workers, "
        "requests\n"
        "at the end of slices; every sample counts. None is not there: it does not answer in "
        "loops.\n\n";
    out += latency_table(results, summary);
  }
  return out;
}

}  // namespace lr::study
