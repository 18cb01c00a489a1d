"""The line through a regrade: look, show, ask, write."""

from __future__ import annotations

import logging
from pathlib import Path

import typer
from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters import NbGraderException
from rich.console import Console

from grader.audit import audit_path
from grader.errors import GraderError
from grader.regrade.course import open_course
from grader.regrade.rehearsal import Rehearsal
from grader.regrade.tables import count_of, numbered, show_left, show_moves
from grader.regrade.writing import carry_over, finish, settle
from grader.terminal import plain_line

__all__ = ["regrade"]

REFUSED = OUTDATED = 1  # exit status


def regrade(
    course: Path,
    assignment: str,
    console: Console,
    *,
    check: str = "",
    student: str = "",
    reason: str = "",
    agreed: bool = False,
) -> int:
    """
    Grade again what was graded, show what would change, and write it once that is agreed.

    Args:
        course: the course folder.
        assignment: such as "backprop".
        console: where it is shown.
        check: replace the results of this check only, by name or notebook/name; empty: all of them.
        student: whose submission; empty: everyone's.
        reason: why; for the audit.
        agreed: whether to write without asking.

    Returns:
        The exit status: 0 where it is done or there was nothing to do, 1 where the answer was no, or
        somebody's work or grade has changed while the question stood open.

    Raises:
        GraderError: a mistake of the user, or the wall does not stand.
    """
    app = open_course(course, assignment)
    for name in finish(app, student):
        console.print(plain_line(f"{name}: an earlier regrade was cut off here; it is written now."))
    rehearsal = _rehearse(app, student, check)
    show_left(rehearsal.left, console)
    were = f"{numbered(rehearsal.graded, 'notebook')} {'was' if rehearsal.graded == 1 else 'were'}"
    if not rehearsal.changes:
        console.print(f"{were} graded again, and nothing changes.")
        return 0
    show_moves(rehearsal.changes, console)
    count = count_of(rehearsal.changes)
    console.print(f"{were} graded again. It would change {count}.", soft_wrap=True)
    if not agreed and not _confirmed(count):
        console.print("Nothing was written. With --yes it is written without a question.")
        return REFUSED
    written, outdated = settle(rehearsal, app, reason, check)
    show_left(outdated, console)
    if not written:
        console.print("Nothing was written.")
        return OUTDATED
    carry_over(written, app)
    console.print(f"Written: {count_of(written)}.", soft_wrap=True)
    if any(change.moves for change in written):
        console.print(f"Each changed score has a line in {audit_path(course)}", soft_wrap=True, markup=False)
    console.print(f"New feedback pages: nbgrader generate_feedback {assignment} --force", soft_wrap=True)
    return OUTDATED if outdated else 0


def _rehearse(app: NbGrader, student: str, check: str) -> Rehearsal:
    rehearsal = Rehearsal(app, student, check, _log())
    try:
        rehearsal.start()
    except NbGraderException as error:
        raise GraderError(str(error)) from None
    return rehearsal


def _confirmed(count: str) -> bool:
    try:
        return typer.confirm(f"Write it: {count}?")
    except typer.Abort:  # nobody is there to answer
        return False


def _log() -> logging.Logger:
    """Return where lines of progress go: to stderr, apart from nbgrader's log, of which only errors show."""
    log = logging.getLogger("grader.regrade")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.handlers = [logging.StreamHandler()]
    return log
