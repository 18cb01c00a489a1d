"""What a run leaves in a course: gradebook, records, graded notebooks; and where two runs differ in that."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from grader import archive
from grader.records import Grade

__all__ = ["Outcome", "differences", "outcome_of"]

Outcome = dict[str, dict[str, Any]]

# Rows by what they are about: their own ids are drawn anew each time.
ROWS = {
    "student": "SELECT * FROM student",
    "submission": """
        SELECT s.student_id, a.name, s.timestamp, s.extension
        FROM submitted_assignment s JOIN assignment a ON a.id = s.assignment_id
    """,
    "submitted notebook": """
        SELECT s.student_id, n.name, b.flagged, b.late_submission_penalty
        FROM submitted_notebook b JOIN submitted_assignment s ON s.id = b.assignment_id
        JOIN notebook n ON n.id = b.notebook_id
    """,
    "grade": """
        SELECT s.student_id, n.name, c.name,
            g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade
        FROM grade g JOIN submitted_notebook b ON b.id = g.notebook_id JOIN base_cell c ON c.id = g.cell_id
        JOIN submitted_assignment s ON s.id = b.assignment_id JOIN notebook n ON n.id = b.notebook_id
    """,
    "comment": """
        SELECT s.student_id, n.name, c.name, m.auto_comment, m.manual_comment
        FROM comment m JOIN submitted_notebook b ON b.id = m.notebook_id JOIN base_cell c ON c.id = m.cell_id
        JOIN submitted_assignment s ON s.id = b.assignment_id JOIN notebook n ON n.id = b.notebook_id
    """,
}


def outcome_of(course: Path) -> Outcome:
    """
    Return all that a finished run has left, without ids that are drawn and times that were taken.

    Returns:
        Kind of thing → its name → its content.
    """
    found: Outcome = {
        "record": {
            str(path.relative_to(course)): msgspec.to_builtins(_timeless(archive.load(path)))
            for path in sorted(course.glob("records/*/*/*.json"))
        },
        "graded file": {
            str(path.relative_to(course)): path.read_bytes()
            for path in sorted(course.glob("autograded/*/*/*"))
            if path.is_file()
        },
    }
    address = f"{(course / 'gradebook.db').resolve().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as gradebook:
        for kind, query in ROWS.items():
            rows = sorted(gradebook.execute(query), key=repr)
            found[kind] = {f"{number}": row for number, row in enumerate(rows)}
        # Rows that no join above reaches would show here.
        tables = [
            name for (name,) in gradebook.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        found["rows of the table"] = {
            table: gradebook.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - its own names
            for table in tables
        }
    return found


def differences(outcome: Outcome, expected: Outcome) -> list[str]:
    """Return where *outcome* is not as *expected*, a line each."""
    found = []
    for kind, things in expected.items():
        others = outcome[kind]
        for name in sorted(things.keys() | others.keys()):
            if name not in others:
                found.append(f"{kind} {name} is missing")
            elif name not in things:
                found.append(f"{kind} {name} is there too many")
            elif others[name] != things[name]:
                found.append(f"{kind} {name}: {_first_difference(others[name], things[name])}")
    return found


def _timeless(grade: Grade | None) -> Grade | None:
    if grade is None:
        return None
    return msgspec.structs.replace(
        grade,
        seconds=0.0,
        runs=tuple(msgspec.structs.replace(each, seconds=0.0) for each in grade.runs),
        results=tuple(msgspec.structs.replace(each, seconds=0.0) for each in grade.results),
    )


def _first_difference(thing: Any, expected: Any, place: str = "") -> str:
    """Say where in nested lists and mappings the first difference is, and which."""
    if type(thing) is not type(expected) or not isinstance(thing, dict | list | tuple):
        return f"{place or 'it'} is {_short(thing)}, not {_short(expected)}"
    if len(thing) != len(expected) or (isinstance(thing, dict) and thing.keys() != expected.keys()):
        return f"{place or 'it'} has {len(thing)} entries, not the same {len(expected)}"
    for key in thing if isinstance(thing, dict) else range(len(thing)):
        if thing[key] != expected[key]:
            return _first_difference(thing[key], expected[key], f"{place}/{key}")
    return f"{place or 'it'} is not equal to itself"  # a number that is none


def _short(thing: object, most: int = 200) -> str:
    text = repr(thing)
    return text if len(text) <= most else f"{text[:most]}…"
