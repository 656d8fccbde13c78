#include "tools/study/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "tools/study/checks.h"
#include "tools/study/latency.h"
#include "tools/study/statistics.h"

namespace lr::study {

namespace {

constexpr f64 kSlowdownShare = 0.6;  // Of a budget, if latency is measured too.
constexpr u64 kLatencyMinNs = 5'000'000;

class Study {
 public:
  Study(const std::vector<Program>& programs, const Settings& settings, const Setup& setup,
        const Observer& observer)
      : programs_(programs), setup_(setup), observer_(observer), random_(settings.seed) {
    results_.settings = settings;
    results_.columns = {{"none", jit::Preempt::None}, {"none again", jit::Preempt::None}};
    for (const jit::Preempt mechanism : settings.mechanisms) {
      results_.columns.push_back({std::string(jit::name_of(mechanism)), mechanism});
    }
    for (const Program& program : programs) {
      Row& row = results_.rows.emplace_back();
      row.program = program.name;
      row.module_bytes = program.module.size();
      row.fingerprint = fingerprint(program.module);
      row.cells.resize(results_.columns.size());
    }
    results_.slice_ns = sched::SchedulerOptions().slice_ns;
  }

  Result<Results> run() {
    results_.machine = describe_machine();
    results_.before = current_load();
    results_.started = utc_time();
    started_ns_ = sched::now_ns();
    if (results_.settings.slowdown) {
      TRY(time_all());
      TRY(count_all());
    }
    if (results_.settings.latency) TRY(latency_of_all());
    results_.duration_ns = sched::now_ns() - started_ns_;
    results_.after = current_load();
    return std::move(results_);
  }

 private:
  bool cancelled() {
    results_.interrupted = results_.interrupted || observer_.cancelled();
    return results_.interrupted;
  }

  u64 elapsed_ns() const { return sched::now_ns() - started_ns_; }

  // --- Slowdown.

  Status time_all() {
    const Pinned pinned(0);
    results_.processor = pinned.processor();
    std::vector<std::vector<u32>> orders(programs_.size());
    for (u32 round = 0; !enough(round); round++) {
      for (usize i = 0; i < programs_.size(); i++) {
        observer_.progress(round_text(round, programs_[i].name));
        choose_order(round, orders[i]);
        TRY(time_row(i, round, orders[i]));
        if (cancelled()) {
          drop_round(round);
          return ok_status();
        }
      }
      results_.rounds = round + 1;
    }
    return ok_status();
  }

  bool enough(u32 round) const {
    const Settings& settings = results_.settings;
    if (settings.rounds_max != 0 && round >= settings.rounds_max) return true;
    if (settings.budget_ns == 0 || round == 0) return false;
    // Not if the next round would end too late.
    const f64 share = settings.latency ? kSlowdownShare : 1;
    const f64 budget = share * static_cast<f64>(settings.budget_ns);
    return static_cast<f64>(elapsed_ns()) * (round + 1) / round > budget;
  }

  std::string round_text(u32 round, std::string_view program) const {
    const u32 rounds = results_.settings.rounds_max;
    const std::string of = rounds == 0 ? "" : fmt::format(" of {}", rounds);
    return fmt::format("round {}{}: {}", round + 1, of, program);
  }

  void choose_order(u32 round, std::vector<u32>& order) {
    if (round % 2 == 1) {
      std::reverse(order.begin(), order.end());
      return;
    }
    order.resize(results_.columns.size());
    std::iota(order.begin(), order.end(), 0);
    random_.shuffle(std::span(order));
  }

  Status time_row(usize row, u32 round, const std::vector<u32>& order) {
    for (u32 position = 0; position < order.size(); position++) {
      const u32 column = order[position];
      Cell& cell = results_.rows[row].cells[column];
      Timing timing = TRY(time_once(programs_[row], results_.columns[column].preempt, cell));
      timing.round = round;
      timing.position = position;
      cell.timings.push_back(timing);
    }
    return ok_status();
  }

  Result<Timing> time_once(const Program& program, jit::Preempt preempt, Cell& cell) {
    const auto rig = TRY(Rig::create(program, setup_, preempt, 1, nullptr));
    cell.code_bytes = rig->code().code_bytes;
    const u64 compile_ns = rig->code().compile_ns;
    cell.compile_ns = cell.compile_ns == 0 ? compile_ns : std::min(cell.compile_ns, compile_ns);
    const auto guest = TRY(Guest::create(*rig));
    if (!program.is_command) TRY(guest->call());  // Touches the memory that it needs.
    Timing timing;
    const u64 wall_ns = sched::now_ns(), cpu_ns = thread_time_ns();
    TRY(guest->call());
    timing.cpu_ns = thread_time_ns() - cpu_ns;
    timing.wall_ns = sched::now_ns() - wall_ns;
    return timing;
  }

  // So that every program has the same rounds.
  void drop_round(u32 round) {
    for (Row& row : results_.rows) {
      for (Cell& cell : row.cells) {
        std::erase_if(cell.timings, [&](const Timing& timing) { return timing.round == round; });
      }
    }
  }

  // --- Checks.

  Status count_all() {
    for (usize i = 0; i < programs_.size() && !cancelled(); i++) {
      observer_.progress(fmt::format("checks: {}", programs_[i].name));
      const Program small = small_form(programs_[i]);
      Row& row = results_.rows[i];
      Cell discarded;
      row.counted_ns = TRY(time_once(small, jit::Preempt::None, discarded)).cpu_ns;
      const Cell* flag = nullptr;
      for (usize column = 0; column < results_.columns.size(); column++) {
        const jit::Preempt preempt = results_.columns[column].preempt;
        Cell& cell = row.cells[column];
        if (preempt == jit::Preempt::Page && flag != nullptr) {
          cell.checks = flag->checks;
        } else {
          cell.checks = TRY(count_checks(small, setup_, preempt, results_.settings.count_max_ns));
        }
        if (preempt == jit::Preempt::Flag) flag = &cell;
      }
    }
    return ok_status();
  }

  // --- Latency.

  // None does not answer in loops.
  bool answers(usize column) const {
    return results_.columns[column].preempt != jit::Preempt::None;
  }

  Status latency_of_all() {
    fit_latency_to_budget();
    std::vector<u32> order;
    for (usize i = 0; i < programs_.size() && !cancelled(); i++) {
      observer_.progress(fmt::format("latency: {}", programs_[i].name));
      choose_order(0, order);
      for (const u32 column : order) {
        if (answers(column)) TRY(latency_of(programs_[i], column, results_.rows[i].cells[column]));
      }
    }
    return ok_status();
  }

  void fit_latency_to_budget() {
    Settings& settings = results_.settings;
    const u64 cells = programs_.size() * settings.mechanisms.size();
    if (settings.budget_ns == 0 || cells == 0) return;
    const u64 left = settings.budget_ns - std::min(settings.budget_ns, elapsed_ns());
    const u64 each = left / cells;
    settings.idle_ns = std::clamp(each / 4, kLatencyMinNs, settings.idle_ns);
    settings.hogs_ns = std::clamp(each / 2, kLatencyMinNs, settings.hogs_ns);
  }

  Status latency_of(const Program& program, u32 column, Cell& cell) {
    const Settings& settings = results_.settings;
    const jit::Preempt preempt = results_.columns[column].preempt;
    cell.idle = TRY(idle_latency(program, setup_, preempt, settings.idle_ns, random_));
    cell.hogs = TRY(
        hogs_latency(program, setup_, preempt, settings.workers, settings.hogs, settings.hogs_ns));
    return ok_status();
  }

  const std::vector<Program>& programs_;
  const Setup& setup_;
  const Observer& observer_;
  Random random_;
  Results results_;
  u64 started_ns_ = 0;
};

}  // namespace

Result<Results> run_study(const std::vector<Program>& programs, const Settings& settings,
                          const Setup& setup, const Observer& observer) {
  return Study(programs, settings, setup, observer).run();
}

std::vector<jit::Preempt> all_mechanisms() {
  std::vector<jit::Preempt> mechanisms;
  for (const jit::Preempt mechanism : jit::kPreempts) {
    if (mechanism != jit::Preempt::None) mechanisms.push_back(mechanism);
  }
  return mechanisms;
}

}  // namespace lr::study
