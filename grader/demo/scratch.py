"""The scratch copy of the course, and the real nbgrader at work in it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from grader.checks import catalogue
from grader.demo.papers import CORE, Book, Student
from grader.errors import ConfigError
from grader.scratch import environment, nbgrader_command

__all__ = ["LATE_ASSIGNMENT", "Scratch"]

LATE_ASSIGNMENT = "l2"
DUE = "2026-06-01 12:00:00 UTC"

# The demo is the same each time; a real course draws its own.
SECRET = "d0" * 32

# What a class needs that the course itself must not fix: a due date's consequence.
EXTRA_SETTINGS = """
c.LateSubmissionPlugin.penalty_method = "zero"
"""


class Scratch:
    """
    A course folder of its own; the real submitted/ and gradebook are never touched.

    Args:
        course: the real course, only read.
        folder: the scratch folder; what lies there is removed.
        core: only the assignments that need no PyTorch; by default all of the course.
    """

    def __init__(self, course: Path, folder: Path, *, core: bool = False) -> None:
        every = sorted(path.name for path in (course / "source").iterdir() if path.is_dir())
        self.assignments = [name for name in every if name in CORE or not core]
        self.course = course
        self.folder = folder
        self.log = folder / "nbgrader-output.txt"
        self.failures: list[str] = []

    def lay_out(self) -> None:
        """Copy settings and sources, and release every assignment with nbgrader."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        secret = self.folder / ".grader_secret"
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        settings = (self.course / "nbgrader_config.py").read_text()
        (self.folder / "nbgrader_config.py").write_text(settings + EXTRA_SETTINGS)
        for assignment in self.assignments:
            shutil.copytree(self.course / "source" / assignment, self.folder / "source" / assignment)
            self.nbgrader("generate_assignment", assignment, "--create", "--force")
        self.nbgrader("db assignment add", LATE_ASSIGNMENT, f"--duedate={DUE}")

    def books(self) -> dict[str, Book]:
        """Return every notebook of the released assignments that has hidden checks, by its name."""
        known = catalogue.known()
        paths = [path for path in self._notebooks("source") if (path.parent.name, path.stem) in known]
        return {
            path.stem: Book(
                path.parent.name,
                path.stem,
                path,
                self.folder / "release" / path.parent.name / path.name,
            )
            for path in paths
        }

    def by_hand(self) -> list[Path]:
        """Return every released notebook that a person grades."""
        known = catalogue.known()
        return [path for path in self._notebooks("release") if (path.parent.name, path.stem) not in known]

    def _notebooks(self, step: str) -> list[Path]:
        folders = [self.folder / step / assignment for assignment in self.assignments]
        return [path for folder in folders for path in sorted(folder.glob("*.ipynb"))]

    def hand_in(self, students: Iterable[Student]) -> None:
        """Write what the students submit, as the exchange would have collected it."""
        for student in students:
            for paper in student.papers:
                paper.hand_in(self.folder / "submitted" / student.name / paper.assignment)

    def autograde(self, assignment: str) -> None:
        """Grade what was handed in; where nbgrader ends with an error, the table still tells the rest."""
        try:
            self.nbgrader("autograde", assignment)
        except ConfigError as error:
            self.failures.append(str(error))

    def give_feedback(self, assignments: Iterable[str]) -> None:
        """Write the feedback pages, two assignments at a time: that only reads the gradebook."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(lambda name: self.nbgrader("generate_feedback", name), assignments))

    def nbgrader(self, step: str, *arguments: str) -> None:
        """
        Run `nbgrader` as an instructor would; its words go to the log.

        Args:
            step: such as "autograde".
            *arguments: of the step.

        Raises:
            ConfigError: it failed.
        """
        with self.log.open("a") as output:
            output.write(f"\n$ nbgrader {step} {' '.join(arguments)}\n")
            output.flush()
            done = subprocess.run(  # noqa: S603
                nbgrader_command(self.folder, step, *arguments),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(self.folder) | {"PYTHONWARNINGS": "ignore"},
                check=False,
            )
        if done.returncode != 0:
            tail = "\n".join(self.log.read_text().splitlines()[-15:])
            raise ConfigError(
                f"`nbgrader {step} {' '.join(arguments)}` failed; all it said is in {self.log}:\n{tail}"
            )
