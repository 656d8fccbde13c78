#include "host/lunatic/test_program.h"

namespace lr::lunatic {
namespace {

struct LunaticTest : testing::TestWithParam<u32> {
  TestProgram program{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Workers, LunaticTest, testing::Values(1, 2));

TEST_P(LunaticTest, ToOneself) {
  const Outcome outcome = program.run(R"((func (export "_start")
    (call $send (call $process.process_id) (i64.const 7) (i64.const 42))
    (call $note (i64.extend_i32_u (call $message.receive
      (i32.const 0) (i32.const 0) (i64.const -1))))
    (call $note (call $message.get_tag))
    (call $note (call $value))
    (call $note (i64.extend_i32_u (call $message.receive
      (i32.const 0) (i32.const 0) (i64.const 1))))))");
  EXPECT_TRUE(outcome.returned()) << outcome.message;
  EXPECT_EQ(program.notes(), (std::vector<i64>{0, 7, 42, 9027}));
}

TEST_P(LunaticTest, PingPong) {
  const Outcome outcome = program.run(R"((data (i32.const 1024) "echo")
    (global $parent (mut i64) (i64.const 0))
    (func (export "echo") (param $rounds i32)
      (local $parent i64)
      (drop (call $tag (i64.const 1)))
      (local.set $parent (call $value))
      (loop $again
        (drop (call $tag (i64.const 2)))
        (call $send (local.get $parent) (i64.const 3) (i64.add (call $value) (i64.const 1)))
        (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))
    (func (export "_start") (local $child i64) (local $n i64)
      (local.set $child (call $spawn (i32.const 1024) (i32.const 4) (i64.const 5) (i32.const 100)))
      (call $send (local.get $child) (i64.const 1) (call $process.process_id))
      (loop $again
        (call $send (local.get $child) (i64.const 2) (local.get $n))
        (drop (call $tag (i64.const 3)))
        (br_if $again (i64.lt_u (local.tee $n (call $value)) (i64.const 100))))
      (call $note (local.get $n))
      (call $note (i64.extend_i32_u (call $process.exists (call $process.process_id))))))");
  EXPECT_TRUE(outcome.returned()) << outcome.message;
  EXPECT_EQ(program.notes(), (std::vector<i64>{100, 1}));
}

}  // namespace
}  // namespace lr::lunatic
