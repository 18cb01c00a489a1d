"""How the cost of a class grows with its size: each contender grades classes of several sizes."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from grader.bench.columns import Column, Course
from grader.bench.courses import Points
from grader.bench.ledger import Ledger, Measurement
from grader.bench.measure import Usage
from grader.bench.students import is_solved, name_of, paper_of, unsolved
from grader.errors import ConfigError

__all__ = ["Plan", "machine", "prove", "run"]


class Plan(msgspec.Struct, frozen=True):
    """
    What is to be measured.

    Args:
        assignments: such as ("backprop", "dropout").
        sizes: students of each class.
        columns: who grades.
        limits: contender → largest class that it grades; the others grade all.
        cores: that grading may use.
        again: whether what the ledger has is measured once more.
    """

    assignments: tuple[str, ...]
    sizes: tuple[int, ...]
    columns: tuple[Column, ...]
    limits: dict[str, int]
    cores: int
    again: bool


def run(plan: Plan, original: Path, folder: Path, ledger: Ledger, console: Console) -> None:
    """
    Measure what is missing, size after size, the contenders in turn.

    Args:
        plan: what is wanted.
        original: the real course folder, only read.
        folder: where scratch courses come to lie.
        ledger: what was measured, and takes what is.
        console: says how far it is.

    Raises:
        ConfigError: a contender failed, or gave a right paper less than all points.
    """
    for assignment, students, column in _missing(plan, folder, ledger, console):
        started = datetime.datetime.now(datetime.UTC)
        course = _class_of(column, assignment, students, original, folder)
        usage = course.autograde(plan.cores, flags=column.flags)
        _demand_full_marks(column, course.points(), {name_of(n) for n in range(students) if is_solved(n)})
        notebooks = len(course.books())
        measurement = Measurement(
            assignment=assignment,
            contender=column.contender,
            students=students,
            notebooks=notebooks,
            workers=column.workers,
            wall_seconds=usage.wall_seconds,
            cpu_seconds=usage.cpu_seconds,
            cpu_complete=usage.cpu_complete,
            peak_bytes=usage.peak_bytes,
            machine=machine(plan.cores),
            versions=column.versions(),
            date=started.isoformat(timespec="seconds"),
        )
        ledger.add(measurement)
        shutil.rmtree(course.folder)
        console.print(_line(measurement, usage))


def prove(plan: Plan, original: Path, folder: Path, console: Console) -> None:
    """
    Let every contender grade a solved paper and an empty one: all points, and none.

    Raises:
        ConfigError: a contender gave something else.
    """
    for assignment in plan.assignments:
        for column in _available(plan.columns, folder, console):
            course = column.course(original, assignment, _place(folder, "prove", assignment, column), folder)
            course.lay_out()
            course.hand_in("solved", [paper_of(book, 0) for book in course.books()])
            course.hand_in("unsolved", [unsolved(book, 1) for book in course.books()])
            course.autograde(plan.cores, flags=column.flags)
            points = course.points()
            _demand_full_marks(column, points, {"solved"})
            _demand_nothing(column, points, "unsolved")
            shutil.rmtree(course.folder)
            console.print(f"{assignment}, {column.name}: all points for the solution, none for the release.")


def machine(cores: int) -> str:
    """Return the processor's name and how many of its cores grade."""
    there = len(os.sched_getaffinity(0))
    return f"{_processor()}, {min(cores, there)} of {os.cpu_count()} cores"


def _missing(plan: Plan, folder: Path, ledger: Ledger, console: Console) -> Iterator[tuple[str, int, Column]]:
    columns = _available(plan.columns, folder, console)
    known = {} if plan.again else ledger.read()
    for assignment in plan.assignments:
        for students in plan.sizes:
            for column in columns:
                if students > plan.limits.get(column.contender, students):
                    console.print(f"[dim]{assignment}, {students} students: left out for {column.name}[/]")
                elif (assignment, column.contender, column.workers, students) in known:
                    console.print(f"[dim]{assignment}, {students} students: {column.name} is measured[/]")
                else:
                    yield assignment, students, column


def _available(columns: Sequence[Column], folder: Path, console: Console) -> list[Column]:
    found = []
    for column in columns:
        try:
            column.prepare(folder)
        except ConfigError as error:
            console.print(f"[bold]{column.name} is left out.[/] {error}")
        else:
            found.append(column)
    return found


def _class_of(column: Column, assignment: str, students: int, original: Path, folder: Path) -> Course:
    """Lay a fresh course out, so that no grade of an earlier run is there."""
    course = column.course(original, assignment, _place(folder, str(students), assignment, column), folder)
    course.lay_out()
    books = course.books()
    for number in range(students):
        course.hand_in(name_of(number), [paper_of(book, number) for book in books])
    return course


def _place(folder: Path, what: str, assignment: str, column: Column) -> Path:
    place = folder / "classes" / f"{assignment}-{what}-{column.name}"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _demand_full_marks(column: Column, points: Sequence[Points], right: set[str]) -> None:
    """What does not grade a right paper right is not grading: its seconds say nothing."""
    graded = {each.student for each in points}
    if not right <= graded:
        raise ConfigError(f"{column.name} did not grade {', '.join(sorted(right - graded))}.")
    for each in points:
        if each.student in right and each.points != each.possible:
            raise ConfigError(
                f"{column.name} gave {each.student}'s right {each.notebook} "
                f"{each.points:g} of {each.possible:g} points, so its seconds would say nothing. "
                "Look at its asserts, or at its log."
            )


def _demand_nothing(column: Column, points: Sequence[Points], student: str) -> None:
    found = [each for each in points if each.student == student]
    if not found:
        raise ConfigError(f"{column.name} did not grade {student}.")
    for each in found:
        if each.points != 0:
            raise ConfigError(
                f"{column.name} gave the empty {each.notebook} {each.points:g} of {each.possible:g} points. "
                "Look at its asserts: they hold for functions that nobody wrote."
            )


def _line(measurement: Measurement, usage: Usage) -> str:
    column = Column(measurement.contender, measurement.workers).name
    submissions = measurement.students
    return (
        f"{measurement.assignment}, {submissions} students, {column}: "
        f"{usage.wall_seconds:.1f} s, {usage.wall_seconds / submissions:.2f} s a submission; "
        f"CPU {usage.cpu_seconds:.1f} s, of these {usage.waited_cpu_seconds:.1f} s waited for; "
        f"peak {usage.peak_bytes / 2**20:.0f} MiB"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
