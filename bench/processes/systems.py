"""The systems that the programs run on: how each is found and built, and what runs a case."""

import dataclasses
import os
import pathlib
import shutil
import subprocess

import engines
import kernel_table

HERE = pathlib.Path(__file__).resolve().parent
OUT = kernel_table.ROOT / ".cache" / "bench" / "processes"
GUEST_FLAGS = [
    "--target=wasm32", "-nostdlib", "-ffreestanding", "-O2", "-mbulk-memory", "-msign-ext", "-Wall",
    "-Wextra", "-Wl,--no-entry,--stack-first,-z,stack-size=512,--initial-memory=65536",
]
RUST_FLAGS = ["-O", "-C", "lto=fat", "-C", "codegen-units=1", "-C", "panic=abort"]
NATIVE_FLAGS = ["-O2", "-Wall", "-Wextra"]


@dataclasses.dataclass(frozen=True)
class System:
    name: str
    version: str
    command: object         # (case, workers) -> words
    environment: object = lambda workers: {}
    slowness: int = 1       # counts are divided by it


def build_guest(source):
    """The module of a guest in C, or in Rust."""
    if source.suffix == ".rs":
        return build_rust_guest(source)
    compiler = kernel_table.wasm_compiler(("--target=wasm32", "-nostdlib", "-ffreestanding"))
    header = HERE / "guests" / "guest.h"
    return kernel_table.compile_once([compiler, *GUEST_FLAGS, source],
                                     OUT / "guests" / f"{source.stem}.wasm", [source, header])


def build_rust_guest(source):
    """With Debian's compiler, whose library for WebAssembly is a package of its own."""
    compiler = "/usr/bin/rustc"
    if not os.access(compiler, os.X_OK):
        raise kernel_table.Absent("/usr/bin/rustc is not installed")
    command = [compiler, "--target", "wasm32-wasi", *RUST_FLAGS, source]
    return kernel_table.compile_once(command, OUT / "guests" / f"{source.stem}_rust.wasm", [source])


def build_native(name):
    source = HERE / "native" / f"{name}.c"
    compiler = kernel_table.find_compiler(["gcc", "clang-19", "clang"])
    return kernel_table.compile_once([compiler, *NATIVE_FLAGS, source], OUT / name, [source])


def run_build(command, folder, name):
    done = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise kernel_table.Absent(f"{name} does not build: {done.stderr.strip()[-300:]}")


def needed(program, *folders):
    found = shutil.which(program, path=os.pathsep.join([os.environ["PATH"], *folders]))
    if not found:
        raise kernel_table.Absent(f"{program} is not found")
    return found


def guest_of(case):
    return str(build_guest(HERE / "guests" / case.source))


def ours(options):
    path = engines.find("lunatic-run")
    if not path:
        raise kernel_table.Absent("lunatic-run is not found")
    return System("ours", engines.version(path), lambda case, workers: [
        path, f"--workers={workers}", *options, *case.options, guest_of(case)])


def lunatic(_):
    """The reference. The only way to tell it how many workers to have is the processors it sees."""
    path = engines.find("lunatic")
    if not path:
        raise kernel_table.Absent("lunatic is not found")
    processors = sorted(os.sched_getaffinity(0))
    return System("lunatic", engines.version(path), lambda case, workers: [
        "taskset", "-c", ",".join(map(str, processors[:workers])), path, "run", guest_of(case)],
        slowness=20)


def beam(_):
    erl, erlc = needed("erl"), needed("erlc")
    OUT.mkdir(parents=True, exist_ok=True)
    run_build([erlc, "-o", OUT, HERE / "beam" / "actors.erl"], OUT, "beam")
    asked = subprocess.run(
        [erl, "-noshell", "-eval", "io:put_chars(erlang:system_info(otp_release)), halt()."],
        capture_output=True, text=True)
    return System("beam", f"Erlang/OTP {asked.stdout.strip()}", lambda case, workers: [
        erl, "+S", f"{workers}:{workers}", "+P", "4000000", "-noshell", "-pa", str(OUT),
        "-run", "actors", "main", case.program])


def go(_):
    compiler, program = needed("go", "/usr/local/go/bin"), OUT / "go_processes"
    run_build([compiler, "build", "-o", program, "."], HERE / "go", "go")
    return System("go", engines.version(compiler), lambda case, workers: [str(program), case.program],
                  environment=lambda workers: {"GOMAXPROCS": str(workers)})


def tokio(_):
    target = OUT / "tokio"
    run_build([needed("cargo"), "build", "--quiet", "--release", "--locked", "--target-dir", target],
              HERE / "tokio", "tokio")
    lock = (HERE / "tokio" / "Cargo.lock").read_text()
    version = lock.partition('name = "tokio"\nversion = "')[2].partition('"')[0]
    program = target / "release" / "processes"
    return System("tokio", f"tokio {version}", lambda case, workers: [str(program), case.program],
                  environment=lambda workers: {"WORKERS": str(workers)})


MAKERS = [ours, lunatic, beam, go, tokio]
NAMES = [maker.__name__ for maker in MAKERS]


def find_all(names, options):
    """The systems that are here, and for each of the others why it is not."""
    found, absent = [], []
    for maker in MAKERS:
        if names and maker.__name__ not in names:
            continue
        try:
            found.append(maker(options))
        except (kernel_table.Absent, kernel_table.BuildError) as reason:
            absent.append(f"{maker.__name__}: {reason}")
    return found, absent
