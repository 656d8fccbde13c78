#!/usr/bin/env python3
"""The official suite in every mode that the code has; the last line is the sum of all runs.

usage: spec_test.py LUNATIC_RUN

WASM_TESTSUITE_DIR names the suite's folder (./dev test sets it).
"""

import os
import re
import subprocess
import sys

MODES = [
    [],
    ["--memory-class=dense"],
    ["--memory-class=dense", "--test-mode=exact-extent", "--test-mode=move"],
    ["--test-mode=no-homes"],
    ["--test-mode=spill"],
    ["--cpu=v2"],
    ["--preempt=none"],
]
TALLY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)


def main():
    suite = os.environ.get("WASM_TESTSUITE_DIR", "")
    if not os.path.isdir(suite):
        print("skipped: the official suite, since WASM_TESTSUITE_DIR names no folder")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    sums = [0, 0, 0]
    for mode in MODES:
        run = subprocess.run([sys.argv[1], "spec", *mode, suite], capture_output=True, text=True,
                             check=False)
        name = " ".join(mode) or "default"
        tally = TALLY.findall(run.stdout)
        if not tally or run.returncode not in (0, 1):
            print(f"{name}: ended with status {run.returncode}: {run.stderr[-500:]}")
            sums[1] += 1
            continue
        numbers = [int(n) for n in tally[-1]]
        sums = [a + b for a, b in zip(sums, numbers)]
        print(f"{name}: {tally[-1][0]} passed, {tally[-1][1]} failed, {tally[-1][2]} skipped")
        if numbers[1] or not mode:
            print(run.stdout[:20000])
    print(f"{sums[0]} passed, {sums[1]} failed, {sums[2]} skipped")
    return 1 if sums[1] else 0


if __name__ == "__main__":
    sys.exit(main())
