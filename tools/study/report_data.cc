// The reports for programs: JSON and CSV.
#include <fmt/format.h>

#include "tools/study/json_writer.h"
#include "tools/study/report.h"
#include "tools/text_table.h"

namespace lr::study {

namespace {

void write_estimate(JsonWriter& json, const Estimate& estimate) {
  json.begin_object()
      .field("value", estimate.value)
      .field("low", estimate.low)
      .field("high", estimate.high)
      .end_object();
}

void write_load(JsonWriter& json, const Load& load) {
  json.begin_array();
  for (const f64 average : load.average) json.value(average);
  json.end_array();
}

void write_machine(JsonWriter& json, const Results& results, const Summary& summary) {
  const Machine& machine = results.machine;
  json.key("machine")
      .begin_object()
      .field("processor", machine.processor)
      .field("processors", machine.processors)
      .field("processors_allowed", machine.allowed)
      .field("virtual", machine.is_virtual)
      .field("memory_bytes", machine.memory_bytes)
      .field("system", machine.system)
      .field("governor", machine.governor);
  json.key("load_before");
  write_load(json, results.before);
  json.key("load_after");
  write_load(json, results.after);
  json.field("displaced_share", summary.displaced)
      .field("stolen_share", summary.stolen)
      .end_object();
}

void write_settings(JsonWriter& json, const Results& results) {
  const Settings& settings = results.settings;
  json.key("settings")
      .begin_object()
      .field("seed", settings.seed)
      .field("rounds_max", settings.rounds_max)
      .field("budget_ns", settings.budget_ns)
      .field("small", settings.small)
      .field("cpu", settings.cpu)
      .field("memory", settings.memory)
      .field("slowdown", settings.slowdown)
      .field("latency", settings.latency)
      .field("workers", settings.workers)
      .field("hogs", settings.hogs)
      .field("idle_ns", settings.idle_ns)
      .field("hogs_ns", settings.hogs_ns)
      .field("slice_ns", results.slice_ns)
      .field("timed_on_processor", results.processor)
      .field("resamples", kResamples)
      .end_object();
}

void write_latency(JsonWriter& json, std::string_view name, const Latency& latency) {
  const Percentiles p = percentiles(latency);
  json.key(name)
      .begin_object()
      .field("samples", p.samples)
      .field("left_out", p.disturbed)
      .field("p50_ns", p.p50)
      .field("p99_ns", p.p99)
      .field("p999_ns", p.p999)
      .field("max_ns", p.max);
  json.key("histogram").begin_array();
  for (const Bucket& bucket : histogram(latency.ns)) {
    json.begin_array().value(bucket.up_to).value(bucket.count).end_array();
  }
  json.end_array().end_object();
}

void write_columns(JsonWriter& json, const Results& results, const Summary& summary) {
  json.key("columns").begin_array();
  for (usize i = 0; i < results.columns.size(); i++) {
    const ColumnSummary& about = summary.columns[i];
    json.begin_object()
        .field("name", results.columns[i].name)
        .field("mechanism", jit::name_of(results.columns[i].preempt));
    if (results.rounds > 0) {
      json.key("slowdown");
      write_estimate(json, about.slowdown);
      json.field("worst", about.worst)
          .field("worst_program", about.worst_program)
          .field("above_noise", about.above_noise)
          .field("code_bytes", about.code_bytes)
          .field("code_ratio", about.code_ratio)
          .field("compile_ns", about.compile_ns)
          .field("checks", about.checks)
          .field("checks_counted_programs", u64{about.counted})
          .field("checks_counted_none_ns", about.counted_ns);
    }
    if (results.settings.latency) {
      write_latency(json, "latency_idle", about.idle);
      write_latency(json, "latency_hogs", about.hogs);
    }
    json.end_object();
  }
  json.end_array();
}

void write_cell(JsonWriter& json, const Results& results, const Summary& summary, usize row,
                usize column) {
  const Cell& cell = results.rows[row].cells[column];
  json.begin_object().field("column", results.columns[column].name);
  if (results.rounds > 0) {
    json.key("slowdown");
    write_estimate(json, summary.rows[row].slowdown[column]);
    json.field("spread", summary.rows[row].spread[column])
        .field("code_bytes", cell.code_bytes)
        .field("compile_ns", cell.compile_ns);
    if (cell.checks) json.field("checks", *cell.checks);
    json.key("cpu_ns").begin_array();
    for (const Timing& timing : cell.timings) json.value(timing.cpu_ns);
    json.end_array();
    json.key("wall_ns").begin_array();
    for (const Timing& timing : cell.timings) json.value(timing.wall_ns);
    json.end_array();
  }
  if (results.settings.latency) {
    write_latency(json, "latency_idle", cell.idle);
    write_latency(json, "latency_hogs", cell.hogs);
  }
  json.end_object();
}

using cli::csv_field;

}  // namespace

std::string json_report(const Results& results, const Summary& summary) {
  JsonWriter json;
  json.begin_object()
      .field("study", "preemption")
      .field("version", results.version)
      .field("command", results.command)
      .field("started", results.started)
      .field("duration_ns", results.duration_ns)
      .field("interrupted", results.interrupted)
      .field("rounds", results.rounds)
      .field("noise", summary.noise);
  write_machine(json, results, summary);
  write_settings(json, results);
  write_columns(json, results, summary);
  json.key("programs").begin_array();
  for (usize row = 0; row < results.rows.size(); row++) {
    json.begin_object()
        .field("name", results.rows[row].program)
        .field("module_bytes", results.rows[row].module_bytes)
        .field("module_fnv1a", fmt::format("{:016x}", results.rows[row].fingerprint))
        .field("checks_counted_none_ns", results.rows[row].counted_ns);
    json.key("cells").begin_array();
    for (usize column = 0; column < results.columns.size(); column++) {
      write_cell(json, results, summary, row, column);
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return json.text();
}

std::string csv_report(const Results& results) {
  std::string out = "kind,program,column,round,position,value,unit\n";
  for (const Row& row : results.rows) {
    const std::string program = csv_field(row.program);
    for (usize i = 0; i < results.columns.size(); i++) {
      const Cell& cell = row.cells[i];
      const std::string who = program + "," + csv_field(results.columns[i].name);
      for (const Timing& t : cell.timings) {
        out += fmt::format("cpu_time,{},{},{},{},ns\n", who, t.round, t.position, t.cpu_ns);
        out += fmt::format("wall_time,{},{},{},{},ns\n", who, t.round, t.position, t.wall_ns);
      }
      if (!cell.timings.empty()) {
        out += fmt::format("code_size,{},,,{},bytes\n", who, cell.code_bytes);
        out += fmt::format("compile_time,{},,,{},ns\n", who, cell.compile_ns);
      }
      if (cell.checks) out += fmt::format("checks,{},,,{},checks\n", who, *cell.checks);
      for (const u64 ns : cell.idle.ns) out += fmt::format("latency_idle,{},,,{},ns\n", who, ns);
      for (const u64 ns : cell.hogs.ns) out += fmt::format("latency_hogs,{},,,{},ns\n", who, ns);
    }
  }
  return out;
}

}  // namespace lr::study
