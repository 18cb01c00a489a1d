"""Where the bars of a histogram stand, in the units of its drawing."""

from __future__ import annotations

import msgspec

from grader.report.figures import Distribution

__all__ = ["Drawing", "Placed", "drawing"]

WIDTH, HEIGHT = 720.0, 200.0
TOP, BOTTOM = 24.0, 46.0  # room for the counts above the bars and the labels below
GAP = 0.16  # of a bar's place


class Placed(msgspec.Struct, frozen=True):
    """One bar: its upper left corner, its size, its middle, and what is written to it."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    label: str
    count: int


class Drawing(msgspec.Struct, frozen=True):
    """A histogram: its size, the line that the bars stand on, and the bars."""

    width: float
    height: float
    ground: float
    bars: tuple[Placed, ...]


def drawing(points: Distribution) -> Drawing:
    """Lay a histogram out; the tallest bar takes all the height."""
    place = WIDTH / max(1, len(points.bars))
    ground = HEIGHT - BOTTOM
    bars = []
    for number, bar in enumerate(points.bars):
        height = (ground - TOP) * bar.count / points.tallest
        bars.append(
            Placed(
                x=round(place * (number + GAP / 2), 1),
                y=round(ground - height, 1),
                width=round(place * (1 - GAP), 1),
                height=round(height, 1),
                middle=round(place * (number + 0.5), 1),
                label=bar.label,
                count=bar.count,
            )
        )
    return Drawing(WIDTH, HEIGHT, ground, tuple(bars))
