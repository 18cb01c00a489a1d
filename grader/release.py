"""What students get: generated from source/ by nbgrader, and searched for what must be hidden."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nbformat

from grader.errors import ConfigError
from grader.scratch import environment, nbgrader_command

__all__ = ["generate", "hidden_text_in"]

MARKS = (
    "BEGIN SOLUTION",
    "END SOLUTION",
    "BEGIN HIDDEN TESTS",
    "END HIDDEN TESTS",
    "BEGIN MARK SCHEME",
    "grader.checks",
    "grader.verify",
)


def generate(course: Path, assignment: str, scratch: Path) -> Path:
    """
    Release *assignment* in a scratch course, with the real `nbgrader generate_assignment`.

    Args:
        course: the course folder, only read.
        assignment: such as "backprop".
        scratch: an empty folder; a gradebook appears in it.

    Returns:
        The folder with the released files.

    Raises:
        ConfigError: nbgrader refused; the message has its last words.
    """
    shutil.copy(course / "nbgrader_config.py", scratch / "nbgrader_config.py")
    shutil.copytree(course / "source" / assignment, scratch / "source" / assignment)
    command = nbgrader_command(scratch, "generate_assignment", assignment, "--create", "--force")
    done = subprocess.run(  # noqa: S603
        command, cwd=scratch, env=environment(scratch), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ConfigError(f"`nbgrader generate_assignment {assignment}` failed:\n{done.stderr[-2000:]}")
    return scratch / "release" / assignment


def hidden_text_in(released: nbformat.NotebookNode, source: nbformat.NotebookNode) -> list[str]:
    """Return what of *source* must be hidden and stands in *released* all the same, a sentence each."""
    problems = [
        f"the released cell {cell.id} contains {mark!r}"
        for cell in released.cells
        for mark in MARKS
        if mark in cell.source
    ]
    released_by_id = {cell.id: cell.source for cell in released.cells}
    for cell in source.cells:
        left = set(_stripped_lines(released_by_id.get(cell.id, "")))
        shown = [line for line in _solution_lines(cell.source) if line in left]
        problems += [f"the released cell {cell.id} contains a line of its solution" for _ in shown[:1]]
    return problems


def _solution_lines(text: str) -> Iterator[str]:
    inside = False
    for line in _stripped_lines(text):
        if "BEGIN SOLUTION" in line:
            inside = True
        elif "END SOLUTION" in line:
            inside = False
        elif inside:
            yield line


def _stripped_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
