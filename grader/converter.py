"""
nbgrader's walk over the submissions, with a wall around it.

nbgrader copies every file of a submitted folder (following links), trusts the metadata in it, and stops at
none of this. Its `exporter_class` is a setting, and the exporter knows the converter that made it; so the
exporter, once made, turns that converter into ours. nbgrader_config.py need only name classes, as text: if
this package is missing, nbgrader stops with an error, where a failing import in a configuration file is
passed over and students' code would then run in the instructor's account.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.converters import Autograde
from traitlets import Bool, Unicode

from grader.errors import SubmissionError
from grader.feedback import notes_markdown, refusal_markdown
from grader.harmless import clean_cells, is_coloured
from grader.intake import Document, read_document
from grader.records import Submission
from grader.run import Run
from grader.submission import TemplateCell, from_notebook, notebook_of, restore
from grader.template import template_in
from grader.walk import CourseAutograde

__all__ = ["CourseExporter"]


class _Reading(NamedTuple):
    """
    A submitted file as it was read: *refusal* says why it can't be, *notes* what was put right.

    As long as *stamp* is the file's, so is the rest.
    """

    notebook: nbformat.NotebookNode
    refusal: str
    notes: tuple[str, ...]
    stamp: tuple[int, ...]


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
    # nbconvert's default is to validate anew after each preprocessor; once, before it is written, is enough.
    optimistic_validation = Bool(True).tag(config=True)
    run: Run
    refusal = ""  # why the notebook at hand could not be read; empty if it could

    def __init__(self, **arguments: object) -> None:
        super().__init__(**arguments)
        self._readings: dict[str, _Reading] = {}  # of files that were read ahead
        if isinstance(self.parent, Autograde) and not isinstance(self.parent, CourseAutograde):
            self.parent.__class__ = CourseAutograde

    def from_filename(
        self, filename: str, resources: dict[str, object] | None = None, **_: object
    ) -> tuple[str, dict[str, object]]:
        """Convert a submitted notebook: read it as a hostile one, then run the preprocessors."""
        names = (resources or {})["nbgrader"]
        assert isinstance(names, dict)  # noqa: S101 - nbgrader's own
        reading = self._readings.pop(filename, None)
        if reading is None or reading.stamp != _stamp(Path(filename)):
            reading = self._read(Path(filename), self._template_of(names["assignment"], names["notebook"]))
        self.refusal = reading.refusal
        if reading.refusal:
            self.log.error("%s can't be read and earns nothing: %s", filename, reading.refusal)
        if reading.notes:
            more = f" And {len(reading.notes) - 5} more." if len(reading.notes) > 5 else ""
            self.log.warning("%s: %s%s", filename, " ".join(reading.notes[:5]), more)
        result: tuple[str, dict[str, object]] = self.from_notebook_node(reading.notebook, resources)
        return result

    def read_ahead(self, filename: str, student_id: str, assignment: str, name: str) -> Submission | None:
        """Read a file before the walk comes to it, and keep it till then; None where it can't be read."""
        reading = self._read(Path(filename), self._template_of(assignment, name))
        self._readings[filename] = reading
        return None if reading.refusal else from_notebook(reading.notebook, student_id, assignment, name)

    def forget(self, filename: str) -> str:
        """Forget a file that was read ahead; return why it can't be read, empty if it can."""
        reading = self._readings.pop(filename, None)
        return reading.refusal if reading else ""

    def _read(self, path: Path, template: tuple[TemplateCell, ...]) -> _Reading:
        refusal = ""
        notes: tuple[str, ...] = ()
        stamp = _stamp(path)
        try:
            document = read_document(path, self.run.config.notebook_bytes)
        except SubmissionError as error:
            refusal = str(error)
            notebook, _ = restore(Document(()), template)
            first = refusal_markdown(refusal)
        else:
            notebook, notes = restore(document, template)
            first = notes_markdown(notes) if notes else ""
        clean_cells(notebook)
        heading = [nbformat.v4.new_markdown_cell(first)] if first else []
        whole = notebook_of([*heading, *notebook.cells])
        if not is_coloured(whole):
            whole.metadata.language_info.name = "text"  # which is what the pages colour cells as
        return _Reading(whole, refusal, notes, stamp)

    def _template_of(self, assignment: str, name: str) -> tuple[TemplateCell, ...]:
        key = (assignment, name)
        if key not in self.run.templates:
            directory = self.parent.coursedir
            self.run.templates[key] = template_in(
                directory.db_url, directory.course_id, self.run.config.course, assignment, name
            )
        return self.run.templates[key]


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes when a file does; nothing where there is none."""
    try:
        known = path.lstat()
    except OSError:
        return ()
    return known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns
