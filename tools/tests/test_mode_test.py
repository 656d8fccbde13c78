#!/usr/bin/env python3
"""Test mode from outside: test executables as cargo would hand them over, and what comes back.

usage: test_mode_test.py LUNATIC_RUN [NAME...]

Prints "N passed, N failed, N skipped".
"""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import by_name, run_cases  # noqa: E402

PROGRAM = "./target/wasm32-wasi/debug/deps/tests.wasm"
BAD = "./target/wasm32-wasip1/release/deps/bad.wasm"
NONE = "./target/wasm32-wasip1/release/deps/none.wasm"

MODULE = r"""(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get"
    (func $fd_prestat_get (param i32 i32) (result i32)))
  (import "lunatic::process" "spawn"
    (func $spawn (param i64 i64 i64 i32 i32 i32 i32 i32) (result i32)))
  (import "lunatic::process" "process_id" (func $process_id (result i64)))
  (import "lunatic::process" "environment_id" (func $environment_id (result i64)))
  (import "lunatic::process" "exists" (func $exists (param i64) (result i32)))
  (import "lunatic::process" "sleep_ms" (func $sleep_ms (param i64)))
  (memory (export "memory") 1)
  (global $runs (mut i32) (i32.const 0))
  (data (i32.const 100) "hello\n")
  (data (i32.const 200) "thread 'main' panicked at 'boom # there', src/lib.rs:1:1\n")
  (data (i32.const 300) "thread 'main' (7) panicked at src/lib.rs:1:1:\nboom\nnote: x\n")
  (data (i32.const 400) "child")

  (func $write (param $fd i32) (param $at i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $size))
    (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $hello (call $write (i32.const 1) (i32.const 100) (i32.const 6)))
  (func $panic_old (call $write (i32.const 2) (i32.const 200) (i32.const 57)) unreachable)
  (func $panic_new (call $write (i32.const 2) (i32.const 300) (i32.const 59)) unreachable)
  (func $spawn_child (drop (call $spawn (i64.const 0) (i64.const -1) (i64.const -1)
    (i32.const 400) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 16)))
    (loop $again
      (call $sleep_ms (i64.const 1))
      (br_if $again (call $exists (i64.load (i32.const 16))))))
  (func $require (param i32) (if (i32.eqz (local.get 0)) (then unreachable)))
  (func (export "child") (call $hello))

  (func (export "#lunatic_test_m::ok"))
  (func (export "#lunatic_test_m::ok_output") (call $hello))
  (func (export "#lunatic_test_m::exit0") (call $proc_exit (i32.const 0)))
  (func (export "#lunatic_test_m::exit3") (call $proc_exit (i32.const 3)))
  (func (export "#lunatic_test_m::traps") unreachable)
  (func (export "#lunatic_test_m::traps_output") (call $hello) unreachable)
  (func (export "#lunatic_test_m::panics") (call $panic_old))
  (func (export "#lunatic_test_#ignore_m::ignored") unreachable)
  (func (export "#lunatic_test_#ignore_#panic_boom#m::ignored_panic") unreachable)
  (func (export "#lunatic_test_#panic_#any::traps") unreachable)
  (func (export "#lunatic_test_#panic_#any::panics") (call $panic_old))
  (func (export "#lunatic_test_#panic_#any::returns") (call $hello))
  (func (export "#lunatic_test_#panic_boom \\# th#text::panics") (call $panic_old))
  (func (export "#lunatic_test_#panic_boom#text::panics_new") (call $panic_new))
  (func (export "#lunatic_test_#panic_other#text::panics_otherwise") (call $panic_old))
  (func (export "#lunatic_test_#panic_other#text::traps") unreachable)
  (func (export "#lunatic_test_#panic_other#text::returns"))
  (func (export "#lunatic_test_children::both") (call $hello) (call $spawn_child)
    (call $spawn_child) unreachable)
  (func (export "#lunatic_test_alone::globals")
    (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
    (call $require (i32.eq (global.get $runs) (i32.const 1))))
  (func (export "#lunatic_test_alone::globals_too")
    (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
    (call $require (i32.eq (global.get $runs) (i32.const 1))))
  (func (export "#lunatic_test_alone::environment")
    (call $require (i64.eqz (call $environment_id)))
    (call $require (call $exists (call $process_id))))
  (func (export "#lunatic_test_args::three")
    (call $require (i32.eqz (call $args_sizes_get (i32.const 0) (i32.const 4))))
    (call $require (i32.eq (i32.load (i32.const 0)) (i32.const 3))))
  (func (export "#lunatic_test_dirs::two")
    (call $require (i32.eqz (call $fd_prestat_get (i32.const 3) (i32.const 0))))
    (call $require (i32.eqz (call $fd_prestat_get (i32.const 4) (i32.const 0))))
    (call $require (i32.ne (call $fd_prestat_get (i32.const 5) (i32.const 0)) (i32.const 0))))
  (func (export "_start") (call $hello)))
"""

NAMES = """m::ok m::ok_output m::exit0 m::exit3 m::traps m::traps_output m::panics m::ignored
  m::ignored_panic any::traps any::panics any::returns text::panics text::panics_new
  text::panics_otherwise text::traps text::returns children::both alone::globals
  alone::globals_too alone::environment args::three dirs::two""".split()

TRAPPED = "note: Process trapped or received kill signal\n      trap: unreachable\n"
OLD_PANIC = "thread 'main' panicked at 'boom # there', src/lib.rs:1:1\n"


def block(name, text):
    return f"---- {name} stdout ----\n{text}\n"


class Run:
    """What came of one run; each check names what is wrong."""

    def __init__(self, binary, *arguments, cargo=True, options=(), **more):
        environment = dict(os.environ)
        environment.pop("CARGO_MANIFEST_DIR", None)
        if cargo:
            environment["CARGO_MANIFEST_DIR"] = "."
        done = subprocess.run([binary, *options, *arguments], env=environment, text=True,
                              capture_output=True, timeout=60, check=False, **more)
        self.out, self.err, self.status = done.stdout, done.stderr, done.returncode
        self.wrong = []

    def says(self, *texts):
        self.wrong += [f"it does not say {text!r}" for text in texts if text not in self.out]
        return self

    def never_says(self, *texts):
        self.wrong += [f"it says {text!r}" for text in texts if text in self.out]
        return self

    def total(self, passed, failed=0, ignored=0, filtered=0):
        word = "FAILED" if failed else "ok"
        return self.says(f"test result: {word}. {passed} passed; {failed} failed; {ignored} ignored; "
                         f"0 measured; {filtered} filtered out; finished in ").ends(bool(failed))

    def ends(self, status, error=""):
        if self.status != status:
            self.wrong.append(f"status {self.status}, expected {int(status)}")
        if not re.fullmatch(error, self.err):
            self.wrong.append(f"standard error {self.err!r}")
        return self

    def verdict(self):
        return "\n".join(self.wrong + [self.out, self.err]) if self.wrong else None


def others(count):
    return len(NAMES) - count


def everything(binary):
    run = Run(binary, PROGRAM)
    run.says("\nrunning 23 tests\n", "test m::ok ... ok\n", "test m::exit0 ... ok\n",
             "test m::exit3 ... FAILED\n", "test m::ignored ... ignored\n",
             "test m::ignored_panic ... ignored\n", "test any::traps - should panic ... ok\n",
             "test text::panics_new - should panic ... ok\n",
             "test text::returns - should panic ... FAILED\n")
    run.says(block("m::traps", TRAPPED), block("m::traps_output", "hello\n" + TRAPPED),
             block("m::panics", OLD_PANIC),
             block("any::returns", "hello\nnote: test did not panic as expected\n"),
             block("text::panics_otherwise", OLD_PANIC +
                   "note: panic did not contain expected string\n"
                   "      panic message: `\"boom # there\"`,\n expected substring: `\"other\"`\n"),
             "note: Process received kill signal, but expected a panic that contains `other`\n",
             "      exit status: 3\n")
    run.says(block("children::both", " --- process 0 stdout ---\nhello\n" + TRAPPED +
                   " --- process 1 stdout ---\nhello\n --- process 2 stdout ---\nhello\n"))
    run.never_says("---- m::ok_output", "---- any::panics", "successes:", "\x1b")
    return run.total(passed=10, failed=11, ignored=2).verdict()


def colours(binary):
    run = Run(binary, PROGRAM, "m::", options=["--color=always"])
    return run.says("test m::ok ... \x1b[92mok\x1b[0m\n", "test m::traps ... \x1b[91mFAILED\x1b[0m\n",
                    "test m::ignored ... \x1b[93mignored\x1b[0m\n").verdict()


def passing(binary):
    run = Run(binary, PROGRAM, "alone")
    return run.says("running 3 tests\n").never_says("failures").total(3, filtered=others(3)).verdict()


def one(binary):
    run = Run(binary, "run", PROGRAM, "m::ok", "--exact")
    return run.says("\nrunning 1 test\n").total(1, filtered=others(1)).verdict()


def nothing(binary):
    run = Run(binary, PROGRAM, "nothing of this name")
    return run.says("\nrunning 0 tests\n").total(0, filtered=others(0)).verdict()


def only_ignored(binary):
    run = Run(binary, PROGRAM, "--ignored")
    return run.says("running 2 tests\n", "test m::ignored ... FAILED",
                    "test m::ignored_panic - should panic ... FAILED").total(
                        0, failed=2, filtered=others(2)).verdict()


def show_output(binary):
    run = Run(binary, PROGRAM, "--show-output", "m::ok")
    return run.says("\nsuccesses:\n\n" + block("m::ok_output", "hello\n") + "successes:\n    m::ok").total(
        2, filtered=others(2)).verdict()


def nocapture(binary):
    run = Run(binary, PROGRAM, "--nocapture", "traps")
    return run.says("\nhello\n", block("m::traps_output", "hello\n")).never_says(
        TRAPPED).total(1, failed=3, filtered=others(4)).verdict()


def listing(binary):
    run = Run(binary, PROGRAM, "--list", "--format", "terse").ends(0)
    if run.out != "".join(f"{name}: test\n" for name in NAMES):
        run.wrong.append("the list differs")
    return run.verdict()


def listing_of_some(binary):
    run = Run(binary, PROGRAM, "--list", "--format=terse", "m::ig").ends(0)
    return run.says("m::ignored: test\nm::ignored_panic: test\n").never_says("ok").verdict()


def wrong_format(binary):
    return Run(binary, PROGRAM, "--list", "--format", "pretty").ends(2, ".*--format terse\n").verdict()


def unknown_option(binary):
    return Run(binary, PROGRAM, "--test-threads=1").ends(2, ".*--test-threads=1.*\n").verdict()


def arguments(binary):
    run = Run(binary, PROGRAM, "args::three", "a", "--", "--b", "c")
    return run.total(1, filtered=others(1)).verdict()


def directories(binary):
    run = Run(binary, PROGRAM, "--dir", "target", "dirs::two")
    return run.total(1, filtered=others(1)).verdict()


def missing_directory(binary):
    return Run(binary, PROGRAM, "--dir", "nope", "m::ok").ends(1, "(.|\n)*nope.*\n").verdict()


def without_cargo(binary):
    return Run(binary, PROGRAM, cargo=False).says("hello\n").ends(0).verdict()


def benchmark(binary):
    return Run(binary, PROGRAM, "--bench").says("hello\n").ends(0).verdict()


def no_module(binary):
    run = Run(binary, BAD)
    return run.ends(1, "lunatic-run: error: .*bad.wasm.*\n").verdict()


def no_tests(binary):
    run = Run(binary, NONE)
    return run.says("\nrunning 0 tests\n").total(0).verdict()


def one_worker(binary):
    run = Run(binary, PROGRAM, options=["--workers", "1"])
    return run.total(passed=10, failed=11, ignored=2).verdict()


def standard_output_is_a_file(binary):
    with open("out.txt", "w+", encoding="utf-8") as file:
        subprocess.run([binary, PROGRAM, "--nocapture", "m::ok"], stdout=file, check=False,
                       timeout=60, env=dict(os.environ, CARGO_MANIFEST_DIR="."))
        file.seek(0)
        text = file.read()
    return None if text.count("hello\n") == 1 and "2 passed" in text else text


CHECKS = [everything, colours, passing, one, nothing, only_ignored, show_output, nocapture, listing,
          listing_of_some, wrong_format, unknown_option, arguments, directories, missing_directory,
          without_cargo, benchmark, no_module, no_tests, one_worker, standard_output_is_a_file]


run_cases(by_name(CHECKS), {PROGRAM: MODULE, BAD: "(module", NONE: "(module)"})
