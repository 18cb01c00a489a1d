"""
A scratch course of one tiny notebook, graded by the real nbgrader.

Where a test is about nbgrader's side (files, gradebook, feedback), the wall and the checks are replaced by
`Marker`, which reads the verdict from a comment in the cell of a blank: `# double earns 2/3`.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config as TraitletsConfig
from traitlets.config import PyFileConfigLoader

from grader.config import Config
from grader.records import CellRun, CheckResult, Grade, Provenance, Submission, Verdict
from grader.score import blank_of, total

REPOSITORY = Path(__file__).parents[2]
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="9"><path d="M0 9L40 0" stroke="#36c"/></svg>'
)


class Marker:
    """Grades by the comments in the cells, and remembers what it was given."""

    def __init__(self) -> None:
        self.seen: list[Submission] = []
        self.fails_on: dict[str, Exception] = {}
        self.outputs: tuple[dict[str, object], ...] = ()
        self.blanks_without_checks: set[str] = set()
        self.message = "p is 2.0 times what it should be at every entry."

    def grade(self, submission: Submission, config: Config, sandbox: object) -> Grade:
        """Stand in for pipeline.grade."""
        del sandbox
        self.seen.append(submission)
        if submission.student_id in self.fails_on:
            raise self.fails_on[submission.student_id]
        code = "\n".join(cell.source for cell in submission.cells if cell.runs)
        results = []
        for cell in submission.cells:
            if cell.is_check and blank_of(cell) not in self.blanks_without_checks:
                found = re.findall(rf"# {blank_of(cell)} earns (\d+)/(\d+)", code)
                earned, of = map(int, found[-1]) if found else (0, 1)
                results += self._results(blank_of(cell), earned, of)
        return Grade(
            student_id=submission.student_id,
            assignment=submission.assignment,
            notebook=submission.notebook,
            scores=total(submission.cells, results),
            results=tuple(results),
            runs=tuple(CellRun(cell.index, self.outputs) for cell in submission.cells if cell.runs),
            provenance=Provenance(self.digest(submission, config), "00", config.isolation, "cpu", {}),
            seconds=0.1,
        )

    def digest(self, submission: Submission, config: Config) -> str:
        """Stand in for pipeline.digest."""
        return str(hash((submission.cells, config.isolation)))

    def _results(self, blank: str, earned: int, of: int) -> list[CheckResult]:
        passed = CheckResult("test_a", f"{blank} gives the right values", blank, earned, Verdict.PASSED)
        failed = CheckResult(
            "test_b",
            f"{blank} works for one row",
            blank,
            of - earned,
            Verdict.FAILED,
            message=self.message,
            hint="What is the mean over one row?",
            misconception="the sum in place of the mean",
            explanation="A mean divides by the number of rows.",
            note="Judged with the reference standing in for forward.",
            picture=SVG,
        )
        return [result for result in (passed, failed) if result.weight]


class FakeSandbox:
    """A wall that is not there; counts how often it was tested."""

    tested = 0
    trouble: Exception | None = None

    def __init__(self, config: object) -> None:
        del config

    def __enter__(self) -> FakeSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def close(self) -> None:
        """There is nothing to take down."""

    def self_test(self) -> None:
        """Count, and fail where the test wants it."""
        FakeSandbox.tested += 1
        if FakeSandbox.trouble:
            raise FakeSandbox.trouble


def locked(
    grade_id: str, source: str, points: float | None = None, kind: str = "code"
) -> nbformat.NotebookNode:
    """Return a locked cell; a check cell, where it has points."""
    make = new_code_cell if kind == "code" else new_markdown_cell
    cell = make(source)
    cell.metadata["nbgrader"] = {
        "grade_id": grade_id,
        "grade": points is not None,
        "solution": False,
        "locked": True,
        "schema_version": 3,
    } | ({"points": points} if points is not None else {})
    return cell


def answer(
    grade_id: str, source: str, points: float | None = None, kind: str = "code"
) -> nbformat.NotebookNode:
    """Return a cell that the student writes; graded by hand, where it has points."""
    cell = locked(grade_id, source, points, kind)
    cell.metadata["nbgrader"] |= {"solution": True, "locked": False}
    return cell


def source_notebook() -> nbformat.NotebookNode:
    """Return the instructor's notebook `numbers`."""
    solution = "def {name}(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"
    cells = [
        new_markdown_cell("# Numbers\n\nWe look at $x < y$ and at `a < b`."),
        locked("given_imports", "import numpy as np"),
        answer("double", solution.format(name="double")),
        locked("check_double", "assert double(1) == 2", 4),
        locked("picture_double", "raise SystemExit('a picture')"),
        locked("given_text", "Now *halves*: <b>given</b>.", kind="markdown"),
        answer("half", solution.format(name="half")),
        locked("check_half", "assert half(2) == 1", 3),
        answer("why", "Say why.", 2, kind="markdown"),
    ]
    for index, cell in enumerate(cells):
        cell.id = f"cell-{index}"
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    }
    return new_notebook(cells=cells, metadata=metadata)


class Course:
    """A course folder, and nbgrader upon it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def api(self, **settings: Any) -> NbGraderAPI:
        """Return nbgrader's Python interface, configured as the course is."""
        config = PyFileConfigLoader("nbgrader_config.py", path=str(self.root)).load_config()
        config.CourseDirectory.root = str(self.root)
        config.GraderPool.jobs = 1  # what stands in for the wall is in this process
        config.merge(TraitletsConfig(settings))
        return NbGraderAPI(config=config)

    def released(self) -> nbformat.NotebookNode:
        """Return what students get."""
        return nbformat.read(self.root / "release/tiny/numbers.ipynb", as_version=4)

    def folder(self, student: str, step: str = "submitted") -> Path:
        """Return a student's folder in one of nbgrader's steps."""
        return self.root / step / student / "tiny"

    def submit(self, student: str, notebook: nbformat.NotebookNode | bytes, name: str = "numbers") -> Path:
        """Write what *student* hands in and return the file."""
        path = self.folder(student) / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = notebook if isinstance(notebook, bytes) else nbformat.writes(notebook).encode()
        path.write_bytes(data)
        return path

    def solved(self, double: str = "1/1", half: str = "1/1") -> nbformat.NotebookNode:
        """Return a notebook whose blanks earn these shares."""
        notebook = self.released()
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            share = {"double": double, "half": half}.get(name)
            if share:
                cell.source = f"def {name}(x): return x  # {name} earns {share}"
        return notebook

    def autograde(self, student: str = "*", *, force: bool = False, **settings: Any) -> dict[str, Any]:
        """Grade; the result has `success` and `log`."""
        result: dict[str, Any] = self.api(**settings).autograde("tiny", student, force=force)
        return {"log": ""} | result

    def grades(self, student: str) -> dict[str, tuple[float | None, bool]]:
        """Return grade_id → (automatic points, whether a person must look)."""
        with Gradebook(f"sqlite:///{self.root}/gradebook.db") as gradebook:
            notebook = gradebook.find_submission_notebook("numbers", "tiny", student)
            return {grade.name: (grade.auto_score, grade.needs_manual_grade) for grade in notebook.grades}

    def autograded(self, student: str) -> nbformat.NotebookNode:
        """Return the graded notebook."""
        return nbformat.read(self.folder(student, "autograded") / "numbers.ipynb", as_version=4)

    def feedback(self, student: str) -> str:
        """Generate and return the feedback page."""
        result = self.api().generate_feedback("tiny", student, force=True)
        assert result["success"], result
        return (self.folder(student, "feedback") / "numbers.html").read_text()


def by_id(notebook: nbformat.NotebookNode, grade_id: str) -> nbformat.NotebookNode:
    """Find a cell by its grade_id."""
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


@contextlib.contextmanager
def served(root: Path) -> Iterator[str]:
    """Run a Jupyter server with nbgrader's formgrader on a course, on loopback; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = root.parent / "home"
    home.mkdir(exist_ok=True)
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--ServerApp.port={port}"),
        *("--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=", f"--ServerApp.root_dir={root}"),
        "--ServerApp.disable_check_xsrf=True",
        "--ServerApp.jpserver_extensions="
        "{'nbgrader.server_extensions.formgrader': True, 'grader.formgrader': True}",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    with (root.parent / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=root, env=environment | {"HOME": str(home)}, stdout=log, stderr=log
        )
        try:
            yield _when_up(server, f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait(20)


def _when_up(server: subprocess.Popen[bytes], address: str) -> str:
    for _ in range(100):
        assert server.poll() is None
        try:
            urllib.request.urlopen(f"{address}/api", timeout=1).close()  # noqa: S310 - our own server
        except OSError:
            time.sleep(0.2)
        else:
            return address
    raise AssertionError("the server did not come up")
