"""
`make soak`: a thousand mixed submissions, a quarter of them broken or hostile, graded in one run of nbgrader.

Each must have the score that its kind must have, or be named for a person. Afterwards no process, mount or
file may be left, and the memory of nbgrader's process may not have grown. docs/benchmarks.md has the figures.
"""

from __future__ import annotations

import collections
import enum
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from grader.bench import orphans
from grader.bench.classroom import WORKERS, Classroom
from grader.bench.growth import MEBIBYTE, WARM_UP, Growth, Sample, Sampler, growth
from grader.bench.mixture import HandedIn, kinds, mix
from grader.demo.marks import problems_of_all, read_marks
from grader.demo.papers import Student
from grader.errors import GraderError
from grader.pipeline import course_of

__all__ = ["main"]

FOLDER = Path("build") / "soak"
PATIENCE = 10.0  # seconds for processes to go when nbgrader has ended
WALK_SECONDS = 0.25  # a submission in nbgrader's own process, which works while the workers do
START_SECONDS = 10.0
# A submitted file is 50 KB as text, and more as objects: one in two that is kept by mistake is found by this.
FLAT_BYTES = 20 * MEBIBYTE  # per thousand submissions
JUDGED_FROM = 1000  # students: in fewer, caches still fill after the first fifth, and the line rises by that
console = Console(width=120, highlight=False)


class Outcome(enum.Enum):
    """What became of a submission."""

    AS_EXPECTED = "as expected"
    FLAGGED = "flagged"
    WRONG = "wrong"
    LOST = "lost"


class Result(msgspec.Struct, frozen=True):
    """
    What `result.json` keeps of a run.

    Args:
        students: how many.
        seconds: nbgrader's wall time.
        estimate: what was reckoned before.
        kinds: kind → outcome → how many.
        growth: of the main process, by what was measured; None where the class was too small.
        failures: a line for each thing that is not as it must be; empty: the soak is passed.
        samples: what was seen of the main process.
    """

    students: int
    seconds: float
    estimate: float
    kinds: dict[str, dict[str, int]]
    growth: dict[str, Growth | None]
    failures: list[str]
    samples: list[Sample]


class _Run(msgspec.Struct):
    """One run of nbgrader as it was seen from outside."""

    exit_code: int
    seconds: float
    samples: list[Sample]
    left: list[str]


MEASURED: dict[str, Callable[[Sample], float]] = {
    "resident memory (RSS)": lambda sample: sample.resident_bytes,
    "proportional memory (PSS)": lambda sample: sample.proportional_bytes,
    "private memory": lambda sample: sample.private_bytes,
    "open files": lambda sample: sample.descriptors,
    "threads": lambda sample: sample.threads,
}


def main(
    students: Annotated[int, typer.Option(min=1, help="One submission each.")] = 1000,
    folder: Annotated[Path, typer.Option(help="For the scratch course; emptied first.")] = FOLDER,
) -> None:
    """Grade a large mixed class with the real nbgrader, and look at what is left."""
    try:
        result = _soak(students, folder.absolute())
    except GraderError as error:
        console.print(f"[bold red]{error}[/]")
        raise SystemExit(2) from None
    (folder / "result.json").write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1))
    _show(result)
    raise SystemExit(1 if result.failures else 0)


def _soak(students: int, folder: Path) -> Result:
    orphans.adopt()
    room = Classroom(course_of(Path.cwd()), folder)
    book = room.lay_out()
    every = kinds(book, room.original)
    papers = mix(every, students)
    room.hand_in(papers)
    estimate = START_SECONDS + max(
        WALK_SECONDS * students, sum(each.kind.seconds for each in papers) / WORKERS
    )
    hostile = sum(each.kind.hostile for each in papers)
    console.print(
        f"{students} students, {hostile} of them broken or hostile; about {estimate / 60:.0f} minutes on two "
        f"idle cores. What nbgrader says: {room.log}",
        soft_wrap=True,
    )
    run = _graded(room)
    outcomes = _outcomes(room, papers)
    counts = {kind.name: collections.Counter[str]() for kind in every}
    for handed_in, (outcome, _) in zip(papers, outcomes, strict=True):
        counts[handed_in.kind.name][outcome.value] += 1
    grown = {name: growth(run.samples, of, students) for name, of in MEASURED.items()}
    failures = [
        f"{each.student} ({each.kind.name}): {t}" for each, (_, t) in zip(papers, outcomes, strict=True) if t
    ]
    failures += [*run.left, *_steady(grown, students)]
    if bool(run.exit_code) != any(each.kind.flagged for each in papers):
        failures.append(f"nbgrader ended with exit code {run.exit_code}")
    return Result(
        students, run.seconds, estimate, {k: dict(v) for k, v in counts.items()}, grown, failures, run.samples
    )


def _graded(room: Classroom) -> _Run:
    """Run nbgrader, look at its process meanwhile, and at what is left afterwards."""
    graded = room.course / "autograded"
    mounts = Path("/proc/self/mountinfo").read_text()
    began = time.monotonic()
    process = room.start("autograde")
    sampler = Sampler(process.pid, lambda: sum(1 for _ in graded.iterdir()) if graded.is_dir() else 0)
    exit_code = process.wait()
    seconds = time.monotonic() - began
    samples = sampler.stop()
    pids, _ = orphans.left(PATIENCE)
    left = [f"the process {pid} is left: {orphans.command_of(pid)}" for pid in pids]
    orphans.end(pids)
    if Path("/proc/self/mountinfo").read_text() != mounts:
        left.append("a mount has come or gone; see /proc/self/mountinfo")
    left += [f"the file {path} is left" for path in room.leftovers()]
    return _Run(exit_code, seconds, samples, left)


def _outcomes(room: Classroom, papers: list[HandedIn]) -> list[tuple[Outcome, str]]:
    """Return what became of each submission, and what is wrong with that; empty where nothing is."""
    flagged = set(re.findall(r"(student-\d+)/\S+: (?:was not graded|needs a person)", room.log.read_text()))
    class_ = tuple(Student(each.student, each.kind.name, (each.paper,)) for each in papers)
    marks = read_marks(room.course, class_)
    found = []
    for each, mark, problems in zip(papers, marks, problems_of_all(marks), strict=True):
        if each.student in flagged:
            # Named for a person: no points may stand in the gradebook as if it were graded.
            wrong = "" if each.kind.flagged and not mark.points else "was left to a person"
            found.append((Outcome.FLAGGED, wrong))
        elif not mark.points:
            found.append((Outcome.LOST, "is neither graded nor named"))
        elif each.kind.flagged:
            found.append((Outcome.WRONG, "was graded, and should be left to a person"))
        else:
            found.append((Outcome.WRONG if problems else Outcome.AS_EXPECTED, "; ".join(problems)))
    return found


def _steady(grown: dict[str, Growth | None], students: int) -> list[str]:
    """Return in what the main process has grown; nothing of a class too small to say."""
    if students < JUDGED_FROM:
        return []
    found = []
    for name, line in grown.items():
        bound = FLAT_BYTES if "memory" in name else 1.0
        if line is None:
            found.append(f"{name}: too few samples to judge by")
        elif line.per_thousand > bound:
            found.append(
                f"{name} grows by {line.per_thousand:.3g} in a thousand submissions, above {bound:g}"
            )
    return found


def _show(result: Result) -> None:
    table = Table(title="A soak: what became of each kind")
    table.add_column("kind")
    for column in ("handed in", *(outcome.value for outcome in Outcome)):
        table.add_column(column, justify="right")
    total = collections.Counter[str]()
    for kind, counts in result.kinds.items():
        total.update(counts)
        if counts:
            table.add_row(kind, str(sum(counts.values())), *_columns(counts))
    table.add_section()
    table.add_row("all", str(total.total()), *_columns(total))
    console.print(table)
    console.print(
        f"{result.seconds:.0f} s, {result.students / result.seconds * 60:.0f} submissions a minute."
    )
    _show_growth(result)
    if not result.failures:
        console.print("[bold green]Nothing lost, nothing left behind.[/]")
        return
    console.print(f"[bold red]{len(result.failures)} things are not as they must be:[/]")
    for line in result.failures:
        console.print(f"  {line}", markup=False, soft_wrap=True)


def _columns(counts: dict[str, int]) -> list[str]:
    return [str(counts.get(outcome.value, 0)) for outcome in Outcome]


def _show_growth(result: Result) -> None:
    table = Table(title=f"nbgrader's process: a line through the samples but for the first {WARM_UP:.0%}")
    table.add_column("what")
    for column in ("after the warm-up", "growth in a thousand", "most"):
        table.add_column(column, justify="right")
    for name, line in result.growth.items():
        unit, per = ("MiB", MEBIBYTE) if "memory" in name else ("", 1)
        values = (line.at_warm_up, line.per_thousand, line.most) if line else ()
        table.add_row(name, *(f"{value / per:.1f} {unit}" for value in values))
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
