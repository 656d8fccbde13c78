#!/usr/bin/env python3
"""Builds the examples of the SDK in C and in Rust, and the sample crate with tests, and runs them.

usage: sdk_test.py LUNATIC_RUN [NAME...]

An example prints what expected/NAME.out says, in either language, on one worker and on all. What
this machine has no toolchain for is skipped by name, with the reason. The guest made with the crate
`lunatic` is built only when it is asked for: `sdk_test.py LUNATIC_RUN mixed`. Prints "N passed,
N failed, N skipped".
"""

import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SDK = pathlib.Path(__file__).resolve().parent.parent
EXPECTED = SDK / "expected"
RUST_TARGETS = ["wasm32-wasip1", "wasm32-wasi"]


class Absent(Exception):
    """Something that a case needs is not on this machine."""


class Failed(Exception):
    pass


def run(command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=1800, **more)


def build(command, **more):
    done = run(command, **more)
    if done.returncode != 0:
        raise Failed(f"{command[0]}: {done.stderr.strip()[:2000]}")


# ---- Toolchains ----------------------------------------------------------------------------------

@functools.cache
def c_build():
    """The script that builds, if its compiler makes WASI programs here."""
    for tool in ["clang-19", "llvm-ar-19", "llvm-nm-19", "wasm-ld-19"]:
        if not shutil.which(tool):
            raise Absent(f"{tool} is not installed")
    start = run(["clang-19", "--target=wasm32-wasi", "-print-file-name=crt1-command.o"])
    if not os.path.isabs(start.stdout.strip()):
        raise Absent("wasi-libc is not installed")
    return SDK / "c" / "build"


@functools.cache
def rust():
    """(compiler, target) for WASI programs."""
    compilers = dict.fromkeys(filter(None, ["/usr/bin/rustc", shutil.which("rustc")]))
    for compiler in filter(os.path.exists, compilers):
        for target in RUST_TARGETS:
            found = run([compiler, "--print", "target-libdir", "--target", target])
            if found.returncode == 0 and list(pathlib.Path(found.stdout.strip()).glob("libstd-*")):
                return compiler, target
    raise Absent("no rustc has a standard library for wasm32-wasip1 or wasm32-wasi")


def version_of(tool):
    return re.search(r" 1\.(\d+)\.", run([tool, "--version"]).stdout).group(1)


def cargos():
    """All that the path leads to."""
    folders = dict.fromkeys(os.environ.get("PATH", "").split(os.pathsep))
    return [tool for folder in folders if (tool := shutil.which("cargo", path=folder))]


@functools.cache
def cargo():
    """A cargo that knows the compiler's options: both are of one release, or nearly."""
    compiler, _ = rust()
    for tool in cargos():
        if abs(int(version_of(tool)) - int(version_of(compiler))) <= 2:
            return tool
    raise Absent(f"no cargo is of the release of {compiler}")


# ---- Cases ---------------------------------------------------------------------------------------

def example(lunatic_run, program, name):
    expected = (EXPECTED / f"{name}.out").read_text()
    for options in [["--workers", "1"], []]:
        done = run([lunatic_run, *options, program])
        if done.stdout != expected or done.returncode != 0:
            raise Failed(f"{' '.join(options)} status {done.returncode}\n"
                         f"printed:\n{done.stdout}\nexpected:\n{expected}\n{done.stderr[-1000:]}")


def c_example(lunatic_run, folder, name):
    build([c_build(), folder, SDK / "c" / "examples" / f"{name}.c"],
          env={**os.environ, "CFLAGS": "-O2 -Wall -Wextra -Werror"})
    example(lunatic_run, folder / f"{name}.wasm", name)


def rust_example(lunatic_run, folder, name):
    compiler, target = rust()
    program = folder / f"{name}.wasm"
    build([compiler, "--target", target, "-O", "--edition", "2021", "-Dwarnings",
           SDK / "rust" / "examples" / f"{name}.rs", "-o", program])
    example(lunatic_run, program, name)


VERDICTS = """\
test sample::halves ... ok
test sample::is_alone ... ok
test sample::is_alone_too ... ok
test sample::panics ... FAILED
test sample::panics_with_another_text - should panic ... FAILED
test sample::refuses_odd_numbers - should panic ... ok
test sample::refuses_somehow - should panic ... ok
test sample::says_something ... ok
test sample::should_panic_but_returns - should panic ... FAILED
test sample::takes_long ... ignored
test sample::traps ... FAILED
"""

NOTES = {
    "panics_with_another_text": "note: panic did not contain expected string\n"
                                "      panic message: `\"7 is odd\"`,\n"
                                " expected substring: `\"even\"`\n",
    "should_panic_but_returns": "note: test did not panic as expected\n",
    "traps": "note: Process trapped or received kill signal\n      trap: unreachable\n",
}

TOTAL = "test result: FAILED. 6 passed; 4 failed; 1 ignored; 0 measured; 0 filtered out;"


def check(condition, what, output):
    if not condition:
        raise Failed(f"{what}\n{output}")


def check_sample(done):
    """The output of all tests of the sample, which end in any order."""
    lines = [line + "\n" for line in done.stdout.splitlines() if re.match(r"test \S+ .*\.\.\. ", line)]
    check("".join(sorted(lines)) == VERDICTS, "the verdicts differ", done.stdout)
    for name, note in NOTES.items():
        block = re.search(rf"---- sample::{name} stdout ----\n(.*?)\n\n", done.stdout + "\n", re.S)
        check(block and note.rstrip("\n") in block.group(1), f"no note of {name}", done.stdout)
    check(TOTAL in done.stdout, "the sum differs", done.stdout)
    check("and this is standard error" not in done.stdout, "shown though it succeeded", done.stdout)


def sample_crate(lunatic_run, folder, _):
    compiler, target = rust()
    program = folder / "target" / target / "debug" / "deps" / "sample.wasm"
    program.parent.mkdir(parents=True)
    build([compiler, "--test", "--target", target, "--edition", "2021", "--crate-name", "sample",
           "src/lib.rs", "-o", program], cwd=SDK / "rust" / "sample")
    environment = {**os.environ, "CARGO_MANIFEST_DIR": str(SDK / "rust" / "sample")}

    def sample(*arguments):
        return run([lunatic_run, program, *arguments], env=environment, cwd=folder)

    done = sample()
    check(done.returncode == 1, "status", done.stdout)
    check_sample(done)
    done = sample("--show-output", "says_something")
    check("---- sample::says_something stdout ----\nhalf of 10 is 5\nand this is standard error\n"
          in done.stdout, "no output shown", done.stdout)
    check("1 passed; 0 failed; 0 ignored; 0 measured; 10 filtered out" in done.stdout,
          "the sum differs", done.stdout)
    check(done.returncode == 0, "status", done.stdout)
    done = sample("--ignored")
    check("test sample::takes_long ... ok" in done.stdout, "ignored", done.stdout)


def sample_with_cargo(lunatic_run, folder, _):
    compiler, target = rust()
    shutil.copytree(SDK / "rust" / "sample", folder / "sample")
    name = target.upper().replace("-", "_")
    environment = {**os.environ, "RUSTC": compiler, "CARGO_BUILD_TARGET": target,
                   "CARGO_TERM_COLOR": "never",
                   f"CARGO_TARGET_{name}_RUNNER": str(pathlib.Path(lunatic_run).resolve())}
    environment.pop("CARGO_TARGET_DIR", None)
    done = run([cargo(), "test", "--lib", "--offline"], env=environment, cwd=folder / "sample")
    check_sample(done)
    check(done.returncode not in (0, 127), "status", done.stdout)
    done = run([cargo(), "test", "--lib", "--offline", "--", "halves"], env=environment,
               cwd=folder / "sample")
    check("1 passed; 0 failed; 0 ignored; 0 measured; 10 filtered out" in done.stdout,
          "the sum differs", done.stdout + done.stderr)
    check(done.returncode == 0, "status", done.stdout)


def mixed(lunatic_run, folder, _):
    """A guest of the crate `lunatic`, whose packages Cargo.lock pins to what old compilers take."""
    if "mixed" not in sys.argv[2:]:
        raise Absent("it builds 30 packages; ask for it by name")
    compiler, target = rust()
    crate = folder / "mixed"
    shutil.copytree(SDK / "rust" / "mixed", crate)
    # Any cargo can get the packages; only one of the compiler's release can build them.
    for tool in cargos():
        vendored = run([tool, "vendor", "--locked", "--versioned-dirs"], cwd=crate)
        if vendored.returncode == 0:
            break
    else:
        raise Absent("no cargo can get its packages")
    (crate / ".cargo").mkdir()
    (crate / ".cargo" / "config.toml").write_text(vendored.stdout)
    environment = {**os.environ, "RUSTC": compiler}
    environment.pop("CARGO_TARGET_DIR", None)
    build([cargo(), "build", "--offline", "--target", target], cwd=crate, env=environment)
    expected = (crate / "expected.out").read_text()
    done = run([lunatic_run, crate / "target" / target / "debug" / "mixed.wasm"])
    check(done.stdout == expected and done.returncode == 0, f"status {done.returncode}", done.stdout)


def cases():
    for path in sorted(EXPECTED.glob("*.out")):
        yield f"c/{path.stem}", c_example
        yield f"rust/{path.stem}", rust_example
    yield "sample", sample_crate
    yield "sample-with-cargo", sample_with_cargo
    yield "mixed", mixed


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    lunatic_run = pathlib.Path(sys.argv[1]).resolve()
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, case in cases():
        if sys.argv[2:] and not any(word in name for word in sys.argv[2:]):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                case(lunatic_run, pathlib.Path(folder), name.rsplit("/", 1)[-1])
                counts["passed"] += 1
            except Absent as reason:
                print(f"skipped {name}: {reason}")
                counts["skipped"] += 1
            except (Failed, subprocess.TimeoutExpired) as what:
                print(f"FAILED {name}: {what}")
                counts["failed"] += 1
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    sys.exit(1 if counts["failed"] else 0)


main()
