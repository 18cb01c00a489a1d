"""
`make kills`: the grader is killed at random moments and run again; the gradebook must be as if undisturbed.

Some kills hit one of the processes that grade ahead, and that run must come to its end by itself; some hit
the second run, too. docs/benchmarks.md has the figures.
"""

from __future__ import annotations

import enum
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from grader.bench import orphans
from grader.bench.classroom import Classroom
from grader.bench.mixture import HandedIn, kinds, mix
from grader.bench.outcome import differences, outcome_of
from grader.demo.papers import Book, Paper
from grader.errors import ConfigError, GraderError
from grader.pipeline import course_of

__all__ = ["main"]

FOLDER = Path("build") / "kills"
PATIENCE = 10.0  # seconds for what hangs on a killed process to go
QUICK_SECONDS = 1.0  # of a kind: slower ones make each run long, and no moment in it special
WORKER = "multiprocessing.spawn"  # in the command line of a process that grades ahead
MISSES = 10  # in a row, of kills that came when the run had ended
SHOWN = 5  # differences of one trial
LOOK_SECONDS = 0.02
console = Console(width=120, highlight=False)


class Victim(enum.Enum):
    """Whom a kill hits."""

    MAIN = "nbgrader"
    TWICE = "nbgrader, and again in the second run"
    WORKER = "a worker"


# Of ten kills, six hit nbgrader once, two twice, two a worker.
TURNS = (
    *(Victim.MAIN, Victim.WORKER, Victim.MAIN, Victim.TWICE, Victim.MAIN),
    *(Victim.MAIN, Victim.TWICE, Victim.MAIN, Victim.WORKER, Victim.MAIN),
)


class Kill(msgspec.Struct, frozen=True):
    """
    One kill.

    Args:
        moment: seconds after the start of its run.
        state: what was done by then.
        ended: seconds until the last process of the run was gone; None where nbgrader went on.
        problems: what should not be.
        exit_code: of nbgrader.
    """

    moment: float
    state: str
    ended: float | None
    problems: list[str]
    exit_code: int


class Trial(msgspec.Struct, frozen=True):
    """
    A course graded from its beginning to its end, with kills on the way.

    Args:
        victim: who was killed.
        kills: when, and how that was.
        problems: where the end is not that of the undisturbed run.
    """

    victim: Victim
    kills: list[Kill]
    problems: list[str]


class Result(msgspec.Struct, frozen=True):
    """
    What `result.json` keeps.

    Args:
        seed: what the moments were drawn from.
        students: how many.
        seconds: of the undisturbed run.
        trials: in their order.
    """

    seed: int
    students: int
    seconds: float
    trials: list[Trial]


class _TooLateError(Exception):
    """The run had ended before the moment of the kill."""


class _Ground:
    """
    A course that is put back to its beginning for each trial.

    Args:
        room: where it is graded.
        students: how many.
    """

    def __init__(self, room: Classroom, students: int) -> None:
        self._room = room
        self._papers = _class_of(room.lay_out(), room, students)
        self._fresh = room.course.with_name("fresh")
        shutil.rmtree(self._fresh, ignore_errors=True)
        shutil.copytree(room.course, self._fresh)
        self._restore()
        began = time.monotonic()
        self._exit_code = room.start("autograde").wait()
        self.seconds = time.monotonic() - began
        self._expected = outcome_of(room.course)
        if not self._expected["grade"]:
            raise ConfigError(f"The undisturbed run graded nothing; see {room.log}.")

    def trial(self, victim: Victim, rng: random.Random) -> Trial:
        """
        Kill, run to the end, and compare.

        Raises:
            _TooLateError: the run had ended.
        """
        self._restore()
        kills = [self._kill(victim, rng.uniform(0, self.seconds))]
        if victim is Victim.TWICE:
            # It has less to do, and is over sooner.
            kills.append(self._kill(victim, rng.uniform(0, self.seconds / 2)))
        exit_code = kills[-1].exit_code
        if victim is not Victim.WORKER:
            exit_code = self._room.start("autograde").wait()
        problems = [*(problem for kill in kills for problem in kill.problems), *_left_running()[0]]
        problems += [f"the file {path} is left" for path in self._room.leftovers()]
        problems += differences(outcome_of(self._room.course), self._expected)
        if exit_code != self._exit_code:
            problems.append(f"the exit code is {exit_code}, not {self._exit_code}")
        return Trial(victim, kills, problems)

    def _restore(self) -> None:
        """Put the course back to before any grading."""
        shutil.rmtree(self._room.course)
        shutil.rmtree(self._room.temporary, ignore_errors=True)
        self._room.temporary.mkdir()
        shutil.copytree(self._fresh, self._room.course)
        self._room.hand_in(self._papers)

    def _kill(self, victim: Victim, moment: float) -> Kill:
        """Start nbgrader and kill it, or one of its workers, *moment* seconds later."""
        began = time.monotonic()
        run = self._room.start("autograde")
        try:
            time.sleep(moment)
            hit = _worker_of(run) if victim is Victim.WORKER else run.pid
            if run.poll() is not None:
                raise _TooLateError
            state = self._state(run)
            moment = time.monotonic() - began
            os.kill(hit, signal.SIGKILL)
            exit_code = run.wait()
        finally:
            run.kill()
            run.wait()
        if victim is Victim.WORKER:
            return Kill(moment, state, None, [], exit_code)
        left, seconds = _left_running()
        return Kill(moment, state, seconds, left, exit_code)

    def _state(self, run: subprocess.Popen[bytes]) -> str:
        """Say in words how far a run has come."""
        course = self._room.course
        begun, records, graded = (
            sum(1 for _ in course.glob(pattern))
            for pattern in ("records/*/*/.unfinished", "records/*/*/*.json", "autograded/*/*/*.ipynb")
        )
        if not (begun or records or graded):
            return "workers are there" if _workers(run) else "starting"
        return f"notebooks written: {graded}, at work: {begun}, records: {records}"


def main(
    times: Annotated[int, typer.Option(min=1, help="How often.")] = 20,
    students: Annotated[int, typer.Option(min=2, help="One submission each.")] = 12,
    seed: Annotated[int | None, typer.Option(help="Of the moments; drawn and printed if not given.")] = None,
    folder: Annotated[Path, typer.Option(help="For the scratch course; emptied first.")] = FOLDER,
) -> None:
    """Kill the grader at random moments, run it again, and compare with an undisturbed run."""
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    rng = random.Random(seed)
    try:
        orphans.adopt()
        ground = _Ground(Classroom(course_of(Path.cwd()), folder.absolute()), students)
        console.print(
            f"{students} submissions; undisturbed {ground.seconds:.1f} s; moments from seed {seed}; about "
            f"{2 * times * ground.seconds / 60:.0f} minutes."
        )
        trials = [_told(_next(ground, turn, rng), turn) for turn in range(times)]
    except GraderError as error:
        console.print(f"[bold red]{error}[/]")
        raise SystemExit(2) from None
    result = Result(seed, students, ground.seconds, trials)
    (folder / "result.json").write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1))
    wrong = sum(bool(trial.problems) for trial in trials)
    if wrong:
        console.print(f"[bold red]{wrong} of {times} did not end as the undisturbed run did.[/]")
    else:
        console.print(f"[bold green]All {times} ended as the undisturbed run did.[/]")
    raise SystemExit(1 if wrong else 0)


def _class_of(book: Book, room: Classroom, students: int) -> list[HandedIn]:
    """Return honest work and quick mischief in turn; every other one handed in with a timestamp."""
    quick = [kind for kind in kinds(book, room.original) if kind.seconds <= QUICK_SECONDS]
    honest = [kind for kind in quick if not kind.hostile]
    rough = [kind for kind in quick if kind.hostile]
    chosen = mix(honest, students // 2) + mix(rough, students - students // 2)
    return [
        msgspec.structs.replace(each, student=f"student-{place:04}", paper=_dated(each.paper, place))
        for place, each in enumerate(chosen)
    ]


def _dated(paper: Paper, place: int) -> Paper:
    if place % 2 or paper.handed_in:
        return paper
    return msgspec.structs.replace(paper, handed_in=f"2026-06-01 12:00:{place % 60:02} UTC")


def _next(ground: _Ground, turn: int, rng: random.Random) -> Trial:
    for _ in range(MISSES):
        try:
            return ground.trial(TURNS[turn % len(TURNS)], rng)
        except _TooLateError:
            continue
    raise ConfigError(f"{MISSES} runs in a row had ended before they were to be killed. Is the machine busy?")


def _left_running() -> tuple[list[str], float]:
    """Wait for all processes to go; return a line for each that did not, and how long that took."""
    pids, seconds = orphans.left(PATIENCE)
    found = [f"the process {pid} is left: {orphans.command_of(pid)}" for pid in pids]
    orphans.end(pids)
    return found, seconds


def _workers(run: subprocess.Popen[bytes]) -> list[int]:
    return [pid for pid in orphans.below(run.pid) if WORKER in orphans.command_of(pid)]


def _worker_of(run: subprocess.Popen[bytes]) -> int:
    """Return a worker, waiting for one where there is none yet."""
    while run.poll() is None:
        if found := _workers(run):
            return found[0]
        time.sleep(LOOK_SECONDS)
    raise _TooLateError


def _told(trial: Trial, turn: int) -> Trial:
    """Print a trial, and return it."""
    same = "[green]the same[/]" if not trial.problems else "[red]not the same[/]"
    console.print(f"{turn + 1:3}  {trial.victim.value}: {same}")
    for kill in trial.kills:
        gone = "" if kill.ended is None else f"; all processes gone after {kill.ended:.2f} s"
        console.print(f"     at {kill.moment:5.2f} s: {kill.state}{gone}")
    for problem in trial.problems[:SHOWN]:
        console.print(f"     {problem}", markup=False, soft_wrap=True)
    if len(trial.problems) > SHOWN:
        console.print(f"     and {len(trial.problems) - SHOWN} more, in result.json")
    return trial


if __name__ == "__main__":
    typer.run(main)
