"""`make bench`: the short comparison; `classes`, `prove` and `table` belong to the study of class sizes."""

from __future__ import annotations

import platform
import statistics
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from grader.bench import classes
from grader.bench.breakdown import Breakdown, break_down
from grader.bench.columns import DEFAULT, column_of
from grader.bench.courses import ASSIGNMENT, CONTENDERS, THIS, WALK, Field
from grader.bench.ledger import Ledger
from grader.bench.students import name_of, paper_of
from grader.bench.tables import provenance, sheets
from grader.errors import ConfigError, GraderError
from grader.pipeline import course_of

__all__ = ["app"]

FOLDER = Path("build") / "bench"
MEBIBYTE = 2**20
NOTEBOOKS = 3  # of the assignment
FIRST = name_of(0)
console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
app = typer.Typer(add_completion=False, invoke_without_command=True, pretty_exceptions_enable=False)

# What more than one command takes.
Assignments = Annotated[str, typer.Option(help="What is graded: backprop, dropout, or both.")]
Columns = Annotated[
    str, typer.Option(help="Who grades: stock, stock-pictures, otter, this-N, dask-N (N workers).")
]
Cores = Annotated[int, typer.Option(help="Cores that the grading may use.")]


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


@app.callback()
def compare(
    context: typer.Context,
    students: Annotated[int, typer.Option(help="Size of the class, at least 2; three notebooks each.")] = 4,
    rounds: Annotated[int, typer.Option(help="How often each contender grades the class, in turn.")] = 2,
    cores: Cores = 1,
    slow: Annotated[bool, typer.Option(help="Also stock with pictures, and with torch; one round.")] = True,
) -> None:
    """Grade one class with stock nbgrader and with this project, in turn, and compare."""
    if context.invoked_subcommand:
        return
    course = course_of(Path.cwd())
    (course / FOLDER).mkdir(parents=True, exist_ok=True)
    fields = [Field(contender, course, course / FOLDER) for contender in CONTENDERS]
    fields = [field for field in fields if slow or not field.contender.slow]
    console.print(_where(cores))
    try:
        for field in fields:
            if not field.contender.known:
                field.lay_out()
                _hand_in(field, students)
        costs = _measure(fields, rounds, cores, NOTEBOOKS * (students - 1))
        parts = break_down(fields[-1].folder)
    except GraderError as error:
        _give_up(error)
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
        field.hand_in(name_of(number), [paper_of(book, number) for book in books])


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
        "nbgrader's walk: reading, gradebook, feedback, files": costs[WALK.name].wall,
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
    table.add_row("the rest", f"{total - sum(rows.values()):.3f}")
    table.add_row("[bold]all[/]", f"[bold]{total:.3f}[/]")
    overhead = total - costs[WALK.name].wall - parts.cells - parts.calls
    table.add_row("overhead: all but the walk and the student's code", f"{overhead:.3f}")
    table.add_row("once a run: the wall stood up and tested", f"{parts.start_up:.2f}")
    return table


def _where(cores: int) -> str:
    return f"{platform.platform()}, Python {platform.python_version()}, {classes.machine(cores)}"


@app.command("classes")
def measure_classes(
    sizes: Annotated[str, typer.Option(help="Students of each class.")] = "50,100,200,400",
    assignments: Assignments = "backprop,dropout",
    columns: Columns = DEFAULT,
    stock_up_to: Annotated[int, typer.Option(help="Largest class that stock nbgrader grades.")] = 100,
    otter_up_to: Annotated[int, typer.Option(help="Largest class that Otter-Grader grades.")] = 50,
    cores: Cores = 2,
    again: Annotated[bool, typer.Option("--again", help="Measure also what is measured.")] = False,
) -> None:
    """Grade classes of several sizes; what is measured already is left alone, so it can be cut off."""
    limits = {"stock": stock_up_to, "stock-pictures": stock_up_to, "otter": otter_up_to}
    course, folder, ledger = _place()
    try:
        wanted = _plan(assignments, sizes, columns, limits, cores, again=again)
        console.print(_where(cores))
        classes.run(wanted, course, folder, ledger, console)
    except GraderError as error:
        _give_up(error)
    print_tables(markdown=False)


@app.command("prove")
def prove_columns(
    assignments: Assignments = "backprop,dropout", columns: Columns = DEFAULT, cores: Cores = 2
) -> None:
    """Show that each contender gives all points to a solved notebook, and none to an empty one."""
    course, folder, _ = _place()
    try:
        classes.prove(_plan(assignments, "2", columns, {}, cores), course, folder, console)
    except GraderError as error:
        _give_up(error)


@app.command("table")
def print_tables(
    markdown: Annotated[bool, typer.Option("--markdown", help="As text for docs/benchmarks.md.")] = False,
) -> None:
    """Print what was measured of classes."""
    ledger = _place()[2]
    try:
        measured = ledger.read()
        if not measured:
            raise ConfigError(f"{ledger.path} has no measurement. Run: python -m grader.bench classes")
    except GraderError as error:
        _give_up(error)
    for sheet in sheets(measured):
        if markdown:
            typer.echo(f"{sheet.as_markdown()}\n")
        else:
            console.print(sheet.as_rich())
    for line in provenance(measured):
        typer.echo(f"- {line}")


def _plan(
    assignments: str, sizes: str, columns: str, limits: dict[str, int], cores: int, *, again: bool = False
) -> classes.Plan:
    known = {"backprop", "dropout"}
    wanted = tuple(assignments.split(","))
    if not set(wanted) <= known:
        raise ConfigError(
            f"--assignments {assignments}: asserts are written for {', '.join(sorted(known))} alone."
        )
    try:
        numbers = tuple(sorted({int(size) for size in sizes.split(",")}))
    except ValueError:
        raise ConfigError(
            f"--sizes {sizes}: write whole numbers with commas between, such as 50,100."
        ) from None
    if numbers[0] < 1:
        raise ConfigError(f"--sizes {sizes}: a class has at least one student.")
    return classes.Plan(wanted, numbers, tuple(map(column_of, columns.split(","))), limits, cores, again)


def _place() -> tuple[Path, Path, Ledger]:
    course = course_of(Path.cwd())
    folder = course / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return course, folder, Ledger(folder / "measured.jsonl")


def _give_up(error: GraderError) -> NoReturn:
    console.print(f"[bold red]{escape(str(error))}[/]")
    raise SystemExit(2) from None


if __name__ == "__main__":
    app(prog_name="python -m grader.bench")
