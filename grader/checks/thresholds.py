"""The committed table of training thresholds: `grader calibrate` writes it, the goals read it."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from pathlib import Path

import msgspec

from grader.errors import ConfigError
from grader.verify import figure
from grader.whole import write_whole

__all__ = ["CPU", "DRAWN", "TABLE", "Threshold", "find", "load", "told_text", "write"]

TABLE = Path(__file__).with_name("thresholds.json")
DRAWN = "drawn"  # the data of a goal that draws its own
CPU = "cpu"


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one goal asks for, and how that was found.

    Args:
        assignment: such as "backprop".
        notebook: such as "deep_net".
        goal: what is measured, in words.
        data: the digits' name, or "drawn" where the goal draws its own data.
        device: "cpu", or the GPU's name: equal seeds give other results on another device.
        threshold: mean - k*sd; mean + k*sd for a figure that must stay below it.
        told: what the notebook tells the student: a quarter of the way from the threshold to the mean.
        mean: of the reference's figures.
        sd: their standard deviation, with n - 1 in the denominator.
        n: runs, each with a seed of its own.
        k: one-sided normal tolerance factor: 95 % confidence that this share of honest runs pass: *coverage*.
        coverage: see k.
        worst: the worst of the figures.
        seconds: mean wall time of a run, one thread.
        versions: of what the figures depend on.
        date: when it was measured, ISO 8601.
    """

    assignment: str
    notebook: str
    goal: str
    data: str
    device: str
    threshold: float
    told: float
    mean: float
    sd: float
    n: int
    k: float
    coverage: float
    worst: float
    seconds: float
    versions: dict[str, str]
    date: str

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What there is one row for."""
        return self.assignment, self.notebook, self.goal, self.data, self.device


def told_text(row: Threshold, *, percent: bool) -> str:
    """Return the figure that must stand in the notebook, rounded to the stricter side."""
    if not percent:
        return figure(row.told, percent=False)
    rounded = (
        math.ceil(round(1000 * row.told, 6)) if row.mean >= row.threshold else math.floor(1000 * row.told)
    )
    return figure(rounded / 1000, percent=True)


@functools.cache
def load(path: Path = TABLE) -> tuple[Threshold, ...]:
    """
    Read the table.

    Raises:
        ConfigError: it is not there, or not in the form that `write` gives it.
    """
    try:
        return tuple(msgspec.json.decode(path.read_bytes(), type=list[Threshold]))
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(
            f"{path} can't be read ({error}); take it from the repository again, or make it anew with "
            "`grader calibrate ASSIGNMENT`."
        ) from error


def write(rows: Iterable[Threshold], path: Path = TABLE) -> None:
    """Put *rows* into the table, in the place of those with the same key; the file is replaced whole."""
    table = {row.key: row for row in (load(path) if path.is_file() else ())}
    table |= {row.key: row for row in rows}
    content = msgspec.json.encode([table[key] for key in sorted(table)])
    write_whole(path, msgspec.json.format(content, indent=1) + b"\n", 0o666)
    load.cache_clear()


def find(assignment: str, notebook: str, goal: str, data: str, device: str = CPU) -> Threshold:
    """
    Return the row of a goal: of this device if it was calibrated on it, else the CPU's.

    Raises:
        ConfigError: the goal was not calibrated with these data.
    """
    rows = {row.key: row for row in load()}
    for name in (device, CPU):
        row = rows.get((assignment, notebook, goal, data, name))
        if row is not None:
            return row
    raise ConfigError(
        f"No threshold for {goal!r} of {assignment}/{notebook} with the data {data!r}: "
        f"`grader calibrate {assignment} --notebook {notebook}` measures it."
    )
