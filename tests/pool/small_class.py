"""A small class of the notebook `activations`, and the processes that grade it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import nbformat
from nbgrader.api import Gradebook

from grader import pipeline
from grader.config import Config
from grader.demo.papers import Book
from grader.records import Grade, Submission
from grader.scratch import environment, nbgrader_command
from grader.submission import read_submission

REPOSITORY = Path(__file__).parents[2]
ASSIGNMENT = "activations"
SLOW = "import time\ntime.sleep(4)"  # long enough to be killed in the middle


def notebooks() -> dict[str, nbformat.NotebookNode]:
    """Return what five students hand in: solved, two known mistakes, nothing, a function that raises."""
    source = REPOSITORY / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    book = Book(ASSIGNMENT, ASSIGNMENT, source, REPOSITORY / "release" / ASSIGNMENT / source.name)
    mistakes = [name for name, group in book.checks.misconceptions.items() if group[0].explanation]
    blank = book.blanks[0]
    return {
        "ada": book.fill(),
        "bob": _mistaken(book, mistakes[0]),
        "cyd": _mistaken(book, mistakes[-1]),
        "dot": book.fill(left_empty=book.blanks),
        "eve": book.fill({blank: f"def {blank}(*arguments):\n    raise ValueError('no')"}),
    }


def _mistaken(book: Book, name: str) -> nbformat.NotebookNode:
    return book.fill({each.blank: each.source for each in book.checks.misconceptions[name]})


def slowed(notebook: nbformat.NotebookNode, code: str = SLOW) -> nbformat.NotebookNode:
    """Return the notebook with a cell more at its end, which takes its time."""
    copy = nbformat.from_dict(notebook)
    copy.cells.append(nbformat.v4.new_code_cell(code))
    return copy


def lay_out(root: Path, papers: Mapping[str, nbformat.NotebookNode]) -> Config:
    """Make a course folder with what students have handed in."""
    shutil.copytree(REPOSITORY / "source" / ASSIGNMENT, root / "source" / ASSIGNMENT)
    shutil.copy(REPOSITORY / "nbgrader_config.py", root)
    for student, notebook in papers.items():
        submit(root, student, notebook)
    return Config(root)


def submit(root: Path, student: str, notebook: nbformat.NotebookNode) -> Path:
    """Hand in."""
    path = root / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def submissions(config: Config) -> list[Submission]:
    """Read what was handed in."""
    files = sorted((config.course / "submitted").glob(f"*/{ASSIGNMENT}/*.ipynb"))
    return [read_submission(path, path.parts[-3], config) for path in files]


def graded_here(config: Config) -> dict[str, Grade]:
    """Grade the class in this process, without any pool."""
    with pipeline.sandbox_of(config) as sandbox:
        return {each.student_id: pipeline.grade(each, config, sandbox) for each in submissions(config)}


def timeless(grade: Grade) -> Grade:
    """Return the grade without what differs from one time to the next."""
    return msgspec.structs.replace(
        grade,
        seconds=0.0,
        runs=tuple(msgspec.structs.replace(each, seconds=0.0) for each in grade.runs),
        results=tuple(msgspec.structs.replace(each, seconds=0.0) for each in grade.results),
    )


def wait_for(condition: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Wait until *condition* is true, and return what it gives."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


def below(pid: int) -> set[int]:
    """Return every process that descends from *pid*."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {pid}
    for _ in parents:
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {pid}


def alive(pid: int) -> bool:
    """Say whether a process runs; one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


class Nbgrader:
    """The real nbgrader, in a course folder."""

    def __init__(self, root: Path, *settings: str) -> None:
        self.root = root
        self.settings = settings

    def start(self, step: str, *words: str) -> subprocess.Popen[str]:
        """Start a step of it, in a process group of its own."""
        command = [*nbgrader_command(self.root, step, *words), *self.settings]
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=environment(self.root) | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
            # A job in the background may have been told to ignore Ctrl-C, and would pass that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - nothing else runs
        )

    def run(self, step: str, *words: str) -> tuple[int, str]:
        """Run a step of it; return the exit code and what it said."""
        process = self.start(step, *words)
        _, said = process.communicate(timeout=300)
        return process.returncode, said

    def scores(self) -> dict[str, dict[str, float | None]]:
        """Return student → check cell → points, from the gradebook."""
        with Gradebook(f"sqlite:///{self.root}/gradebook.db") as gradebook:
            return {
                each.student.id: {
                    grade.name: grade.auto_score for book in each.notebooks for grade in book.grades
                }
                for each in gradebook.assignment_submissions(ASSIGNMENT)
            }


class Dask:
    """A Dask scheduler on loopback and its workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        told = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", f"--scheduler-file={told}"
        )
        self.address = str(wait_for(lambda: told.exists() and json.loads(told.read_text())["address"]))

    def worker(self, *words: str, threads: int = 1, package: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a worker; *package*: a folder with another version of ours."""
        local = f"--local-directory={self._folder}"
        plain = ("--no-nanny", "--host", "127.0.0.1", f"--nthreads={threads}", local)
        return self._start("worker", self.address, *plain, *words, package=package)

    def close(self) -> None:
        """End all of them."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def _start(self, kind: str, *words: str, package: Path | None = None) -> subprocess.Popen[bytes]:
        own = {"PYTHONPATH": str(package)} if package else {}
        with (self._folder / f"{kind}-{len(self._processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *words, "--no-dashboard"],
                cwd=self._folder,  # not where another version of ours may lie
                env=os.environ | own,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process
