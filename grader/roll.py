"""
The roll of an assignment: everybody's standing, by the gradebook and by what stands in the course's folders.
"""

from __future__ import annotations

import datetime
import glob
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
from nbgrader.api import (
    Assignment,
    Grade,
    Gradebook,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import parse_utc

from grader import archive, unfinished
from grader.errors import ConfigError
from grader.intake import read_bytes
from grader.standing import WAITS, Paper, Person, Piece, Standing, State

__all__ = ["assignment_named", "standings_of"]

TIMESTAMP = "timestamp.txt"  # beside a submission, by nbgrader's exchange
TIMESTAMP_BYTES = 4096


def assignment_named(gradebook: Gradebook, name: str) -> Assignment:
    """
    Return an assignment of the gradebook.

    Raises:
        ConfigError: there is none of this name.
    """
    every = {assignment.name: assignment for assignment in gradebook.assignments}
    if name not in every:
        known = ", ".join(sorted(every)) or "none"
        raise ConfigError(f"The gradebook knows no assignment {name!r}. Known: {known}.")
    return every[name]


def standings_of(
    gradebook: Gradebook, assignment: Assignment, coursedir: CourseDirectory | None = None
) -> list[Standing]:
    """
    Return where each student stands, in the order of their names.

    Args:
        gradebook: an open one.
        assignment: one of its assignments.
        coursedir: nbgrader's course folder; without it, what is only in files (submissions that are not
            graded yet, gradings that were cut off or had no wall) can't be told.
    """
    people = {person.id: person for person in _people(gradebook)}
    found = {standing.person.id: standing for standing in _graded(gradebook, assignment, people)}
    for student in _handed_in(coursedir, assignment.name) if coursedir else ():
        person = people.setdefault(student, Person(student))
        why = "handed in and not graded: nbgrader autograde"
        found.setdefault(student, Standing(person, State.NOT_GRADED, open=(why,)))
    standings = [found.get(student, Standing(person, State.MISSING)) for student, person in people.items()]
    if coursedir is not None:
        standings = [_with_what_files_say(standing, coursedir, assignment.name) for standing in standings]
    return sorted(standings, key=lambda s: (s.person.name.casefold(), s.person.id))


def _people(gradebook: Gradebook) -> Iterable[Person]:
    columns = (Student.id, Student.last_name, Student.first_name, Student.email, Student.lms_user_id)
    return [Person(*(value or "" for value in row)) for row in gradebook.db.query(*columns)]


def _graded(gradebook: Gradebook, assignment: Assignment, people: dict[str, Person]) -> list[Standing]:
    """Read all submissions of an assignment by three questions: one for each cell would take minutes."""
    papers = _papers(gradebook, assignment)
    rows = gradebook.db.query(
        SubmittedAssignment.id,
        SubmittedAssignment.student_id,
        SubmittedAssignment.timestamp,
        SubmittedAssignment.extension,
    ).filter(SubmittedAssignment.assignment_id == assignment.id)
    standings = []
    for key, student, timestamp, extension in rows:
        due = assignment.duedate
        late = 0.0
        if due is not None and timestamp is not None:
            late = max(0.0, (timestamp - due - (extension or datetime.timedelta())).total_seconds())
        mine = tuple(papers.get(key, ()))
        waiting = [f"{paper.notebook}/{name}" for paper in mine for name in paper.waiting]
        why = (f"{WAITS}: {', '.join(waiting)}",) if waiting else ()
        standings.append(Standing(people[student], State.GRADED, mine, timestamp, late, why))
    return standings


def _papers(gradebook: Gradebook, assignment: Assignment) -> dict[str, list[Paper]]:
    """Return id of the submission → its notebooks."""
    pieces = _pieces(gradebook, assignment)
    rows = (
        gradebook.db.query(
            SubmittedNotebook.id,
            SubmittedNotebook.assignment_id,
            Notebook.name,
            SubmittedNotebook.late_submission_penalty,
            SubmittedNotebook.flagged,
        )
        .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
        .filter(Notebook.assignment_id == assignment.id)
        .order_by(Notebook.name)
    )
    papers: dict[str, list[Paper]] = {}
    for key, submission, name, penalty, flagged in rows:
        paper = Paper(name, tuple(pieces.get(key, ())), float(penalty or 0.0), bool(flagged))
        papers.setdefault(submission, []).append(paper)
    return papers


def _pieces(gradebook: Gradebook, assignment: Assignment) -> dict[str, list[Piece]]:
    """Return id of the submitted notebook → its graded cells."""
    cells = {
        cell.id: (cell.name, float(cell.max_score))
        for notebook in assignment.notebooks
        for cell in (*notebook.grade_cells, *notebook.task_cells)
    }
    rows = (
        gradebook.db.query(
            Grade.notebook_id,
            Grade.cell_id,
            Grade.auto_score,
            Grade.manual_score,
            Grade.extra_credit,
            Grade.needs_manual_grade,
        )
        .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
        .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
        .filter(Notebook.assignment_id == assignment.id)
    )
    pieces: dict[str, list[Piece]] = {}
    for key, cell, auto, manual, extra, waits in rows:
        name, max_points = cells[cell]
        piece = Piece(name, max_points, auto, manual, float(extra or 0.0), bool(waits))
        pieces.setdefault(key, []).append(piece)
    return pieces


def _handed_in(coursedir: CourseDirectory, assignment: str) -> list[str]:
    """Return whose folders stand among the submitted ones."""
    step = coursedir.submitted_directory
    pattern = re.compile(coursedir.format_path(step, "(?P<student>[^/]+)", assignment, escape=True))
    names = {"nbgrader_step": step, "student_id": "*", "assignment_id": glob.escape(assignment)}
    found = Path(coursedir.root).glob(coursedir.directory_structure.format(**names))
    matches = [pattern.fullmatch(str(path)) for path in sorted(found) if path.is_dir()]
    return [match["student"] for match in matches if match]


def _with_what_files_say(standing: Standing, coursedir: CourseDirectory, assignment: str) -> Standing:
    if standing.state is not State.GRADED:
        return standing
    why = [*standing.open]
    course, student = Path(coursedir.root), standing.person.id
    if unfinished.marker_of(course, student, assignment).exists():
        why.append("its grading was cut off: nbgrader autograde goes on")
    if _newer(standing, coursedir, assignment):
        why.append("handed in again since: nbgrader autograde")
    records = [
        archive.load(archive.record_path(course, student, assignment, p.notebook)) for p in standing.papers
    ]
    if any(record is not None and record.provenance.isolation != "wall" for record in records):
        why.append("graded without a wall: these points don't count")
    return msgspec.structs.replace(standing, open=tuple(why))


def _newer(standing: Standing, coursedir: CourseDirectory, assignment: str) -> bool:
    """Whether another version than the graded one lies in the submitted folder."""
    folder = Path(coursedir.format_path(coursedir.submitted_directory, standing.person.id, assignment))
    try:
        noted = parse_utc(read_bytes(folder / TIMESTAMP, TIMESTAMP_BYTES).decode().strip())
    except Exception:  # noqa: BLE001 - what the date parser raises is not documented
        return False  # none, or none that can be read
    return standing.timestamp is None or bool(noted > standing.timestamp)
