// The registry, timers, errors, versions, caught traps, compiled modules, and what is not there
// yet.
#include <algorithm>
#include <set>

#include "host/death_log.h"
#include "host/lunatic/test_program.h"

namespace lr::lunatic {
namespace {

using Case = TestProgram::Case;

// (call $get) of the name at 1024: the answer; (call $put pid).
const std::string kLookUp = R"((data (i32.const 1024) "service.child...")
    (func $get (result i32) (call $registry.get (i32.const 1024) (i32.const 7)
      (i32.const 600) (i32.const 608)))
    (func $put (param $pid i64) (call $registry.put (i32.const 1024) (i32.const 7)
      (i64.const 0) (local.get $pid)))
    (func $later (result i32) (call $registry.get_or_put_later (i32.const 1024) (i32.const 7)
      (i32.const 600) (i32.const 608)))
    (func $or_spawn (result i32) (call $process.get_or_spawn (i32.const 1024) (i32.const 7)
      (i64.const 0) (i64.const -1) (i64.const -1) (i32.const 1032) (i32.const 5)
      (i32.const 0) (i32.const 0) (i32.const 600) (i32.const 608))))";

const Case kRegistry[] = {
    {"PutGetRemove",
     kLookUp + R"((func (export "_start")
        (i64.store (i32.const 600) (i64.const 77)) (i64.store (i32.const 608) (i64.const 78))
        (call $n (call $get))
        (call $note (i64.load (i32.const 600))) (call $note (i64.load (i32.const 608)))
        (call $put (i64.const -1))
        (call $registry.put (i32.const 1024) (i32.const 7) (i64.const 5) (i64.const 6))
        (call $n (call $get))
        (call $note (i64.load (i32.const 600))) (call $note (i64.load (i32.const 608)))
        (call $registry.remove (i32.const 1024) (i32.const 7))
        (call $registry.remove (i32.const 1024) (i32.const 7))
        (call $n (call $get))))",
     {1, 77, 78, 0, 5, 6, 1}},
    {"TheEmptyName",
     kLookUp + R"((func (export "_start")
        (call $registry.put (i32.const 262144) (i32.const 0) (i64.const 1) (i64.const 2))
        (call $n (call $registry.get (i32.const 0) (i32.const 0) (i32.const 600)
          (i32.const 608)))
        (call $note (i64.load (i32.const 608)))))",
     {0, 2}},
    {"NoText",
     R"((data (i32.const 1024) "\80") (func (export "_start")
        (call $registry.put (i32.const 1024) (i32.const 1) (i64.const 0) (i64.const 0))))",
     {},
     "a text is not UTF-8"},
    {"OutOfMemory",
     R"((func (export "_start")
        (call $registry.remove (i32.const -1) (i32.const -1))))",
     {},
     "out of bounds memory access"},
    {"TheAnswerOutOfMemory",
     kLookUp + R"((func (export "_start")
        (call $put (i64.const 1))
        (drop (call $registry.get (i32.const 1024) (i32.const 7) (i32.const 0)
          (i32.const 262140)))))",
     {},
     "out of bounds memory access"},
    {"ALongName",
     R"((func (export "_start")
        (call $registry.put (i32.const 1024) (i32.const 65537) (i64.const 0) (i64.const 0))))",
     {},
     "a text of 65537 bytes is longer than 65536"},
    // All processes share the names, and they stay.
    {"TheNameOfTheDead",
     kLookUp + R"((func (export "child")
        (call $put (call $process.process_id)))
      (func (export "_start") (local $a i64)
        (local.set $a (call $spawn (i32.const 1032) (i32.const 5) (i64.const 0) (i32.const -1)))
        (loop $again (if (call $process.exists (local.get $a)) (then
          (call $process.sleep_ms (i64.const 1)) (br $again))))
        (call $n (call $get))
        (call $n (i64.eq (i64.load (i32.const 608)) (local.get $a)))))",
     {0, 1}},
    {"GetOrSpawn",
     kLookUp + R"((func (export "child") (drop (call $any (i64.const -1))))
      (func (export "_start") (local $a i64)
        (call $n (call $or_spawn))
        (call $note (i64.load (i32.const 600)))
        (local.set $a (i64.load (i32.const 608)))
        (call $n (call $or_spawn))
        (call $n (i64.eq (i64.load (i32.const 608)) (local.get $a)))
        (call $n (call $get))
        (call $n (call $process.exists (i64.load (i32.const 608))))))",
     {0, 0, 2, 1, 0, 1}},
    // Nothing but the name is looked at when it is known.
    {"GetOrSpawnLooksFirst",
     kLookUp + R"((func (export "_start")
        (call $put (i64.const 9))
        (call $n (call $process.get_or_spawn (i32.const 1024) (i32.const 7) (i64.const -5)
          (i64.const -9) (i64.const 99) (i32.const -1) (i32.const -1) (i32.const -1)
          (i32.const -1) (i32.const 600) (i32.const 608)))
        (call $note (i64.load (i32.const 608)))))",
     {2, 9}},
    {"GetOrSpawnOutOfMemory",
     kLookUp + R"((func (export "_start")
        (drop (call $process.get_or_spawn (i32.const 1024) (i32.const 7) (i64.const 0)
          (i64.const -1) (i64.const -1) (i32.const -1) (i32.const 5) (i32.const 0)
          (i32.const 0) (i32.const 600) (i32.const 608)))))",
     {},
     "out of bounds memory access"},
    // Its start function fails: an error, and no name.
    {"GetOrSpawnThatFails",
     kLookUp + R"(
      (func $begin (if (i64.ne (call $process.process_id) (i64.const 1)) (then unreachable)))
      (start $begin)
      (func (export "child"))
      (func (export "_start")
        (call $n (call $or_spawn))
        (call $n (call $error.string_size (i64.load (i32.const 608))))
        (call $n (call $get))))",
     {1, 38, 1}},
    // Everybody waits for the start function of the first; only one child is made.
    {"GetOrSpawnAtOnce",
     kLookUp + R"(
      (func $begin (if (i64.gt_u (call $process.process_id) (i64.const 1)) (then
        (call $process.sleep_ms (i64.const 2)))))
      (start $begin)
      (data (i32.const 1040) "ask")
      (func (export "child") (drop (call $any (i64.const -1))))
      (func (export "ask") (local $status i32)
        (local.set $status (call $or_spawn))
        (call $send (i64.const 1) (i64.const 1) (i64.load (i32.const 608)))
        (call $send (i64.const 1) (i64.const 2) (i64.extend_i32_u (local.get $status))))
      (func (export "_start") (local $i i32) (local $pid i64) (local $value i64) (local $made i32)
        (loop $again
          (drop (call $spawn (i32.const 1040) (i32.const 3) (i64.const 0) (i32.const -1)))
          (br_if $again (i32.lt_u
            (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 8))))
        (loop $again
          (drop (call $tag (i64.const 1)))
          (local.set $value (call $value))
          (if (i64.eqz (local.get $pid)) (then (local.set $pid (local.get $value))))
          (if (i64.ne (local.get $pid) (local.get $value)) (then unreachable))
          (if (i64.eqz (local.get $pid)) (then unreachable))
          (br_if $again (i32.lt_u
            (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 16))))
        (local.set $i (i32.const 0))
        (loop $again
          (drop (call $tag (i64.const 2)))
          (if (i64.eqz (call $value)) (then
            (local.set $made (i32.add (local.get $made) (i32.const 1)))))
          (br_if $again (i32.lt_u
            (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 8))))
        (call $n (local.get $made))))",
     {1}},
    {"PutLater",
     kLookUp + R"((func (export "_start")
        (call $n (call $later)) (call $put (i64.const 3))
        (call $n (call $later)) (call $note (i64.load (i32.const 608)))))",
     {1, 0, 3}},
    {"PutLaterAndGet",
     kLookUp + R"((func (export "_start")
        (call $n (call $later)) (drop (call $get))))",
     {1},
     "the name that was not found has not been put yet"},
    {"PutLaterAndRemove",
     kLookUp + R"((func (export "_start")
        (call $n (call $later)) (call $registry.remove (i32.const 0) (i32.const 0))))",
     {1},
     "the name that was not found has not been put yet"},
    // Others wait until it has been put, or until the one that was to put it is gone.
    {"PutLaterKeepsOthersWaiting",
     kLookUp + R"((func (export "child") (local $status i32)
        (local.set $status (call $get))
        (call $send (i64.const 1) (i64.const 1) (i64.extend_i32_u (local.get $status))))
      (func (export "_start")
        (call $n (call $later))
        (drop (call $spawn (i32.const 1032) (i32.const 5) (i64.const 0) (i32.const -1)))
        (call $n (call $any (i64.const 3)))
        (call $put (i64.const 3))
        (drop (call $tag (i64.const 1)))
        (call $note (call $value))))",
     {1, 9027, 0}},
    {"PutNever",
     kLookUp + R"((func (export "child")
        (drop (call $later)) (call $send (i64.const 1) (i64.const 1) (i64.const 0)))
      (func (export "_start")
        (drop (call $spawn (i32.const 1032) (i32.const 5) (i64.const 0) (i32.const -1)))
        (drop (call $tag (i64.const 1)))
        (call $n (call $get))))",
     {1}},
};
LUNATIC_CASES(Names, kRegistry);

const Case kTimers[] = {
    {"FiresInOrder",
     R"((func $after (param $tag i64) (param $delay i64) (result i64)
        (call $message.create_data (local.get $tag) (i64.const 0))
        (call $timer.send_after (call $process.process_id) (local.get $delay)))
      (func (export "_start")
        (call $note (call $after (i64.const 1) (i64.const 20)))
        (call $note (call $after (i64.const 2) (i64.const 1)))
        (call $n (call $any (i64.const -1))) (call $note (call $message.get_tag))
        (call $n (call $any (i64.const -1))) (call $note (call $message.get_tag))))",
     {0, 1, 0, 2, 0, 1}},
    {"Cancelled",
     R"((func (export "_start")
        (call $message.create_data (i64.const 1) (i64.const 0))
        (drop (call $timer.send_after (call $process.process_id) (i64.const 2)))
        (call $n (call $timer.cancel_timer (i64.const 0)))
        (call $n (call $timer.cancel_timer (i64.const 0)))
        (call $n (call $timer.cancel_timer (i64.const -1)))
        (call $n (call $any (i64.const 5)))))",
     {1, 0, 0, 9027}},
    {"CancelledTooLate",
     R"((func (export "_start")
        (call $message.create_data (i64.const 1) (i64.const 0))
        (drop (call $timer.send_after (call $process.process_id) (i64.const 0)))
        (call $n (call $any (i64.const -1)))
        (call $n (call $timer.cancel_timer (i64.const 0)))))",
     {0, 0}},
    {"Nobody",
     R"((func (export "_start")
        (call $message.create_data (i64.const 1) (i64.const 0))
        (call $note (call $timer.send_after (i64.const 12345) (i64.const 0)))
        (call $process.sleep_ms (i64.const 2))
        (call $message.create_data (i64.const 1) (i64.const 0))
        (call $note (call $timer.send_after (i64.const 0) (i64.const -1)))
        (drop (call $timer.send_after (i64.const 0) (i64.const 0)))))",
     {0, 1},
     "there is no message in the slot"},
    // A timer of a process that has ended fires all the same.
    {"AfterItsMaker",
     R"((data (i32.const 1024) "child")
      (func (export "child")
        (call $message.create_data (i64.const 6) (i64.const 0))
        (drop (call $timer.send_after (i64.const 1) (i64.const 5))))
      (func (export "_start") (local $a i64)
        (local.set $a (call $spawn (i32.const 1024) (i32.const 5) (i64.const 0) (i32.const -1)))
        (call $n (call $any (i64.const -1)))
        (call $note (call $message.get_tag))
        (call $n (call $process.exists (local.get $a)))))",
     {0, 6, 0}},
    {"ManyThatFire",
     R"((func (export "_start") (local $i i32)
        (loop $again
          (call $message.create_data (i64.const 1) (i64.const 0))
          (drop (call $timer.send_after (call $process.process_id) (i64.const 0)))
          (drop (call $any (i64.const -1)))
          (br_if $again (i32.lt_u
            (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300))))
        (call $n (local.get $i))))",
     {300}},
    {"LeftBehind",
     R"((func (export "_start") (local $i i32)
        (loop $again
          (call $message.create_data (i64.const 1) (i64.const 0))
          (drop (call $timer.send_after (call $process.process_id) (i64.const 1000000)))
          (br_if $again (i32.lt_u
            (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
        (call $n (call $timer.cancel_timer (i64.const 999)))))",
     {1}},
    {"Sleep",
     R"((func (export "_start") (call $process.sleep_ms (i64.const 0))
        (call $process.sleep_ms (i64.const 1)) (call $n (i32.const 1))))",
     {1}},
};
LUNATIC_CASES(Timers, kTimers);

TEST(TimerLimits, ThereAreOnlySoMany) {
  TestProgram program;
  program.config.mailbox.messages_max = 100;
  const Outcome outcome = program.run(R"((func (export "_start")
    (loop $again
      (call $message.create_data (i64.const 1) (i64.const 0))
      (drop (call $timer.send_after (i64.const 1) (i64.const 1000000)))
      (br $again))))");
  EXPECT_EQ(outcome.message, "100 timers are under way, the most that there may be");
}

const Case kMisc[] = {
    {"Version",
     R"((func (export "_start") (call $n (call $version.major))
        (call $n (call $version.minor)) (call $n (call $version.patch))))",
     {0, 13, 2}},
    {"Errors",
     R"((func (export "_start") (local $size i32)
        (call $n (call $process.compile_module (i32.const 0) (i32.const 3) (i32.const 600)))
        (call $note (i64.load (i32.const 600)))
        (local.set $size (call $error.string_size (i64.const 0)))
        (call $error.to_string (i64.const 0) (i32.const 1024))
        (call $n (i32.ne (i32.load8_u (i32.add (i32.const 1023) (local.get $size)))
          (i32.const 0)))
        (call $n (i32.load8_u (i32.add (i32.const 1024) (local.get $size))))
        (call $error.drop (i64.const 0))
        (call $error.drop (i64.const 0))))",
     {1, 0, 1, 0},
     "there is no error 0"},
    {"NoError",
     R"((func (export "_start") (drop (call $error.string_size (i64.const -1)))))",
     {},
     "there is no error 18446744073709551615"},
    {"AnErrorOutOfMemory",
     R"((func (export "_start")
        (drop (call $process.compile_module (i32.const 0) (i32.const 3) (i32.const 600)))
        (call $error.to_string (i64.const 0) (i32.const 262143))))",
     {},
     "out of bounds memory access"},
    {"OneNode",
     R"((func (export "_start")
        (call $note (call $distributed.node_id)) (call $note (call $distributed.module_id))
        (call $n (call $distributed.nodes_count))
        (call $n (call $distributed.get_nodes (i32.const 0) (i32.const 10)))))",
     {0, 0, 0, 0}},
    {"ToTheOwnNode",
     R"((data (i32.const 1024) "child") (data (i32.const 1040) "\7f\05")
      (func (export "child") (param i32)
        (call $message.create_data (i64.const 3) (i64.const 0))
        (call $n (call $distributed.send (i64.const 0) (i64.const 1))))
      (func (export "_start")
        ;; The last record is not complete.
        (call $n (call $distributed.spawn (i64.const 0) (i64.const -1) (i64.const 0)
          (i32.const 1024) (i32.const 5) (i32.const 1040) (i32.const 20) (i32.const 600)))
        (call $n (call $tag (i64.const 3)))
        (call $n (call $distributed.send_receive_skip_search (i64.const 0)
          (call $process.process_id) (i64.const 3) (i64.const 10)))
        (call $note (call $message.get_tag))))",
     {0, 0, 0, 0, 3}},
    {"ToAnotherNode",
     R"((func (export "_start")
        (call $message.create_data (i64.const 3) (i64.const 0))
        (drop (call $distributed.send (i64.const 1) (i64.const 1)))))",
     {},
     "there is no node 1"},
    {"SpawnOnAnotherNode",
     R"((func (export "_start")
        (drop (call $distributed.spawn (i64.const -1) (i64.const -1) (i64.const 0)
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))))",
     {},
     "there is no node 18446744073709551615"},
    {"LookUpNodes",
     R"((func (export "_start")
        (drop (call $distributed.exec_lookup_nodes (i32.const 0) (i32.const 0) (i32.const 0)
          (i32.const 8) (i32.const 16)))))",
     {},
     "this program does not run on several nodes"},
    {"CopyNodes",
     R"((func (export "_start")
        (drop (call $distributed.copy_lookup_nodes_results (i64.const 0) (i32.const 0)
          (i32.const 8) (i32.const 16)))))",
     {},
     "this program does not run on several nodes"},
    {"NotYet",
     R"((func (export "_start")
        (drop (call $networking.tcp_bind (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0)
          (i32.const 0) (i32.const 0)))))",
     {},
     "lunatic::networking::tcp_bind is not available yet"},
    {"NotYetMetrics",
     R"((func (export "_start")
        (call $metrics.gauge (i32.const 4) (i32.const 0) (f64.const 0))))",
     {},
     "lunatic::metrics::gauge is not available yet"},
};
LUNATIC_CASES(Misc, kMisc);

const std::string kCatcher = R"((table funcref (elem $fine $trap $exit $host $nested $deep $bytes))
    (type $t (func (param i32) (result i32)))
    (func $fine (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func $trap (param i32) (result i32) unreachable)
    (func $exit (param i32) (result i32) (call $proc_exit (i32.const 3)) (i32.const 9))
    (func $host (param i32) (result i32) (call $message.seek_data (i64.const 0)) (i32.const 9))
    (func $nested (param i32) (result i32)
      (i32.add (call $trap.catch (i32.const 1) (i32.const 0)) (i32.const 4)))
    (func $deep (param i32) (result i32) (call $deep (local.get 0)))
    (func $bytes (param i32) (result i32)
      (call $message.create_data (i64.const 1) (i64.const 0))
      (call $message.write_data (i32.const -1) (i32.const 1)))
    (func (export "_lunatic_catch_trap") (param $f i32) (param $x i32) (result i32)
      (call_indirect (type $t) (local.get $x) (local.get $f)))
    (func $try (param $f i32) (call $n (call $trap.catch (local.get $f) (i32.const 20)))))";

TEST(CaughtTraps, AllKinds) {
  for (const u32 workers : {1u, 2u}) {
    TestProgram program(workers);
    const Outcome outcome = program.run_module(
        R"((module (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32))))" +
        TestProgram::prelude() + kCatcher + R"((func (export "_start")
          (call $try (i32.const 0)) (call $try (i32.const 1)) (call $try (i32.const 2))
          (call $try (i32.const 3)) (call $try (i32.const 4)) (call $try (i32.const 5))
          (call $try (i32.const 99))
          (call $try (i32.const 6))
          (drop (call $message.get_tag)))))");
    EXPECT_EQ(program.notes(), (std::vector<i64>{21, 0, 0, 0, 4, 0, 0, 0}));
    EXPECT_EQ(outcome.message, "there is no message in the slot");
  }
}

TEST(CaughtTraps, NotTheKill) {
  TestProgram program;
  const Outcome outcome = program.run(R"((func (export "_lunatic_catch_trap") (param i32 i32)
      (result i32) (call $process.kill (call $process.process_id)) (loop (br 0)) (i32.const 1))
    (func (export "_start") (drop (call $trap.catch (i32.const 1) (i32.const 2)))
      (call $n (i32.const 1))))");
  EXPECT_EQ(outcome.kind, Outcome::Kind::Killed);
  EXPECT_TRUE(program.notes().empty());
}

TEST(CaughtTraps, WithoutTheExport) {
  for (const char* const body :
       {"", R"((func (export "_lunatic_catch_trap") (param i32) (result i32) (i32.const 1)))",
        R"((global (export "_lunatic_catch_trap") i32 (i32.const 1)))"}) {
    TestProgram program;
    const Outcome outcome = program.run(std::string(body) + R"((func (export "_start")
          (drop (call $trap.catch (i32.const 1) (i32.const 2)))))");
    EXPECT_EQ(outcome.message, "the module does not export _lunatic_catch_trap (i32, i32) -> i32");
  }
}

// --- Modules.

std::string escaped(const std::vector<u8>& bytes) {
  std::string text;
  for (const u8 byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += {'\\', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

struct Modules : testing::TestWithParam<u32> {
  TestProgram program{GetParam()};

  Outcome run(std::string_view inner, std::string_view start) {
    const std::vector<u8> bytes = TestProgram::assemble(inner);
    return program.run("(data (i32.const 4096) \"" + escaped(bytes) +
                       R"(") (data (i32.const 1024) "child"))" +
                       R"((func $compile (result i32)
          (call $process.compile_module (i32.const 4096) (i32.const )" +
                       std::to_string(bytes.size()) + R"() (i32.const 600)))
        (func (export "_start") )" +
                       std::string(start) + ")");
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, Modules, testing::Values(1u, 2u));

constexpr std::string_view kInner = R"((module
  (import "lunatic::message" "create_data" (func $create (param i64 i64)))
  (import "lunatic::message" "send" (func $send (param i64) (result i32)))
  (func (export "child") (call $create (i64.const 5) (i64.const 0))
    (drop (call $send (i64.const 1))))))";

constexpr std::string_view kSpawnIt = R"((call $n (call $process.spawn (i64.const 0)
    (i64.const -1) (i64.load (i32.const 600)) (i32.const 1024) (i32.const 5) (i32.const 0)
    (i32.const 0) (i32.const 608)))
  (call $n (call $tag (i64.const 5))))";

TEST_P(Modules, CompiledAndSpawned) {
  const Outcome outcome =
      run(kInner, "(call $n (call $compile)) (call $note (i64.load (i32.const 600)))" +
                      std::string(kSpawnIt) + R"((call $process.drop_module (i64.const 0))
        (call $process.drop_module (i64.const 0)))");
  EXPECT_EQ(outcome.message, "there is no module 0");
  EXPECT_EQ(program.notes(), (std::vector<i64>{0, 0, 0, 0}));
}

TEST_P(Modules, InMessages) {
  const Outcome outcome =
      run(kInner, R"((drop (call $compile))
      (call $message.create_data (i64.const 8) (i64.const 0))
      (call $note (call $message.push_module (i64.const 0)))
      (call $note (call $message.push_module (i64.const 0)))
      (call $process.drop_module (i64.const 0))
      (drop (call $message.send (call $process.process_id)))
      (drop (call $tag (i64.const 8)))
      (i64.store (i32.const 600) (call $message.take_module (i64.const 1)))
      (call $note (i64.load (i32.const 600))))" +
                      std::string(kSpawnIt) + "(drop (call $any (i64.const 0)))");
  EXPECT_TRUE(outcome.returned()) << outcome.message;
  EXPECT_EQ(program.notes(), (std::vector<i64>{0, 1, 1, 0, 0}));
}

TEST_P(Modules, TakenWrongly) {
  struct {
    const char* start;
    const char* trap;
  } const cases[] = {
      {"(drop (call $message.push_module (i64.const 0)))", "there is no module 0"},
      {"(drop (call $message.take_module (i64.const 0)))", "there is no message in the slot"},
      {R"((call $message.create_data (i64.const 0) (i64.const 0))
        (drop (call $message.take_module (i64.const 0))))",
       "the message has no resource 0"},
      {R"((drop (call $compile)) (call $message.create_data (i64.const 0) (i64.const 0))
        (drop (call $message.push_module (i64.const 0)))
        (drop (call $message.take_module (i64.const 0)))
        (drop (call $message.take_module (i64.const 0))))",
       "resource 0 has been taken"},
      {R"((drop (call $compile)) (drop (call $message.push_module (i64.const 0))))",
       "there is no message in the slot"},
      {R"((drop (call $compile)) (call $message.create_data (i64.const 0) (i64.const 0))
        (drop (call $message.push_module (i64.const 0)))
        (drop (call $distributed.send (i64.const 0) (i64.const 1))))",
       "messages to other nodes cannot carry resources"},
      {"(drop (call $process.compile_module (i32.const -1) (i32.const 2) (i32.const 600)))",
       "out of bounds memory access"},
      {"(drop (call $process.compile_module (i32.const 0) (i32.const 2) (i32.const -1)))",
       "out of bounds memory access"},
  };
  for (const auto& test_case : cases) {
    EXPECT_EQ(run(kInner, test_case.start).message, test_case.trap) << test_case.start;
  }
}

TEST_P(Modules, ThatDoNotLink) {
  for (const char* const inner :
       {R"((module (import "lunatic::message" "sends" (func (param i64) (result i32)))))",
        R"((module (import "lunatic::message" "send" (func (param i32) (result i32)))))",
        R"((module (import "env" "memory" (memory 1))))"}) {
    const Outcome outcome = run(inner, R"((call $n (call $compile))
        (call $n (i32.gt_u (call $error.string_size (i64.const 0)) (i32.const 10))))");
    EXPECT_TRUE(outcome.returned()) << outcome.message;
    EXPECT_EQ(program.notes(), (std::vector<i64>{1, 1})) << inner;
  }
}

TEST_P(Modules, NotAllowed) {
  program.config.may_compile_modules = false;
  const Outcome outcome = run(kInner,
                              "(i64.store (i32.const 600) (i64.const 7)) (call $n (call $compile))"
                              "(call $note (i64.load (i32.const 600)))");
  EXPECT_TRUE(outcome.returned()) << outcome.message;
  EXPECT_EQ(program.notes(), (std::vector<i64>{0xffffffff, 7}));
}

// --- The tables.

TEST(Tables, EveryFunctionOfTheAbi) {
  std::set<std::string> names;
  for (const HostFunction& function : functions()) {
    names.insert(std::string(function.module) + "." + std::string(function.name));
  }
  // And registry.get_or_put_later of older guests.
  EXPECT_EQ(names.size(), 140u + 1u);
}

// --- The death log.

TEST(DeathLog, WhatRustLogAsks) {
  using enum DeathDetail;
  struct {
    const char* text;
    DeathDetail detail;
  } const cases[] = {
      {nullptr, Line},
      {"", None},
      {"off", None},
      {"error", None},
      {"warn", Line},
      {"WARN", Line},
      {"info", Line},
      {"debug", Trace},
      {"trace", Trace},
      {"lunatic=debug", Trace},
      {"lunatic=error", None},
      {"lunatic", Trace},
      {"other=debug", None},
      {"warn,lunatic=debug", Trace},
      {"lunatic=off,debug", None},
      {"debug,lunatic::process=off", None},
      {" warn , lunatic = debug ", Trace},
      {"nonsense=nonsense", None},
  };
  for (const auto& test_case : cases) {
    EXPECT_EQ(death_detail(test_case.text), test_case.detail)
        << (test_case.text == nullptr ? "unset" : test_case.text);
  }
}

TEST(DeathLog, ShortNames) {
  EXPECT_EQ(short_name("alloc::string::String/serializer/Process/hello"), "hello");
  EXPECT_EQ(short_name("a/b/c/d/e"), "d/e");
  EXPECT_EQ(short_name("a/b"), "b");
  EXPECT_EQ(short_name("plain"), "plain");
}

}  // namespace
}  // namespace lr::lunatic
