// Making processes: arguments, modules, configurations, directories, names.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/lunatic/test_program.h"
#include "host/wasi/grants.h"
#include "host/wasi/test_guest.h"

namespace lr::lunatic {
namespace {

using Case = TestProgram::Case;

// (call $start config module name length params params_length): the status; the id is at 600.
const std::string kStart = R"((func $start (param i64 i64 i32 i32 i32 i32) (result i32)
      (call $process.spawn (i64.const 0) (local.get 0) (local.get 1) (local.get 2)
        (local.get 3) (local.get 4) (local.get 5) (i32.const 600)))
    (func $own (param i32 i32 i32 i32) (result i32)
      (call $start (i64.const -1) (i64.const -1) (local.get 0) (local.get 1)
        (local.get 2) (local.get 3)))
    (func $error (call $n (i32.gt_u (call $error.string_size (i64.load (i32.const 600)))
      (i32.const 0)))))";

const Case kSpawning[] = {
    // i32, i64 (both with noise above), v128.
    {"Arguments",
     kStart + R"(
      (data (i32.const 1024) "\7f\01\00\00\00\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff"
                             "\7e\02\00\00\00\00\00\00\80\ff\ff\ff\ff\ff\ff\ff\ff"
                             "\7b\03\00\00\00\00\00\00\00\04\00\00\00\00\00\00\80")
      (data (i32.const 2048) "take")
      (func (export "take") (param i32 i64 v128)
        (call $n (local.get 0)) (call $note (local.get 1))
        (call $note (i64x2.extract_lane 0 (local.get 2)))
        (call $note (i64x2.extract_lane 1 (local.get 2)))
        (call $send (i64.const 1) (i64.const 1) (call $process.process_id)))
      (func (export "_start") (local $status i32)
        (local.set $status
          (call $own (i32.const 2048) (i32.const 4) (i32.const 1024) (i32.const 51)))
        (drop (call $tag (i64.const 1)))
        (call $n (local.get $status))
        (call $n (i64.eq (call $value) (i64.load (i32.const 600))))))",
     {1, static_cast<i64>(0x8000'0000'0000'0002), 3, static_cast<i64>(0x8000'0000'0000'0004), 0,
      1}},
    // Each takes the place of the last one, whatever became of that, with another configuration or
    // the same.
    {"NothingOfTheLastOne",
     kStart + R"((data (i32.const 1024) "\7f") (data (i32.const 1050) "child")
      (global $mark (mut i64) (i64.const 7))
      (func (export "child") (param i32)
        (call $send (i64.const 1) (i64.const 1) (i64.add (i64.sub (global.get $mark) (i64.const 7))
          (i64.add (i64.load (i32.const 70000))
            (i64.extend_i32_u (i32.sub (memory.size) (i32.const 4))))))
        (global.set $mark (i64.const 1)) (i64.store (i32.const 70000) (i64.const 1))
        (drop (memory.grow (i32.const 1)))
        (if (local.get 0) (then unreachable)))
      (func (export "_start") (local $i i32) (local $config i64) (local $seen i64)
        (local.set $config (call $process.create_config))
        (loop $again
          (i32.store (i32.const 1025) (i32.and (local.get $i) (i32.const 1)))
          (drop (call $start
            (select (local.get $config) (i64.const -1) (i32.rem_u (local.get $i) (i32.const 3)))
            (i64.const -1) (i32.const 1050) (i32.const 5) (i32.const 1024) (i32.const 17)))
          (drop (call $tag (i64.const 1)))
          (local.set $seen (i64.or (local.get $seen) (call $value)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $i) (i32.const 500))))
        (call $note (local.get $seen))))",
     {0}},
    {"HalfAnArgument",
     kStart + R"((data (i32.const 1024) "\7f") (data (i32.const 2048) "take")
      (func (export "_start")
        (drop (call $own (i32.const 2048) (i32.const 4) (i32.const 1024) (i32.const 18)))))",
     {},
     "the parameters are 18 bytes, no multiple of 17"},
    {"ArgumentsOfNoType",
     kStart + R"((data (i32.const 1024) "\7d")
      (func (export "_start")
        (drop (call $own (i32.const 2048) (i32.const 4) (i32.const 1024) (i32.const 17)))))",
     {},
     "a parameter of the unknown type 0x7d"},
    {"FarTooManyArguments",
     kStart + R"((func (export "_start")
        (drop (call $own (i32.const 2048) (i32.const 4) (i32.const 0) (i32.const 17017)))))",
     {},
     "1001 parameters are more than any function has"},
    {"ArgumentsOutOfMemory",
     kStart + R"((func (export "_start")
        (drop (call $own (i32.const 2048) (i32.const 4) (i32.const -17) (i32.const 34)))))",
     {},
     "out of bounds memory access"},
    {"TheNameOutOfMemory",
     kStart + R"((func (export "_start")
        (drop (call $own (i32.const 262143) (i32.const 2) (i32.const 0) (i32.const 0)))))",
     {},
     "out of bounds memory access"},
    {"TheIdOutOfMemory",
     R"((func (export "_start") (drop (call $process.spawn (i64.const 0)
        (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 262137)))))",
     {},
     "out of bounds memory access"},
    {"TheNameIsNoText",
     kStart + R"((data (i32.const 1024) "\ff")
      (func (export "_start")
        (drop (call $own (i32.const 1024) (i32.const 1) (i32.const 0) (i32.const 0)))))",
     {},
     "a text is not UTF-8"},
    {"NoSuchModule",
     kStart + R"((func (export "_start") (drop (call $start (i64.const -1)
        (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))))",
     {},
     "there is no module 0"},
    {"NoSuchConfiguration",
     kStart + R"((func (export "_start") (drop (call $start (i64.const -2)
        (i64.const -1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))))",
     {},
     "there is no configuration 18446744073709551614"},
    // These come into existence and fail at once.
    {"NoSuchFunction",
     kStart + R"((data (i32.const 1024) "nothing")
      (func (export "_start")
        (call $n (call $own (i32.const 1024) (i32.const 7) (i32.const 0) (i32.const 0)))
        (call $process.die_when_link_dies (i32.const 0))
        (drop (call $spawn (i32.const 1024) (i32.const 7) (i64.const 4) (i32.const -1)))
        (call $n (call $any (i64.const -1)))
        (call $note (call $message.get_tag))))",
     {0, 1, 4}},
    {"WrongSignatures",
     kStart + R"((data (i32.const 1024) "result..double..memory")
      (func (export "result") (result i32) (i32.const 1))
      (func (export "double") (param f64))
      (func $fails (param i32 i32) (param $argument i32)
        (call $note (i64.const 0))
        (drop (call $spawn (local.get 0) (local.get 1) (i64.const 4) (local.get $argument)))
        (call $n (call $any (i64.const -1))))
      (func (export "_start")
        (call $process.die_when_link_dies (i32.const 0))
        (call $fails (i32.const 1024) (i32.const 6) (i32.const -1))
        (call $fails (i32.const 1032) (i32.const 6) (i32.const -1))
        (call $fails (i32.const 1032) (i32.const 6) (i32.const 5))
        (call $fails (i32.const 1040) (i32.const 6) (i32.const -1))))",
     {0, 1, 0, 1, 0, 1, 0, 1}},
    {"ManyShortLives",
     kStart + R"((data (i32.const 1024) "end") (func (export "end"))
      (func (export "_start") (local $i i32)
        (loop $again
          (if (call $own (i32.const 1024) (i32.const 3) (i32.const 0) (i32.const 0))
            (then unreachable))
          (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                                  (i32.const 3000))))
        (call $n (local.get $i))))",
     {3000}},
};
LUNATIC_CASES(Spawning, kSpawning);

const Case kConfigs[] = {
    {"Defaults",
     R"((func (export "_start") (local $c i64)
        (call $note (local.tee $c (call $process.create_config)))
        (call $note (call $process.config_get_max_memory (local.get $c)))
        (call $note (call $process.config_get_max_fuel (local.get $c)))
        (call $n (call $process.config_can_compile_modules (local.get $c)))
        (call $n (call $process.config_can_create_configs (local.get $c)))
        (call $n (call $process.config_can_spawn_processes (local.get $c)))
        (call $note (call $process.create_config))
        (call $process.drop_config (i64.const 1))
        (call $note (call $process.create_config))))",
     {0, 0xffffffff, 0, 0, 0, 0, 1, 2}},
    {"Changes",
     R"((func (export "_start") (local $c i64)
        (local.set $c (call $process.create_config))
        (call $process.config_set_max_memory (local.get $c) (i64.const -1))
        (call $note (call $process.config_get_max_memory (local.get $c)))
        (call $process.config_set_max_fuel (local.get $c) (i64.const 0x7fffffffffffffff))
        (call $note (call $process.config_get_max_fuel (local.get $c)))
        (call $process.config_set_can_compile_modules (local.get $c) (i32.const 256))
        (call $n (call $process.config_can_compile_modules (local.get $c)))
        (call $process.config_set_can_create_configs (local.get $c) (i32.const -1))
        (call $n (call $process.config_can_create_configs (local.get $c)))
        (call $process.config_set_can_spawn_processes (local.get $c) (i32.const 1))
        (call $process.config_set_can_spawn_processes (local.get $c) (i32.const 0))
        (call $n (call $process.config_can_spawn_processes (local.get $c)))))",
     {-1, 0x7fffffffffffffff, 1, 1, 0}},
    // A child has no more than its parent, whatever it was promised.
    {"TheyOnlyShrink",
     kStart + R"((data (i32.const 1024) "child.") (data (i32.const 1032) "grand")
      (func (export "grand")
        (call $n (call $process.compile_module (i32.const 0) (i32.const 0) (i32.const 600)))
        (call $send (i64.const 1) (i64.const 1) (i64.const 0)))
      (func (export "child") (local $c i64)
        (local.set $c (call $process.create_config))
        (call $note (local.get $c))
        (call $process.config_set_can_create_configs (local.get $c) (i32.const 1))
        (call $process.config_set_can_compile_modules (local.get $c) (i32.const 1))
        (call $n (call $process.compile_module (i32.const 0) (i32.const 0) (i32.const 600)))
        (drop (call $start (local.get $c) (i64.const -1) (i32.const 1032) (i32.const 5)
          (i32.const 0) (i32.const 0))))
      (func (export "_start") (local $c i64) (local $status i32)
        (local.set $c (call $process.create_config))
        (call $process.config_set_can_create_configs (local.get $c) (i32.const 1))
        (call $process.config_set_can_spawn_processes (local.get $c) (i32.const 1))
        (local.set $status (call $start (local.get $c) (i64.const -1) (i32.const 1024)
          (i32.const 5) (i32.const 0) (i32.const 0)))
        (call $process.drop_config (local.get $c))
        (drop (call $tag (i64.const 1)))
        (call $n (local.get $status))))",
     {0, 0xffffffff, 0xffffffff, 0}},
    {"MayNotSpawn",
     kStart + R"((data (i32.const 1024) "child")
      (func (export "child")
        (drop (call $own (i32.const 1024) (i32.const 5) (i32.const 0) (i32.const 0))))
      (func (export "_start")
        (call $process.die_when_link_dies (i32.const 0))
        (drop (call $process.spawn (i64.const 6) (call $process.create_config) (i64.const -1)
          (i32.const 1024) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 600)))
        (call $n (call $any (i64.const -1)))))",
     {1}},
    {"TooLittleMemory",
     kStart + R"((data (i32.const 1024) "child")
      (func (export "child") (call $n (memory.grow (i32.const 1)))
        (call $n (memory.grow (i32.const 1)))
        (call $send (i64.const 1) (i64.const 1) (i64.const 1)))
      (func (export "_start") (local $c i64) (local $i i32)
        (local.set $c (call $process.create_config))
        (call $process.config_set_max_memory (local.get $c) (i64.const 327680))
        (drop (call $start (local.get $c) (i64.const -1) (i32.const 1024) (i32.const 5)
          (i32.const 0) (i32.const 0)))
        (drop (call $tag (i64.const 1)))
        (call $process.config_set_max_memory (local.get $c) (i64.const 262143))
        (call $n (call $start (local.get $c) (i64.const -1) (i32.const 1024) (i32.const 5)
          (i32.const 0) (i32.const 0)))
        (call $error)))",
     {4, 0xffffffff, 1, 1}},
    {"ArgumentsAndEnvironment",
     kStart + R"((data (i32.const 1024) "childABC\c3\a4")
      (func (export "child")
        (drop (call $args (i32.const 0) (i32.const 4)))
        (call $n (i32.load (i32.const 0))) (call $n (i32.load (i32.const 4)))
        (drop (call $environ (i32.const 0) (i32.const 4)))
        (call $n (i32.load (i32.const 0))) (call $n (i32.load (i32.const 4)))
        (call $send (i64.const 1) (i64.const 1) (i64.const 1)))
      (func (export "_start") (local $c i64)
        (local.set $c (call $process.create_config))
        (call $wasi.config_add_command_line_argument
          (local.get $c) (i32.const 1029) (i32.const 3))
        (call $wasi.config_add_command_line_argument
          (local.get $c) (i32.const 1029) (i32.const 0))
        (call $wasi.config_add_environment_variable (local.get $c) (i32.const 1029) (i32.const 1)
          (i32.const 1030) (i32.const 4))
        (call $wasi.config_add_environment_variable (local.get $c) (i32.const 1029) (i32.const 1)
          (i32.const 1030) (i32.const 2))
        (drop (call $start (local.get $c) (i64.const -1) (i32.const 1024) (i32.const 5)
          (i32.const 0) (i32.const 0)))
        (drop (call $tag (i64.const 1)))))",
     {2, 5, 2, 12}},
    {"TextsThatAreNone",
     R"((data (i32.const 1024) "\c3")
      (func (export "_start")
        (drop (call $process.create_config))
        (call $wasi.config_add_command_line_argument
          (i64.const 0) (i32.const 1024) (i32.const 1))))",
     {},
     "a text is not UTF-8"},
    {"DroppedTwice",
     R"((func (export "_start")
        (call $process.drop_config (call $process.create_config))
        (call $process.drop_config (i64.const 0))))",
     {},
     "there is no configuration 0"},
    {"ADirectoryWithoutOne",
     kStart + R"((data (i32.const 1024) "/tmp")
      (func (export "_start") (local $c i64)
        (local.set $c (call $process.create_config))
        (call $wasi.config_preopen_dir (local.get $c) (i32.const 1024) (i32.const 4))
        (drop (call $start (local.get $c) (i64.const -1) (i32.const 1024) (i32.const 1)
          (i32.const 0) (i32.const 0)))))",
     {},
     "directory /tmp: Permission denied"},
};

struct Configs : testing::TestWithParam<std::tuple<Case, u32>> {};
TEST_P(Configs, Runs) {
  Case test_case = std::get<0>(GetParam());
  const std::string body = std::string(R"((import "wasi_snapshot_preview1" "args_sizes_get"
        (func $args (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "environ_sizes_get"
        (func $environ (param i32 i32) (result i32))))") +
                           TestProgram::prelude() + test_case.body;
  TestProgram program(std::get<1>(GetParam()));
  const Outcome outcome = program.run_module("(module " + body + ")");
  EXPECT_EQ(outcome.message, test_case.trap);
  EXPECT_EQ(program.notes(), test_case.notes);
}
INSTANTIATE_TEST_SUITE_P(Programs, Configs,
                         testing::Combine(testing::ValuesIn(kConfigs), testing::Values(1u, 2u)),
                         [](const auto& param) {
                           return std::string(std::get<0>(param.param).name) +
                                  std::to_string(std::get<1>(param.param));
                         });

TEST(Spawn, OfAStartFunction) {
  // Its failure is the spawn's; its success is waited for.
  TestProgram program;
  const Outcome outcome = program.run(kStart + R"((data (i32.const 1024) "child")
    (global $count (mut i32) (i32.const 0))
    (func $begin (if (i64.ne (call $process.process_id) (i64.const 1)) (then
      (call $process.sleep_ms (i64.const 2)) (call $note (i64.const 5)))))
    (start $begin)
    (func (export "child") (drop (call $any (i64.const -1))) (call $note (i64.const 6))
      (call $send (i64.const 1) (i64.const 1) (i64.const 1)))
    (func (export "_start")
      (call $n (call $own (i32.const 1024) (i32.const 5) (i32.const 0) (i32.const 0)))
      (call $send (i64.load (i32.const 600)) (i64.const 1) (i64.const 1))
      (drop (call $tag (i64.const 1)))
      (call $n (call $own (i32.const 1024) (i32.const 4) (i32.const 0) (i32.const 0)))))");
  EXPECT_TRUE(outcome.returned()) << outcome.message;
  EXPECT_EQ(program.notes(), (std::vector<i64>{5, 0, 6, 5, 0}));
}

TEST(Spawn, OfAStartFunctionThatTraps) {
  TestProgram program(2);
  const Outcome outcome = program.run(kStart + R"((data (i32.const 1024) "child")
    (func $begin (if (i64.ne (call $process.process_id) (i64.const 1)) (then unreachable)))
    (start $begin)
    (func (export "child") (call $note (i64.const 6)))
    (func (export "_start")
      (call $n (call $own (i32.const 1024) (i32.const 5) (i32.const 0) (i32.const 0)))
      (call $error)))");
  EXPECT_TRUE(outcome.returned()) << outcome.message;
  EXPECT_EQ(program.notes(), (std::vector<i64>{1, 1}));
}

TEST(Spawn, InAStartFunction) {
  TestProgram program;
  const Outcome outcome = program.run(kStart + R"((data (i32.const 1024) "child")
    (func $begin (if (i64.ne (call $process.process_id) (i64.const 1)) (then
      (drop (call $own (i32.const 1024) (i32.const 5) (i32.const 0) (i32.const 0))))))
    (start $begin)
    (func (export "child"))
    (func (export "_start")
      (call $n (call $own (i32.const 1024) (i32.const 5) (i32.const 0) (i32.const 0)))
      (call $error)))");
  EXPECT_TRUE(outcome.returned()) << outcome.message;
  EXPECT_EQ(program.notes(), (std::vector<i64>{1, 1}));
}

// --- Directories.

struct Directories : testing::Test {
  wasi::ScratchDirectory scratch;
  TestProgram program;

  Directories() {
    for (const char* name : {"box", "box/in", "out"}) ::mkdir(scratch.path(name).c_str(), 0700);
    ::symlink("../out", scratch.path("box/link").c_str());
    program.config.directories = {{scratch.path("box"), "/box", false, nullptr}};
    EXPECT_TRUE(wasi::open_grants(program.config.directories).ok());
  }
  // Spawns a child with `path`, which notes its first descriptor's prestat and whether it can make
  // a directory.
  Outcome run(const std::string& path) {
    const std::string length = std::to_string(path.size());
    return program.run_module(
        R"((module (import "wasi_snapshot_preview1" "fd_prestat_get"
          (func $prestat (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_create_directory"
          (func $make (param i32 i32 i32) (result i32))))" +
        TestProgram::prelude() + kStart +
        R"((data (i32.const 1024) "child") (data (i32.const 2048) ")" + path + R"(")
        (func (export "child")
          (call $n (call $prestat (i32.const 3) (i32.const 0)))
          (call $n (i32.load (i32.const 4)))
          (call $n (call $make (i32.const 3) (i32.const 1024) (i32.const 5)))
          (call $n (call $prestat (i32.const 4) (i32.const 0)))
          (call $send (i64.const 1) (i64.const 1) (i64.const 1)))
        (func (export "_start") (local $c i64) (local $i i32)
          (local.set $c (call $process.create_config))
          (call $wasi.config_preopen_dir (local.get $c) (i32.const 2048) (i32.const )" +
        length + R"())
          (loop $twice
            (drop (call $start (local.get $c) (i64.const -1) (i32.const 1024) (i32.const 5)
              (i32.const 0) (i32.const 0)))
            (drop (call $tag (i64.const 1)))
            (br_if $twice (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                                    (i32.const 2))))))
        )");
  }
};

TEST_F(Directories, BeneathTheParents) {
  const std::string inside = scratch.path("box") + "/in";
  for (const std::string& path :
       {std::string("/box/in"), std::string("/box/./in//"), std::string("/box/in/../in"), inside}) {
    ::rmdir((inside + "/child").c_str());
    const Outcome outcome = run(path);
    EXPECT_TRUE(outcome.returned()) << path << ": " << outcome.message;
    const i64 length = static_cast<i64>(path.size());
    // The second time the directory is there.
    EXPECT_EQ(program.notes(), (std::vector<i64>{0, length, 0, 8, 0, length, 20, 8})) << path;
  }
}

TEST_F(Directories, ReadOnlyStaysReadOnly) {
  program.config.directories[0].read_only = true;
  const Outcome outcome = run("/box/in");
  EXPECT_TRUE(outcome.returned()) << outcome.message;
  EXPECT_EQ(program.notes(), (std::vector<i64>{0, 7, 69, 8, 0, 7, 69, 8}));
}

TEST_F(Directories, NothingElse) {
  for (const std::string& path :
       {std::string("/box/.."), std::string("/box/../out"), std::string("/box/link"),
        std::string("/out"), std::string("/"), std::string("."), std::string("~"), std::string(""),
        std::string("/boxer"), std::string("/box/missing"), scratch.path("out"), scratch.path()}) {
    const Outcome outcome = run(path);
    EXPECT_NE(outcome.message.find("directory " + path + ":"), std::string::npos)
        << path << ": " << outcome.message;
  }
}

TEST_F(Directories, AnotherNameMeansTheSame) {
  program.config.directories[0].guest_name = ".";
  const Outcome outcome = run("in");
  EXPECT_TRUE(outcome.returned()) << outcome.message;
  EXPECT_EQ(program.notes().size(), 8u);
  EXPECT_EQ(run("../out").message, "directory ../out: Permission denied");
}

}  // namespace
}  // namespace lr::lunatic
