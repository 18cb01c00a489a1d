"""What the gradebook and the records say of a paper, and where that differs from what must be."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec
from nbgrader.api import Gradebook, MissingEntry

from grader import archive
from grader.checks import catalogue, plugin
from grader.checks.local import LocalStudent
from grader.demo.papers import Loss, Paper, Student
from grader.records import Cell, Grade, Verdict
from grader.sandbox.bubblewrap import ONE_THREAD
from grader.score import PREFIX, score

__all__ = ["Mark", "problems", "problems_of_all", "read_marks"]


class Mark(msgspec.Struct, frozen=True):
    """
    One paper as it was graded.

    Args:
        student: the student's slug.
        paper: what was handed in, with what it must be worth.
        points: blank → points; None where nobody has given any yet.
        max_points: blank → what it is worth.
        needs_person: whether nbgrader lists a cell of it for manual grading.
        penalty: nbgrader's penalty for lateness, in points.
        record: the record beside the autograded notebook; None where there is none.
    """

    student: str
    paper: Paper
    points: dict[str, float | None]
    max_points: dict[str, float]
    needs_person: bool = False
    penalty: float = 0.0
    record: Grade | None = None

    @property
    def total(self) -> float:
        """Points of all blanks, before any penalty."""
        return math.fsum(points or 0.0 for points in self.points.values())

    @property
    def finding(self) -> str:
        """The first failed check's misconception or message, as a table has room for."""
        if self.record is None:
            return "not handed in" if self.paper.content is None else "no record: a person must look"
        if self.paper.by_hand:
            return "left to a person"
        failed = [result for result in self.record.results if result.verdict is not Verdict.PASSED]
        # A named misconception says most; a check that was not run says least.
        failed.sort(key=lambda result: (not result.misconception, result.verdict is Verdict.SKIPPED))
        if not failed:
            return "all checks passed"
        first = failed[0]
        return f"{first.blank}: {first.misconception or first.message}"


def read_marks(course: Path, students: tuple[Student, ...]) -> list[Mark]:
    """Read every paper's points from the gradebook and its record."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return [
            _read_mark(course, gradebook, student.name, paper)
            for student in students
            for paper in student.papers
        ]


def _read_mark(course: Path, gradebook: Gradebook, student: str, paper: Paper) -> Mark:
    try:
        graded = gradebook.find_submission_notebook(paper.notebook, paper.assignment, student)
    except MissingEntry:
        return Mark(student, paper, {}, {})
    record = archive.record_path(course, student, paper.assignment, paper.notebook)
    return Mark(
        student=student,
        paper=paper,
        points={grade.name.removeprefix(PREFIX): grade.auto_score for grade in graded.grades},
        max_points={grade.name.removeprefix(PREFIX): float(grade.max_score) for grade in graded.grades},
        needs_person=any(grade.needs_manual_grade for grade in graded.grades),
        penalty=float(graded.late_submission_penalty or 0.0),
        record=archive.load(record),
    )


def problems_of_all(marks: Sequence[Mark]) -> list[list[str]]:
    """
    Return the problems of each paper, in the same order.

    What a misconception must cost is worked out by its own trainings, so that is done on all cores.
    """
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        return list(pool.map(problems, marks))


def _one_thread() -> None:
    """Compute as behind the wall; libraries read this when they are first imported."""
    os.environ.update(ONE_THREAD)


def problems(mark: Mark) -> list[str]:
    """Return where a paper's marks differ from what they must be, a sentence each."""
    if not mark.points:
        return ["nbgrader has no points for it"]
    if mark.paper.by_hand:
        left_open = mark.needs_person and set(mark.points.values()) == {None}
        return [] if left_open else ["its points must be left to a person"]
    expected = _expected(mark)
    found = [problem for blank in mark.points for problem in _problems_of_blank(mark, blank, expected[blank])]
    if mark.paper.finding and mark.paper.finding not in _named(mark.record):
        found.append(f"the feedback does not name {mark.paper.finding!r}")
    if bool(mark.paper.handed_in) != bool(mark.penalty):
        found.append(f"the penalty for lateness is {mark.penalty:g}")
    return found


def _expected(mark: Mark) -> dict[str, float]:
    """Return the points that each blank must have."""
    expected = dict(mark.max_points)
    expected |= {blank: 0.0 for blank, loss in mark.paper.lost.items() if loss is Loss.ALL}
    if mark.paper.mistaken and mark.record is not None:
        checks = catalogue.find(mark.paper.assignment, mark.paper.notebook)
        checks = msgspec.structs.replace(checks, misconceptions={})  # the points need no diagnosis
        trusted = LocalStudent(checks.namespace(list(mark.paper.mistaken)))
        seed = bytes.fromhex(mark.record.provenance.seed)
        results = plugin.run(checks, trusted, seed)  # type: ignore[arg-type]  # it answers the same calls
        for blank in mark.paper.lost:
            cell = Cell(0, "code", "", grade_id=f"{PREFIX}{blank}", points=mark.max_points[blank])
            expected[blank] = score(cell, results).points or 0.0
    return expected


def _problems_of_blank(mark: Mark, blank: str, expected: float) -> list[str]:
    points, max_points = mark.points[blank], mark.max_points[blank]
    if points is None:
        return [f"{blank} has no points: the grader itself failed"]
    if not math.isclose(points, expected, rel_tol=1e-9, abs_tol=1e-9):
        return [f"{blank} must have {expected:g} of {max_points:g} points and has {points:g}"]
    if mark.paper.lost.get(blank) is Loss.SOME and not points < max_points:
        return [f"{blank} must lose marks and has all {max_points:g}"]
    return []


def _named(record: Grade | None) -> set[str]:
    return set() if record is None else {result.misconception for result in record.results}
