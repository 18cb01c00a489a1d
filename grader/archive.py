"""
Record files: one JSON file for each graded notebook.

They stand in `<course>/records/<assignment>/<student>/<notebook>.json`, not in `autograded/`: nbgrader
empties a student's folder there before it grades anew, and copies what else lies in it into the feedback
that the student gets. docs/results.md explains every field.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from grader.errors import ConfigError
from grader.records import Grade
from grader.whole import write_whole

__all__ = ["load", "record_path", "save"]

FOLDER = "records"


def record_path(course: Path, student_id: str, assignment: str, notebook: str) -> Path:
    """
    Return where the record of a notebook stands.

    Raises:
        ConfigError: one of the names is not a plain file name.
    """
    for name in (student_id, assignment, notebook):
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise ConfigError(f"{name!r} can't be the name of a file; a record needs one.")
    return course / FOLDER / assignment / student_id / f"{notebook}.json"


def save(grade: Grade, course: Path) -> Path:
    """Write a record, whole or not at all, and return where."""
    path = record_path(course, grade.student_id, grade.assignment, grade.notebook)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(grade), indent=1) + b"\n"
    # For the course's people only: the seed of a student's inputs stands in it.
    write_whole(path, text, 0o660)
    return path


def load(path: Path) -> Grade | None:
    """Read a record; None where there is none, or one of another version of this package."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Grade)
    except (OSError, msgspec.DecodeError):
        return None
