"""
nbgrader's walk over the submissions, with a wall around it.

nbgrader copies every file of a submitted folder (following links), trusts the metadata in it, and stops at
none of this. Its `exporter_class` is a setting, and the exporter knows the converter that made it; so the
exporter, once made, turns that converter into ours. nbgrader_config.py need only name classes, as text: if
this package is missing, nbgrader stops with an error, where a failing import in a configuration file is
passed over and students' code would then run in the instructor's account.
"""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, BaseConverter, NbGraderException
from nbgrader.utils import parse_utc
from sqlalchemy.exc import OperationalError
from traitlets import Unicode

from grader import archive
from grader.config import Config
from grader.errors import SubmissionError, WallError
from grader.feedback import notes_markdown, refusal_markdown
from grader.harmless import clean_cells
from grader.intake import Document, read_bytes, read_document
from grader.pipeline import sandbox_of
from grader.submission import TemplateCell, notebook_of, restore, template_of

__all__ = ["CourseAutograde", "CourseExporter", "Run"]

# What nbgrader's own exchange writes beside the notebooks; nothing else of the folder is looked at.
TIMESTAMP = "timestamp.txt"
EXCHANGE_FILES = (TIMESTAMP, "submission_secret.txt")
EXCHANGE_FILE_BYTES = 4096


class Run:
    """
    One run of nbgrader over submissions: the settings, the standing wall, and what went wrong.

    Args:
        config: how the course is graded.
        force: whether what was graded already is graded again.
    """

    def __init__(self, config: Config, *, force: bool) -> None:
        self.config = config
        self.force = force
        self.failures: list[str] = []
        self.wall_error: WallError | None = None
        self.known: dict[str, frozenset[str]] = {}  # assignment → its notebooks
        self.templates: dict[tuple[str, str], tuple[TemplateCell, ...]] = {}
        self.sandbox = sandbox_of(config)

    def fail(self, name: str, reason: str) -> None:
        """Note what a person must look at when the run is over."""
        self.failures.append(f"{name}: {reason}")


class CourseExporter(NotebookExporter):  # type: ignore[misc]
    """Reads submitted files as hostile ones, and puts our walk in place of nbgrader's."""

    isolation = Unicode("wall", help='"wall", or "none" to try things out on a system without one.').tag(
        config=True
    )
    digits = Unicode(
        "", help="Own digits for training checks: a folder or .npz file; see grader.config."
    ).tag(config=True)
    device = Unicode(
        "auto", help='What trainings run on: "auto" (a GPU where there is one), "cpu" or "cuda".'
    ).tag(config=True)
    run: Run
    refusal = ""  # why the notebook at hand could not be read; empty if it could

    def __init__(self, **arguments: object) -> None:
        super().__init__(**arguments)
        if isinstance(self.parent, Autograde):
            self.parent.__class__ = CourseAutograde

    def from_filename(
        self, filename: str, resources: dict[str, object] | None = None, **arguments: object
    ) -> tuple[str, dict[str, object]]:
        """Convert a notebook: a submitted one on nbgrader's first pass, our own cleaned one on its second."""
        if not self.parent._sanitizing:
            converted: tuple[str, dict[str, object]] = super().from_filename(filename, resources, **arguments)
            return converted
        names = (resources or {})["nbgrader"]
        assert isinstance(names, dict)  # noqa: S101 - nbgrader's own
        key = (names["assignment"], names["notebook"])
        if key not in self.run.templates:
            self.run.templates[key] = self._template(*key)
        template = self.run.templates[key]
        notebook = self._read(Path(filename), template)
        result: tuple[str, dict[str, object]] = self.from_notebook_node(notebook, resources)
        return result

    def _read(self, path: Path, template: tuple[TemplateCell, ...]) -> nbformat.NotebookNode:
        self.refusal = ""
        try:
            document = read_document(path, self.run.config.notebook_bytes)
        except SubmissionError as error:
            self.refusal = str(error)
            self.log.error("%s can't be read and earns nothing: %s", path, error)  # noqa: TRY400
            notebook, _ = restore(Document(()), template)
            first = refusal_markdown(self.refusal)
        else:
            notebook, notes = restore(document, template)
            if notes:
                more = f" And {len(notes) - 5} more." if len(notes) > 5 else ""
                self.log.warning("%s: %s%s", path, " ".join(notes[:5]), more)
            first = notes_markdown(notes) if notes else ""
        clean_cells(notebook)
        heading = [nbformat.v4.new_markdown_cell(first)] if first else []
        return notebook_of([*heading, *notebook.cells])

    def _template(self, assignment: str, name: str) -> tuple[TemplateCell, ...]:
        """
        Return the cells as the gradebook knows them, in the order of source/ (the gradebook keeps none).
        """
        source = self.run.config.course / "source" / assignment / f"{name}.ipynb"
        order: list[str] = []
        if source.is_file():
            order = [cell.grade_id for cell in template_of(nbformat.read(source, as_version=4))]
        with Gradebook(self.parent.coursedir.db_url, self.parent.coursedir.course_id) as gradebook:
            notebook = gradebook.find_notebook(name, assignment)
            points = {
                cell.name: float(cell.max_score) for cell in [*notebook.grade_cells, *notebook.task_cells]
            }
            graded = {cell.name for cell in notebook.grade_cells}
            solutions = {cell.name for cell in notebook.solution_cells}
            tasks = {cell.name for cell in notebook.task_cells}
            cells = [
                TemplateCell(
                    grade_id=cell.name,
                    kind=cell.cell_type,
                    source=cell.source,
                    points=points.get(cell.name, 0.0),
                    grade=cell.name in graded,
                    solution=cell.name in solutions,
                    locked=bool(cell.locked),
                    task=cell.name in tasks,
                    checksum=cell.checksum or "",
                )
                for cell in notebook.source_cells
            ]
        places = {grade_id: place for place, grade_id in enumerate(order)}
        return tuple(sorted(cells, key=lambda cell: places.get(cell.grade_id, len(places))))


class _ExchangeFilesOnly(BaseConverter):  # type: ignore[misc]
    """Copies what nbgrader's exchange wrote, and no file of the student's."""

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        source = Path(self._format_source(assignment_id, student_id))
        destination = Path(self._format_dest(assignment_id, student_id))
        destination.mkdir(parents=True, exist_ok=True)
        for name in EXCHANGE_FILES:
            if os.path.lexists(source / name):
                target = destination / name
                target.unlink(missing_ok=True)
                target.write_bytes(read_bytes(source / name, EXCHANGE_FILE_BYTES))


class CourseAutograde(Autograde, _ExchangeFilesOnly):  # type: ignore[misc]
    """nbgrader's Autograde, for hostile folders: one bad submission costs itself only, and says why."""

    notebooks: list[str]  # paths of the submission at hand; kept by nbgrader

    def convert_notebooks(self) -> None:
        """Grade every submission that is due, behind one wall."""
        exporter = self.exporter
        config = Config(
            Path(self.coursedir.root),
            isolation=exporter.isolation,
            digits=exporter.digits,
            device=exporter.device,
        )
        self.exporter.run = run = Run(config, force=self.force)
        self._known_notebooks(self.coursedir.assignment_id)
        try:
            with run.sandbox:
                run.sandbox.self_test()
                super().convert_notebooks()
        except WallError as error:
            self.log.error("Nothing was graded: %s", error)  # noqa: TRY400 - no fault in our code
            raise NbGraderException(f"Nothing was graded: {error}") from None
        finally:
            for failure in run.failures:
                self.log.error("%s", failure)
        if run.failures:
            raise NbGraderException(f"{len(run.failures)} submissions need a person; see the messages above.")

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Say whether a submission is to be graded; one that can't be is named, and left as it is."""
        run = self.exporter.run
        name = f"{student_id}/{assignment_id}"
        if run.wall_error is not None:
            run.fail(name, f"was not graded: {run.wall_error}")
            return False
        due: bool = False
        trouble = self._trouble(assignment_id, student_id)
        if trouble:
            run.fail(name, f"was not graded: {trouble}")
        else:
            due = super().init_destination(assignment_id, student_id)
        return due

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """
        Prepare a submission: unknown notebooks are left out, records of notebooks that are gone are
        removed.
        """
        known = self._known_notebooks(assignment_id)
        extra = [Path(path).name for path in self.notebooks if Path(path).stem not in known]
        if extra:
            self.log.warning(
                "%s/%s: not a notebook of this assignment, left out: %s",
                student_id,
                assignment_id,
                _listed(extra),
            )
        self.notebooks = [path for path in self.notebooks if Path(path).stem in known]
        super().init_assignment(assignment_id, student_id)
        folder = Path(self._format_source(assignment_id, student_id))
        for name in known:
            if not os.path.lexists(folder / f"{name}.ipynb"):
                path = archive.record_path(self.exporter.run.config.course, student_id, assignment_id, name)
                path.unlink(missing_ok=True)

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Grade one notebook; where that fails, leave its points empty and flag them."""
        run = self.exporter.run
        try:
            super().convert_single_notebook(notebook_filename)
        except OperationalError:
            raise  # the gradebook itself: nbgrader stops the run and says what to do
        except WallError as error:
            run.wall_error = error
            self._leave_to_a_person(notebook_filename, f"was not graded: {error}")
        except Exception as error:  # a bug of ours must not cost the next student
            self.log.exception("The grader failed on %s.", notebook_filename)
            self._leave_to_a_person(
                notebook_filename, f"needs a person, the grader failed: {type(error).__name__}: {error}"
            )

    def _leave_to_a_person(self, notebook_filename: str, reason: str) -> None:
        self._sanitizing = True  # the names are read from the path of the submitted file
        names = self.init_single_notebook_resources(notebook_filename)["nbgrader"]
        student, assignment, notebook = names["student"], names["assignment"], names["notebook"]
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            for grade in gradebook.find_submission_notebook(notebook, assignment, student).grades:
                grade.auto_score = None
                grade.needs_manual_grade = True
            gradebook.db.commit()
        self.exporter.run.fail(f"{student}/{assignment}/{notebook}", reason)

    def _known_notebooks(self, assignment_id: str) -> frozenset[str]:
        known: dict[str, frozenset[str]] = self.exporter.run.known
        if assignment_id not in known:
            with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
                try:
                    assignment = gradebook.find_assignment(assignment_id)
                except MissingEntry:
                    message = (
                        f"The gradebook does not know the assignment {assignment_id!r}. Release it first: "
                        f"nbgrader generate_assignment {assignment_id}"
                    )
                    self.log.error(message)  # noqa: TRY400 - no fault in our code
                    raise NbGraderException(message) from None
                known[assignment_id] = frozenset(notebook.name for notebook in assignment.notebooks)
        return known[assignment_id]

    def _trouble(self, assignment_id: str, student_id: str) -> str:
        """Return why a submitted folder is not touched; empty where it may be."""
        folder = Path(self._format_source(assignment_id, student_id))
        submitted = Path(self.coursedir.root, self.coursedir.submitted_directory)
        inside = [path for path in (folder, *folder.parents) if submitted in path.parents]
        if any(path.is_symlink() for path in inside or [folder]):
            return f"{folder} is a link. Put the submission itself there."
        if self.coursedir.notebook_id == "*":
            known = self._known_notebooks(assignment_id)
            names = [Path(path).name for path in self.notebooks]
            if not known & {Path(name).stem for name in names}:
                return (
                    f"it has none of this assignment's notebooks ({', '.join(sorted(known))}), only "
                    f"{_listed(names)}. Rename the file if it is one of them."
                )
        return _timestamp_trouble(folder / TIMESTAMP)


def _timestamp_trouble(path: Path) -> str:
    if not os.path.lexists(path):
        return ""
    try:
        text = read_bytes(path, EXCHANGE_FILE_BYTES).decode().strip()
        if text:
            parse_utc(text)
    except SubmissionError as error:
        return f"{TIMESTAMP}: {error}"
    except Exception:  # noqa: BLE001 - what the date parser raises is not documented
        return f"{TIMESTAMP} is not a date. Correct it, or delete it if the time does not matter."
    return ""


def _listed(names: list[str], most: int = 5) -> str:
    shown = ", ".join(repr(name) for name in sorted(names)[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
