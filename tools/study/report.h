// The reports of a study: tables for people, JSON with everything, CSV with every single
// measurement. figure.h draws.
#pragma once

#include <string>

#include "tools/study/results.h"
#include "tools/study/summary.h"
#include "tools/units.h"

namespace lr::study {

using cli::duration_text;

std::string text_report(const Results& results, const Summary& summary);
std::string json_report(const Results& results, const Summary& summary);
// One line for each measurement:
//   kind,program,column,round,position,value,unit
// kind: cpu_time, wall_time, code_size, compile_time, checks, latency_idle or latency_hogs.
std::string csv_report(const Results& results);

// "Machine: ...", "Settings: ...": what a reader has to know, as lines (name, text).
struct Condition {
  std::string name;
  std::string text;
};
std::vector<Condition> conditions(const Results& results, const Summary& summary);

// What the noise says about a mechanism's mean slowdown, as a sentence.
std::string verdict(const Results& results, const Summary& summary, usize column);

// "+1.3" of 1.013.
std::string percent_text(f64 ratio, u32 decimals = 1);

}  // namespace lr::study
