// Messages: the slot, the bytes, tags, selective receive, limits.
#include "host/lunatic/test_program.h"

namespace lr::lunatic {
namespace {

using Case = TestProgram::Case;

const Case kSlot[] = {
    {"ToOneself",
     R"((func (export "_start")
        (call $send (call $process.process_id) (i64.const 7) (i64.const 42))
        (call $n (call $any (i64.const -1)))
        (call $note (call $message.get_tag))
        (call $note (call $value))
        (call $n (call $any (i64.const 1)))))",
     {0, 7, 42, 9027}},
    {"EmptyAtFirst",
     R"((func (export "_start") (drop (call $message.get_tag))))",
     {},
     "there is no message in the slot"},
    {"EmptyWrite",
     R"((func (export "_start")
        (drop (call $message.write_data (i32.const 0) (i32.const 0)))))",
     {},
     "there is no message in the slot"},
    {"EmptyRead",
     R"((func (export "_start")
        (drop (call $message.read_data (i32.const 0) (i32.const 0)))))",
     {},
     "there is no message in the slot"},
    {"EmptySeek",
     R"((func (export "_start") (call $message.seek_data (i64.const 0))))",
     {},
     "there is no message in the slot"},
    {"EmptySize",
     R"((func (export "_start") (drop (call $message.data_size))))",
     {},
     "there is no message in the slot"},
    {"EmptySend",
     R"((func (export "_start") (drop (call $message.send (i64.const 1)))))",
     {},
     "there is no message in the slot"},
    {"EmptyProcessId",
     R"((func (export "_start") (drop (call $message.get_process_id))))",
     {},
     "there is no message in the slot"},
    {"EmptySendReceive",
     R"((func (export "_start")
        (drop
          (call $message.send_receive_skip_search (i64.const 1) (i64.const 1) (i64.const 0)))))",
     {},
     "there is no message in the slot"},
    {"SendingEmptiesIt",
     R"((func (export "_start")
        (call $message.create_data (i64.const 1) (i64.const -1))
        (call $n (call $message.send (i64.const 0x7fffffffffffffff)))
        (drop (call $message.get_tag))))",
     {0},
     "there is no message in the slot"},
    {"CreateReplaces",
     R"((func (export "_start")
        (call $message.create_data (i64.const 1) (i64.const 0))
        (drop (call $message.write_data (i32.const 0) (i32.const 100)))
        (call $message.create_data (i64.const -2) (i64.const 0x7fffffffffffffff))
        (call $note (call $message.get_tag))
        (call $note (call $message.get_process_id))
        (call $note (call $message.data_size))))",
     {-2, 0, 0}},
    {"ATimeoutLeavesIt",
     R"((func (export "_start")
        (call $message.create_data (i64.const 9) (i64.const 0))
        (call $n (call $any (i64.const 0)))
        (call $note (call $message.get_tag))))",
     {9027, 9}},
    {"ARequestThatTimesOutEmptiesIt",
     R"((func (export "_start")
        (call $message.create_data (i64.const 9) (i64.const 0))
        (call $n (call $message.send_receive_skip_search
          (i64.const 999) (i64.const 9) (i64.const 1)))
        (drop (call $message.get_tag))))",
     {9027},
     "there is no message in the slot"},
};
LUNATIC_CASES(Slot, kSlot);

const Case kBytes[] = {
    // Writing appends wherever the reading is.
    {"ReadAndWrite",
     R"((data (i32.const 1024) "abcdefgh")
      (func (export "_start")
        (call $message.create_data (i64.const 0) (i64.const 0))
        (call $n (call $message.write_data (i32.const 1024) (i32.const 3)))
        (call $n (call $message.read_data (i32.const 2048) (i32.const 2)))
        (call $n (call $message.write_data (i32.const 1027) (i32.const 5)))
        (call $note (call $message.data_size))
        (call $n (call $message.read_data (i32.const 2050) (i32.const 100)))
        (call $n (call $message.read_data (i32.const 2058) (i32.const 100)))
        (call $n (i64.eq (i64.load (i32.const 1024)) (i64.load (i32.const 2048))))
        (call $message.seek_data (i64.const 7))
        (call $n (call $message.read_data (i32.const 2048) (i32.const 100)))
        (call $n (i32.load8_u (i32.const 2048)))
        (call $message.seek_data (i64.const 8))
        (call $n (call $message.read_data (i32.const 2048) (i32.const 1)))))",
     {3, 2, 5, 8, 6, 0, 1, 1, 'h', 0}},
    {"BeyondTheEnd",
     R"((func (export "_start")
        (call $message.create_data (i64.const 0) (i64.const 0))
        (call $message.seek_data (i64.const 1))
        (call $n (i32.const 1))
        (drop (call $message.read_data (i32.const 0) (i32.const 0)))))",
     {1},
     "the read position lies beyond the end of the message"},
    {"SeekAnywhere",
     R"((func (export "_start")
        (call $message.create_data (i64.const 0) (i64.const 0))
        (call $message.seek_data (i64.const -1))
        (call $message.seek_data (i64.const 0))
        (call $n (call $message.read_data (i32.const 0) (i32.const 8)))))",
     {0}},
    {"WriteOutOfMemory",
     R"((func (export "_start")
        (call $message.create_data (i64.const 0) (i64.const 0))
        (drop (call $message.write_data (i32.const 262143) (i32.const 2)))))",
     {},
     "out of bounds memory access"},
    {"WriteWrapsAround",
     R"((func (export "_start")
        (call $message.create_data (i64.const 0) (i64.const 0))
        (drop (call $message.write_data (i32.const -1) (i32.const -1)))))",
     {},
     "out of bounds memory access"},
    {"ReadOutOfMemory",
     R"((func (export "_start")
        (call $message.create_data (i64.const 0) (i64.const 0))
        (drop (call $message.read_data (i32.const 262140) (i32.const 5)))))",
     {},
     "out of bounds memory access"},
    // In pieces, and growing over several blocks.
    {"Large",
     R"((func (export "_start") (local $i i32)
        (call $message.create_data (i64.const 3) (i64.const 0))
        (memory.fill (i32.const 1024) (i32.const 0x5a) (i32.const 200000))
        (loop $again
          (call $n (call $message.write_data (i32.const 1024) (i32.const 200000)))
          (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                                  (i32.const 3))))
        (drop (call $message.send (call $process.process_id)))
        (memory.fill (i32.const 1024) (i32.const 0) (i32.const 200000))
        (call $n (call $tag (i64.const 3)))
        (call $note (call $message.data_size))
        (call $message.seek_data (i64.const 399999))
        (call $n (call $message.read_data (i32.const 1024) (i32.const 250000)))
        (call $n (i32.load8_u (i32.const 1024)))
        (call $n (i32.load8_u (i32.add (i32.const 1023) (i32.const 200001))))
        (call $n (i32.load8_u (i32.add (i32.const 1024) (i32.const 200001))))
        (call $n (call $message.read_data (i32.const 1024) (i32.const 1)))))",
     {200000, 200000, 200000, 0, 600000, 200001, 0x5a, 0x5a, 0, 0}},
    {"TheLargestLength",
     R"((func (export "_start")
        (call $message.create_data (i64.const 3) (i64.const 0))
        (call $n (call $message.write_data (i32.const 0) (i32.const 262144)))
        (call $n (call $message.read_data (i32.const 0) (i32.const 262144)))))",
     {262144, 262144}},
    {"NothingAtTheEndOfMemory",
     R"((func (export "_start")
        (call $message.create_data (i64.const 3) (i64.const 0))
        (call $n (call $message.write_data (i32.const 262144) (i32.const 0)))
        (call $n (call $message.read_data (i32.const 262144) (i32.const 0)))))",
     {0, 0}},
};
LUNATIC_CASES(Bytes, kBytes);

const Case kSelective[] = {
    {"TheOldestOfATag",
     R"((func (export "_start") (local $me i64)
        (local.set $me (call $process.process_id))
        (call $send (local.get $me) (i64.const 1) (i64.const 10))
        (call $send (local.get $me) (i64.const 2) (i64.const 20))
        (call $send (local.get $me) (i64.const 0) (i64.const 30))
        (call $send (local.get $me) (i64.const 2) (i64.const 21))
        (call $send (local.get $me) (i64.const 1) (i64.const 11))
        (drop (call $tag (i64.const 2))) (call $note (call $value))
        (drop (call $tag (i64.const 2))) (call $note (call $value))
        (drop (call $any (i64.const -1))) (call $note (call $value))
        (drop (call $any (i64.const -1))) (call $note (call $value))
        (drop (call $any (i64.const -1))) (call $note (call $value))))",
     {20, 21, 10, 30, 11}},
    {"OneOfSeveralTags",
     R"((func (export "_start") (local $me i64)
        (local.set $me (call $process.process_id))
        (call $send (local.get $me) (i64.const 1) (i64.const 10))
        (call $send (local.get $me) (i64.const 3) (i64.const 30))
        (call $send (local.get $me) (i64.const 2) (i64.const 20))
        (i64.store (i32.const 1024) (i64.const 2))
        (i64.store (i32.const 1032) (i64.const 3))
        (call $n (call $message.receive (i32.const 1024) (i32.const 2) (i64.const -1)))
        (call $note (call $value))
        (call $n (call $message.receive (i32.const 1024) (i32.const 2) (i64.const -1)))
        (call $note (call $value))
        (call $n (call $message.receive (i32.const 1024) (i32.const 2) (i64.const 0)))))",
     {0, 30, 0, 20, 9027}},
    // Tag 0 is no tag and no list finds it.
    {"NoTagIsNeverFound",
     R"((func (export "_start")
        (call $send (call $process.process_id) (i64.const 0) (i64.const 5))
        (i64.store (i32.const 1024) (i64.const 0))
        (call $n (call $message.receive (i32.const 1024) (i32.const 1) (i64.const 1)))
        (call $n (call $any (i64.const 0)))
        (call $note (call $message.get_tag))))",
     {9027, 0, 0}},
    {"TagsAreNotLookedAtWhenThereAreNone",
     R"((func (export "_start")
        (call $n (call $message.receive (i32.const -1) (i32.const 0) (i64.const 0)))))",
     {9027}},
    {"TagsOutOfMemory",
     R"((func (export "_start")
        (drop (call $message.receive (i32.const 262137) (i32.const 1) (i64.const 0)))))",
     {},
     "out of bounds memory access"},
    {"TagsThatWrapAround",
     R"((func (export "_start")
        (drop (call $message.receive (i32.const 8) (i32.const 0x20000000) (i64.const 0)))))",
     {},
     "out of bounds memory access"},
    {"TooManyTags",
     R"((func (export "_start")
        (drop (call $message.receive (i32.const 0) (i32.const 4097) (i64.const 0)))))",
     {},
     "4097 tags are more than 4096"},
    {"ManyTags",
     R"((func (export "_start")
        (i64.store (i32.const 32760) (i64.const 77))
        (call $send (call $process.process_id) (i64.const 77) (i64.const 5))
        (call $n (call $message.receive (i32.const 0) (i32.const 4096) (i64.const -1)))
        (call $n (call $message.receive (i32.const 0) (i32.const 4096) (i64.const 1)))))",
     {0, 9027}},
    // What was there before the request is not looked at.
    {"RequestsSkipTheList",
     R"((data (i32.const 1024) "echo")
      (func (export "echo")
        (drop (call $tag (i64.const 1)))
        (call $send (call $value) (i64.const 5) (i64.const 200)))
      (func (export "_start") (local $child i64) (local $me i64)
        (local.set $me (call $process.process_id))
        (local.set $child
          (call $spawn (i32.const 1024) (i32.const 4) (i64.const 0) (i32.const -1)))
        (call $send (local.get $me) (i64.const 5) (i64.const 100))
        (call $n (call $message.receive (i32.const 0) (i32.const 0) (i64.const 0)))
        (call $send (local.get $me) (i64.const 5) (call $value))
        (call $process.sleep_ms (i64.const 1))
        (call $message.create_data (i64.const 1) (i64.const 0))
        (i64.store (i32.const 1032) (local.get $me))
        (drop (call $message.write_data (i32.const 1032) (i32.const 8)))
        (call $n (call $message.send_receive_skip_search
          (local.get $child) (i64.const 5) (i64.const -1)))
        (call $note (call $value))
        (call $n (call $tag (i64.const 5)))
        (call $note (call $value))))",
     {0, 0, 200, 0, 100}},
    {"ARequestWithTagZeroFindsNothing",
     R"((func (export "_start")
        (call $message.create_data (i64.const 0) (i64.const 0))
        (call $n (call $message.send_receive_skip_search
          (call $process.process_id) (i64.const 0) (i64.const 1)))
        (call $n (call $any (i64.const 0)))))",
     {9027, 0}},
    {"AZeroTimeoutLooksOnce",
     R"((func (export "_start")
        (call $send (call $process.process_id) (i64.const 4) (i64.const 1))
        (i64.store (i32.const 1024) (i64.const 4))
        (call $n (call $message.receive (i32.const 1024) (i32.const 1) (i64.const 0)))
        (call $n (call $message.receive (i32.const 1024) (i32.const 1) (i64.const 0)))))",
     {0, 9027}},
    {"OrderOfOneSender",
     R"((data (i32.const 1024) "flood")
      (func (export "flood") (local $n i64)
        (loop $again
          (call $send (i64.const 1) (i64.const 1) (local.get $n))
          (br_if $again (i64.lt_u
            (local.tee $n (i64.add (local.get $n) (i64.const 1))) (i64.const 5000)))))
      (func (export "_start") (local $n i64)
        (drop (call $spawn (i32.const 1024) (i32.const 5) (i64.const 0) (i32.const -1)))
        (loop $again
          (drop (call $tag (i64.const 1)))
          (if (i64.ne (call $value) (local.get $n)) (then unreachable))
          (br_if $again (i64.lt_u
            (local.tee $n (i64.add (local.get $n) (i64.const 1))) (i64.const 5000))))
        (call $note (local.get $n))))",
     {5000}},
};
LUNATIC_CASES(Selective, kSelective);

constexpr const char* kTwoMessages = R"((func (export "_start")
    (call $send (call $process.process_id) (i64.const 1) (i64.const 1))
    (call $send (call $process.process_id) (i64.const 2) (i64.const 2))
    (call $process.sleep_ms (i64.const 1))
    (call $n (call $any (i64.const 0))) (call $note (call $message.get_tag))
    (call $n (call $any (i64.const 0)))))";

TEST(MailboxLimits, MessagesThatDoNotFitAreDropped) {
  TestProgram program;
  program.config.mailbox.messages_max = 1;
  EXPECT_TRUE(program.run(kTwoMessages).returned());
  EXPECT_EQ(program.notes(), (std::vector<i64>{0, 1, 9027}));
}

TEST(MailboxLimits, AMessageThatNoMailboxTakesCannotBeMade) {
  TestProgram program;
  program.config.mailbox.bytes_max = 4096;
  const Outcome outcome = program.run(R"((func (export "_start")
    (call $message.create_data (i64.const 0) (i64.const 0))
    (call $n (call $message.write_data (i32.const 0) (i32.const 4000)))
    (call $n (call $message.write_data (i32.const 0) (i32.const 97)))))");
  EXPECT_EQ(outcome.message, "a message of more than 4096 bytes");
  EXPECT_EQ(program.notes(), std::vector<i64>{4000});
}

// As guests of Lunatic 0.12 declare it: the tag that is awaited is the message's.
TEST(OldGuests, SendReceiveSkipSearch) {
  for (const char* const module : {"lunatic::message", "lunatic::distributed"}) {
    const bool is_local = std::string_view(module) == "lunatic::message";
    TestProgram program;
    const std::string text =
        "(module (import \"" + std::string(module) + "\" \"send_receive_skip_search\" (func $old " +
        (is_local ? "(param i64 i64)" : "(param i64 i64 i64)") + " (result i32)))" +
        TestProgram::prelude() + R"((func $request (param $tag i64)
          (call $message.create_data (local.get $tag) (i64.const 0))
          (call $n (call $old )" +
        (is_local ? "" : "(i64.const 0) ") + R"((call $process.process_id) (i64.const 5)))
          (call $note (call $message.get_tag)))
        (func (export "_start") (call $request (i64.const 8)) (call $request (i64.const 0))))";
    const Outcome outcome = program.run_module(text + ")");
    EXPECT_TRUE(outcome.returned()) << outcome.message;
    EXPECT_EQ(program.notes(), (std::vector<i64>{0, 8, 0, 0}));
  }
}

}  // namespace
}  // namespace lr::lunatic
