#include "tools/study/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "tools/study/figure.h"
#include "tools/study/json_writer.h"
#include "tools/study/svg.h"

namespace lr::study {
namespace {

// A study of two programs and three mechanisms, whose times say: flag costs nothing, fuel 10 %,
// page twice as much on the second program.
Results made_up() {
  Results results;
  results.command = "lunatic-run study preemption --seed=1";
  results.version = "lunatic-run 0.1.0 (0123456789ab)";
  results.machine.processor = "Some <\"fast\"> & Sons CPU";
  results.machine.system = "Linux 6.1 x86_64";
  results.machine.processors = 2;
  results.started = "2026-01-02T03:04:05Z";
  results.settings.workers = 2;
  results.rounds = 5;
  results.columns = {{"none", jit::Preempt::None},
                     {"none again", jit::Preempt::None},
                     {"flag", jit::Preempt::Flag},
                     {"fuel", jit::Preempt::Fuel},
                     {"page", jit::Preempt::Page}};
  const f64 factors[2][5] = {{1, 1.001, 1.0005, 1.1, 1}, {1, 1.001, 1.0005, 1.1, 2}};
  const char* names[] = {"fib", "a,\"b\" <c>"};
  for (u32 row = 0; row < 2; row++) {
    Row& out = results.rows.emplace_back();
    out.program = names[row];
    for (u32 column = 0; column < 5; column++) {
      Cell& cell = out.cells.emplace_back();
      cell.code_bytes = 1000 + 100 * column;
      cell.compile_ns = 5000;
      for (u32 round = 0; round < 5; round++) {
        const u64 ns = static_cast<u64>((20e6 + 1e4 * round) * factors[row][column]);
        cell.timings.push_back({round, column, ns, ns + 1000});
      }
      for (u32 i = 0; column > kControl && i < 200; i++) {
        cell.idle.ns.push_back(200 + i * i);
        cell.hogs.ns.push_back(1000 + i * 1000);
      }
    }
  }
  return results;
}

TEST(Summary, SaysWhatTheTimesSay) {
  const Results results = made_up();
  const Summary summary = summarize(results);
  ASSERT_EQ(summary.columns.size(), 5u);
  EXPECT_DOUBLE_EQ(summary.columns[kReference].slowdown.value, 1);
  EXPECT_NEAR(summary.columns[kControl].slowdown.value, 1.001, 1e-5);
  EXPECT_LT(summary.noise, 0.002);
  EXPECT_FALSE(summary.columns[2].above_noise);
  EXPECT_TRUE(summary.columns[3].above_noise);
  EXPECT_NEAR(summary.columns[3].slowdown.value, 1.1, 1e-6);
  EXPECT_NEAR(summary.columns[4].slowdown.value, std::sqrt(2.0), 1e-6);
  EXPECT_EQ(summary.columns[4].worst_program, "a,\"b\" <c>");
  EXPECT_NEAR(summary.columns[4].worst, 2, 1e-6);
  EXPECT_NEAR(summary.columns[4].code_ratio, 1.4, 1e-9);
  EXPECT_EQ(summary.columns[2].idle.ns.size(), 400u);
}

TEST(TextReport, AdmitsTheNoise) {
  const Results results = made_up();
  const std::string text = text_report(results, summarize(results));
  EXPECT_NE(text.find("flag: +0.05% (+0.05 to +0.05) is not above the noise of ±0.10%"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("fuel costs +10.00% (+10.00 to +10.00)"), std::string::npos) << text;
  EXPECT_NE(text.find("governor     not readable"), std::string::npos) << text;
  EXPECT_NE(text.find("lunatic-run study preemption --seed=1"), std::string::npos) << text;
}

TEST(TextReport, DrawsNoConclusionFromTwoRounds) {
  Results results = made_up();
  results.rounds = 2;
  for (Row& row : results.rows) {
    for (Cell& cell : row.cells) cell.timings.resize(2);
  }
  const std::string text = text_report(results, summarize(results));
  EXPECT_NE(text.find("Fewer than 3 rounds"), std::string::npos) << text;
}

TEST(TextReport, WorksWithoutAnything) {
  Results results;
  results.settings.latency = false;
  results.columns = {{"none", jit::Preempt::None}, {"none again", jit::Preempt::None}};
  results.interrupted = true;
  const Summary summary = summarize(results);
  EXPECT_NE(text_report(results, summary).find("INTERRUPTED"), std::string::npos);
  EXPECT_FALSE(json_report(results, summary).empty());
  EXPECT_FALSE(svg_figure(results, summary).empty());
  EXPECT_EQ(csv_report(results), "kind,program,column,round,position,value,unit\n");
}

TEST(CsvReport, HasALineForEveryMeasurement) {
  const Results results = made_up();
  const std::string text = csv_report(results);
  // 2 programs: 5 columns of 5 rounds, each with 2 times, and 2 sizes; 3 of 2 * 200 samples.
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1 + 2 * (5 * (5 * 2 + 2) + 3 * 2 * 200));
  EXPECT_NE(text.find("cpu_time,fib,none,0,0,20000000,ns\n"), std::string::npos);
  EXPECT_NE(text.find("wall_time,fib,none,0,0,20001000,ns\n"), std::string::npos);
  EXPECT_NE(text.find("code_size,\"a,\"\"b\"\" <c>\",page,,,1400,bytes\n"), std::string::npos);
}

TEST(JsonWriter, Nests) {
  JsonWriter json;
  json.begin_object().field("a", u64{1}).key("b").begin_array();
  json.value(0.5).value(true).value("x\"\n").value(0.0 / 0.0);
  json.begin_object().end_object().begin_array().end_array().end_array().end_object();
  std::string text = json.text();
  std::erase_if(text, [](char c) { return c == '\n' || c == ' '; });
  EXPECT_EQ(text, R"({"a":1,"b":[0.5,true,"x\"\u000a",null,{},[]]})");
}

// Every element is closed, and no text holds what belongs to the format.
void expect_well_formed(const std::string& text) {
  std::vector<std::string> open;
  usize at = 0;
  while ((at = text.find('<', at)) != std::string::npos) {
    const usize end = text.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = text.substr(at + 1, end - at - 1);
    const std::string name =
        tag.substr(tag[0] == '/', tag.find_first_of(" \n/", 1) - (tag[0] == '/'));
    if (tag[0] == '/') {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), tag.substr(1));
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
    EXPECT_EQ(std::count(tag.begin(), tag.end(), '"') % 2, 0) << tag;
    EXPECT_EQ(tag.find('<'), std::string::npos) << tag;
    at = end;
  }
  EXPECT_TRUE(open.empty());
  for (at = 0; (at = text.find('&', at)) != std::string::npos; at++) {
    EXPECT_LT(text.find(';', at) - at, 7u);
  }
}

TEST(Figure, IsWellFormedAndHoldsEverything) {
  const Results results = made_up();
  const std::string text = svg_figure(results, summarize(results));
  expect_well_formed(text);
  EXPECT_EQ(text.find("nan"), std::string::npos);
  EXPECT_EQ(text.find("inf"), std::string::npos);
  EXPECT_NE(text.find("Some &lt;&quot;fast&quot;&gt; &amp; Sons CPU"), std::string::npos);
  EXPECT_NE(text.find("a,&quot;b&quot; &lt;c&gt;"), std::string::npos);
  for (const char* name : {"none again", "flag", "fuel", "page", "fib", "prefers-color-scheme"}) {
    EXPECT_NE(text.find(name), std::string::npos) << name;
  }
  // For a look at it.
  if (const char* path = std::getenv("LR_FIGURE")) std::ofstream(path) << text;
}

TEST(Figure, DrawsOneHalfAlone) {
  Results no_latency = made_up();
  for (Row& row : no_latency.rows) {
    for (Cell& cell : row.cells) cell.idle = cell.hogs = Latency();
  }
  const std::string slowdown = svg_figure(no_latency, summarize(no_latency));
  expect_well_formed(slowdown);
  EXPECT_EQ(slowdown.find("request to yield"), std::string::npos);

  Results no_times = made_up();
  no_times.rounds = 0;
  for (Row& row : no_times.rows) {
    for (Cell& cell : row.cells) cell.timings.clear();
  }
  const std::string latency = svg_figure(no_times, summarize(no_times));
  expect_well_formed(latency);
  EXPECT_EQ(latency.find("Geometric mean"), std::string::npos);
}

TEST(Figure, SurvivesNoiseBeyondAllMeasure) {
  Results results = made_up();
  for (Row& row : results.rows) {
    for (Timing& timing : row.cells[kControl].timings) timing.cpu_ns *= 1 + 10 * (timing.round % 2);
  }
  const Summary summary = summarize(results);
  EXPECT_GT(summary.noise, 1);
  expect_well_formed(svg_figure(results, summary));
}

struct TickCase {
  f64 low, high;
  u32 about;
  std::vector<f64> expected;
};

class Ticks : public testing::TestWithParam<TickCase> {};

TEST_P(Ticks, AreRound) {
  const std::vector<f64> ticks = round_ticks(GetParam().low, GetParam().high, GetParam().about);
  ASSERT_EQ(ticks.size(), GetParam().expected.size());
  for (usize i = 0; i < ticks.size(); i++) EXPECT_NEAR(ticks[i], GetParam().expected[i], 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Known, Ticks,
                         testing::Values(TickCase{0, 10, 5, {0, 2, 4, 6, 8, 10}},
                                         TickCase{-3, 12, 4, {0, 5, 10}},
                                         TickCase{-0.07, 0.11, 4, {-0.05, 0, 0.05, 0.1}},
                                         TickCase{101, 104, 1, {102, 104}}));

TEST(Scale, GoesFromEndToEnd) {
  const Scale linear(Scale::Kind::Linear, 10, 20, 100, 0);
  EXPECT_DOUBLE_EQ(linear(10), 100);
  EXPECT_DOUBLE_EQ(linear(15), 50);
  const Scale log(Scale::Kind::Log, 1, 100, 0, 100);
  EXPECT_DOUBLE_EQ(log(10), 50);
}

struct DurationCase {
  f64 ns;
  const char* text;
};

TEST(DurationText, TakesTheUnitThatFits) {
  for (const auto& [ns, text] :
       {DurationCase{0, "0 ns"}, DurationCase{812.4, "812 ns"}, DurationCase{13'400, "13.4 us"},
        DurationCase{2'700'000, "2.7 ms"}, DurationCase{61e9, "61.0 s"}}) {
    EXPECT_EQ(duration_text(ns), text);
  }
  EXPECT_EQ(percent_text(1.0131), "+1.3");
  EXPECT_EQ(percent_text(0.99), "-1.0");
  EXPECT_EQ(percent_text(0.99999), "+0.0");
  EXPECT_EQ(percent_text(1.00234, 2), "+0.23");
}

}  // namespace
}  // namespace lr::study
