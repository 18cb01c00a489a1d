"""`make bench`: lay out the contenders, grade in turn, print what each used side by side."""

from __future__ import annotations

import platform
import statistics
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from grader.bench.breakdown import Breakdown, break_down
from grader.bench.courses import CONTENDERS, STOCK, THIS, WALK, Field
from grader.bench.measure import Usage
from grader.demo.papers import Book, Paper
from grader.errors import GraderError
from grader.pipeline import course_of

__all__ = ["main"]

FOLDER = Path("build") / "bench"
MEBIBYTE = 2**20
console = Console(width=110, highlight=False)


def main(
    students: Annotated[int, typer.Option(help="Size of the class; three notebooks each.")] = 6,
    rounds: Annotated[int, typer.Option(help="How often each contender grades the class, in turn.")] = 2,
    cores: Annotated[int, typer.Option(help="Cores that the grading may use.")] = 1,
    slow: Annotated[bool, typer.Option(help="Also stock with pictures, and with torch.")] = True,
) -> None:
    """Grade one class with stock nbgrader and with this project, in turn, and compare."""
    course = course_of(Path.cwd())
    chosen = [c for c in CONTENDERS if slow or c in (STOCK, WALK, THIS)]
    fields = [Field(contender, course, course / FOLDER) for contender in chosen]
    (course / FOLDER).mkdir(parents=True, exist_ok=True)
    usages: dict[str, list[Usage]] = {field.contender.name: [] for field in fields}
    try:
        for field in fields:
            field.lay_out()
            _hand_in(field, students)
        for turn in range(rounds):
            for field in fields:
                usages[field.contender.name].append(field.autograde(cores))
                console.print(f"[dim]round {turn + 1}: {field.contender.name}[/]")
        notebooks = students * len(fields[0].books())
        parts = break_down(fields[-1].folder)
    except GraderError as error:
        console.print(f"[bold red]{error}[/]")
        raise SystemExit(2) from None
    console.print(
        f"{platform.platform()}, Python {platform.python_version()}, {_processor()}, {cores} core(s)"
    )
    console.print(
        f"{students} students, {notebooks} notebooks of backprop, {rounds} rounds in turn; medians."
    )
    console.print(_comparison(usages, notebooks))
    console.print(_parts_table(parts, usages, notebooks))


def _hand_in(field: Field, students: int) -> None:
    books = field.books()
    for number in range(students):
        field.hand_in(f"student-{number:02}", [_paper(book, number) for book in books])


def _paper(book: Book, number: int) -> Paper:
    """Two in three hand in what is right, every other one in an unusual style; one has a misconception."""
    styles, mistakes = list(book.checks.styles), list(book.checks.misconceptions)
    if number % 3 == 0:
        return book.paper()
    if number % 3 == 1:
        return book.styled(styles[number % len(styles)])
    return book.mistaken(mistakes[number % len(mistakes)])


def _comparison(usages: dict[str, list[Usage]], notebooks: int) -> Table:
    table = Table(title="Seconds a notebook, start-up of nbgrader included")
    table.add_column("contender")
    for column in ("wall", "CPU", "peak MiB", "wall ratio", "CPU ratio"):
        table.add_column(column, justify="right")
    ours = _median(usages[THIS.name])
    for name, measured in usages.items():
        usage = _median(measured)
        table.add_row(
            name,
            f"{usage.wall_seconds / notebooks:.2f}",
            f"{usage.cpu_seconds / notebooks:.2f}",
            f"{usage.peak_bytes / MEBIBYTE:.0f}",
            f"{usage.wall_seconds / ours.wall_seconds:.1f}",
            f"{usage.cpu_seconds / ours.cpu_seconds:.1f}",
        )
    return table


def _parts_table(parts: Breakdown, usages: dict[str, list[Usage]], notebooks: int) -> Table:
    ours = _median(usages[THIS.name]).wall_seconds / notebooks
    walk = _median(usages[WALK.name]).wall_seconds / notebooks
    rows = {
        "nbgrader's own walk, with its start-up": walk,
        "the student's code: its cells": parts.cells,
        "the student's code: calls by the checks": parts.calls,
        "process made and ended": parts.fork,
        "judging: references, comparisons, pytest": parts.judging,
        f"the wall's start-up, {parts.start_up:.1f} s shared by {notebooks}": parts.start_up / notebooks,
    }
    table = Table(title="Where this project's seconds go, a notebook")
    table.add_column("part")
    table.add_column("seconds", justify="right")
    for name, seconds in rows.items():
        table.add_row(name, f"{seconds:.3f}")
    table.add_row("the rest: reading, records, feedback", f"{ours - sum(rows.values()):.3f}")
    table.add_row("[bold]all[/]", f"[bold]{ours:.3f}[/]")
    overhead = ours - walk - parts.cells - parts.calls
    table.add_row("overhead: all but the walk and the student's code", f"{overhead:.3f}")
    return table


def _median(measured: list[Usage]) -> Usage:
    return Usage(
        statistics.median(usage.wall_seconds for usage in measured),
        statistics.median(usage.cpu_seconds for usage in measured),
        int(statistics.median(usage.peak_bytes for usage in measured)),
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


if __name__ == "__main__":
    typer.run(main)
