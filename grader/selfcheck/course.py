"""What may be asked for: notebooks of the course that are released and not yet due."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import msgspec
from nbgrader.api import Assignment, Gradebook, SubmittedAssignment
from nbgrader.apps import NbGraderAPI
from nbgrader.apps.baseapp import NbGrader

from grader.config import Config
from grader.converter import CourseExporter
from grader.errors import SubmissionError
from grader.intake import parse
from grader.records import Submission
from grader.selfcheck.settings import SelfCheck
from grader.submission import TemplateCell, from_notebook, restore
from grader.template import template_in

__all__ = ["OpenAssignment", "OpenCourse"]

FRESH_SECONDS = 20.0  # as late as this, a change in gradebook or exchange is seen


class OpenAssignment(msgspec.Struct, frozen=True):
    """
    A released assignment.

    Args:
        name: such as "backprop".
        notebooks: those with check cells.
        due: UTC; None where it never is.
        extensions: student → how much later it is due for them.
    """

    name: str
    notebooks: tuple[str, ...]
    due: datetime.datetime | None
    extensions: dict[str, datetime.timedelta]

    def due_for(self, student: str) -> datetime.datetime | None:
        """Return when it is due for *student*; None: never."""
        return None if self.due is None else self.due + self.extensions.get(student, datetime.timedelta())


class OpenCourse:
    """
    The course as the gradebook and the exchange have it now.

    Args:
        app: nbgrader's settings of the course.
        settings: those of the self-check.
    """

    def __init__(self, app: NbGrader, settings: SelfCheck) -> None:
        self._app = app
        self._settings = settings
        self._api = NbGraderAPI(app.coursedir, config=app.config)
        self._read_at = -FRESH_SECONDS
        self._assignments: dict[str, OpenAssignment] = {}
        self._templates: dict[tuple[str, str], tuple[TemplateCell, ...]] = {}

    @property
    def course_id(self) -> str:
        """The course's name, for nbgrader and the hub."""
        return str(self._app.coursedir.course_id)

    @property
    def config(self) -> Config:
        """How the course is graded."""
        exporter = CourseExporter(config=self._app.config)
        root = Path(self._app.coursedir.root)
        return Config(root, isolation=exporter.isolation, digits=exporter.digits, device=exporter.device)

    def open_to(self, student: str, now: float) -> list[OpenAssignment]:
        """Return what *student* may ask for at *now*, in seconds since 1970."""
        self._refresh()
        moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
        return [
            each
            for each in self._assignments.values()
            if self._settings.after_deadline or (due := each.due_for(student)) is None or moment <= due
        ]

    def submission(self, student: str, assignment: str, notebook: str, data: bytes, now: float) -> Submission:
        """
        Put a notebook together anew from what was sent, as grading does.

        Args:
            student: who sent it.
            assignment: what it is said to be.
            notebook: the same.
            data: the file, which may be anything.
            now: seconds since 1970.

        Raises:
            SubmissionError: it can't be checked; the message says why and what to do.
        """
        offered = {(each.name, name) for each in self.open_to(student, now) for name in each.notebooks}
        if (assignment, notebook) not in offered:
            known = ", ".join(f"{each}/{name}" for each, name in sorted(offered)) or "nothing at present"
            raise SubmissionError(
                "There is no such notebook to check: it is not released, has no checks, or is past its due "
                f"date. Open to you: {known}."
            )
        if len(data) > self._settings.file_bytes:
            raise SubmissionError(
                f"The file is too large: {len(data) / 2**20:.1f} MiB; {self._settings.mebibytes:g} MiB are "
                "taken at most. Clear the outputs (Edit → Clear Outputs of All Cells), save, and ask again."
            )
        document = parse(data)
        template = self._template(assignment, notebook)
        if not {cell.grade_id for cell in document.cells} & {cell.grade_id for cell in template}:
            raise SubmissionError(
                f"The file is another notebook: it has no cell of {assignment}/{notebook}. Choose the file "
                "again."
            )
        restored, _ = restore(document, template)
        return from_notebook(restored, student, assignment, notebook)

    def _template(self, assignment: str, notebook: str) -> tuple[TemplateCell, ...]:
        key = (assignment, notebook)
        if key not in self._templates:
            directory = self._app.coursedir
            self._templates[key] = template_in(
                directory.db_url, directory.course_id, Path(directory.root), assignment, notebook
            )
        return self._templates[key]

    def _refresh(self) -> None:
        if time.monotonic() - self._read_at < FRESH_SECONDS:
            return
        released = self._api.get_released_assignments()
        with Gradebook(self._app.coursedir.db_url, self.course_id) as gradebook:
            assignments = [each for each in gradebook.assignments if each.name in released]
            found = [_opened(each, gradebook) for each in assignments]
        self._assignments = {each.name: each for each in found if each.notebooks}
        self._templates.clear()
        self._read_at = time.monotonic()


def _opened(assignment: Assignment, gradebook: Gradebook) -> OpenAssignment:
    extended = gradebook.db.query(SubmittedAssignment).filter(
        SubmittedAssignment.assignment_id == assignment.id, SubmittedAssignment.extension.isnot(None)
    )
    due = assignment.duedate
    return OpenAssignment(
        name=assignment.name,
        notebooks=tuple(sorted(book.name for book in assignment.notebooks if _has_checks(book))),
        due=due.replace(tzinfo=datetime.UTC) if due is not None else None,
        extensions={each.student_id: each.extension for each in extended},
    )


def _has_checks(notebook: object) -> bool:
    solutions = {cell.name for cell in notebook.solution_cells}  # type: ignore[attr-defined]
    cells = notebook.grade_cells  # type: ignore[attr-defined]
    return any(cell.cell_type == "code" and cell.name not in solutions for cell in cells)
