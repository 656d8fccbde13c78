"""The programs that are looked at from outside: many parked processes, and hostile neighbours."""

import time

import cases
import outside
import report
import systems

GIB, KIB, PAGE = 1 << 30, 1 << 10, 4096
SETTLE_S = 10        # how long memory may take to go back after a neighbour has ended
SLACK_BYTES = 64 << 20


def describe(look, start):
    """What was added since the start."""
    return {"resident": look.resident - start.resident,
            "page_tables": look.page_tables - start.page_tables,
            "available_fall": start.available - look.available,
            "virtual": look.virtual - start.virtual, "mappings": look.mappings}


def park(system, case, workers, prefix, count, timeout):
    """The memory of `count` parked processes, and what spawning them took."""
    looks = {}
    printed = outside.converse(
        [*prefix, *system.command(case, workers), str(count)], system.environment(workers), timeout,
        lambda place, pid: looks.update({place: outside.look_at(pid)}))
    return {"case": case.name, "system": system.name, "workers": workers, "count": count,
            "spawn_ns": printed[-1]["ns"][0], **describe(looks["parked"], looks["start"])}


def touch(row, prefix, timeout):
    """Nanoseconds for each process that a plain program needs for the same pages."""
    pages, extra = divmod(row["resident"] // row["count"], PAGE)
    stride = max(row["virtual"] // row["count"] // PAGE, pages + 1) * PAGE
    numbers = [row["count"], stride, pages, extra]
    command = [*prefix, str(systems.build_native("touch")), *map(str, numbers)]
    printed = outside.converse(command, {}, timeout, lambda place, pid: None)
    return printed[0]["ns"][0]


def measure_parked(found, options, say):
    """Rows of parked processes; and of ours, cold spawning in turns with the plain program."""
    rows, cold, failures = [], [], []
    for case in (cases.PARKED, cases.PARKED_RUST):
        for system in found:
            if system.name not in case.systems:
                continue
            count = case.numbers[0] // (100 if options.quick else 1)
            if system.name == "lunatic":
                count = min(count, 5000)  # Its end is near ten thousand.
            try:
                rows.append(park(system, case, 2, options.prefix, count, options.timeout))
                say(f"{case.name} on {system.name}")
            except (outside.Failed, systems.kernel_table.Absent, KeyError) as error:
                failures.append((case.name, system.name, 2, str(error)))
                say(f"{case.name} on {system.name}: {error}")
    own = [r for r in rows if r["system"] == "ours" and r["case"] == "parked"]
    if own:
        cold = measure_cold(next(s for s in found if s.name == "ours"), own[0], options, say)
    return rows, cold, failures


def measure_cold(system, warm_row, options, say):
    touch(warm_row, options.prefix, options.timeout)  # The machine's own first touch of its pages.
    pairs = []
    for _ in range(options.runs):
        plain = touch(warm_row, options.prefix, options.timeout)
        row = park(system, cases.PARKED, 1, options.prefix, warm_row["count"], options.timeout)
        pairs.append((row["spawn_ns"], plain))
        say(f"cold spawning: {row['spawn_ns']:.0f} ns, plain {plain:.0f} ns")
    return pairs


def print_parked(rows, cold):
    print("\nParked processes: bytes each, mappings of the kernel, nanoseconds to spawn one\n")
    print(report.table(
        ["case", "system", "count", "resident", "page tables", "MemAvailable", "virtual",
         "mappings", "spawn"],
        [[r["case"], r["system"], r["count"], *[r[k] // r["count"] for k in (
            "resident", "page_tables", "available_fall", "virtual")], r["mappings"],
          f"{r['spawn_ns']:.0f}"] for r in rows]))
    if cold:
        ratios = [ours / plain for ours, plain in cold]
        print(f"\ncold spawning against a plain program with the same pages: "
              f"{report.median(ratios):.2f} times (of {len(ratios)})")


def parked_verdicts(rows, cold):
    """(what, value, bar, passed) for each bar of this page."""
    verdicts = []
    for row in rows:
        if row["system"] != "ours":
            continue
        total = max(row["resident"] + row["page_tables"], row["available_fall"])
        each, full = total / row["count"], row["count"] == 1_000_000
        if row["case"] == "parked":
            verdicts.append((f"memory of {row['count']:,} parked processes",
                             f"{total / GIB:.2f} GiB", "at most 9 GiB for a million",
                             each * 1e6 <= 9 * GIB and full))
            verdicts.append(("mappings of the kernel", row["mappings"], "under 1,000",
                             row["mappings"] < 1000))
        else:
            verdicts.append((f"memory of a parked guest of rustc ({row['count']:,})",
                             f"{each / KIB:.1f} KiB", "below 22 KiB", each < 22 * KIB))
    if cold:
        ratio = report.median([ours / plain for ours, plain in cold])
        verdicts.append(("spawning them cold, against plain touching", f"{ratio:.2f}",
                         "at most 3 times", ratio <= 3))
    return verdicts


# ---- Neighbours ----------------------------------------------------------------------------------

def is_back(look, before):
    return (look.resident <= before.resident + SLACK_BYTES
            and look.mappings <= before.mappings * 2 and look.descriptors <= before.descriptors)


def run_neighbour(system, case, options):
    looks = {}

    def at_pause(place, pid):
        looks[place] = outside.look_at(pid)
        deadline = time.monotonic() + SETTLE_S
        while place == "after" and not is_back(looks[place], looks["before"]):
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
            looks[place] = outside.look_at(pid)

    ms = case.numbers[0] // (10 if options.quick else 1)
    printed = outside.converse(
        [*options.prefix, *system.command(case, case.workers[0]), str(ms), str(case.numbers[1])],
        system.environment(case.workers[0]), options.timeout, at_pause)
    times = {(p["what"], p["phase"]): p for p in printed[2:]}  # The first two are the warm-up's.
    return {"case": case.name, "what": case.what,
            "continuous": [times["continuous", phase] for phase in ("idle", "hostile")],
            "every_10_ms": [times["every 10 ms", phase] for phase in ("idle", "hostile")],
            "before": vars(looks["before"]), "after": vars(looks["after"]),
            "back": is_back(looks["after"], looks["before"])}


def measure_neighbours(found, options, say):
    rows, failures = [], []
    for system in found:
        for case in cases.NEIGHBOURS if system.name == "ours" else []:
            try:
                rows.append(run_neighbour(system, case, options))
                say(case.name)
            except (outside.Failed, KeyError) as error:
                failures.append((case.name, system.name, case.workers[0], str(error)))
                say(f"{case.name}: {error}")
    return rows, failures


def print_neighbours(rows):
    print("\nBeside hostile neighbours: round trips in microseconds, idle -> hostile\n")
    table = []
    for row in rows:
        (idle, hostile), (slow_idle, slow) = row["continuous"], row["every_10_ms"]
        table.append([
            row["what"], f"{idle['p50'] / 1e3:.2f} -> {hostile['p50'] / 1e3:.2f}",
            f"{idle['p99'] / 1e3:.1f} -> {hostile['p99'] / 1e3:.1f}",
            f"{slow_idle['p99'] / 1e3:.0f} -> {slow['p99'] / 1e3:.0f}", f"{slow['max'] / 1e3:.0f}",
            f"{row['before']['resident'] >> 20} -> {row['after']['resident'] >> 20}",
            f"{row['before']['mappings']} -> {row['after']['mappings']}",
            f"{row['before']['descriptors']} -> {row['after']['descriptors']}"])
    print(report.table(["neighbour", "p50", "p99", "10 ms: p99", "max", "MiB", "mappings",
                        "descriptors"], table))


def neighbour_verdicts(rows):
    verdicts = []
    for row in rows:
        (idle, hostile), (_, slow) = row["continuous"], row["every_10_ms"]
        ratio = hostile["p50"] / max(idle["p50"], 1)
        verdicts += [
            (f"continuous ping-pong beside {row['what']}", f"{ratio:.2f}", "at most 2 times idle",
             ratio <= 2),
            (f"ping every 10 ms beside {row['what']}: p99", f"{slow['p99'] / 1e6:.2f} ms",
             "at most 2 ms", slow["p99"] <= 2_000_000),
            (f"after {row['what']}: memory, mappings, descriptors",
             "back" if row["back"] else "not back", "where they began", row["back"])]
    return verdicts
