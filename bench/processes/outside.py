"""What the system says about a program while it runs, and programs that pause to be looked at."""

import dataclasses
import json
import os
import pathlib
import subprocess
import threading


@dataclasses.dataclass(frozen=True)
class Look:
    """At a process, from outside. Sizes in bytes."""

    resident: int
    page_tables: int
    virtual: int
    available: int   # MemAvailable of the machine
    mappings: int
    descriptors: int


def fields(path):
    """name -> bytes, of a file with lines like `VmRSS:  12 kB`."""
    found = {}
    for line in pathlib.Path(path).read_text().splitlines():
        name, _, value = line.partition(":")
        words = value.split()
        if len(words) == 2 and words[1] == "kB":
            found[name] = int(words[0]) * 1024
    return found


def look_at(pid):
    status = fields(f"/proc/{pid}/status")
    with open(f"/proc/{pid}/maps") as maps:
        mappings = sum(1 for _ in maps)
    return Look(status["VmRSS"], status["VmPTE"], status["VmSize"],
                fields("/proc/meminfo")["MemAvailable"], mappings,
                len(os.listdir(f"/proc/{pid}/fd")))


class Failed(Exception):
    pass


def converse(command, environment, timeout, at_pause):
    """Runs a program to its end and returns the objects that it prints, one on each line. When it
    says {"at": PLACE} it is called back: at_pause(PLACE, pid), and then may go on."""
    printed = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True,
                          env={**os.environ, **environment}) as child:
        errors = []
        reader = threading.Thread(target=lambda: errors.append(child.stderr.read(100_000)))
        drain = threading.Thread(target=lambda: (reader.join(), drop_all(child.stderr)))
        timer = threading.Timer(timeout, child.kill)
        for thread in (reader, drain, timer):
            thread.daemon = True
            thread.start()
        try:
            for line in child.stdout:
                value = json.loads(line)
                if "at" in value:
                    at_pause(value["at"], child.pid)
                    child.stdin.write("\n")
                    child.stdin.flush()
                else:
                    printed.append(value)
        except (json.JSONDecodeError, BrokenPipeError, OSError) as error:
            child.kill()
            raise Failed(str(error)) from error
        finally:
            timer.cancel()
            status = child.wait()
            drain.join()
    if status != 0 or not printed:
        lines = "".join(errors).strip().splitlines() or ["no output"]
        raise Failed(f"status {status}: {lines[0][:200]}")
    return printed


def drop_all(stream):
    while stream.read(1 << 16):
        pass
