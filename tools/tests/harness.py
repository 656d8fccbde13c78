"""What the tests of the command line have in common."""

import os
import sys
import tempfile


class Failure(Exception):
    """What is wrong."""


def check(truth, what):
    if not truth:
        raise Failure(what)


def run_cases(cases, files):
    """Runs the cases whose names stand behind the binary on the command line, or all of them.

    `cases`: pairs of a name and a function of the binary, which raises Failure or returns what is
    wrong. `files`: the contents by name; they are in the working directory. Prints
    "N passed, N failed, N skipped" and ends the program.
    """
    if len(sys.argv) < 2:
        sys.exit(sys.modules["__main__"].__doc__)
    binary, wanted = os.path.abspath(sys.argv[1]), sys.argv[2:]
    chosen = [(name, case) for name, case in cases if not wanted or name in wanted]
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        for name, content in files.items():
            os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
            with open(name, "wb") as file:
                file.write(content if isinstance(content, bytes) else content.encode())
        for name, case in chosen:
            try:
                wrong = case(binary)
            except Failure as reason:
                wrong = str(reason)
            if wrong:
                failed += 1
                print(f"FAILED: {name}: {wrong}")
        os.chdir("/")
    print(f"{len(chosen) - failed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


def by_name(functions):
    return [(function.__name__, function) for function in functions]
