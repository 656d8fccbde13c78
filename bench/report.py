"""Numbers of repeated measurements, and tables of them."""

import math
import statistics


def median(values):
    return statistics.median(values)


def spread(values):
    """Half the distance between the quartiles, as a share of the median."""
    if len(values) < 4:
        low, high = min(values), max(values)
    else:
        low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / median(values)


def geomean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def table(header, rows, rules=()):
    """Text columns, the first to the left and the others to the right; a line before each row whose
    index is in `rules`."""
    cells = [list(map(str, row)) for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    line = "-" * (sum(widths) + 2 * (len(widths) - 1))
    out = []
    for index, row in enumerate(cells):
        if index == 1 or index - 1 in rules:
            out.append(line)
        first = row[0].ljust(widths[0])
        out.append("  ".join([first, *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]))
    return "\n".join(out)
