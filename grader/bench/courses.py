"""The contenders: scratch courses that hold the same submissions and differ in how nbgrader is set up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import nbformat
from nbgrader.api import Gradebook

from grader.bench.asserts import HIDDEN_TESTS
from grader.bench.measure import Usage, run_measured
from grader.demo.papers import Book, Paper
from grader.scratch import nbgrader_command

__all__ = [
    "ASSIGNMENT",
    "CONTENDERS",
    "PICTURES",
    "STOCK",
    "THIS",
    "WALK",
    "Contender",
    "Field",
    "Points",
    "grade_id",
]

ASSIGNMENT = "backprop"

STOCK_SETTINGS = """
c = get_config()
c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("<- write your solution here")'}
"""
WALK_SETTINGS = """
c.Autograde.autograde_preprocessors = [
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
"""


class Contender(msgspec.Struct, frozen=True):
    """
    One way to grade.

    Args:
        name: for the table.
        folder: of the scratch course.
        settings: text of nbgrader_config.py; empty for this project's own.
        edit: what is done to each source notebook before it is released.
        slow: whether it is graded in the first round only.
        known: whether all grades are on record already, by the contender before it in the same folder.
    """

    name: str
    folder: str
    settings: str
    edit: Callable[[str, nbformat.NotebookNode], None]
    slow: bool = False
    known: bool = False


def grade_id(cell: nbformat.NotebookNode) -> str:
    """Return nbgrader's name of the cell; empty where it has none."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def _unchanged(name: str, notebook: nbformat.NotebookNode) -> None:
    """Leave the notebook as it is."""


def _with_asserts(name: str, notebook: nbformat.NotebookNode) -> None:
    """Add the hidden tests to the check cells."""
    tests = HIDDEN_TESTS[name]
    for cell in notebook.cells:
        blank = grade_id(cell).removeprefix("check_")
        if grade_id(cell) == f"check_{blank}" and blank in tests:
            cell.source = f"{cell.source.rstrip()}\n{tests[blank]}"


def _without_pictures(name: str, notebook: nbformat.NotebookNode) -> None:
    """Add the hidden tests, and take out the picture cells, which this project does not run either."""
    _with_asserts(name, notebook)
    for cell in notebook.cells:
        if grade_id(cell).startswith("picture_"):
            cell.source = "pass"


def _with_torch(name: str, notebook: nbformat.NotebookNode) -> None:
    """As above, in a kernel that imports torch."""
    _without_pictures(name, notebook)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source = f"import torch\n{first.source}"


PICTURES = Contender("stock nbgrader, every cell", "stock-pictures", STOCK_SETTINGS, _with_asserts, slow=True)
STOCK = Contender("stock nbgrader, picture cells left out", "stock", STOCK_SETTINGS, _without_pictures)
STOCK_WALK = Contender("stock's walk, nothing run", "walk", STOCK_SETTINGS + WALK_SETTINGS, _with_asserts)
THIS = Contender("this project", "this", "", _unchanged)
WALK = Contender("this project's walk, all grades on record", "this", "", _unchanged, known=True)
CONTENDERS = (
    PICTURES,
    STOCK,
    Contender("stock, no pictures, imports torch", "stock-torch", STOCK_SETTINGS, _with_torch, slow=True),
    STOCK_WALK,
    THIS,
    WALK,
)


class Points(msgspec.Struct, frozen=True):
    """
    What one notebook of one student got.

    Args:
        student: who handed it in.
        notebook: such as "shallow_net".
        points: what the contender gave.
        possible: what it could have given.
    """

    student: str
    notebook: str
    points: float
    possible: float


class Field:
    """
    One contender's scratch course, with the class's submissions in it.

    Args:
        contender: how it grades.
        course: the real course folder, only read.
        folder: where all contenders' scratch courses lie.
        assignment: what is graded.
    """

    def __init__(
        self, contender: Contender, course: Path, folder: Path, assignment: str = ASSIGNMENT
    ) -> None:
        self.contender = contender
        self.assignment = assignment
        self.folder = folder / contender.folder
        self.log = folder / f"{contender.folder}.log"
        self._course = course

    def lay_out(self) -> None:
        """Copy, edit and release the sources."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self._course / "source" / self.assignment, self.folder / "source" / self.assignment)
        settings = self.contender.settings or (self._course / "nbgrader_config.py").read_text()
        (self.folder / "nbgrader_config.py").write_text(settings)
        for path in self.sources():
            notebook = nbformat.read(path, as_version=4)
            self.contender.edit(path.stem, notebook)
            nbformat.write(notebook, path)
        self._run("generate_assignment", cores=1)

    def books(self) -> list[Book]:
        """Return the released notebooks."""
        release = self.folder / "release" / self.assignment
        return [Book(self.assignment, path.stem, path, release / path.name) for path in self.sources()]

    def hand_in(self, student: str, papers: Sequence[Paper]) -> None:
        """Write one student's notebooks."""
        folder = self.folder / "submitted" / student / self.assignment
        for paper in papers:
            paper.hand_in(folder)

    def autograde(self, cores: int, student: str = "*", flags: Sequence[str] = ()) -> Usage:
        """Grade everybody, or one *student*, with further *flags* of nbgrader, and measure it."""
        if self.contender.known:
            # The graded notebooks are written anew, from the records.
            for folder in (self.folder / "autograded").glob(student):
                shutil.rmtree(folder)
            return self._run("autograde", f"--student={student}", *flags, cores=cores)
        return self._run("autograde", "--force", f"--student={student}", *flags, cores=cores)

    def points(self) -> list[Points]:
        """Return what the gradebook says of everybody's notebooks."""
        with Gradebook(f"sqlite:///{self.folder.resolve()}/gradebook.db") as gradebook:
            return [
                Points(submission.student_id, notebook.name, notebook.score, notebook.max_score)
                for submission in gradebook.assignment_submissions(self.assignment)
                for notebook in submission.notebooks
            ]

    def sources(self) -> list[Path]:
        """Return the edited sources."""
        return sorted((self.folder / "source" / self.assignment).glob("*.ipynb"))

    def _run(self, step: str, *flags: str, cores: int) -> Usage:
        command = nbgrader_command(self.folder, step, self.assignment, *flags)
        return run_measured(command, self.folder, self.log, cores)
