"""A scratch course of one assignment for the soak and the kills, with its own folder for temporary files."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from grader.bench.mixture import HandedIn
from grader.demo.papers import Book
from grader.errors import ConfigError
from grader.scratch import environment, nbgrader_command

__all__ = ["ASSIGNMENT", "Classroom"]

ASSIGNMENT = "activations"  # the quickest notebook, so that what is measured is the grader
SECRET = "50" * 32  # the same inputs each time
WORKERS = 2


class Classroom:
    """
    A course folder, and nbgrader upon it.

    Args:
        course: the real course folder, only read.
        folder: where the scratch course lies, in *course*/; what lies there is removed by lay_out.
    """

    def __init__(self, course: Path, folder: Path) -> None:
        self.original = course
        self.course = folder / "course"
        self.temporary = folder / "tmp"
        self.log = folder / "nbgrader-output.txt"

    def lay_out(self) -> Book:
        """Make the course, release its assignment with nbgrader, and return the notebook."""
        for folder in (self.course, self.temporary):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        self.log.unlink(missing_ok=True)
        secret = self.course / ".grader_secret"
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        shutil.copy(self.original / "nbgrader_config.py", self.course)
        source = self.course / "source" / ASSIGNMENT
        shutil.copytree(self.original / "source" / ASSIGNMENT, source)
        if self.start("generate_assignment", "--create", "--force").wait() != 0:
            raise ConfigError(f"`nbgrader generate_assignment {ASSIGNMENT}` failed; see {self.log}.")
        released = self.course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        return Book(ASSIGNMENT, ASSIGNMENT, source / released.name, released)

    def hand_in(self, papers: Iterable[HandedIn]) -> None:
        """Write what the students submit, as the exchange would have collected it."""
        for handed_in in papers:
            folder = self.course / "submitted" / handed_in.student / handed_in.paper.assignment
            handed_in.paper.hand_in(folder)
            handed_in.kind.spoil(folder)

    def start(self, step: str, *flags: str) -> subprocess.Popen[bytes]:
        """Start a step of nbgrader on the assignment; what it says is added to the log."""
        command = nbgrader_command(self.course, step, ASSIGNMENT, f"--GraderPool.jobs={WORKERS}", *flags)
        with self.log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603
                command,
                cwd=self.course,
                env=environment(self.course)
                | {"TMPDIR": str(self.temporary.resolve()), "PYTHONWARNINGS": "ignore"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def leftovers(self) -> list[str]:
        """Return every file that a finished run should not have left in the course or for temporary files."""
        found = [path for path in self.temporary.rglob("*") if not path.is_dir() or not any(path.iterdir())]
        found += [path for path in self.course.iterdir() if path.name not in EXPECTED]
        for path in self.course.glob("records/*/*/*"):
            if path.name != f"{ASSIGNMENT}.json":
                found.append(path)
        for path in self.course.glob("autograded/*/*/*"):
            if path.name not in (f"{ASSIGNMENT}.ipynb", "timestamp.txt"):
                found.append(path)
        return sorted(os.path.relpath(path, self.course.parent) for path in found)


EXPECTED = {
    *("nbgrader_config.py", ".grader_secret", ".jupyter", "gradebook.db"),
    *("source", "release", "submitted", "autograded", "records"),
}
