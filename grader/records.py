"""
What the stages hand to each other; the structs are the file format (docs/results.md explains each field).

Everything is frozen. Bytes that come from a student's process are never decoded into these.
"""

from __future__ import annotations

import enum

import msgspec

__all__ = ["Cell", "CellRun", "CellScore", "CheckResult", "Grade", "Provenance", "Submission", "Verdict"]


class Verdict(enum.Enum):
    """The outcome of one check; it says whose fault it is."""

    PASSED = "passed"
    FAILED = "failed"  # the answer is wrong
    LIMIT_HIT = "limit hit"  # time, memory, output or processes ran out: the message says which
    SKIPPED = "skipped"  # something it needs is not there; earns nothing
    GRADER_ERROR = "grader error"  # ours: no score is written, a person looks


class Cell(msgspec.Struct, frozen=True):
    """
    One cell of a submitted notebook.

    Args:
        index: position in the notebook, from 0.
        kind: "code", "markdown" or "raw".
        source: the text of the cell.
        grade_id: nbgrader's name of the cell; empty for a student's own cell.
        points: what the cell is worth; 0 unless it is a check cell.
        is_check: whether the hidden checks of a blank are scored in this cell.
        runs: whether grading runs it; pictures (locked cells named picture_*) and text don't.
    """

    index: int
    kind: str
    source: str
    grade_id: str = ""
    points: float = 0.0
    is_check: bool = False
    runs: bool = False


class Submission(msgspec.Struct, frozen=True):
    """One notebook of one student, after nbgrader has put the locked cells back."""

    student_id: str
    assignment: str
    notebook: str
    cells: tuple[Cell, ...]


class CellRun(msgspec.Struct, frozen=True):
    """
    What one cell did when the notebook ran.

    Args:
        index: the cell's position in the notebook.
        outputs: nbformat outputs as plain dicts, capped in size; not yet sanitised.
        error: empty, or one line: "NameError: name 'np' is not defined", "stopped after 30 s".
        seconds: wall time.
    """

    index: int
    outputs: tuple[dict[str, object], ...] = ()
    error: str = ""
    seconds: float = 0.0


class CheckResult(msgspec.Struct, frozen=True):
    """
    What one hidden check found.

    Args:
        name: the test function's name.
        title: first line of its docstring: what the student reads.
        blank: the function it judges; its check cell is named check_<blank>.
        weight: its share of the cell's points, relative to the cell's other checks.
        verdict: the outcome.
        message: what was measured; never a hidden input or expected value.
        hint: what to think about next.
        misconception: name of the misconception whose answers are the same, or empty.
        explanation: the misconception's text.
        note: how it was judged, where that was not the plain way (a reference stood in, a second try).
        picture: an SVG document, or empty.
        seconds: wall time of the check.
    """

    name: str
    title: str
    blank: str
    weight: float
    verdict: Verdict
    message: str = ""
    hint: str = ""
    misconception: str = ""
    explanation: str = ""
    note: str = ""
    picture: str = ""
    seconds: float = 0.0


class CellScore(msgspec.Struct, frozen=True):
    """
    The score of one check cell.

    Args:
        grade_id: the check cell, such as "check_forward".
        points: what was earned; None where the grader itself failed and a person must look.
        max_points: what the cell is worth.
    """

    grade_id: str
    points: float | None
    max_points: float


class Provenance(msgspec.Struct, frozen=True):
    """
    What the grade depends on: the same digest means the same result.

    Args:
        digest: SHA-256 over notebook, checks, data and versions, as hexadecimal.
        seed: the seed of this submission's inputs, derived from the course secret; hexadecimal.
        isolation: "wall", or "none" where an author asked for it.
        device: "cpu", or the GPU's name.
        versions: library name to version.
        digits: the name of the digits that its checks drew from; empty where they drew from none.
    """

    digest: str
    seed: str
    isolation: str
    device: str
    versions: dict[str, str]
    digits: str = ""


class Grade(msgspec.Struct, frozen=True):
    """The record of one graded notebook: the gradebook has the points, this has the why."""

    student_id: str
    assignment: str
    notebook: str
    scores: tuple[CellScore, ...]
    results: tuple[CheckResult, ...]
    runs: tuple[CellRun, ...]
    provenance: Provenance
    seconds: float
    restarts: int = 0
    format: int = 1

    @property
    def points(self) -> float | None:
        """Sum of the earned points; None where any cell needs a person."""
        earned = [score.points for score in self.scores]
        return None if None in earned else float(sum(p for p in earned if p is not None))

    @property
    def max_points(self) -> float:
        """Sum of what the check cells are worth."""
        return float(sum(score.max_points for score in self.scores))
