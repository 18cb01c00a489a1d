"""Points → five numbers and a histogram."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

__all__ = ["Bar", "Distribution", "Summary", "distribution", "summary"]

TENTHS = 10
HAIR = 1e-9  # a sum of thirds is a hair below the tenth that it means


class Summary(msgspec.Struct, frozen=True):
    """How many, the five numbers, and the mean; quartiles by linear interpolation."""

    count: int
    least: float
    first_quartile: float
    median: float
    third_quartile: float
    greatest: float
    mean: float


class Bar(msgspec.Struct, frozen=True):
    """One bar of a histogram: which share of the points, and how many students."""

    label: str
    count: int


class Distribution(msgspec.Struct, frozen=True):
    """
    How points are distributed.

    Args:
        max_points: what can be earned, but for extra credit.
        summary: None where there are no points at all.
        bars: a tenth of *max_points* each, then full marks; then what extra credit lifted above, if any.
    """

    max_points: float
    summary: Summary | None
    bars: tuple[Bar, ...]

    @property
    def tallest(self) -> int:
        """The largest count of a bar, at least 1."""
        return max([1, *(bar.count for bar in self.bars)])


def summary(values: Sequence[float]) -> Summary | None:
    """Return the numbers that stand for *values*; None where there are none."""
    if not values:
        return None
    least, first, median, third, greatest = (float(q) for q in np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))
    return Summary(len(values), least, first, median, third, greatest, float(np.mean(values)))


def distribution(points: Sequence[float], max_points: float) -> Distribution:
    """Return how *points* are distributed over the tenths of *max_points*."""
    if max_points <= 0:
        return Distribution(max_points, summary(points), ())
    counts = [0] * (TENTHS + 2)
    for value in points:
        tenth = int(value / max_points * TENTHS + HAIR)
        counts[TENTHS + 1 if value > max_points + HAIR else max(0, tenth)] += 1
    step = 100 // TENTHS
    labels = [f"{step * k}–{step * (k + 1)} %" for k in range(TENTHS)]
    bars = [Bar(label, count) for label, count in zip([*labels, "full"], counts, strict=False)]
    over = [Bar("more", counts[-1])] if counts[-1] else []
    return Distribution(max_points, summary(points), (*bars, *over))
