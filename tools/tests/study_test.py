#!/usr/bin/env python3
"""`lunatic-run study` from outside: its reports agree with each other, and what a person might type
wrong is refused in one line.

usage: study_test.py LUNATIC_RUN [NAME...]

Prints "N passed, N failed, N skipped".
"""

import csv
import json
import statistics
import subprocess
import sys
import xml.etree.ElementTree

sys.dont_write_bytecode = True
from harness import by_name, check, run_cases  # noqa: E402

COMMAND = '(module (func (export "_start")))'
EXIT_3 = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (func (export "_start") (call $exit (i32.const 3))))"""
LOOP = """(module
  (func (export "count") (param i32) (result i32) (local i32)
    (loop $again
      (local.set 1 (i32.add (local.get 1) (i32.const 3)))
      (br_if $again (i32.lt_u (local.get 1) (local.get 0))))
    (local.get 1))
  (func (export "crash") (unreachable)))"""
FILES = {"command.wat": COMMAND, "exit.wat": EXIT_3, "loop.wat": LOOP, "noise.wasm": "no module",
         "with space.wat": COMMAND}

QUICK = ["study", "preemption", "--quick", "--hogs=4", "--workers=1"]
KERNELS = ["--kernels=siphash,base64"]

# Name, words, status, a part of the one line on standard error.
REFUSALS = [
    ("no study", ["study"], 2, "study takes preemption"),
    ("another study", ["study", "scheduling"], 2, "'scheduling'"),
    ("wrong mechanism", [*QUICK, "--mechanisms=flags"], 2, "did you mean flag?"),
    ("mechanism of others", [*QUICK, "--mechanisms=flag,ticks"], 2, "'ticks' is none of none, flag"),
    ("wrong kernel", [*QUICK, "--kernels=sha265"], 2, "did you mean sha256?"),
    ("unknown kernel", [*QUICK, "--kernels=quake"], 2, "there are fib, ackermann"),
    ("empty list", [*QUICK, "--kernels=,"], 2, "names no kernel"),
    ("no rounds", [*QUICK, "--rounds=0"], 2, "'0' is no number from 1"),
    ("half a round", [*QUICK, "--rounds=2.5"], 2, "is no number from 1"),
    ("wrong time", [*QUICK, "--seconds=soon"], 2, "is no duration"),
    ("wrong measure", [*QUICK, "--measure=speed"], 2, "is none of all, slowdown, latency"),
    ("too few hogs", [*QUICK, "--workers=4"], 2, "more of them than workers"),
    ("no file", [*QUICK, "absent.wasm"], 2, "absent.wasm"),
    ("no module", [*QUICK, "noise.wasm"], 2, "noise.wasm"),
    ("nothing to call", [*QUICK, "loop.wat"], 2, "no function '_start'"),
    ("no such export", [*QUICK, "--invoke=counts", "loop.wat 5"], 2, "no function 'counts'"),
    ("arguments missing", [*QUICK, "--invoke=count", "loop.wat"], 2, "takes 1 arguments, 0 given"),
    ("wrong argument", [*QUICK, "--invoke=count", "loop.wat five"], 2, "five"),
    ("export without file", [*QUICK, "--invoke=count"], 2, "--invoke needs a program"),
    ("cannot write", [*QUICK, *KERNELS, "--svg=absent/x.svg"], 2, "cannot write absent/x.svg"),
    ("another's option", [*QUICK, "--trace"], 2, "--trace is an option of run"),
    ("option misspelt", [*QUICK, "--mechanism=flag"], 2, "did you mean --mechanisms?"),
    ("program that fails", [*QUICK, "exit.wat"], 1, "exit.wat: exited with status 3"),
    ("program that traps", [*QUICK, "--invoke=crash", "loop.wat"], 1, "unreachable"),
]


def run(program, words):
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def refusal(program, words, status, part):
    done = run(program, words)
    check(done.returncode == status, f"status {done.returncode}, expected {status}: {done.stderr}")
    lines = done.stderr.strip().splitlines()
    # The second line of a wrong command line says where to look.
    check(1 <= len(lines) <= 2 and lines[0].startswith("lunatic-run: error: "), done.stderr)
    check(part in lines[0], f"no {part!r} in {lines[0]!r}")
    check(done.stdout == "", done.stdout)


def study(program, *words):
    """Runs a study and reads its three files."""
    done = run(program, [*QUICK, *words, "--json=s.json", "--csv=s.csv", "--svg=s.svg"])
    check(done.returncode == 0, done.stderr)
    with open("s.json", encoding="utf-8") as file:
        data = json.load(file)
    with open("s.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return done.stdout, data, rows, xml.etree.ElementTree.parse("s.svg").getroot()


def numbers(rows, kind, name, column):
    return [int(r["value"]) for r in rows
            if (r["kind"], r["program"], r["column"]) == (kind, name, column)]


def reports_agree(program):
    text, data, rows, figure = study(program, *KERNELS, "--rounds=4", "--seed=7")
    check([p["name"] for p in data["programs"]] == ["siphash", "base64"], "programs")
    names = [c["name"] for c in data["columns"]]
    check(names[:2] == ["none", "none again"] and "flag" in names, f"columns {names}")
    check(data["rounds"] == 4 and data["settings"]["seed"] == 7, "settings")
    check(data["command"] in text and data["version"] in text, "text lacks command or version")
    for item in data["programs"]:
        reference = numbers(rows, "cpu_time", item["name"], "none")
        for cell in item["cells"]:
            times = numbers(rows, "cpu_time", item["name"], cell["column"])
            check(times == cell["cpu_ns"] and len(times) == 4, "times of CSV and JSON differ")
            check(numbers(rows, "wall_time", item["name"], cell["column"]) == cell["wall_ns"], "wall")
            ratio = statistics.median(times) / statistics.median(reference)
            check(abs(cell["slowdown"]["value"] / ratio - 1) < 1e-9, "slowdown")
            check(cell["slowdown"]["low"] <= ratio * 1.000001, "interval")
            check(numbers(rows, "code_size", item["name"], cell["column"]) == [cell["code_bytes"]],
                  "code size")
            for kind in ("latency_idle", "latency_hogs"):
                samples = numbers(rows, kind, item["name"], cell["column"])
                check(len(samples) == cell[kind]["samples"], "samples")
                check(sum(n for _, n in cell[kind]["histogram"]) == len(samples), "histogram")
                check(not samples or max(samples) == cell[kind]["max_ns"], "maximum")
    check(figure.tag.endswith("svg"), figure.tag)
    texts = {e.text for e in figure.iter() if e.tag.endswith("text")}
    check({"siphash", "base64", "flag", "none again"} <= texts, f"figure lacks names: {texts}")


def orders_are_balanced(program):
    _, _, rows, _ = study(program, "--kernels=siphash", "--rounds=4", "--measure=slowdown")
    by_round = {}
    for row in rows:
        if row["kind"] == "cpu_time":
            by_round.setdefault(int(row["round"]), {})[row["column"]] = int(row["position"])
    for first, second in ((0, 1), (2, 3)):
        last = len(by_round[first]) - 1
        mirrored = {name: last - at for name, at in by_round[first].items()}
        check(mirrored == by_round[second], f"rounds {first} and {second}: {by_round}")


def halves(program):
    _, data, rows, _ = study(program, "--kernels=siphash", "--measure=slowdown")
    check(not any(r["kind"].startswith("latency") for r in rows), "latency was measured")
    check("latency_idle" not in data["columns"][2], "latency in JSON")
    _, data, rows, _ = study(program, "--kernels=siphash", "--measure=latency")
    check(not any(r["kind"] == "cpu_time" for r in rows), "times were measured")
    check(data["rounds"] == 0, "rounds")


def only_none(program):
    text, data, _, _ = study(program, "--kernels=siphash", "--mechanisms=none")
    check([c["name"] for c in data["columns"]] == ["none", "none again"], "columns")
    check("none again" in text, text)


def programs_of_ones_own(program):
    words = ["command.wat", "with space.wat", "--measure=slowdown"]
    _, data, _, _ = study(program, *words)
    check([p["name"] for p in data["programs"]] == ["command.wat", "with space.wat"], "names")
    _, data, _, _ = study(program, "--invoke=count", "loop.wat 1000000", "--kernels=siphash",
                          "--measure=slowdown")
    check([p["name"] for p in data["programs"]] == ["siphash", "loop.wat"], "names")


def budget(program):
    _, data, _, _ = study(program, "--kernels=siphash", "--seconds=1s", "--measure=slowdown")
    check(data["rounds"] >= 1, "no round")
    check(data["settings"]["rounds_max"] == 0, "a number of rounds")


def is_repeatable(program):
    _, data, _, _ = study(program, *KERNELS, "--measure=slowdown")
    again = data["command"].split()[1:]
    done = run(program, again)
    check(done.returncode == 0, done.stderr)
    check(data["command"] in done.stdout, done.stdout)


TESTS = [reports_agree, orders_are_balanced, halves, only_none, programs_of_ones_own, budget,
         is_repeatable]


CASES = [(name, lambda program, c=c: refusal(program, *c)) for name, *c in REFUSALS]
run_cases(CASES + by_name(TESTS), FILES)
