"""The columns of the class-size study: who grades, with how many workers, and how such a course is set up."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from grader.bench import otter_environment
from grader.bench.courses import PICTURES, STOCK, THIS, Field, Points
from grader.bench.measure import Usage
from grader.bench.otter_course import OtterField
from grader.demo.papers import Book, Paper
from grader.errors import ConfigError
from grader.pipeline import package_digest

__all__ = ["DEFAULT", "TITLES", "Column", "Course", "column_of"]

DEFAULT = "stock,otter,this-1,this-2,dask-2"
TITLES = {
    "stock": "stock nbgrader, no pictures",
    "stock-pictures": "stock nbgrader, every cell",
    "otter": "Otter-Grader, no pictures",
    "this": "this project",
    "dask": "this project on Dask",
}
_STOCK = {"stock": STOCK, "stock-pictures": PICTURES}


class Course(Protocol):
    """A contender's scratch course: `Field`, or `OtterField`."""

    folder: Path

    def lay_out(self) -> None:
        """Make it anew."""

    def books(self) -> list[Book]:
        """Return the released notebooks."""

    def hand_in(self, student: str, papers: Sequence[Paper]) -> None:
        """Write one student's notebooks."""

    def autograde(self, cores: int, student: str = "*", flags: Sequence[str] = ()) -> Usage:
        """Grade and measure."""

    def points(self) -> list[Points]:
        """Return what everybody got."""


class Column(msgspec.Struct, frozen=True):
    """
    One way to grade a class.

    Args:
        contender: one of `TITLES`.
        workers: processes that grade at the same time; 1 where the contender knows no others.
    """

    contender: str
    workers: int = 1

    @property
    def name(self) -> str:
        """Return what the command line calls it."""
        return f"{self.contender}-{self.workers}" if self.contender in {"this", "dask"} else self.contender

    @property
    def takes_seconds(self) -> bool:
        """Whether a notebook costs seconds: then large classes are left out unless somebody asks for them."""
        return self.contender not in {"this", "dask"}

    @property
    def flags(self) -> tuple[str, ...]:
        """Return nbgrader's flags for it."""
        jobs = f"--GraderPool.jobs={self.workers}"
        return {"this": (jobs,), "dask": ("--GraderPool.scheduler=local", jobs)}.get(self.contender, ())

    def prepare(self, folder: Path) -> None:
        """
        Install what it needs under *folder*.

        Raises:
            ConfigError: it can't be had here.
        """
        if self.contender == "dask" and importlib.util.find_spec("distributed") is None:
            raise ConfigError("Dask is not installed. Run: pip install -c constraints.txt -e '.[cluster]'")
        if self.contender == "otter":
            otter_environment.install(folder / "otter-env", folder / "otter-env.log")

    def course(self, original: Path, assignment: str, folder: Path, installed: Path) -> Course:
        """
        Return its scratch course, not yet laid out.

        Args:
            original: the real course folder, only read.
            assignment: what is graded.
            folder: where the scratch course comes to lie.
            installed: what `prepare` was given.
        """
        if self.contender == "otter":
            return OtterField(original, folder, assignment, installed / "otter-env")
        return Field(_STOCK.get(self.contender, THIS), original, folder, assignment)

    def versions(self) -> dict[str, str]:
        """Return what its seconds depend on."""
        python = {"python": platform.python_version()}
        if self.contender == "otter":
            pins = dict(
                line.split("==")
                for line in otter_environment.CONSTRAINTS.read_text().splitlines()
                if "==" in line
            )
            return python | {name: pins[name] for name in ("otter-grader", "numpy", "nbclient")}
        names = ["nbgrader", "numpy", *(["distributed"] if self.contender == "dask" else [])]
        found = python | {name: importlib.metadata.version(name) for name in names}
        return found | ({} if self.takes_seconds else {"grader": package_digest().hex()[:12]})


def column_of(name: str) -> Column:
    """
    Read a column's name, such as "stock" or "this-2".

    Raises:
        ConfigError: there is none of that name.
    """
    workers = re.fullmatch(r"(this|dask)-([1-9]\d?)", name)
    if workers:
        return Column(workers[1], int(workers[2]))
    if name in TITLES and name not in {"this", "dask"}:
        return Column(name)
    known = "stock, stock-pictures, otter, this-N and dask-N, N being the number of workers"
    raise ConfigError(f"There is no column {name!r}. Known: {known}.")
