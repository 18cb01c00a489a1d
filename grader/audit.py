"""
The audit: one line for each score that was changed afterwards, in `<course>/records/audit.jsonl`.

Lines are only ever added. docs/results.md explains every field.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Sequence
from pathlib import Path

import msgspec

from grader.archive import FOLDER

__all__ = ["CheckChange", "Entry", "append", "audit_path", "system_user"]


class CheckChange(msgspec.Struct, frozen=True):
    """A check whose result is another; a verdict or hash is empty where it was not there."""

    name: str
    before: str
    after: str
    hash_before: str
    hash_after: str


class Entry(msgspec.Struct, frozen=True):
    """
    One changed score.

    Args:
        when: UTC, ISO 8601.
        who: the system's name of the user who ran the command.
        why: what was given as the reason; may be empty.
        only_check: the one check that was asked for; empty where all were judged again.
        student_id: whose score.
        assignment: of which assignment.
        notebook: of which notebook.
        grade_id: of which check cell.
        before: the automatic points in the gradebook; None where there were none.
        after: the automatic points now.
        max_points: what the cell is worth.
        manual: the points given by hand, which stay what counts; None where there are none.
        checks: the cell's checks whose results are others.
        digest_before: of the record; empty where there was none.
        digest_after: of the record.
        format: version of this format.
    """

    when: str
    who: str
    why: str
    only_check: str
    student_id: str
    assignment: str
    notebook: str
    grade_id: str
    before: float | None
    after: float
    max_points: float
    manual: float | None
    checks: tuple[CheckChange, ...]
    digest_before: str
    digest_after: str
    format: int = 1


def audit_path(course: Path) -> Path:
    """Return where the audit of a course stands."""
    return course / FOLDER / "audit.jsonl"


def append(entries: Sequence[Entry], course: Path) -> None:
    """Add lines, and return once they are on the disk."""
    if not entries:
        return
    path = audit_path(course)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o660)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        if new:
            path.chmod(0o660)  # whatever the umask: colleagues add to it
        text = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        if file.seek(0, os.SEEK_END) and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
            text = b"\n" + text  # a line that was cut off stays alone
        written = file.write(text)  # one call: a colleague's lines stand before or after it
        if written != len(text):
            raise OSError(f"{path}: only {written} of {len(text)} bytes could be written.")
        os.fsync(file.fileno())


def system_user() -> str:
    """Return who runs this, by the system's word and not by a variable that anyone may set."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
