// What a guest makes the host keep for it is charged to all processes' account, and refused when
// that is full: whoever goes on asking harms nobody, and ends with an error of its own.
#include "host/lunatic/test_program.h"

namespace lr::lunatic {
namespace {

// Each asks for far more than the account has.
const TestProgram::Case kHoarders[] = {
    {"Errors",
     R"(
      (data (i32.const 0) "nobody")
      (func (export "_start") (local $i i32)
        (loop $next
          (drop (call $spawn (i32.const 0) (i32.const 6) (i64.const 0) (i32.const -1)))
          (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                                 (i32.const 200000))))
        ;; The last one says why.
        (call $n (call $error.string_size (i64.load (i32.const 560))))))",
     {34}},
    {"Timers",
     R"(
      (func (export "_start")
        (loop $next
          (call $message.create_data (i64.const 0) (i64.const 0))
          (drop (call $timer.send_after (call $process.process_id) (i64.const 1000000000)))
          (br $next))))",
     {},
     "no memory for a timer"},
    {"LargeMessages",
     R"(
      (func (export "_start")
        (call $message.create_data (i64.const 0) (i64.const 0))
        (loop $next
          (drop (call $message.write_data (i32.const 0) (i32.const 200000)))
          (br $next))))",
     {},
     "no memory for the message"},
    {"Mailbox",
     R"(
      (func (export "_start") (local $i i32) (local $received i32)
        (loop $next
          (call $send (call $process.process_id) (i64.const 1) (i64.const 5))
          ;; Looks at what has arrived.
          (i64.store (i32.const 0) (i64.const 2))
          (drop (call $message.receive (i32.const 0) (i32.const 1) (i64.const 0)))
          (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                                 (i32.const 300000))))
        (loop $next
          (if (i32.eq (call $any (i64.const 0)) (i32.const 0))
            (then (local.set $received (i32.add (local.get $received) (i32.const 1)))
                  (br $next))))
        (call $n (i32.gt_u (local.get $received) (i32.const 50000)))
        (call $n (i32.lt_u (local.get $received) (i32.const 250000)))))",
     {1, 1}},
    {"Configurations",
     R"(
      (func (export "_start") (local $i i32)
        (loop $next
          (if (i64.eq (call $process.create_config) (i64.const -1))
            (then (call $n (i32.const 7)) (return)))
          (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                                 (i32.const 200000))))))",
     {7}},
};

struct Hoarders : testing::TestWithParam<TestProgram::Case> {};
TEST_P(Hoarders, GetNoMoreThanThereIs) {
  const TestProgram::Case& hoarder = GetParam();
  TestProgram program;
  program.options.scheduler.slots.total_memory_bytes = 24 * kMiB;
  const Outcome outcome = program.run(hoarder.body);
  EXPECT_EQ(outcome.message, hoarder.trap);
  EXPECT_EQ(program.notes(), hoarder.notes);
}
INSTANTIATE_TEST_SUITE_P(Programs, Hoarders, testing::ValuesIn(kHoarders),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace lr::lunatic
