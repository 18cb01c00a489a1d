"""What the instructor sees before the question: tables on a terminal, plain lines in a log."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from grader.regrade.movement import Change, Left, Move
from grader.score import PREFIX
from grader.terminal import plain_line

__all__ = ["count_of", "numbered", "show_left", "show_moves"]

Row = tuple[Change, Move]


def show_moves(changes: Sequence[Change], console: Console) -> None:
    """Show each score that moves, the lowered ones apart and last, next to the question."""
    rows = [(change, move) for change in changes for move in change.moves]
    _show("Higher", [row for row in rows if not row[1].lowers], console)
    _show("LOWER", [row for row in rows if row[1].lowers], console)


def show_left(left: Sequence[Left], console: Console) -> None:
    """Show what stays as it is, and why."""
    if not left:
        return
    console.print(f"Left as it is ({len(left)}):")
    for each in left:
        name = f"{each.student_id}/{each.notebook}" if each.notebook else each.student_id
        console.print(plain_line(f"  {name}: {each.reason}"), soft_wrap=True)


def count_of(changes: Sequence[Change]) -> str:
    """Return in words how much would change."""
    moves = [(change.grade.student_id, move) for change in changes for move in change.moves]
    lowered = sum(move.lowers for _, move in moves)
    words = []
    if moves:
        students = len({student for student, _ in moves})
        lower = f", {lowered} of them LOWER" if lowered else ", none of them lower"
        words.append(f"{numbered(len(moves), 'score')} of {numbered(students, 'student')}{lower}")
    same = sum(not change.moves for change in changes)
    if same:
        words.append(f"the feedback alone of {numbered(same, 'notebook')}, whose points stay")
    return "; ".join(words)


def _show(title: str, rows: Sequence[Row], console: Console) -> None:
    if not rows:
        return
    if not console.is_terminal:
        for row in rows:
            student, notebook, blank, before, after, note = _words(row)
            text = f"{title.lower()}: {student} {notebook} {blank}: {before} -> {after}"
            console.print(plain_line(text + (f" ({note})" if note else "")), soft_wrap=True)
        return
    table = Table(title=f"{title}: {numbered(len(rows), 'score')}", title_justify="left")
    for column in ("student", "notebook", "blank", "before", "after", "by hand"):
        table.add_column(column, justify="right" if column in {"before", "after"} else "left")
    for row in rows:
        table.add_row(*(plain_line(word) for word in _words(row)))
    console.print(table)


def _words(row: Row) -> tuple[str, ...]:
    change, move = row
    manual = "" if move.manual is None else f"{move.manual:g} given by hand stays"
    before = "none" if move.before is None else f"{move.before:g}"
    blank = move.grade_id.removeprefix(PREFIX)
    after = f"{move.after:g} / {move.max_points:g}"
    return change.grade.student_id, change.grade.notebook, blank, before, after, manual


def numbered(count: int, noun: str) -> str:
    """Return "1 score", "2 scores"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
