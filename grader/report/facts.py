"""Gradebook and records → what the report tells."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import msgspec
from nbgrader.api import Gradebook
from nbgrader.apps.baseapp import NbGrader
from nbgrader.coursedir import CourseDirectory

from grader import archive
from grader.records import Grade
from grader.report.checks import (
    CheckLine,
    Mistake,
    Slow,
    check_lines,
    mistakes,
    provenance_lines,
    slowest,
    was_read,
)
from grader.report.figures import Distribution, Summary, distribution, summary
from grader.report.looks import Look, looks_of
from grader.roll import assignment_named, standings_of
from grader.standing import Person, Standing, State

__all__ = ["ClassFacts", "NotebookFacts", "read_facts"]

SLOWEST = 10  # notebooks that are named

Records = dict[str, dict[str, Grade]]  # student → notebook → record


class NotebookFacts(msgspec.Struct, frozen=True):
    """
    One notebook of the assignment.

    Args:
        name: of the notebook.
        points: of those who handed it in, before late penalties; what is not final is left out.
        not_final: how many are left out.
        handed_in: how many handed it in, of those who are graded.
        recorded: how many of these have a record.
        unread: how many of the records are of a file that can't be read.
        checks: in the notebook's order; empty where a person grades it.
        seconds: of grading; None where nothing was judged.
        total_seconds: of all together.
    """

    name: str
    points: Distribution
    not_final: int
    handed_in: int
    recorded: int
    unread: int
    checks: tuple[CheckLine, ...]
    seconds: Summary | None
    total_seconds: float


class ClassFacts(msgspec.Struct, frozen=True):
    """
    All that the report tells.

    Args:
        assignment: its name.
        course_id: the course's, as nbgrader has it; may be empty.
        when: the report was made, UTC.
        people: student's id → who they are.
        states: state → number of students.
        late: how many handed in after the due date.
        points: after late penalties; those that are not final are left out.
        not_final: how many are left out.
        notebooks: of the assignment, by name.
        mistakes: misconceptions that were recognised, the most frequent first.
        slow: what took longest to grade.
        looks: what is left to a person.
        provenance: what, which, of how many notebooks.
    """

    assignment: str
    course_id: str
    when: datetime.datetime
    people: dict[str, Person]
    states: dict[State, int]
    late: int
    points: Distribution
    not_final: int
    notebooks: tuple[NotebookFacts, ...]
    mistakes: tuple[Mistake, ...]
    slow: tuple[Slow, ...]
    looks: tuple[Look, ...]
    provenance: tuple[tuple[str, str, int], ...]

    @property
    def graded(self) -> int:
        """How many students have a grade, final or not."""
        return self.states[State.GRADED]

    @property
    def handed_in(self) -> int:
        """How many students handed something in."""
        return self.graded + self.states[State.NOT_GRADED]

    @property
    def looked_at(self) -> int:
        """How many students need a person."""
        return len({look.person.id for look in self.looks})

    @property
    def rows_of_points(self) -> list[tuple[str, Distribution, int]]:
        """What has points, their distribution, how many are not final: the assignment, then its notebooks."""
        books = [(book.name, book.points, book.not_final) for book in self.notebooks]
        return [("the assignment", self.points, self.not_final), *books]


def read_facts(app: NbGrader) -> ClassFacts:
    """Read what there is to tell of the assignment that *app* has chosen."""
    coursedir = app.coursedir
    name = coursedir.assignment_id
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        assignment = assignment_named(gradebook, name)
        standings = standings_of(gradebook, assignment, coursedir)
        worth = {notebook.name: float(notebook.max_score) for notebook in assignment.notebooks}
    graded = [standing for standing in standings if standing.state is State.GRADED]
    records = {s.person.id: _records(s, name, coursedir) for s in graded}
    every = [grade for mine in records.values() for grade in mine.values()]
    return ClassFacts(
        assignment=name,
        course_id=str(coursedir.course_id),
        when=datetime.datetime.now(datetime.UTC),
        people={standing.person.id: standing.person for standing in standings},
        states={state: sum(s.state is state for s in standings) for state in State},
        late=sum(standing.seconds_late > 0 for standing in graded),
        points=distribution([s.points for s in graded if not s.open], sum(worth.values())),
        not_final=sum(bool(standing.open) for standing in graded),
        notebooks=tuple(_notebook(book, worth[book], graded, records, coursedir) for book in sorted(worth)),
        mistakes=tuple(mistakes(every)),
        slow=tuple(slowest([grade for grade in every if _judged(grade)], SLOWEST)),
        looks=tuple(look for s in standings for look in looks_of(s, records.get(s.person.id, {}))),
        provenance=tuple(provenance_lines(every)),
    )


def _records(standing: Standing, assignment: str, coursedir: CourseDirectory) -> dict[str, Grade]:
    """Return notebook → record of what a student handed in last."""
    course, student = Path(coursedir.root), standing.person.id
    found = {
        paper.notebook: archive.load(archive.record_path(course, student, assignment, paper.notebook))
        for paper in standing.papers
        if _was_handed_in(student, assignment, paper.notebook, coursedir)
    }
    return {notebook: grade for notebook, grade in found.items() if grade is not None}


def _was_handed_in(student: str, assignment: str, notebook: str, coursedir: CourseDirectory) -> bool:
    folder = coursedir.format_path(coursedir.autograded_directory, student, assignment)
    return Path(folder, f"{notebook}.ipynb").is_file()


def _notebook(
    name: str, worth: float, graded: Sequence[Standing], records: Records, coursedir: CourseDirectory
) -> NotebookFacts:
    assignment = coursedir.assignment_id
    papers = [
        (paper, standing)
        for standing in graded
        for paper in standing.papers
        if paper.notebook == name and _was_handed_in(standing.person.id, assignment, name, coursedir)
    ]
    grades = [mine[name] for mine in records.values() if name in mine]
    seconds = [grade.seconds for grade in grades if _judged(grade)]
    final = [paper.points for paper, standing in papers if not (paper.waiting or standing.unsettled)]
    return NotebookFacts(
        name=name,
        points=distribution(final, worth),
        not_final=len(papers) - len(final),
        handed_in=len(papers),
        recorded=len(grades),
        unread=sum(not was_read(grade) for grade in grades),
        checks=tuple(check_lines(grades)),
        seconds=summary(seconds),
        total_seconds=sum(seconds),
    )


def _judged(grade: Grade) -> bool:
    return bool(grade.provenance.digest)
