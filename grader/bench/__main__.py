"""`make bench`: lay out the contenders, grade in turn, print what each used side by side."""

from __future__ import annotations

import platform
import statistics
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from grader.bench.breakdown import Breakdown, break_down
from grader.bench.courses import ASSIGNMENT, CONTENDERS, THIS, WALK, Field
from grader.demo.papers import Book, Paper
from grader.errors import GraderError
from grader.pipeline import course_of

__all__ = ["main"]

FOLDER = Path("build") / "bench"
MEBIBYTE = 2**20
NOTEBOOKS = 3  # of the assignment
FIRST = "student-00"
console = Console(width=110, highlight=False)


class Cost(msgspec.Struct, frozen=True):
    """
    What one more notebook costs a contender.

    Args:
        wall: seconds.
        cpu: seconds, of all processes.
        start_up: wall seconds once a run.
        peak_bytes: of the whole class's run.
    """

    wall: float
    cpu: float
    start_up: float
    peak_bytes: float


def main(
    students: Annotated[int, typer.Option(help="Size of the class, at least 2; three notebooks each.")] = 4,
    rounds: Annotated[int, typer.Option(help="How often each contender grades the class, in turn.")] = 2,
    cores: Annotated[int, typer.Option(help="Cores that the grading may use.")] = 1,
    slow: Annotated[bool, typer.Option(help="Also stock with pictures, and with torch; one round.")] = True,
) -> None:
    """Grade one class with stock nbgrader and with this project, in turn, and compare."""
    course = course_of(Path.cwd())
    (course / FOLDER).mkdir(parents=True, exist_ok=True)
    fields = [Field(contender, course, course / FOLDER) for contender in CONTENDERS]
    fields = [field for field in fields if slow or not field.contender.slow]
    console.print(
        f"{platform.platform()}, Python {platform.python_version()}, {_processor()}, {cores} core(s)"
    )
    try:
        for field in fields:
            field.lay_out()
            _hand_in(field, students)
        costs = _measure(fields, rounds, cores, NOTEBOOKS * (students - 1))
        parts = break_down(fields[-1].folder)
    except GraderError as error:
        console.print(f"[bold red]{error}[/]")
        raise SystemExit(2) from None
    console.print(
        f"{students} students, {NOTEBOOKS * students} notebooks of {ASSIGNMENT}; {rounds} rounds in turn."
    )
    console.print(_comparison(costs))
    console.print(_parts_table(parts, costs))


def _measure(fields: list[Field], rounds: int, cores: int, notebooks: int) -> dict[str, Cost]:
    """
    Grade in turn: each contender the whole class and then one student, so that start-up can be told apart.

    Args:
        fields: the contenders' courses.
        rounds: how often; slow contenders only once.
        cores: that grading may use.
        notebooks: of the class without that one student.
    """
    found: dict[str, list[Cost]] = {field.contender.name: [] for field in fields}
    for turn in range(rounds):
        for field in fields:
            if field.contender.slow and turn:
                continue
            everyone, first = field.autograde(cores), field.autograde(cores, FIRST)
            wall = (everyone.wall_seconds - first.wall_seconds) / notebooks
            cost = Cost(
                wall=wall,
                cpu=(everyone.cpu_seconds - first.cpu_seconds) / notebooks,
                start_up=first.wall_seconds - NOTEBOOKS * wall,
                peak_bytes=everyone.peak_bytes,
            )
            found[field.contender.name].append(cost)
            console.print(f"[dim]round {turn + 1}: {field.contender.name}: {wall:.2f} s a notebook[/]")
    return {
        name: Cost(
            *(statistics.median(column) for column in zip(*map(msgspec.structs.astuple, costs), strict=True))
        )
        for name, costs in found.items()
    }


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


def _comparison(costs: dict[str, Cost]) -> Table:
    table = Table(title="A notebook more in a class; start-up apart")
    table.add_column("contender")
    for column in ("wall s", "CPU s", "wall ratio", "CPU ratio", "start-up s", "peak MiB"):
        table.add_column(column, justify="right")
    ours = costs[THIS.name]
    for name, cost in costs.items():
        table.add_row(
            name,
            f"{cost.wall:.2f}",
            f"{cost.cpu:.2f}",
            f"{cost.wall / ours.wall:.1f}",
            f"{cost.cpu / ours.cpu:.1f}",
            f"{cost.start_up:.1f}",
            f"{cost.peak_bytes / MEBIBYTE:.0f}",
        )
    return table


def _parts_table(parts: Breakdown, costs: dict[str, Cost]) -> Table:
    rows = {
        "nbgrader's own walk": costs[WALK.name].wall,
        "the student's code: its cells": parts.cells,
        "the student's code: calls by the checks, wall included": parts.calls,
        "process made and ended": parts.fork,
        "judging: references, comparisons, pytest": parts.judging,
    }
    total = costs[THIS.name].wall
    table = Table(title="Where this project's wall seconds go, a notebook")
    table.add_column("part")
    table.add_column("seconds", justify="right")
    for name, seconds in rows.items():
        table.add_row(name, f"{seconds:.3f}")
    table.add_row("the rest: reading, records, feedback", f"{total - sum(rows.values()):.3f}")
    table.add_row("[bold]all[/]", f"[bold]{total:.3f}[/]")
    overhead = total - costs[WALK.name].wall - parts.cells - parts.calls
    table.add_row("overhead: all but the walk and the student's code", f"{overhead:.3f}")
    table.add_row("once a run: the wall stood up and tested", f"{parts.start_up:.2f}")
    return table


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


if __name__ == "__main__":
    typer.run(main)
