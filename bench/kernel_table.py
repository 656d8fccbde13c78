"""The kernels of the comparison: kernels/table.txt and kernels/simd/table.txt read into rows, and
how each row is built."""

import dataclasses
import functools
import pathlib
import shutil
import subprocess
import tempfile

BENCH = pathlib.Path(__file__).resolve().parent
KERNELS = BENCH / "kernels"
ROOT = BENCH.parent

WASM_FLAGS = [
    "-O2", "-ffp-contract=off", "-fno-math-errno", "-mbulk-memory", "-msign-ext",
    "-mnontrapping-fptoint", "-Wl,--no-entry", "-Wl,--export=run",
]
NATIVE_FLAGS = ["-O2", "-ffp-contract=off", "-fno-math-errno"]

# Native builds: name -> (compilers to try, flags besides NATIVE_FLAGS). Loops stay loops, so that
# every build measures the code in the kernel and not the C library's memcpy.
NATIVE_BUILDS = {
    "gcc": (["gcc"], ["-fno-tree-loop-distribute-patterns"]),
    "clang": (["clang-19", "clang"], []),
    "clang-novec": (["clang-19", "clang"], ["-fno-vectorize", "-fno-slp-vectorize"]),
}
WASM_COMPILERS = ["clang-19", "clang"]

ZLIB_SOURCES = ["adler32", "crc32", "deflate", "inffast", "inflate", "inftrees", "trees", "zutil"]
LUA_SOURCES = [
    "lapi", "lauxlib", "lbaselib", "lcode", "lctype", "ldebug", "ldo", "ldump", "lfunc", "lgc",
    "llex", "lmathlib", "lmem", "lobject", "lopcodes", "lparser", "lstate", "lstring", "lstrlib",
    "ltable", "ltablib", "ltm", "lundump", "lvm", "lzio",
]
# Lua without errors (no setjmp), without signals, and the same on every run.
LUA_FLAGS = [
    "-Dl_signalT=int", "-Dluai_jmpbuf=int", "-DLUAI_THROW(L,c)=abort()", "-DLUAI_TRY(L,c,a)={a}",
    "-Dluai_makeseed(L)=1", "-Dl_randomizePivot()=0u", f"-I{KERNELS / 'lua_stubs'}",
]


class BuildError(Exception):
    pass


class Absent(Exception):
    """Something that a build needs is not on this machine."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    name: str         # the source's path below kernels/, without .c
    n: int            # size for timing: 50 to 300 ms of native code
    checksum: int     # run(n), as an unsigned number
    test_n: int       # size for tests: a few milliseconds
    test_checksum: int


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a kernel is built from besides its own file."""

    sources: list
    flags: list
    with_libc: bool   # the WebAssembly module is linked with wasi-libc


def load(group=""):
    """The kernels of a folder below kernels/."""
    kernels = []
    for line in (KERNELS / group / "table.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, *numbers = line.split()
            name = f"{group}/{name}" if group else name
            kernels.append(Kernel(name, *map(int, numbers)))
    return kernels


def find_compiler(candidates):
    """The first compiler of these that is installed."""
    for name in candidates:
        if shutil.which(name):
            return name
    raise Absent(f"{candidates[0]} is not installed")


@functools.cache
def wasm_compiler(flags):
    """A compiler that makes a module of an empty program with these flags."""
    compiler = find_compiler(WASM_COMPILERS)
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "empty.c")
        source.write_text("int main(void) { return 0; }\n")
        done = subprocess.run([compiler, *flags, "-Wl,--no-entry", source, "-o",
                               source.with_suffix(".wasm")], capture_output=True, text=True)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise Absent(f"{compiler} cannot build for {flags[0].partition('=')[2]}: {lines[0]}")
    return compiler


def crate(name):
    """The folder of a crate's sources that `./dev corpus` has fetched."""
    folder = ROOT / ".cache" / "corpus" / "crates" / name
    if not folder.is_dir():
        raise Absent(f"the crate {name} is absent: run ./dev corpus")
    return folder


def recipe(kernel):
    if kernel.name == "zlib":
        folder = crate("libz-sys") / "src" / "zlib"
        return Recipe([folder / f"{s}.c" for s in ZLIB_SOURCES],
                      ["-w", "-DZ_SOLO", f"-I{folder}"], with_libc=False)
    if kernel.name == "lua":
        folder = crate("lua-src") / "lua-5.4.7"
        return Recipe([folder / f"{s}.c" for s in LUA_SOURCES],
                      ["-w", *LUA_FLAGS, f"-I{folder}"], with_libc=True)
    simd = ["-msimd128"] if kernel.name.startswith("simd/") else []
    return Recipe([], ["-Wall", "-Wextra", "-ffreestanding", *simd], with_libc=False)


def newest(paths):
    return max(p.stat().st_mtime for p in paths)


def compile_once(command, output, inputs):
    """Runs the compiler unless the output is newer than what it is made from."""
    stamp = output.with_name(output.name + ".command")
    text = "\n".join(map(str, command))
    shared = [*KERNELS.glob("*.h"), *inputs]
    if (output.exists() and stamp.exists() and stamp.read_text() == text
            and output.stat().st_mtime >= newest(shared)):
        return output
    output.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([*map(str, command), "-o", str(output)], capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(f"{output.name}: {done.stderr.strip()}")
    stamp.write_text(text)
    return output


def build_wasm(kernel, out, bare=False):
    """The module that every engine runs. A bare one exports `run` and imports nothing; it is for
    trying an engine that has no WASI yet, and impossible for kernels with a C library."""
    parts = recipe(kernel)
    if bare and parts.with_libc:
        raise Absent("needs a C library")
    sources = [KERNELS / f"{kernel.name}.c", *parts.sources]
    if not bare:
        sources.append(KERNELS / "harness_wasi.c")
    if kernel.name == "zlib":
        sources.append(KERNELS / "memory.c")
    target = (("--target=wasm32-wasi", "-nostartfiles") if parts.with_libc
              else ("--target=wasm32", "-nostdlib", "-ffreestanding"))
    suffix = ".bare.wasm" if bare else ".wasm"
    command = [wasm_compiler(target), *target, *WASM_FLAGS, *parts.flags, *sources]
    return compile_once(command, out / "wasm" / (kernel.name + suffix), sources)


def build_native(kernel, flavour, out):
    candidates, flags = NATIVE_BUILDS[flavour]
    parts = recipe(kernel)
    sources = [KERNELS / f"{kernel.name}.c", KERNELS / "harness_native.c", *parts.sources]
    command = [find_compiler(candidates), *NATIVE_FLAGS, *flags, *parts.flags, *sources, "-lm"]
    return compile_once(command, out / flavour / kernel.name, sources)
