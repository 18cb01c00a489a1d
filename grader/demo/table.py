"""The demo's outcome as a table for people."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from grader.demo.marks import Mark

__all__ = ["show"]

FINDING_LENGTH = 100


def show(marks: list[Mark], problems: list[list[str]], console: Console) -> None:
    """Print one line a paper: who, what, points, the main finding, seconds, and whether that was expected."""
    table = Table(title="The simulated class, graded by nbgrader", row_styles=["", "dim"])
    table.add_column("student", overflow="fold")
    table.add_column("notebook", overflow="fold")
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("main finding")
    table.add_column("s", justify="right", no_wrap=True)
    table.add_column("as\nexpected", no_wrap=True)
    before = ""
    for mark, wrong in zip(marks, problems, strict=True):
        table.add_row(
            mark.student if mark.student != before else "",
            mark.paper.notebook,
            _score(mark),
            escape(_shortened(mark.finding)),
            f"{mark.record.seconds:.1f}" if mark.record else "–",
            "[red]no[/]" if wrong else "[green]yes[/]",
        )
        before = mark.student
    console.print(table)


def _score(mark: Mark) -> str:
    if not mark.points:
        return "–"
    late = f" − {mark.penalty:g} late" if mark.penalty else ""
    return f"{mark.total:.3g} / {sum(mark.max_points.values()):g}{late}"


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= FINDING_LENGTH else line[: FINDING_LENGTH - 1] + "…"
