"""
Phase 2: the records and the audit first, then nbgrader's own walk, which takes these records as known.

Gradebook, graded notebook and record agree since the same steps write them as in any grading: manual scores
stay and are flagged, late penalties are worked out anew. What is killed on the way, the next run makes good.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Sequence
from pathlib import Path

from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters import NbGraderException

from grader import archive, audit, unfinished
from grader.errors import GraderError
from grader.regrade.course import points_of
from grader.regrade.movement import Change, Left
from grader.regrade.rehearsal import Rehearsal
from grader.walk import CourseAutograde

__all__ = ["Carrying", "carry_over", "finish", "settle"]

EVERY_NOTEBOOK = "?*"  # as a pattern; for "*", nbgrader removes a student's other graded notebooks too


class Carrying(CourseAutograde):
    """
    nbgrader's walk over chosen notebooks.

    Args:
        app: the course, its assignment chosen.
        chosen: student → notebooks.
    """

    assignments: dict[str, list[str]]  # folder of a submission → its notebooks; kept by nbgrader

    def __init__(self, app: NbGrader, chosen: dict[str, frozenset[str]]) -> None:
        super().__init__(coursedir=app.coursedir, parent=app)
        self.force = True
        self._chosen = chosen

    def init_notebooks(self) -> None:
        """Find the chosen notebooks, and no others."""
        super().init_notebooks()
        folders = {
            self._format_source(self.coursedir.assignment_id, student): names
            for student, names in self._chosen.items()
        }
        self.assignments = {
            folder: [file for file in files if Path(file).stem in folders[folder]]
            for folder, files in self.assignments.items()
            if folder in folders
        }

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Remove what will be written, also where a killed run has written a part of it."""
        if self.is_newer(assignment_id, student_id):  # what was agreed is about what stood there before
            again = f"grade it: nbgrader autograde {assignment_id} --student {student_id}"
            self.exporter.run.fail(f"{student_id}/{assignment_id}", f"was handed in again since; {again}")
            return False
        due: bool = super().init_destination(assignment_id, student_id)
        if due:
            self._remove_graded(assignment_id, student_id)
        self._whole_is_due = False  # whatever changes was chosen
        return due


def settle(
    rehearsal: Rehearsal, app: NbGrader, reason: str, only_check: str
) -> tuple[list[Change], list[Left]]:
    """
    Write records, audit and markers: from here on the change is agreed, whatever happens to this process.

    One student after the other, so that a kill leaves no student with a part of it. The audit comes before
    the gradebook: a kill may leave a line twice, and never a change without one.

    Returns:
        What is settled, and who was left out since the submission or its grade is another than was shown:
        time passes while a question stands open.
    """
    course = Path(app.coursedir.root)
    assignment = app.coursedir.assignment_id
    by_student: dict[str, list[Change]] = {}
    for change in rehearsal.changes:
        by_student.setdefault(change.grade.student_id, []).append(change)
    written: list[Change] = []
    left: list[Left] = []
    for student, changes in by_student.items():
        why = _why_outdated(rehearsal, app, student, changes)
        if why:
            left.append(Left(student, "", why))
            continue
        notebooks = {name: mark for (whose, name), mark in rehearsal.kept.items() if whose == student}
        for change in changes:
            notebooks[change.grade.notebook] = change.submission
            if change.is_new:
                archive.save(change.grade, course)
        audit.append(_entries(changes, reason, only_check), course)
        unfinished.agree(course, student, assignment, notebooks)
        written += changes
    return written, left


def _why_outdated(rehearsal: Rehearsal, app: NbGrader, student: str, changes: Sequence[Change]) -> str:
    """Return why what was shown of a student does not hold any more; empty where it does."""
    course, assignment = Path(app.coursedir.root), app.coursedir.assignment_id
    if rehearsal.is_newer(assignment, student):
        return f"was handed in again meanwhile; grade it: nbgrader autograde {assignment} --student {student}"
    for change in changes:
        notebook = change.grade.notebook
        record = archive.load(archive.record_path(course, student, assignment, notebook))
        points = points_of(app, student, notebook)
        as_shown = (record.provenance.digest if record else "") == change.digest_before and all(
            points.get(move.grade_id, (None, None)) == (move.before, move.manual) for move in change.moves
        )
        if not as_shown:
            return "was graded meanwhile, by this command or another; look again: run this command once more"
    return ""


def carry_over(changes: Sequence[Change], app: NbGrader) -> None:
    """Bring gradebook and graded notebooks up to the records of *changes*."""
    chosen: dict[str, frozenset[str]] = {}
    for change in changes:
        student = change.grade.student_id
        chosen[student] = chosen.get(student, frozenset()) | {change.grade.notebook}
    _walk(app, chosen)


def finish(app: NbGrader, only_student: str) -> list[str]:
    """
    Carry over what an earlier run had settled when it was cut off.

    Returns:
        Whose submissions it brought to an end. One that can't be walked through any more stays marked.
    """
    course, assignment = Path(app.coursedir.root), app.coursedir.assignment_id
    cut_off = unfinished.agreed_in(course, assignment)
    chosen = {who: names for who, names in cut_off.items() if only_student in ("", who)}
    if chosen:
        with contextlib.suppress(GraderError):  # told in nbgrader's log, and again when all are looked at
            _walk(app, chosen)
    return [who for who in chosen if not unfinished.marker_of(course, who, assignment).exists()]


def _walk(app: NbGrader, chosen: dict[str, frozenset[str]]) -> None:
    app.coursedir.notebook_id = EVERY_NOTEBOOK
    try:
        Carrying(app, chosen).start()
    except NbGraderException as error:
        raise GraderError(f"Not everything could be written: {error} The same command goes on.") from None
    finally:
        app.coursedir.notebook_id = "*"


def _entries(changes: Sequence[Change], reason: str, only_check: str) -> list[audit.Entry]:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return [
        audit.Entry(
            when=now,
            who=audit.system_user(),
            why=reason,
            only_check=only_check,
            student_id=change.grade.student_id,
            assignment=change.grade.assignment,
            notebook=change.grade.notebook,
            grade_id=move.grade_id,
            before=move.before,
            after=move.after,
            max_points=move.max_points,
            manual=move.manual,
            checks=move.checks,
            digest_before=change.digest_before,
            digest_after=change.grade.provenance.digest,
        )
        for change in changes
        for move in change.moves
    ]
