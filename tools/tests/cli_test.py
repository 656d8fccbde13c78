#!/usr/bin/env python3
"""The command line from outside: what a person might type, and what must come back.

usage: cli_test.py LUNATIC_RUN [NAME...]

Each case runs the binary in a fresh directory that holds FILES. Standard error of a refusal is
exactly one line. Prints "N passed, N failed, N skipped".
"""

import dataclasses
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import run_cases  # noqa: E402

WASI = """
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (memory (export "memory") 1)
"""

# Prints each argument on a line of its own: the buffer of args_get, its zeros made newlines.
PRINT_ARGS = f"""(module {WASI}
  (func (export "_start") (local $at i32) (local $end i32)
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (drop (call $args_get (i32.const 1024) (i32.const 4096)))
    (local.set $at (i32.const 4096))
    (local.set $end (i32.add (local.get $at) (i32.load (i32.const 4))))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (if (i32.eqz (i32.load8_u (local.get $at)))
        (then (i32.store8 (local.get $at) (i32.const 10))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next)))
    (i32.store (i32.const 8) (i32.const 4096))
    (i32.store (i32.const 12) (i32.load (i32.const 4)))
    (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))
"""

# Copies standard input to standard output until the end.
CAT = f"""(module {WASI}
  (func (export "_start")
    (loop $again
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 4096))
      (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.load (i32.const 8)) (then
        (i32.store (i32.const 4) (i32.load (i32.const 8)))
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (br $again))))))
"""

# Writes to standard output until it fails, then exits with the errno.
FLOOD = f"""(module {WASI}
  (func (export "_start") (local $errno i32)
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 4096))
    (loop $again
      (local.set $errno
        (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br_if $again (i32.eqz (local.get $errno))))
    (call $proc_exit (local.get $errno))))
"""

MATH = """(module
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
  (func (export "both") (param i64) (result i64 i64) (local.get 0) (i64.const -1))
  (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "nothing"))
  (func $outer (export "crash") (call $inner))
  (func $inner (unreachable))
  (func $deep (export "deep") (call $deep))
  (func (export "spin") (loop $again (br $again)))
  (memory (export "memory") 1)
  (global (export "g") i32 (i32.const 1)))
"""

# What machines answer differently: NaNs, and relaxed instructions.
RELAXED = """(module
  (func (export "nan") (result i32)
    (i32.reinterpret_f32 (f32.div (f32.const 0) (f32.const 0))))
  (func (export "nans") (result i32)
    (i32x4.extract_lane 2 (f32x4.sqrt (v128.const f32x4 -1 -1 -1 -1))))
  (func (export "rounds_twice") (result f32)
    (f32x4.extract_lane 1 (f32x4.relaxed_madd
      (v128.const f32x4 0x1.001p0 0x1.001p0 0x1.001p0 0x1.001p0)
      (v128.const f32x4 0x1.001p0 0x1.001p0 0x1.001p0 0x1.001p0)
      (v128.const f32x4 -0x1.002p0 -0x1.002p0 -0x1.002p0 -0x1.002p0))))
  (func (export "dot") (result i32)
    (i16x8.extract_lane_s 0 (i16x8.relaxed_dot_i8x16_i7x16_s
      (i8x16.splat (i32.const 127)) (i8x16.splat (i32.const -128)))))
  (func (export "dot_add") (result i32)
    (i32x4.extract_lane 0 (i32x4.relaxed_dot_i8x16_i7x16_add_s
      (i8x16.splat (i32.const 127)) (i8x16.splat (i32.const -128)) (i32x4.splat (i32.const 1)))))
  (func (export "min") (result f32)
    (f32x4.extract_lane 3 (f32x4.relaxed_min
      (v128.const f32x4 1 1 1 nan) (v128.const f32x4 1 1 1 1))))
  (func (export "truncate") (result i32)
    (i32x4.extract_lane 0 (i32x4.relaxed_trunc_f32x4_s (f32x4.splat (f32.const 3e9)))))
  (func (export "swizzle") (result i32)
    (i8x16.extract_lane_u 0 (i8x16.relaxed_swizzle
      (i8x16.splat (i32.const 7)) (i8x16.splat (i32.const 16))))))
"""

FILES = {
    "empty.wasm": b"",
    "short.wasm": b"\0as",
    "header.wasm": b"\0asm\1\0\0\0",
    "version.wasm": b"\0asm\2\0\0\0",
    "component.wasm": b"\0asm\x0d\0\1\0",
    "elf.wasm": b"\x7fELF\2\1\1\0" + bytes(56),
    "noise.wasm": bytes(range(200, 256)),
    "cut.wasm": b"\0asm\1\0\0\0\1\5\1\x60",
    "typo.wat": "(module\n  (func (result i32)\n    i32.cnst 1))\n",
    "paren.wat": "(module (func)\n",
    "invalid.wat": "(module\n  (func (result i32)\n    f32.const 1))\n",
    "nostart.wat": "(module (func (export \"other\")))",
    "badstart.wat": "(module (func (export \"_start\") (param i32)))",
    "exit.wat": f"(module {WASI} (func (export \"_start\") (call $proc_exit (i32.const 42))))",
    "throws.wat": """(module (tag $bad (export "bad") (param i32 f64))
      (func $inner (throw $bad (i32.const -5) (f64.const 1.5)))
      (func (export "throws") (call $inner)))""",
    "exit0.wat": f"(module {WASI} (func (export \"_start\")))",
    "hello.wat": f"""(module {WASI} (data (i32.const 0) "\\08\\00\\00\\00\\03\\00\\00\\00hi\\n")
      (func (export "_start")
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))))""",
    "args.wat": PRINT_ARGS,
    "cat.wat": CAT,
    "flood.wat": FLOOD,
    "math.wat": MATH,
    "relaxed.wat": RELAXED,
    "tables.wat": """(module
      (table $t 1 funcref)
      (func (export "grow") (param i32) (result i32)
        (table.grow $t (ref.null func) (local.get 0))))""",
    "table.wat": "(module (table 100000 funcref) (func (export \"_start\")))",
    "huge.wat": "(module (memory 65536) (func (export \"_start\")))",
    "imports.wat": """(module
      (import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
      (import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
      (import "go" "runtime.wasmExit" (func (param i32)))
      (func (export "_start")))""",
    "simd.wat": """(module (func (export "_start")
      (drop (i32x4.splat (i32.const 1)))))""",
}


@dataclasses.dataclass
class Case:
    name: str
    args: str                # Split at spaces.
    status: int = 0
    out: str | None = None   # Exactly; None: anything.
    err: str | None = ""     # A pattern for the whole of standard error; None: anything.
    stdin: bytes = b""
    seconds: float = 30      # It must end within this.
    env: dict | None = None


def error(pattern):
    """One line, and nothing beside it."""
    return rf"lunatic-run: error: {pattern}\n"


CASES = [
    # What is no module.
    Case("missing file", "nope.wasm", 1, "", error("nope.wasm: No such file or directory")),
    Case("a directory", ".", 1, "", error(r"\.: is a directory")),
    Case("an ELF file", "elf.wasm", 1, "", error("elf.wasm: .*this is an ELF file.*")),
    Case("an empty file", "empty.wasm", 1, "", error("empty.wasm: .*the file is empty")),
    Case("four bytes are missing", "short.wasm", 1, "", error("short.wasm: .*ends within.*")),
    Case("a component", "component.wasm", 1, "", error("component.wasm: .*component.*")),
    Case("another version", "version.wasm", 1, "", error("version.wasm: .*unknown binary version.*")),
    Case("noise", "noise.wasm", 1, "", error("noise.wasm: .*it begins with c8 c9 ca cb.*")),
    Case("a cut module", "cut.wasm", 1, "", error("cut.wasm: offset 0x[0-9a-f]+: .*")),
    Case("a typo", "typo.wat", 1, "", error(r"typo.wat:3:5: unknown operator.*i32\.cnst.*")),
    Case("an open parenthesis", "paren.wat", 1, "", error(r"paren.wat:\d+:\d+: .*")),
    Case("an invalid function", "invalid.wat", 1, "", error(r"invalid.wat.*: type mismatch.*")),
    Case("a feature that is off", "--disable=simd simd.wat", 1, "", error(r"simd.wat.*\bsimd\b.*")),

    # Usage.
    Case("nothing", "", 2, "", error("lunatic-run takes PROGRAM.*") + ".*--help.*\n"),
    Case("an unknown option", "--timout 5s exit.wat", 2, "",
         error("unknown option --timout; did you mean --timeout?").replace("?", r"\?") + ".*\n"),
    Case("a bad duration", "--timeout 5x exit.wat", 2, "", error("--timeout: '5x' .*") + ".*\n"),
    Case("help", "--help", 0, None),
    Case("help of a command", "wat --help", 0, None),
    Case("version", "--version", 0, None),

    # validate and wat.
    Case("validate good", "validate header.wasm math.wat exit.wat", 0),
    Case("validate bad", "validate header.wasm invalid.wat cut.wasm", 1, None,
         error("invalid.wat.*: type mismatch.*") + error("cut.wasm.*")),
    Case("wat to a terminal and back", "wat math.wat -o math.wasm", 0, ""),
    Case("binary to text", "wat header.wasm", 0, "(module)\n"),

    # compile
    Case("compile", "compile math.wat", 0, None),
    Case("compile in JSON", "compile --stats-json --threads=1 math.wat", 0, None),
    Case("a listing", "compile --listing math.wat", 0, None),
    Case("a function's listing", "compile --listing --function=add math.wat", 0, None),
    Case("no such function", "compile --function=nope math.wat", 1, "", error("math.wat: .*nope.*")),
    Case("spec of nothing", "spec nope.wast", 1, None, None),

    # Programs and their ends.
    Case("hello", "hello.wat", 0, "hi\n"),
    Case("a program from standard input", "-", 0, "", stdin=FILES["exit0.wat"].encode()),
    Case("a status", "exit.wat", 42, ""),
    Case("run is an optional word", "run exit.wat", 42, ""),
    Case("arguments", "args.wat --dir -- x", 0, "args.wat\n--dir\n--\nx\n"),
    Case("another name", "--argv0 me args.wat x", 0, "me\nx\n"),
    Case("an empty name", "--argv0= args.wat", 0, "\n"),
    Case("as with lunatic, arguments", "--lunatic args.wat --dir . a -- --x --", 0,
         "args.wat\na\n--x\n--\n"),
    Case("as with lunatic, a benchmark", "--lunatic args.wat --bench a", 0, "args.wat\na\n--bench\n"),
    Case("as with lunatic, an option of nobody", "--lunatic args.wat --foo", 2, "",
         error("unknown option --foo .* --")),
    Case("as with lunatic, no such directory", "--lunatic args.wat --dir nope", 1, "",
         error(".*nope.*")),
    Case("tables may be large", "--invoke grow tables.wat 100000", 0, "1\n"),
    Case("as with lunatic, a table just small enough", "--lunatic --invoke grow tables.wat 99998", 0,
         "1\n"),
    Case("as with lunatic, a table that grows too large",
         "--lunatic --invoke grow tables.wat 99999", 0, "-1\n"),
    Case("a large table", "table.wat", 0, ""),
    Case("as with lunatic, a large table", "--lunatic table.wat", 1, "",
         error("table.wat: .*a table of more than 99999 elements.*")),
    Case("status of lunatic after a status", "--lunatic-exit-status exit.wat", 0, ""),
    Case("status of lunatic after a trap", "--lunatic-exit-status --invoke crash math.wat", 0, "",
         r"lunatic-run: error: .*unreachable(.|\n)*"),
    Case("status of lunatic without _start", "--lunatic-exit-status nostart.wat", 0, "",
         error("nostart.wat: .*'_start'.*")),
    Case("status of lunatic of what cannot start", "--lunatic-exit-status cut.wasm", 1, "",
         error("cut.wasm: .*")),
    Case("status of lunatic after a timeout",
         "--lunatic-exit-status --timeout 100ms --invoke spin math.wat", 124, "", None, seconds=5),
    Case("standard input", "cat.wat", 0, "some\ninput", stdin=b"some\ninput"),
    Case("no _start", "nostart.wat", 1, "", error("nostart.wat: .*'_start'.*other.*")),
    Case("a _start with parameters", "badstart.wat", 1, "", error("badstart.wat: .*_start.*")),
    Case("missing imports", "imports.wat", 1, "", None),
    Case("a memory beyond the limit", "--max-memory=1MiB huge.wat", 1, "",
         error("huge.wat: .*memory.*")),

    # Every way to run gives the same.
    *[Case(option, f"{option} hello.wat", 0, "hi\n")
      for option in ("--memory-class=dense", "--memory-class=guarded", "--guard-pages=off",
                     "--workers=1", "--workers=3", "--preempt=none", "--compile=eager", "--cpu=v2",
                     "--max-memory=64KiB", "--max-stack=64KiB", "--timeout=1h", "--env-inherit",
                     "--env=A=b", "--dir=.", "--color=always")],
    Case("trace", "--trace hello.wat", 0, "hi\n", r"fd_write\(fd=1, .*\) -> success\n"),
    Case("stats", "--stats hello.wat", 0, "hi\n", r"load .*\n(.*\n)*"),
    Case("a directory that is not there", "--dir=nope hello.wat", 1, "", error(".*nope.*")),

    # --invoke
    Case("invoke", "--invoke add math.wat 40 2", 0, "42\n"),
    Case("invoke, negative", "--invoke add math.wat -1 -2", 0, "-3\n"),
    Case("invoke, float", "--invoke half math.wat 5", 0, "2.5\n"),
    Case("invoke, two results", "--invoke both math.wat 7", 0, "7\n-1\n"),
    Case("invoke, nothing", "--invoke nothing math.wat", 0, ""),
    Case("invoke, no such export", "--invoke ad math.wat", 1, "",
         error("math.wat: .*'ad'.*add, half.*")),
    Case("invoke, not a function", "--invoke memory math.wat", 1, "",
         error("math.wat: .*'memory'.*")),
    Case("invoke, too few", "--invoke add math.wat 1", 2, "", error(".*add.*2.*1.*")),
    Case("invoke, not a number", "--invoke add math.wat 1 x", 2, "", error(".*'x'.*i32.*")),
    Case("invoke, out of range", "--invoke add math.wat 1 4294967296", 2, "",
         error(".*'4294967296'.*i32.*")),

    # What the deterministic profile says, with and without AVX.
    *[Case(f"deterministic {export} {cpu}", f"--deterministic --cpu={cpu} --invoke {export} relaxed.wat",
           0, out)
      for cpu in ("native", "v2")
      for export, out in (("nan", "2143289344\n"), ("nans", "2143289344\n"),
                          ("rounds_twice", "0\n"), ("dot", "-32512\n"), ("dot_add", "-65023\n"),
                          ("min", "nan\n"), ("truncate", "2147483647\n"), ("swizzle", "0\n"))],

    # Traps and time.
    Case("a trap", "--invoke crash math.wat", 134, "",
         r"lunatic-run: error: .*unreachable(.|\n)*inner(.|\n)*outer(.|\n)*"),
    Case("division by zero", "--invoke div math.wat 1 0", 134, "",
         r"(.|\n)*integer divide by zero(.|\n)*"),
    Case("an exception that nobody catches", "--invoke throws throws.wat", 134, "",
         r'lunatic-run: error: .*unhandled exception: tag "bad" \(i32 -5, f64 1\.5\)\n'
         r"(.|\n)*inner(.|\n)*throws(.|\n)*"),
    Case("endless recursion", "--invoke deep math.wat", 134, "",
         r"(.|\n)*(call )?stack (overflow|exhausted)(.|\n)*"),
    Case("a timeout", "--timeout 100ms --invoke spin math.wat", 124, "", None, seconds=5),
]


def run(binary, case):
    """What is wrong, or None."""
    try:
        done = subprocess.run([binary, *case.args.split()], input=case.stdin, capture_output=True,
                              timeout=case.seconds, check=False,
                              env=dict(os.environ, **(case.env or {})))
    except subprocess.TimeoutExpired:
        return f"still running after {case.seconds} s"
    out = done.stdout.decode(errors="replace")
    err = done.stderr.decode(errors="replace")
    if done.returncode != case.status:
        return f"status {done.returncode}, expected {case.status}\n{err}"
    if case.out is not None and out != case.out:
        return f"standard output {out!r}, expected {case.out!r}"
    if case.err is not None and not re.fullmatch(case.err, err):
        return f"standard error {err!r}, expected {case.err!r}"
    return None


def closed_pipe(binary):
    """A reader that goes away is the program's business: it gets EPIPE (64), nobody dies."""
    with subprocess.Popen([binary, "flood.wat"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        process.stdout.read(1)
        process.stdout.close()
        err = process.stderr.read().decode()
        status = process.wait(timeout=30)
    return None if status == 64 and not err else f"status {status}, expected 64\n{err}"


def round_trip(binary):
    """Text to binary to text to binary gives the same binary."""
    names = ["first.wasm", "second.wasm"]
    subprocess.run([binary, "wat", "math.wat", "-o", names[0]], check=True)
    text = subprocess.run([binary, "wat", names[0]], check=True, capture_output=True).stdout
    with open("back.wat", "wb") as file:
        file.write(text)
    subprocess.run([binary, "wat", "back.wat", "-o", names[1]], check=True)
    contents = []
    for name in names:
        with open(name, "rb") as file:
            contents.append(file.read())
    return None if contents[0] == contents[1] else f"differs; the text between:\n{text.decode()}"


def lists_all_imports(binary):
    err = subprocess.run([binary, "imports.wat"], capture_output=True, check=False).stderr.decode()
    missing = [word for word in ("wasi_unstable", "emscripten_resize_heap", "runtime.wasmExit",
                                 "Emscripten", "js") if word not in err]
    return f"not named: {missing}\n{err}" if missing else None


def main():
    cases = [(case.name, lambda binary, case=case: run(binary, case)) for case in CASES]
    cases += [("a closed pipe", closed_pipe), ("text and back", round_trip),
              ("every missing import is named", lists_all_imports)]
    run_cases(cases, FILES)


if __name__ == "__main__":
    main()
