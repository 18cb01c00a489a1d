"""Where the seconds of one grading go, measured inside this process, one submission after the other."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from grader.checks import catalogue, plugin
from grader.config import Config
from grader.pipeline import sandbox_of, start, submission_seed
from grader.sandbox import Sandbox, Student
from grader.submission import read_submission

__all__ = ["Breakdown", "break_down"]


class Breakdown(msgspec.Struct, frozen=True):
    """
    Seconds; means over the notebooks but for the first student's.

    Args:
        start_up: standing the wall up and testing it, once a run of nbgrader.
        cells: running the notebook's cells: the student's code.
        calls: in calls of the student's functions, the way through the wall included.
        fork: making the student's process and ending it.
        judging: references, comparisons, pytest, finding the misconception.
    """

    start_up: float
    cells: float
    calls: float
    fork: float
    judging: float


class _Timed:
    """A student whose calls are timed; everything else is the student's own."""

    def __init__(self, student: Student) -> None:
        self._student = student
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._student, name)
        return self._timing(value) if name in {"call", "call_many", "observe", "has", "rng"} else value

    def _timing(self, method: Any) -> Any:
        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return method(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - started

        return timed


def break_down(course: Path) -> Breakdown:
    """
    Grade every submission of the scratch course once more and take the time of each part.

    The first student's count for nothing: they also import the check modules, and the comparison leaves that
    student out, too.
    """
    config = Config(course=course)
    started = time.perf_counter()
    with sandbox_of(config) as sandbox:
        sandbox.self_test()
        start_up = time.perf_counter() - started
        parts = list(_grade_all(course, config, sandbox))
    means = [statistics.fmean(column) for column in zip(*parts, strict=True)]
    return Breakdown(start_up, *means)


def _grade_all(course: Path, config: Config, sandbox: Sandbox) -> Iterator[tuple[float, float, float, float]]:
    paths = sorted(course.glob("submitted/*/*/*.ipynb"))
    for path in paths:
        submission = read_submission(path, path.parts[-3], config)
        checks = catalogue.find(submission.assignment, submission.notebook)
        started = time.perf_counter()
        with start(submission, config, sandbox) as student:
            standing = time.perf_counter()
            timed = _Timed(student)
            plugin.run(checks, timed, submission_seed(submission, config))  # type: ignore[arg-type]
            judged = time.perf_counter()
            cells = sum(run.seconds for run in student.runs)
        ended = time.perf_counter()
        fork = (standing - started - cells) + (ended - judged)
        if path.parts[-3] != paths[0].parts[-3]:
            yield cells, timed.seconds, fork, judged - standing - timed.seconds
