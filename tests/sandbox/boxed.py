"""Notebooks for the sandbox's tests, the limits they run under, and what they may leave behind: nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

from grader.config import MEBIBYTE, Limits
from grader.records import Cell, Submission

NUMPY = ("numpy", "matplotlib")
TIGHT = Limits(
    notebook_seconds=20.0,
    cell_seconds=5.0,
    call_seconds=5.0,
    memory_bytes=96 * MEBIBYTE,
    processes=16,
    scratch_bytes=4 * MEBIBYTE,
    output_bytes=MEBIBYTE,
    frame_bytes=4 * MEBIBYTE,
)


def notebook(*sources: str, names: tuple[str, ...] = ()) -> Submission:
    """Make a submission of code cells; *names* are their grade_ids, from the first on."""
    names += ("",) * (len(sources) - len(names))
    cells = [
        Cell(index=index, kind="code", source=source, grade_id=name, runs=True)
        for index, (source, name) in enumerate(zip(sources, names, strict=True))
    ]
    return Submission("a-student", "an-assignment", "a-notebook", tuple(cells))


def descendants() -> dict[int, str]:
    """Return pid → command of every process below this one, zombies too."""
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = stat.read_text().rpartition(")")
        except OSError:
            continue
        pid, name = before.split(" (", 1)
        parents[int(pid)], names[int(pid)] = int(after.split()[1]), f"{name} {after.split()[0]}"
    inside = {os.getpid()}
    for _ in parents:
        inside |= {pid for pid, parent in parents.items() if parent in inside}
    return {pid: names[pid] for pid in inside - {os.getpid()}}


def gone(before: set[int], seconds: float = 1.0) -> bool:
    """Whether every process that was not there before ends; the last one has a moment to be reaped."""
    end = time.monotonic() + seconds
    while set(descendants()) - before:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
