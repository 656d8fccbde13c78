"""What is measured, and the bars that lunatic-run has to meet: two tables."""

import dataclasses

MS = 1_000_000
SHAPES = ["chain", "star", "ring", "tree"]
PEERS = ("ours", "lunatic", "beam", "go", "tokio")
# Where the count is part of what is measured; the reference ends near ten thousand processes.
COUNTED = ("ours", "beam", "go", "tokio")


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    group: str
    program: str         # the guest's file without .c, and the peers' word
    numbers: tuple       # the first is a count, which slow systems and --quick divide
    what: str
    statistics: tuple = ("median",)
    systems: tuple = PEERS
    workers: tuple = (1, 2)
    options: tuple = ()  # of lunatic-run
    divides: bool = True

    @property
    def source(self):
        return self.program if "." in self.program else f"{self.program}.c"


def late(name, group, program, numbers, what, **more):
    return Case(name, group, program, numbers, what, ("p50", "p99", "p99.9", "max"), **more)


CASES = [
    Case("spawn", "speed", "spawn", (200_000, 5, 1), "spawn, run, reply, exit"),
    Case("spawn-two", "speed", "spawn", (100_000, 5, 2), "the same by two spawners, per process"),
    Case("ping", "speed", "ping", (500_000, 5), "round trip of 8 bytes"),
    Case("ring", "speed", "ring", (1_000_000, 5, 1000), "ring of 1,000, per hop"),
    Case("flood", "speed", "flood", (500_000, 5), "flood of 32 bytes, per message"),
    Case("crash", "speed", "crash", (100_000, 5), "a trap seen by the parent, and the next"),
    late("hogs", "late", "hogs", (400, 5, 100), "lateness of a 5 ms sleeper among 100 hogs",
         divides=False),
    *[Case(f"links-{shape}", "links", "links", (100_000, 3, i), f"killing a {shape} of 100,000",
           systems=("ours", "beam")) for i, shape in enumerate(SHAPES)],
    late("timers", "timers", "timers", (1_000_000, 4000, 0),
         "lateness of 1 ms sleeps, 1,000,000 timers at one instant", systems=COUNTED),
    Case("timers-cancel", "timers", "timers", (1_000_000, 60_000, 1), "a cancelled timer",
         systems=("ours",)),
    *[late(f"hold-{kind}", "hold", "hold", (1000, 5, i),
           f"lateness of a 5 ms sleeper beside {what}", systems=("ours",), divides=False)
      for i, (kind, what) in enumerate([
          ("nothing", "nothing"), ("compile", "a function of 5 MB compiled lazily"),
          ("drop", "a gigabyte dropped"), ("send", "64 MiB sent"),
          ("links", "100,000 links killed")])],
]

# Programs that the harness looks at from outside while they run; see memory.py.
PARKED = Case("parked", "memory", "parked", (1_000_000,), "processes parked in receive")
PARKED_RUST = Case("parked-rust", "memory", "parked.rs", (100_000,), "parked guests made by rustc",
                   systems=("ours", "lunatic"))
NEIGHBOURS = [
    Case(f"neighbour-{kind}", "neighbours", "neighbours", (5000, i + 1), what, systems=("ours",),
         workers=(2,), options=("--max-total-memory=2GiB",), divides=False)
    for i, (kind, what) in enumerate([
        ("forks", "a fork bomb"), ("flood", "a mailbox flood"), ("grow", "endless growth"),
        ("traps", "100,000 traps a second")])
]
GROUPS = ["speed", "late", "links", "timers", "hold", "memory", "neighbours"]


@dataclasses.dataclass(frozen=True)
class Bar:
    """Ours may be at most `factor` times what another system, case or number of workers has, or
    at most `limit`."""

    case: str
    workers: int
    statistic: str = "median"
    factor: float = 1.0
    system: str = ""         # whose value `factor` multiplies; "" with a limit
    other_case: str = ""     # of ours, with `other_workers`
    other_workers: int = 0
    limit: float = 0

    def text(self):
        if self.limit:
            return f"at most {self.limit / MS:g} ms"
        if self.other_workers:
            return f"at most {self.factor:.2f} of {self.other_case} on {self.other_workers}"
        return f"at most {self.factor:.2f} of {self.system}"


def both(**fields):
    return [Bar(workers=workers, **fields) for workers in (1, 2)]


BARS = [
    *both(case="spawn", factor=1 / 3, system="beam"),
    Bar("spawn-two", 2, factor=1 / 1.5, other_case="spawn", other_workers=1),
    *both(case="ping", system="go"),
    *both(case="ping", factor=0.5, system="beam"),
    Bar("ping", 2, other_case="ping", other_workers=1),
    *both(case="flood", system="tokio"),
    *both(case="ring", system="go"),
    *both(case="ring", factor=0.5, system="beam"),
    *both(case="crash", factor=0.5, system="beam"),
    *both(case="hogs", statistic="p99", limit=1 * MS),
    *[bar for peer in PEERS[1:] for bar in both(case="hogs", statistic="p99", system=peer)],
    *[bar for shape in SHAPES for bar in both(case=f"links-{shape}", limit=300 * MS)],
    *both(case="timers", statistic="max", limit=50 * MS),
    *[bar for kind in ("compile", "drop", "send", "links")
      for bar in both(case=f"hold-{kind}", statistic="p99", limit=2 * MS)],
]

# Aims: what we should like to reach, in nanoseconds, or the systems to be faster than.
AIMS = {
    "spawn": (150, ("go", "tokio")), "ping": (150, ("tokio",)), "flood": (45, ()),
    "ring": (80, ()), "crash": (400, ("go",)), "hogs": (0.2 * MS, ()),
    **{f"links-{shape}": (100 * MS, ()) for shape in SHAPES},
    "timers": (10 * MS, ()),
    **{f"hold-{kind}": (0.5 * MS, ()) for kind in ("compile", "drop", "send", "links")},
}
