"""
The same class for Otter-Grader: the same cells, the same asserts, graded by `otter run`, one call a notebook.

A check cell becomes `grader.check("check_fit")`, its asserts, shown and hidden, one test of that name in the
autograder's zip file. It runs where the cell stood and among the student's names, as in nbgrader.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import nbformat

from grader.bench.courses import STOCK, Field, Points, grade_id
from grader.bench.measure import Usage, run_measured
from grader.bench.otter_environment import otter_command, variables
from grader.demo.papers import Book, Paper
from grader.errors import ConfigError

__all__ = ["OtterField", "as_otter_paper", "otter_tests"]

MARKERS = re.compile(r"^### (BEGIN|END) HIDDEN TESTS\n?", re.MULTILINE)
SET_UP = "import otter\n\ngrader = otter.Notebook()"


def otter_tests(source: nbformat.NotebookNode) -> dict[str, str]:
    """
    Turn the check cells of a stock nbgrader source into Otter's exception-based test files.

    Returns:
        Name of the test → text of its file.
    """
    return {grade_id(cell): _test_file(cell) for cell in source.cells if _is_check(cell)}


def as_otter_paper(paper: Paper) -> Paper:
    """Replace the check cells of a student's notebook by calls of Otter's tests."""
    notebook = nbformat.reads(paper.content, as_version=4)
    for cell in notebook.cells:
        if _is_check(cell):
            cell.source = f'grader.check("{grade_id(cell)}")'
    notebook.cells.insert(0, nbformat.v4.new_code_cell(SET_UP))
    return msgspec.structs.replace(paper, content=nbformat.writes(notebook).encode())


class OtterField:
    """
    The scratch course for Otter, laid out with nbgrader's help.

    Args:
        course: the real course folder, only read.
        folder: where all contenders' scratch courses lie.
        assignment: what is graded.
        environment: folder of Otter's virtual environment.
    """

    def __init__(self, course: Path, folder: Path, assignment: str, environment: Path) -> None:
        self._environment = environment
        # Stock's sources hold the asserts, its release is what students get.
        contender = msgspec.structs.replace(STOCK, name="Otter-Grader", folder="otter")
        self._field = Field(contender, course, folder, assignment)
        self.folder = self._field.folder.resolve()
        self.log = self._field.log
        self._zips = self.folder / "zips"
        self._results = self.folder / "results"

    def lay_out(self) -> None:
        """Release the sources, and make a zip file of tests for each notebook."""
        self._field.lay_out()
        self._zips.mkdir()
        for source in self._field.sources():
            tests = self.folder / "tests" / source.stem
            tests.mkdir(parents=True)
            for name, text in otter_tests(nbformat.read(source, as_version=4)).items():
                (tests / f"{name}.py").write_text(text)
            beside = [str(path) for path in sorted(source.parent.iterdir()) if path.suffix != ".ipynb"]
            flags = ["--no-config", "--no-requirements", "--no-environment"]
            # Otter keeps the files' place below the folder that it runs in.
            self._run(
                "generate",
                *flags,
                "-t",
                str(tests),
                "-o",
                str(self._zip(source.stem)),
                *beside,
                folder=source.parent,
            )

    def books(self) -> list[Book]:
        """Return the released notebooks."""
        return self._field.books()

    def hand_in(self, student: str, papers: Sequence[Paper]) -> None:
        """Write one student's notebooks."""
        self._field.hand_in(student, [as_otter_paper(paper) for paper in papers])

    def autograde(self, cores: int, student: str = "*", flags: Sequence[str] = ()) -> Usage:
        """Grade everybody, or one *student*, notebook after notebook, and measure it."""
        pattern = f"submitted/{student}/{self._field.assignment}/*.ipynb"
        usages = []
        for path in sorted(self.folder.glob(pattern)):
            results = self._results / path.parts[-3] / path.stem
            results.mkdir(parents=True, exist_ok=True)
            arguments = ["--no-logo", "-a", str(self._zip(path.stem)), "-o", str(results), *flags, str(path)]
            usages.append(self._run("run", *arguments, folder=self.folder, cores=cores))
        return Usage(
            wall_seconds=sum(usage.wall_seconds for usage in usages),
            cpu_seconds=sum(usage.cpu_seconds for usage in usages),
            peak_bytes=max(usage.peak_bytes for usage in usages),
            waited_cpu_seconds=sum(usage.waited_cpu_seconds for usage in usages),
            cpu_complete=all(usage.cpu_complete for usage in usages),
        )

    def points(self) -> list[Points]:
        """
        Return what Otter's result files say.

        Raises:
            ConfigError: a file says nothing of points.
        """
        found = []
        for path in sorted(self._results.glob("*/*/results.json")):
            tests = [test for test in json.loads(path.read_text())["tests"] if test.get("max_score")]
            if not tests:
                raise ConfigError(f"{path} has no points: Otter could not grade it. See {self.log}.")
            score, possible = (sum(float(test[name]) for test in tests) for name in ("score", "max_score"))
            found.append(Points(path.parts[-3], path.parts[-2], score, possible))
        return found

    def _zip(self, notebook: str) -> Path:
        return self._zips / f"{notebook}.zip"

    def _run(self, step: str, *arguments: str, folder: Path, cores: int = 1) -> Usage:
        command = otter_command(self._environment, step, *arguments)
        return run_measured(command, folder, self.log.resolve(), cores, variables(self._environment))


def _is_check(cell: nbformat.NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


def _test_file(cell: nbformat.NotebookNode) -> str:
    """Run the asserts as nbgrader does: compiled at each grading, among the student's names."""
    asserts = MARKERS.sub("", cell.source)
    points = float(cell.metadata.nbgrader.points)
    return (
        "from otter.test_files import test_case\n\n"
        f"OK_FORMAT = False\nname = {grade_id(cell)!r}\npoints = {points!r}\n\n"
        f"ASSERTS = {asserts!r}\n\n\n"
        "@test_case(hidden=True)\ndef test_asserts(env):\n    exec(ASSERTS, env)\n"
    )
