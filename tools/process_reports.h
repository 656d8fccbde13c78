// What processes say of themselves (host/report.h), for people and for programs.
#pragma once

#include <span>
#include <string>

#include "host/report.h"

namespace lr::cli {

// How many there are in which state, and what all of them have: a few lines. Empty for none.
std::string process_summary(std::span<const ProcessReport> reports);

// A line for each of those that have used the most processor time, at most so many.
std::string process_table(std::span<const ProcessReport> reports, usize rows_max);

// Accounting: a line of CSV for each, below a header with the names of ProcessReport's fields.
std::string csv_header();
std::string csv_line(const ProcessReport& report);

}  // namespace lr::cli
