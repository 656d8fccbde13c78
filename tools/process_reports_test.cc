#include "tools/process_reports.h"

#include <gtest/gtest.h>

#include "tools/text_table.h"

namespace lr::cli {
namespace {

ProcessReport report(Pid pid, std::string_view state, u64 cpu_ns, std::string function) {
  ProcessReport out;
  out.pid = pid;
  out.state = state;
  out.cpu_ns = cpu_ns;
  out.function = std::move(function);
  out.bookkeeping_bytes = 700 + pid;
  out.memory_bytes = 64 * kKiB;
  return out;
}

TEST(ProcessSummary, CountsStates) {
  const ProcessReport reports[] = {report(1, "receiving", 0, ""), report(2, "running", 0, ""),
                                   report(3, "receiving", 0, "")};
  EXPECT_EQ(process_summary(reports),
            "alive              3: 2 receiving, 1 running\n"
            "bookkeeping        702 bytes each, 703 at most\n"
            "memory             192.0 KiB\n"
            "mailboxes          0 messages, 0 bytes\n");
  EXPECT_EQ(process_summary({}), "");
}

TEST(ProcessTable, ShowsTheBusiestFirst) {
  ProcessReport reports[] = {report(1, "receiving", 0, ""), report(2, "running", 2'500'000, "m!f"),
                             report(3, "sleeping", 1'000, "m!g")};
  reports[1].mailbox_messages = 3;
  reports[1].mailbox_bytes = 2048;
  const std::string text = process_table(reports, 2);
  const usize first = text.find("2.5 ms"), second = text.find("1.0 us");
  ASSERT_NE(first, std::string::npos) << text;
  ASSERT_NE(second, std::string::npos) << text;
  EXPECT_LT(first, second);
  EXPECT_NE(text.find("3 (2.0 KiB)"), std::string::npos) << text;
  EXPECT_EQ(text.find("receiving"), std::string::npos) << text;
  EXPECT_NE(text.find("and 1 more"), std::string::npos) << text;
}

TEST(CsvLine, HasAFieldForEachColumn) {
  const std::string header = csv_header();
  const std::string line = csv_line(report(7, "killed", 5, "a,\"b\""));
  EXPECT_EQ(std::count(header.begin(), header.end(), ','), 12);
  EXPECT_EQ(line, "7,killed,5,0,0,0,0,0,65536,0,0,707,\"a,\"\"b\"\"\"\n");
}

TEST(TextTable, AlignsCharactersAndNotBytes) {
  TextTable table({"a", "bbbb", "c"});
  table.add({"xx", "±1", "left"});
  table.rule();
  table.add({"y", "22", "z"});
  table.last_to_the_left();
  EXPECT_EQ(table.text(),
            "a   bbbb  c\n"
            "--------------\n"
            "xx    ±1  left\n"
            "--------------\n"
            "y     22  z\n");
}

}  // namespace
}  // namespace lr::cli
