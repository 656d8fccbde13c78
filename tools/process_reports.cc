#include "tools/process_reports.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tools/text_table.h"
#include "tools/units.h"

namespace lr::cli {

namespace {

std::string states_text(std::span<const ProcessReport> reports) {
  std::map<std::string_view, usize> counts;
  for (const ProcessReport& report : reports) counts[report.state]++;
  std::string text;
  for (const auto& [state, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, state);
  }
  return text;
}

std::string mailbox_text(const ProcessReport& report) {
  if (report.mailbox_messages == 0) return "-";
  return fmt::format("{} ({})", report.mailbox_messages, size_text(report.mailbox_bytes));
}

}  // namespace

std::string process_summary(std::span<const ProcessReport> reports) {
  if (reports.empty()) return "";
  u64 messages = 0, message_bytes = 0, memory = 0, bookkeeping = 0, bookkeeping_max = 0;
  for (const ProcessReport& report : reports) {
    messages += report.mailbox_messages;
    message_bytes += report.mailbox_bytes;
    memory += report.memory_bytes;
    bookkeeping += report.bookkeeping_bytes;
    bookkeeping_max = std::max(bookkeeping_max, report.bookkeeping_bytes);
  }
  std::string text;
  const auto row = [&](std::string_view what, std::string_view value) {
    text += fmt::format("{:<18} {}\n", what, value);
  };
  row("alive", fmt::format("{}: {}", reports.size(), states_text(reports)));
  row("bookkeeping",
      fmt::format("{} bytes each, {} at most", bookkeeping / reports.size(), bookkeeping_max));
  row("memory", size_text(memory));
  row("mailboxes", fmt::format("{} messages, {}", messages, size_text(message_bytes)));
  return text;
}

std::string process_table(std::span<const ProcessReport> reports, usize rows_max) {
  std::vector<const ProcessReport*> sorted;
  for (const ProcessReport& report : reports) sorted.push_back(&report);
  std::ranges::stable_sort(sorted, std::greater(), &ProcessReport::cpu_ns);
  const usize rest = sorted.size() - std::min(sorted.size(), rows_max);
  sorted.resize(sorted.size() - rest);
  TextTable table({"process", "state", "cpu", "switches", "preempted", "mailbox", "dropped",
                   "memory", "links", "monitors", "stands in"});
  table.last_to_the_left();
  for (const ProcessReport* report : sorted) {
    table.add({fmt::format("{}", report->pid), std::string(report->state),
               duration_text(static_cast<f64>(report->cpu_ns)), fmt::format("{}", report->switches),
               fmt::format("{}", report->preemptions), mailbox_text(*report),
               fmt::format("{}", report->mailbox_dropped), size_text(report->memory_bytes),
               fmt::format("{}", report->links), fmt::format("{}", report->monitors),
               report->function.empty() ? "-" : report->function});
  }
  std::string text = table.text();
  if (rest > 0) text += fmt::format("and {} more, which have used less\n", rest);
  return text;
}

std::string csv_header() {
  return "pid,state,cpu_ns,switches,preemptions,mailbox_messages,mailbox_bytes,mailbox_dropped,"
         "memory_bytes,links,monitors,bookkeeping_bytes,function\n";
}

std::string csv_line(const ProcessReport& r) {
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{}\n", r.pid, csv_field(r.state),
                     r.cpu_ns, r.switches, r.preemptions, r.mailbox_messages, r.mailbox_bytes,
                     r.mailbox_dropped, r.memory_bytes, r.links, r.monitors, r.bookkeeping_bytes,
                     csv_field(r.function));
}

}  // namespace lr::cli
