#!/usr/bin/env python3
"""A program on a terminal: the terminal edits its lines, Ctrl-D ends its input, Ctrl-C ends it.

usage: terminal_test.py LUNATIC_RUN [NAME...]

Each case runs the binary as the session leader of a pseudo-terminal and types. Prints
"N passed, N failed, N skipped".
"""

import os
import pty
import select
import signal
import sys
import termios
import time

sys.dont_write_bytecode = True
from cli_test import CAT  # noqa: E402
from harness import Failure, check, run_cases  # noqa: E402

SECONDS = 30  # After which a case has hung.

PROMPT = CAT.replace("(func (export \"_start\")", """(data (i32.const 64) "ready> ")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 7))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))""")
SPIN = PROMPT.replace("(loop $again", "(loop $for_ever (br $for_ever)) (loop $again")

CTRL_C, CTRL_D, CTRL_U, BACKSPACE = b"\x03", b"\x04", b"\x15", b"\x7f"


class Session:
    """A program on a terminal of its own."""

    def __init__(self, binary, *args):
        self.shown = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execv(binary, [binary, *args])
        self.before = termios.tcgetattr(self.terminal)

    def wait_for(self, text):
        """Reads until `text` has been shown; then what was shown up to it is forgotten."""
        end = time.monotonic() + SECONDS
        while text not in self.shown:
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise Failure(f"{text!r} never came, only {self.shown!r}")
            try:
                self.shown += os.read(self.terminal, 4096)
            except OSError:  # The program has ended, and with it its side of the terminal.
                raise Failure(f"{text!r} never came, only {self.shown!r}") from None
        self.shown = self.shown.partition(text)[2]

    def type(self, keys):
        os.write(self.terminal, keys)

    def status(self):
        """How it ended, as a shell says it: 128 + N for signal N. The terminal is as it was."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                check(termios.tcgetattr(self.terminal) == self.before, "the terminal has changed")
                os.close(self.terminal)
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
            time.sleep(0.005)
        os.kill(self.pid, signal.SIGKILL)
        raise Failure("still running")

    def ends(self, status):
        found = self.status()
        check(found == status, f"status {found}, expected {status}")


def lines_are_edited(binary, *options):
    session = Session(binary, *options, "prompt.wat")
    session.wait_for(b"ready> ")
    session.type(b"wrong" + CTRL_U + b"helo" + BACKSPACE + b"lo\n")
    session.wait_for(b"\r\n")  # The terminal's own echo of all those keys.
    session.wait_for(b"hello\r\n")
    session.type(b"again\n")
    session.wait_for(b"again\r\nagain\r\n")
    session.type(CTRL_D)
    session.ends(0)


def end_of_input_ends_it(binary, *options):
    session = Session(binary, *options, "prompt.wat")
    session.wait_for(b"ready> ")
    session.type(CTRL_D)
    session.ends(0)


def interrupt_while_it_reads(binary, *options):
    session = Session(binary, *options, "prompt.wat")
    session.wait_for(b"ready> ")
    session.type(CTRL_C)
    session.ends(130)


def interrupt_while_it_computes(binary, *options):
    session = Session(binary, *options, "spin.wat")
    session.wait_for(b"ready> ")
    session.type(CTRL_C)
    session.ends(130)


TESTS = (lines_are_edited, end_of_input_ends_it, interrupt_while_it_reads,
         interrupt_while_it_computes)
OPTIONS = ((), ("--workers=1",), ("--workers=3", "--memory-class=dense"))


CASES = [(" ".join((test.__name__, *options)), lambda binary, t=test, o=options: t(binary, *o))
         for test in TESTS for options in OPTIONS]
run_cases(CASES, {"prompt.wat": PROMPT, "spin.wat": SPIN})
