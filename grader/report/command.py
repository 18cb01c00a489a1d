"""A course and an assignment → the report, as text or as a file."""

from __future__ import annotations

from pathlib import Path

from grader.errors import ConfigError
from grader.regrade.course import open_course
from grader.report.facts import read_facts
from grader.report.page import render
from grader.whole import write_whole

__all__ = ["class_report", "write_report"]

FOLDER = "reports"  # of the course; git ignores it


def class_report(course: Path, assignment: str) -> str:
    """
    Return the report as one HTML document that needs nothing else.

    Args:
        course: the course folder.
        assignment: such as "backprop".

    Raises:
        ConfigError: there is no such course, or nothing of the assignment in its gradebook.
    """
    return render(read_facts(open_course(course, assignment)))


def write_report(course: Path, assignment: str, output: Path | None = None) -> Path:
    """
    Write the report, whole or not at all and for its owner alone, and return where.

    Raises:
        ConfigError: as for class_report, or the file can't be written.
    """
    page = class_report(course, assignment)
    path = output or course / FOLDER / f"{assignment}.html"
    try:
        if output is None:
            path.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(path, page.encode())
    except OSError as error:
        raise ConfigError(
            f"{path} can't be written: {error.strerror}. Name another file by --output."
        ) from None
    return path
