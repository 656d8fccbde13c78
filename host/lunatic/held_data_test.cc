// Initial data that is copied when it is touched: whoever touches it first, in whatever way, finds
// what the module says, and so does the next process on the same slot.
#include <fmt/format.h>

#include "host/lunatic/test_program.h"

namespace lr::lunatic {
namespace {

constexpr u32 kData = 66'000, kDataBytes = 120'000;

u8 expected_byte(u32 at) { return static_cast<u8>(at * 31 + (at >> 8) * 7 + 1); }

std::string data_segment() {
  std::string text = fmt::format("(data (i32.const {}) \"", kData);
  for (u32 at = 0; at < kDataBytes; at++) text += fmt::format("\\{:02x}", expected_byte(at));
  return text + "\")\n";
}

// Each child does one thing to data that nobody has touched, looks at all of memory, tells the
// parent the first byte that is wrong, and leaves its mark everywhere.
constexpr std::string_view kChildren = R"(
  (data (i32.const 0) "look    load    wide    store   copy    fill    write   read    grow    ")
  (data (i32.const 72) "file    ")
  (data (i32.const 80) "scratch")
  (func $expected (param $at i32) (result i32)
    (local.set $at (i32.sub (local.get $at) (i32.const 66000)))
    (if (i32.ge_u (local.get $at) (i32.const 120000)) (then (return (i32.const 0))))
    (i32.and (i32.const 255)
      (i32.add (i32.add (i32.mul (local.get $at) (i32.const 31))
                        (i32.mul (i32.shr_u (local.get $at) (i32.const 8)) (i32.const 7)))
               (i32.const 1))))
  ;; The first offset in [at, end) that is not as it was initially; 0 if there is none.
  (func $differs (param $at i32) (param $end i32) (result i32)
    (loop $next
      (if (i32.ne (i32.load8_u (local.get $at)) (call $expected (local.get $at)))
        (then (return (local.get $at))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1)))
                             (local.get $end))))
    (i32.const 0))
  (func $all (result i32) (call $differs (i32.const 1024) (i32.const 262144)))
  (func $end (param $parent i32) (param $wrong i32)
    (call $send (i64.extend_i32_u (local.get $parent)) (i64.const 1)
      (i64.extend_i32_u (local.get $wrong)))
    (memory.fill (i32.const 80) (i32.const 0xa5)
      (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 80))))
  (func $restore (param $at i32) (param $end i32)
    (loop $next
      (i32.store8 (local.get $at) (call $expected (local.get $at)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1)))
                             (local.get $end)))))

  (func (export "look") (param $parent i32) (call $end (local.get $parent) (call $all)))
  (func (export "load") (param $parent i32)
    (if (i32.ne (i32.load8_u (i32.const 100000)) (call $expected (i32.const 100000)))
      (then (call $end (local.get $parent) (i32.const 100000)) (return)))
    (call $end (local.get $parent) (call $all)))
  ;; Across every edge of a page, wherever the memory begins in one.
  (func (export "wide") (param $parent i32) (local $at i32)
    (local.set $at (i32.const 66000))
    (loop $next
      (if (i32.ne (i32x4.extract_lane 3 (v128.load (local.get $at)))
                  (i32.load (i32.add (local.get $at) (i32.const 12))))
        (then (call $end (local.get $parent) (local.get $at)) (return)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8)))
                             (i32.const 185000))))
    (call $end (local.get $parent) (call $all)))
  (func (export "store") (param $parent i32)
    (i64.store (i32.const 101001) (i64.const -1))
    (if (i64.ne (i64.load (i32.const 101001)) (i64.const -1))
      (then (call $end (local.get $parent) (i32.const 101001)) (return)))
    (call $restore (i32.const 101001) (i32.const 101009))
    (call $end (local.get $parent) (call $all)))
  (func (export "copy") (param $parent i32) (local $at i32)
    (memory.copy (i32.const 200000) (i32.const 90000) (i32.const 20000))
    (loop $next
      (if (i32.ne (i32.load8_u (i32.add (local.get $at) (i32.const 200000)))
                  (call $expected (i32.add (local.get $at) (i32.const 90000))))
        (then (call $end (local.get $parent) (i32.const 200000)) (return)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1)))
                             (i32.const 20000))))
    (memory.fill (i32.const 200000) (i32.const 0) (i32.const 20000))
    (call $end (local.get $parent) (call $all)))
  (func (export "fill") (param $parent i32)
    (memory.fill (i32.const 90001) (i32.const 0xee) (i32.const 10000))
    (if (i64.ne (i64.load (i32.const 99993)) (i64.const 0xeeeeeeeeeeeeeeee))
      (then (call $end (local.get $parent) (i32.const 99993)) (return)))
    (call $restore (i32.const 90001) (i32.const 100001))
    (call $end (local.get $parent) (call $all)))
  ;; A message of untouched data, read elsewhere.
  (func (export "write") (param $parent i32)
    (call $message.create_data (i64.const 0) (i64.const 0))
    (drop (call $message.write_data (i32.const 95000) (i32.const 30000)))
    (drop (call $message.send (call $process.process_id)))
    (drop (call $any (i64.const -1)))
    (drop (call $message.read_data (i32.const 200000) (i32.const 30000)))
    (memory.copy (i32.const 95000) (i32.const 200000) (i32.const 30000))
    (memory.fill (i32.const 200000) (i32.const 0) (i32.const 30000))
    (call $end (local.get $parent) (call $all)))
  ;; A message that is read to where untouched data is.
  (func (export "read") (param $parent i32)
    (call $send (call $process.process_id) (i64.const 0) (i64.const -1))
    (drop (call $any (i64.const -1)))
    (drop (call $message.read_data (i32.const 120001) (i32.const 8)))
    (if (i64.ne (i64.load (i32.const 120001)) (i64.const -1))
      (then (call $end (local.get $parent) (i32.const 120001)) (return)))
    (call $restore (i32.const 120001) (i32.const 120009))
    (call $end (local.get $parent) (call $all)))
  ;; The memory moves.
  (func (export "grow") (param $parent i32)
    (drop (i32.load8_u (i32.const 100000)))
    (drop (memory.grow (i32.const 40)))
    (call $end (local.get $parent) (call $all)))
  ;; The system reads untouched data, and writes to where it is.
  (func (export "file") (param $parent i32)
    (i64.store (i32.const 600) (i64.const 0x0000_2710_0001_86a0))  ;; 10,000 bytes at 100,000
    (if (call $open (i32.const 3) (i32.const 0) (i32.const 80) (i32.const 7) (i32.const 9)
                    (i64.const 0x66) (i64.const 0) (i32.const 0) (i32.const 620))
      (then (call $end (local.get $parent) (i32.const 1)) (return)))
    (if (call $write (i32.load (i32.const 620)) (i32.const 600) (i32.const 1) (i32.const 616))
      (then (call $end (local.get $parent) (i32.const 2)) (return)))
    (i32.store (i32.const 600) (i32.const 150000))
    (if (call $pread (i32.load (i32.const 620)) (i32.const 600) (i32.const 1) (i64.const 0)
                     (i32.const 616))
      (then (call $end (local.get $parent) (i32.const 3)) (return)))
    (drop (call $close (i32.load (i32.const 620))))
    (if (i64.ne (i64.load (i32.const 150000)) (i64.load (i32.const 100000)))
      (then (call $end (local.get $parent) (i32.const 150000)) (return)))
    (call $restore (i32.const 150000) (i32.const 160000))
    (memory.fill (i32.const 600) (i32.const 0) (i32.const 32))
    (call $end (local.get $parent) (call $all)))

  ;; Every child in turn; the first wrong byte that one of them has found.
  (func (export "_start") (local $round i32) (local $wrong i64) (local $kind i32)
    (loop $next
      (local.set $kind (i32.shl (i32.rem_u (local.get $round) (i32.const 10)) (i32.const 3)))
      (drop (call $spawn (local.get $kind) (call $length (local.get $kind)) (i64.const 0)
        (i32.wrap_i64 (call $process.process_id))))
      (drop (call $any (i64.const -1)))
      (local.set $wrong (call $value))
      (if (i64.ne (local.get $wrong) (i64.const 0))
        (then (call $n (local.get $kind)) (call $note (local.get $wrong)) (return)))
      (br_if $next (i32.lt_u (local.tee $round (i32.add (local.get $round) (i32.const 1)))
                             (i32.const ROUNDS))))
    (call $n (local.get $round)))
  (func $length (param $name i32) (result i32) (local $length i32)
    (loop $next
      (br_if $next (i32.ne (i32.const 32) (i32.load8_u (i32.add (local.get $name)
        (local.tee $length (i32.add (local.get $length) (i32.const 1))))))))
    (local.get $length))
)";

std::string module_text(u32 rounds) {
  std::string children(kChildren);
  const std::string_view word = "ROUNDS";
  children.replace(children.find(word), word.size(), std::to_string(rounds));
  return fmt::format(R"((module
    (import "wasi_snapshot_preview1" "path_open" (func $open
      (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write
      (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pread" (func $pread
      (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    {}{}{}))",
                     TestProgram::prelude(), children, data_segment());
}

struct Way {
  const char* name;
  u32 rounds;
  u32 workers = 1;
  sched::GuardMode guards = sched::GuardMode::kAuto;
  bool exact_extent = false;
  bool move_always = false;
};

class HeldData : public testing::TestWithParam<Way> {};
INSTANTIATE_TEST_SUITE_P(Ways, HeldData,
                         testing::Values(Way{"usual", 500}, Way{"two_workers", 500, 2},
                                         Way{"no_guards", 100, 1, sched::GuardMode::kNone},
                                         Way{"exact", 20, 1, sched::GuardMode::kAuto, true},
                                         Way{"moving", 20, 2, sched::GuardMode::kAuto, true, true}),
                         [](const auto& way) { return std::string(way.param.name); });

TEST_P(HeldData, IsThereForWhoeverTouchesItFirst) {
  const Way& way = GetParam();
  TestProgram program(way.workers);
  program.options.scheduler.slots.guards = way.guards;
  program.config.exact_extent = way.exact_extent;
  program.config.move_always = way.move_always;
  program.config.directories = {{testing::TempDir(), "tmp"}};
  const Outcome outcome = program.run_module(module_text(way.rounds));
  EXPECT_TRUE(outcome.returned()) << outcome.message << outcome.backtrace;
  EXPECT_EQ(program.notes(), std::vector<i64>{way.rounds});
}

}  // namespace
}  // namespace lr::lunatic
