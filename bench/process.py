"""Runs a process and says how long it took, on the clock and on processors, and its peak memory."""

import dataclasses
import functools
import os
import subprocess
import tempfile

import kernel_table


@dataclasses.dataclass(frozen=True)
class Run:
    status: int     # exit status, or minus the signal
    wall_ns: int
    cpu_ns: int
    peak_kib: int
    output: bytes
    errors: bytes


@functools.cache
def measurer():
    source = kernel_table.BENCH / "measure.c"
    compiler = kernel_table.find_compiler(["gcc", "clang-19", "clang"])
    return kernel_table.compile_once([compiler, "-O2", source],
                                     kernel_table.ROOT / ".cache" / "bench" / "measure", [source])


def run(command, cpus=None):
    """With `cpus`, on these processors only."""
    before = os.sched_getaffinity(0)
    with tempfile.NamedTemporaryFile("r") as result:
        try:
            if cpus:
                os.sched_setaffinity(0, cpus)
            done = subprocess.run([measurer(), result.name, *command], capture_output=True,
                                  stdin=subprocess.DEVNULL)
        finally:
            os.sched_setaffinity(0, before)
        if done.returncode != 0:
            raise OSError(f"cannot run {command[0]}")
        status, wall, cpu, peak = map(int, result.read().split())
        return Run(status, wall, cpu, peak, done.stdout, done.stderr)
