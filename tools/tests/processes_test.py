#!/usr/bin/env python3
"""What lunatic-run says of a program's processes: --stats, SIGUSR1, --accounting; and SIGINT.

usage: processes_test.py LUNATIC_RUN [NAME...]

Prints "N passed, N failed, N skipped".
"""

import csv
import re
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import Failure, by_name, check, run_cases  # noqa: E402

# $family spawns a process that waits and one that computes without end, and $brief one that soon
# ends, for which it waits; $ready says on standard output that all this is done.
LIBRARY = r"""
  (import "lunatic::process" "spawn" (func $spawn
    (param i64 i64 i64 i32 i32 i32 i32 i32) (result i32)))
  (import "lunatic::process" "sleep_ms" (func $sleep (param i64)))
  (import "lunatic::process" "exists" (func $exists (param i64) (result i32)))
  (import "lunatic::message" "receive" (func $receive (param i32 i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "waitspinquickcrash")
  (data (i32.const 64) "ready\n")
  (func $child (param $name i32) (param $length i32)
    (drop (call $spawn (i64.const 0) (i64.const -1) (i64.const -1)
      (local.get $name) (local.get $length) (i32.const 0) (i32.const 0) (i32.const 128))))
  (func $family
    (call $child (i32.const 0) (i32.const 4))
    (call $child (i32.const 4) (i32.const 4))
    (call $brief (i32.const 8)))
  (func $brief (param $name i32)
    (call $child (local.get $name) (i32.const 5))
    (loop $again
      (call $sleep (i64.const 1))
      (br_if $again (call $exists (i64.load (i32.const 128))))))
  (func $ready
    (i32.store (i32.const 80) (i32.const 64))
    (i32.store (i32.const 84) (i32.const 6))
    (drop (call $fd_write (i32.const 1) (i32.const 80) (i32.const 1) (i32.const 88))))
  (func $wait (export "wait") (drop (call $receive (i32.const 0) (i32.const 0) (i64.const -1))))
  (func $spin (export "spin") (loop $again (br $again)))
  (func (export "quick"))
  (func (export "crash") (unreachable))
"""
FILES = {
    "family.wat": f'(module {LIBRARY} (func (export "_start") (call $family) (call $ready) (call $wait)))',
    "parent.wat": f'(module {LIBRARY} (func (export "_start") (call $family)))',
    "crash.wat": f"""(module {LIBRARY} (func (export "_start")
      (call $brief (i32.const 13)) (call $brief (i32.const 8))))""",
    "spin.wat": f'(module {LIBRARY} (func (export "_start") (call $ready) (call $spin)))',
    "exit.wat": f'(module {LIBRARY} (func (export "_start") (call $exit (i32.const 3))))',
}
COLUMNS = ["pid", "state", "cpu_ns", "switches", "preemptions", "mailbox_messages", "mailbox_bytes",
           "mailbox_dropped", "memory_bytes", "links", "monitors", "bookkeeping_bytes", "function"]


class Running:
    """A program that has said that it is ready."""

    def __init__(self, program, *words):
        self.process = subprocess.Popen([program, *words], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        check(line == "ready\n", f"{line!r} {self.process.stderr.read() if not line else ''}")

    def send(self, number):
        self.process.send_signal(number)

    def end(self):
        """Status and standard error."""
        _, error = self.process.communicate()
        return self.process.returncode, error


def rows_of(table):
    """The lines below the header of a table."""
    lines = table.splitlines()
    return lines[next(i for i, line in enumerate(lines) if line.startswith("---")) + 1:]


def ask(running):
    """Sends SIGUSR1 and reads what comes: the lines above the table, and its rows."""
    running.send(signal.SIGUSR1)
    head, rows = "", []
    while "---" not in head:
        line = running.process.stderr.readline()
        check(line, f"it has ended: {head}")
        head += line
    for _ in range(int(re.search(r"^alive +(\d+): ", head, re.M).group(1))):
        rows.append(running.process.stderr.readline().rstrip("\n"))
    return head, rows


def sigusr1_prints_processes(program, *options):
    running = Running(program, *options, "family.wat")
    # Whoever has just been made or is about to wait does not wait yet.
    while True:
        head, rows = ask(running)
        if sum("receiving" in row for row in rows) == 2:
            break
    running.send(signal.SIGINT)
    status, rest = running.end()
    check(status == 130 and rest == "", f"status {status}: {rest}")
    check(any("running" in row and row.endswith("!spin") for row in rows), rows)
    check(re.search(r"^bookkeeping +\d+ bytes each", head, re.M), head)
    check(len(rows) == 3, rows)


def sigusr1_on_four_workers(program):
    sigusr1_prints_processes(program, "--workers=4")


def sigint_ends_at_once_what_computes(program):
    running = Running(program, "spin.wat")
    running.send(signal.SIGINT)
    status, error = running.end()
    check(status == 130 and error == "", f"status {status}: {error}")


def sigint_leaves_time_for_reports(program):
    running = Running(program, "--stats", "--accounting=a.csv", "family.wat")
    running.send(signal.SIGINT)
    status, error = running.end()
    check(status == 130, f"status {status}")
    check("longest hold" in error, error)
    with open("a.csv", encoding="utf-8", newline="") as file:
        names = [row["function"] for row in csv.DictReader(file)]
    check(any(name.endswith("!quick") for name in names), names)


def run(program, *words):
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def accounting_has_a_line_for_each(program):
    done = run(program, "--accounting", "a.csv", "crash.wat")
    check(done.returncode == 0, done.stderr)
    with open("a.csv", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        check(reader.fieldnames == COLUMNS, reader.fieldnames)
        rows = list(reader)
    states = {row["function"].split("!")[-1]: row["state"] for row in rows}
    check(states.get("crash") == "trapped", states)
    check(states.get("quick") == "returned", states)
    check(len(rows) == 3 and len({row["pid"] for row in rows}) == 3, rows)
    for row in rows:
        check(all(row[name].isdigit() for name in COLUMNS[2:12]), row)
        check(int(row["switches"]) >= 1 and int(row["bookkeeping_bytes"]) > 0, row)


def stats_say_who_is_left(program):
    done = run(program, "--stats", "parent.wat")
    check(done.returncode == 0, done.stderr)
    check(re.search(r"^alive +3: ", done.stderr, re.M), done.stderr)
    check(any("!spin" in row for row in rows_of(done.stderr)), done.stderr)


def stats_of_a_program_alone(program):
    done = run(program, "--stats", "exit.wat")
    check(done.returncode == 3, f"status {done.returncode}: {done.stderr}")
    check("preempted" not in done.stderr, "a table of one process")


def accounting_needs_a_file_it_can_write(program):
    done = run(program, "--accounting=absent/a.csv", "exit.wat")
    check(done.returncode == 2, f"status {done.returncode}")
    check("cannot write absent/a.csv" in done.stderr, done.stderr)


def accounting_says_when_the_disk_is_full(program):
    done = run(program, "--accounting=/dev/full", "crash.wat")
    check(done.returncode == 1, f"status {done.returncode}: {done.stderr}")
    check("cannot write /dev/full" in done.stderr, done.stderr)


TESTS = [sigusr1_prints_processes, sigusr1_on_four_workers, sigint_ends_at_once_what_computes,
         sigint_leaves_time_for_reports, accounting_has_a_line_for_each, stats_say_who_is_left,
         stats_of_a_program_alone, accounting_needs_a_file_it_can_write,
         accounting_says_when_the_disk_is_full]


run_cases(by_name(TESTS), FILES)
