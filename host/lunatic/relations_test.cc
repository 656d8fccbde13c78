// Links, monitors, kills: who is told of an end, in which order, and what it does to them.
#include "host/lunatic/test_program.h"

namespace lr::lunatic {
namespace {

// The functions that these programs spawn: their names lie 8 bytes apart, from 1024 on.
constexpr const char* kChildren = R"(
  (data (i32.const 1024) "trap....end.....wait....parent..order...deep")
  (func (export "trap") unreachable)
  (func (export "end"))
  (func (export "wait") (drop (call $any (i64.const -1))))
  ;; Spawns a linked child, says so, waits.
  (func (export "parent") (param $links i32) (local $child i64)
    (local.set $child (call $spawn (i32.const 1040) (i32.const 4)
      (i64.extend_i32_u (local.get $links)) (i32.const -1)))
    (call $send (i64.const 1) (i64.const 50) (local.get $child))
    (drop (call $any (i64.const -1))))
  ;; A chain of links: each spawns the next, the last fails when it is told to.
  (func (export "deep") (param $left i32)
    (if (i32.eqz (local.get $left))
      (then (call $send (i64.const 1) (i64.const 60) (call $process.process_id)))
      (else (drop (call $spawn (i32.const 1064) (i32.const 4) (i64.const 1)
        (i32.sub (local.get $left) (i32.const 1))))))
    (drop (call $any (i64.const -1)))
    unreachable)
  ;; Sends back what it gets with tag 2, then with tag 1.
  (func (export "order")
    (call $process.sleep_ms (i64.const 2))
    (drop (call $tag (i64.const 2)))
    (call $send (i64.const 1) (i64.const 70) (call $value))
    (drop (call $tag (i64.const 1)))
    (call $send (i64.const 1) (i64.const 70) (call $value)))
  (func $trapper (param $link i64) (result i64)
    (call $spawn (i32.const 1024) (i32.const 4) (local.get $link) (i32.const -1)))
  (func $ender (param $link i64) (result i64)
    (call $spawn (i32.const 1032) (i32.const 3) (local.get $link) (i32.const -1)))
  (func $waiter (param $link i64) (result i64)
    (call $spawn (i32.const 1040) (i32.const 4) (local.get $link) (i32.const -1)))
  (func $survive (call $process.die_when_link_dies (i32.const 0)))
  ;; Waits until the process is gone.
  (func $until_gone (param $pid i64)
    (loop $again
      (if (call $process.exists (local.get $pid)) (then
        (call $process.sleep_ms (i64.const 1)) (br $again)))))
)";

struct Relation {
  const char* name;
  const char* start;  // The body of _start; locals $a, $b.
  std::vector<i64> notes;
  const char* trap = "";
};

struct Relations : testing::TestWithParam<std::tuple<Relation, u32>> {};

TEST_P(Relations, Runs) {
  const auto& [relation, workers] = GetParam();
  TestProgram program(workers);
  const Outcome outcome =
      program.run(std::string(kChildren) +
                  "(func (export \"_start\") (local $a i64) (local $b i64)" + relation.start + ")");
  EXPECT_EQ(outcome.message, relation.trap);
  EXPECT_EQ(program.notes(), relation.notes);
}

const Relation kRelations[] = {
    {"AFailureKillsTheLinked",
     R"((drop (call $trapper (i64.const 3)))
        (drop (call $any (i64.const -1))))",
     {},
     "killed"},
    {"AFailureKillsALoop", "(drop (call $trapper (i64.const 3))) (loop (br 0))", {}, "killed"},
    {"AFailureBecomesAMessage",
     R"((call $survive)
        (drop (call $trapper (i64.const 3)))
        (call $n (call $any (i64.const -1)))
        (call $note (call $message.get_tag))
        (call $note (call $message.get_process_id)))",
     {1, 3, 0}},
    {"LinkDeathsHaveTheirTag",
     R"((call $survive)
        (drop (call $trapper (i64.const 3)))
        (call $n (call $tag (i64.const 3))))",
     {1}},
    {"ANormalEndIsNotTold",
     R"((call $survive)
        (call $until_gone (call $ender (i64.const 3)))
        (call $n (call $any (i64.const 2))))",
     {9027}},
    {"WithoutALinkNothingHappens",
     R"((call $until_gone (call $trapper (i64.const 0)))
        (call $n (call $any (i64.const 2))))",
     {9027}},
    {"KillsAreFailures",
     R"((call $survive)
        (call $process.kill (call $waiter (i64.const 9)))
        (call $n (call $any (i64.const -1)))
        (call $note (call $message.get_tag)))",
     {1, 9}},
    {"KillingOneself",
     R"((call $process.kill (call $process.process_id)) (loop (br 0)))",
     {},
     "killed"},
    {"KillingNobody",
     R"((call $process.kill (i64.const 0)) (call $process.kill (i64.const -1))
        (call $process.kill (i64.const 0x0123456789)) (call $n (i32.const 1)))",
     {1}},
    {"LinkedLater",
     R"((call $survive)
        (local.set $a (call $waiter (i64.const 0)))
        (call $process.link (i64.const 12) (local.get $a))
        (call $process.kill (local.get $a))
        (call $n (call $any (i64.const -1)))
        (call $note (call $message.get_tag)))",
     {1, 12}},
    {"LinkedWithoutATag",
     R"((call $survive)
        (local.set $a (call $waiter (i64.const 0)))
        (call $process.link (i64.const 0) (local.get $a))
        (call $process.kill (local.get $a))
        (call $n (call $any (i64.const -1)))
        (call $note (call $message.get_tag)))",
     {1, 0}},
    {"UnlinkedInTime",
     R"((call $survive)
        (local.set $a (call $waiter (i64.const 4)))
        (call $process.unlink (local.get $a))
        (call $process.kill (local.get $a))
        (call $until_gone (local.get $a))
        (call $n (call $any (i64.const 2))))",
     {9027}},
    {"LinkingNobodyKills",
     R"((call $process.link (i64.const 4) (i64.const 999))
        (drop (call $any (i64.const -1))))",
     {},
     "killed"},
    {"LinkingNobodyIsTold",
     R"((call $survive)
        (call $process.link (i64.const 4) (i64.const 999))
        (call $n (call $any (i64.const -1)))
        (call $note (call $message.get_tag)))",
     {1, 4}},
    {"LinkingTheDeadIsTold",
     R"((call $survive)
        (local.set $a (call $ender (i64.const 0)))
        (call $until_gone (local.get $a))
        (call $process.link (i64.const 4) (local.get $a))
        (call $n (call $any (i64.const -1)))
        (call $note (call $message.get_tag)))",
     {1, 4}},
    {"LinkingTheDyingIsTold",
     R"((call $survive)
        (local.set $a (call $waiter (i64.const 0)))
        (call $process.kill (local.get $a))
        (call $process.link (i64.const 4) (local.get $a))
        (call $n (call $any (i64.const -1)))
        (call $note (call $message.get_tag)))",
     {1, 4}},
    {"LinkedToOneself",
     R"((call $process.link (i64.const 4) (call $process.process_id))
        (call $n (call $any (i64.const 1))))",
     {9027}},
    {"AMonitorSeesANormalEnd",
     R"((local.set $a (call $waiter (i64.const 0)))
        (call $process.monitor (local.get $a))
        (call $send (local.get $a) (i64.const 1) (i64.const 1))
        (call $n (call $any (i64.const -1)))
        (call $n (i64.eq (call $message.get_process_id) (local.get $a)))
        (call $note (call $message.get_tag))
        (call $n (call $process.exists (local.get $a)))
        (call $n (call $any (i64.const 1))))",
     {2, 1, 0, 0, 9027}},
    {"AMonitorSeesAFailure",
     R"((local.set $a (call $waiter (i64.const 0)))
        (call $process.monitor (local.get $a))
        (call $process.kill (local.get $a))
        (call $n (call $any (i64.const -1)))
        (call $n (i64.eq (call $message.get_process_id) (local.get $a))))",
     {2, 1}},
    {"MonitoringStops",
     R"((local.set $a (call $waiter (i64.const 0)))
        (call $process.monitor (local.get $a))
        (call $process.stop_monitoring (local.get $a))
        (call $process.kill (local.get $a))
        (call $until_gone (local.get $a))
        (call $n (call $any (i64.const 2))))",
     {9027}},
    {"MonitoringNobody",
     R"((call $process.monitor (i64.const 999))
        (call $process.stop_monitoring (i64.const 999))
        (call $process.unlink (i64.const 999))
        (call $n (call $any (i64.const 2))))",
     {9027}},
    {"LinksBeforeMonitors",
     R"((call $survive)
        (local.set $a (call $waiter (i64.const 4)))
        (call $process.monitor (local.get $a))
        (call $process.kill (local.get $a))
        (call $n (call $any (i64.const -1)))
        (call $n (call $any (i64.const -1))))",
     {1, 2}},
    {"DeathsCanBeSentOn",
     R"((call $survive)
        (drop (call $trapper (i64.const 3)))
        (drop (call $any (i64.const -1)))
        (drop (call $message.send (call $process.process_id)))
        (call $n (call $any (i64.const -1)))
        (call $note (call $message.get_tag))
        (drop (call $message.data_size)))",
     {1, 3},
     "this is no data message"},
    // The parent fails, and its child with it.
    {"FailuresReachDown",
     R"((local.set $a
          (call $spawn (i32.const 1048) (i32.const 6) (i64.const 0) (i32.const 1)))
        (drop (call $tag (i64.const 50)))
        (local.set $b (call $value))
        (call $n (call $process.exists (local.get $b)))
        (call $process.kill (local.get $a))
        (call $until_gone (local.get $b))
        (call $n (call $process.exists (local.get $a))))",
     {1, 0}},
    {"UnlinkedChildrenLive",
     R"((local.set $a
          (call $spawn (i32.const 1048) (i32.const 6) (i64.const 0) (i32.const 0)))
        (drop (call $tag (i64.const 50)))
        (local.set $b (call $value))
        (call $process.kill (local.get $a))
        (call $until_gone (local.get $a))
        (call $process.sleep_ms (i64.const 1))
        (call $n (call $process.exists (local.get $b))))",
     {1}},
    {"FailuresReachAll",
     R"((call $survive)
        (local.set $a (call $spawn (i32.const 1064) (i32.const 4) (i64.const 7) (i32.const 100)))
        (drop (call $tag (i64.const 60)))
        (local.set $b (call $value))
        (call $send (local.get $b) (i64.const 1) (i64.const 1))
        (call $n (call $tag (i64.const 7)))
        (call $n (call $process.exists (local.get $a)))
        (call $until_gone (local.get $b)))",
     {1, 0}},
    // Turned off, then linked: no race.
    {"TheFlagIsInOrderWithLinks",
     R"((call $process.die_when_link_dies (i32.const 1))
        (call $survive)
        (call $process.link (i64.const 5) (i64.const 999))
        (call $n (call $any (i64.const -1)))
        (call $process.die_when_link_dies (i32.const 0x100))
        (call $process.link (i64.const 5) (i64.const 999))
        (drop (call $any (i64.const -1))))",
     {1},
     "killed"},
    {"IdsOfOthers",
     R"((call $n (call $process.exists (call $process.process_id)))
        (call $n (call $process.exists (i64.const 0)))
        (call $n (call $process.exists (i64.const -1)))
        (call $n (call $process.exists (i64.const 0x100000000000001)))
        (call $note (call $process.process_id))
        (call $note (call $process.environment_id)))",
     {1, 0, 0, 0, 1, 1}},
    // Processes that are made from the remains of others wait for nothing of theirs.
    {"KilledWhileTheyWait",
     R"((local.set $a (call $waiter (i64.const 0)))
        (call $process.sleep_ms (i64.const 1))
        (call $process.kill (local.get $a))
        (call $until_gone (local.get $a))
        (local.set $b (call $spawn (i32.const 1056) (i32.const 5) (i64.const 0) (i32.const -1)))
        (call $send (local.get $b) (i64.const 1) (i64.const 10))
        (call $send (local.get $b) (i64.const 2) (i64.const 20))
        (drop (call $tag (i64.const 70))) (call $note (call $value))
        (drop (call $tag (i64.const 70))) (call $note (call $value)))",
     {20, 10}},
    {"KillingTheDead",
     R"((local.set $a (call $waiter (i64.const 0)))
        (call $process.monitor (local.get $a))
        (call $process.kill (local.get $a))
        (drop (call $any (i64.const -1)))
        (call $process.kill (local.get $a))
        (call $process.link (i64.const 0) (local.get $a))
        (drop (call $any (i64.const -1))))",
     {},
     "killed"},
};

INSTANTIATE_TEST_SUITE_P(Programs, Relations,
                         testing::Combine(testing::ValuesIn(kRelations), testing::Values(1u, 2u)),
                         [](const auto& param) {
                           return std::string(std::get<0>(param.param).name) +
                                  std::to_string(std::get<1>(param.param));
                         });

}  // namespace
}  // namespace lr::lunatic
