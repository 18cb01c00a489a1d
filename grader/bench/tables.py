"""The measurements as tables: for each class size, and how the cost grows with it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np
from rich.table import Table

from grader.bench.columns import TITLES, Column
from grader.bench.ledger import Key, Measurement

__all__ = ["Growth", "Sheet", "growth_of", "provenance", "sheets"]

MEBIBYTE = 2**20
NONE = "–"
ORDER = list(TITLES)


class Sheet(msgspec.Struct, frozen=True):
    """
    One table.

    Args:
        title: above it.
        columns: their heads.
        rows: their cells.
        labels: how many columns, from the left, are words.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int = 1

    def as_rich(self) -> Table:
        """Return it for the screen."""
        table = Table(title=self.title)
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="left" if number < self.labels else "right")
        for row in self.rows:
            table.add_row(*row)
        return table

    def as_markdown(self) -> str:
        """Return it for a page of documentation."""
        rules = ["---" if number < self.labels else "---:" for number in range(len(self.columns))]
        lines = [f"| {' | '.join(row)} |" for row in (self.columns, rules, *self.rows)]
        return "\n".join([f"**{self.title}**", "", *lines])


class Growth(msgspec.Struct, frozen=True):
    """
    The straight line through wall seconds over class size, by least squares.

    Args:
        start_up: seconds at no submission.
        slope: seconds for each submission more.
        worst_percent: largest distance of a class from the line, in per cent of its seconds; None where two
            sizes leave no freedom to be off.
    """

    start_up: float
    slope: float
    worst_percent: float | None


def growth_of(seconds: Mapping[int, float]) -> Growth | None:
    """Fit the line to students → wall seconds; None for fewer than two sizes."""
    if len(seconds) < 2:
        return None
    sizes, walls = (np.array(values, dtype=float) for values in zip(*sorted(seconds.items()), strict=True))
    slope, start_up = (float(value) for value in np.polyfit(sizes, walls, 1))
    worst = float(np.max(np.abs(slope * sizes + start_up - walls) / walls))
    return Growth(start_up, slope, 100 * worst if len(seconds) > 2 else None)


def sheets(measured: Mapping[Key, Measurement]) -> list[Sheet]:
    """Return two tables for each assignment."""
    found = []
    rows = sorted(
        measured.values(), key=lambda m: (m.assignment, m.students, ORDER.index(m.contender), m.workers)
    )
    for assignment, group in itertools.groupby(rows, key=lambda m: m.assignment):
        own = list(group)
        found += [_costs(assignment, own), _growth(assignment, own)]
    return found


def provenance(measured: Mapping[Key, Measurement]) -> list[str]:
    """Return a sentence for each contender: when, where and with which versions it was measured."""
    found = []
    for contender in TITLES:
        own = [m for m in measured.values() if m.contender == contender]
        if own:
            dates = sorted(m.date[:10] for m in own)
            days = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
            machines = "; ".join(sorted({m.machine for m in own}))
            pairs = {f"{name} {version}" for m in own for name, version in m.versions.items()}
            found.append(f"{TITLES[contender]}: {days}; {machines}; {', '.join(sorted(pairs))}.")
    return found


def _costs(assignment: str, rows: list[Measurement]) -> Sheet:
    heads = (
        *("graded by", "students", "wall s", "CPU s", "wall s a notebook", "× stock", "× every cell"),
        *("efficiency", "peak MiB", "MiB a worker more"),
    )
    known = {(m.contender, m.workers, m.students): m for m in rows}
    cells = tuple(
        (
            _title(m),
            str(m.students),
            f"{_wall(m):.3f}",
            f"{m.cpu_seconds / m.students:.3f}{'' if m.cpu_complete else ' (part)'}",
            f"{_wall(m) / m.notebooks:.3f}",
            _ratio(m, "stock", rows),
            _ratio(m, "stock-pictures", rows),
            _efficiency(m, known.get(("this", 1, m.students))),
            f"{m.peak_bytes / MEBIBYTE:.0f}",
            _memory(m, known.get(("this", 1, m.students))),
        )
        for m in rows
    )
    count = rows[0].notebooks
    submission = f"{count} notebook{'s' if count > 1 else ''}"
    return Sheet(f"{assignment}: seconds a submission ({submission}), start-up shared out", heads, cells)


def _growth(assignment: str, rows: list[Measurement]) -> Sheet:
    sizes = sorted({m.students for m in rows})
    heads = (
        "graded by",
        *(f"{size} students" for size in sizes),
        "start-up s",
        "s a submission",
        "off the line",
    )
    cells = []
    ways = sorted({(ORDER.index(m.contender), m.workers) for m in rows})
    for contender, workers in ways:
        own = {m.students: m for m in rows if (ORDER.index(m.contender), m.workers) == (contender, workers)}
        first = own[min(own)]
        line = growth_of({size: m.wall_seconds for size, m in own.items()})
        relative = (f"{_wall(own[size]) / _wall(first):.2f}" if size in own else NONE for size in sizes)
        cells.append((_title(first), *relative, *_line_cells(line)))
    title = (
        f"{assignment}: wall seconds a submission, relative to the smallest class, and the line through all"
    )
    return Sheet(title, heads, tuple(cells))


def _line_cells(line: Growth | None) -> tuple[str, str, str]:
    if line is None:
        return NONE, NONE, NONE
    off = NONE if line.worst_percent is None else f"{line.worst_percent:.1f} %"
    return f"{line.start_up:.1f}", f"{line.slope:.3f}", off


def _title(measurement: Measurement) -> str:
    title = TITLES[measurement.contender]
    column = Column(measurement.contender, measurement.workers)
    if column.takes_seconds:
        return title
    return f"{title}, {column.workers} worker{'s' if column.workers > 1 else ''}"


def _wall(measurement: Measurement) -> float:
    return measurement.wall_seconds / measurement.students


def _ratio(measurement: Measurement, contender: str, rows: Iterable[Measurement]) -> str:
    """Return the throughput relative to *contender* at the same size, or at its largest: then with an ≈."""
    theirs = {m.students: m for m in rows if m.contender == contender}
    if not theirs:
        return NONE
    exact = measurement.students in theirs
    size = measurement.students if exact else max(theirs)
    return f"{'' if exact else '≈ '}{_wall(theirs[size]) / _wall(measurement):.1f}"


def _efficiency(measurement: Measurement, alone: Measurement | None) -> str:
    if alone is None or measurement.contender not in {"this", "dask"} or measurement.workers == 1:
        return NONE
    return f"{alone.wall_seconds / (measurement.workers * measurement.wall_seconds):.2f}"


def _memory(measurement: Measurement, alone: Measurement | None) -> str:
    if alone is None or measurement.contender not in {"this", "dask"} or measurement.workers == 1:
        return NONE
    return f"{(measurement.peak_bytes - alone.peak_bytes) / (measurement.workers - 1) / MEBIBYTE:.0f}"
