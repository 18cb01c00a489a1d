"""One submission's notebook in a living process: run it, and run it again when the process was lost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from grader.config import MEBIBYTE, Limits
from grader.errors import WallError
from grader.records import Cell, CellRun, Submission
from grader.sandbox.inside.channel import HEADER_BYTES
from grader.sandbox.inside.messages import CellDone, Output, Ready, Request, RunCell, Stream
from grader.sandbox.inside.outputs import OUTPUTS
from grader.sandbox.process import BadFrame, Ended, Late, Process

__all__ = ["RunningNotebook", "ending"]

READY_SECONDS = 30.0  # a machine that swaps
LOST_CELLS = 3  # cells that may kill or hang the process, each costing a run of the notebook
ROOM = 64 * 1024  # beyond the output limit, for the notes that say so
TOTAL_OUTPUTS = 2_000  # of a notebook; each of them is cleaned, stored and shown
PIECE_BYTES = 24  # what each text of an output counts beside its characters


class RunningNotebook:
    """
    The process of one submission, its notebook run.

    Args:
        submission: its cells.
        limits: its limits.
        fork: makes a new process.
    """

    def __init__(self, submission: Submission, limits: Limits, fork: Callable[[], Process]) -> None:
        self.limits = limits
        self.forks = 0
        self.runs: dict[int, CellRun] = {}
        self._cells = [cell for cell in submission.cells if cell.runs and cell.kind == "code"]
        self._fork = fork
        self._process: Process | None = None
        self._spent = 0.0
        self._skipped: set[int] = set()  # cells that are not run again
        self._last = len(submission.cells)  # cells from here on are not run at all
        self._number = 0

    @property
    def seconds_left(self) -> float:
        """What is left of the notebook's wall time: what its process takes, and what it asks for."""
        return self.limits.notebook_seconds - self._spent

    def number(self) -> int:
        """Return the next request's number."""
        self._number += 1
        return self._number

    def process(self) -> Process:
        """
        Return the living process, after running the notebook in a new one if need be.

        Raises:
            WallError: no process could be made.
        """
        while self._process is None or not self._process.alive:
            with self.charged():
                self._process = self._fork()
                self.forks += 1
                self._await_doors(self._process)
            self._run(self._process)
        return self._process

    def grade_id(self, index: int) -> str:
        """Return the grade_id of the cell at *index*."""
        return next((cell.grade_id for cell in self._cells if cell.index == index), "")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()

    def exchange(self, process: Process, deadline: float) -> tuple[Any, bytes]:
        """Wait for one reply, on the notebook's time; raises what Process.receive raises."""
        with self.charged():
            return process.receive(self.soonest(deadline))

    def send(self, process: Process, request: Request, body: list[memoryview], deadline: float) -> None:
        """Send one request, on the notebook's time; raises what Process.send raises."""
        with self.charged():
            process.send(request, body, self.soonest(deadline))

    def soonest(self, deadline: float) -> float:
        """Return *deadline*, or the moment at which the notebook's time is used up if that comes first."""
        return min(deadline, time.monotonic() + max(self.seconds_left, 0.0))

    @contextlib.contextmanager
    def charged(self) -> Iterator[None]:
        """Charge the wall time of a block to the notebook."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._spent += time.monotonic() - began

    def _await_doors(self, process: Process) -> None:
        try:
            reply, _ = process.receive(time.monotonic() + READY_SECONDS)
        except (Ended, Late, BadFrame) as error:
            process.end()
            raise WallError(f"A student's process did not start: {type(error).__name__} {error}") from error
        if not isinstance(reply, Ready) or reply.problem:
            process.end()
            raise WallError(
                f"A student's process could not give up its rights: {getattr(reply, 'problem', '')}"
            )

    def _run(self, process: Process) -> None:
        """Run the cells in order; return early if the process is lost in one, which is then not run again."""
        allowed = min(self.limits.output_bytes, HEADER_BYTES // 2)
        count = TOTAL_OUTPUTS
        for cell in self._cells:
            if cell.index >= self._last:
                self.runs.setdefault(
                    cell.index, CellRun(cell.index, error="not run: an earlier cell was stopped")
                )
            elif cell.index not in self._skipped:
                run = self._run_cell(process, cell, allowed, count)
                allowed -= sum(map(_size, run.outputs))
                count -= len(run.outputs)
                # What counts is the first time; a cell that is lost in a later run says so.
                if cell.index not in self.runs or cell.index in self._skipped:
                    self.runs[cell.index] = run
                if not process.alive:
                    return

    def _run_cell(self, process: Process, cell: Cell, allowed: int, count: int) -> CellRun:
        began = time.monotonic()
        outputs: tuple[dict[str, object], ...] = ()
        label = f"cell {cell.index + 1}"
        try:
            deadline = began + self.limits.cell_seconds
            self.send(process, RunCell(self.number(), cell.source, label, max(allowed, 0)), [], deadline)
            reply, _ = self.exchange(process, deadline)
            if isinstance(reply, CellDone) and reply.number == self._number:
                outputs, error = _capped(reply.outputs, allowed, count), reply.error[:2000]
            else:
                process.end()
                error = self._lose(cell, "stopped: what it sent could not be read")
        except (Ended, Late, BadFrame) as problem:
            error = self._lose(cell, f"stopped{ending(problem, self.limits, self.limits.cell_seconds)}")
        return CellRun(cell.index, outputs, error, time.monotonic() - began)

    def _lose(self, cell: Cell, error: str) -> str:
        """Note that *cell* must not run again; after too many of them the notebook ends before the next."""
        if len(self._skipped) >= LOST_CELLS or self.seconds_left <= 0:
            self._last = cell.index
        self._skipped.add(cell.index)
        return error


def ending(problem: Ended | Late | BadFrame, limits: Limits, seconds: float) -> str:
    """Return how the student's process was lost, as the end of a sentence that begins "... was stopped"."""
    if isinstance(problem, Late):
        return f" after {seconds:g} s"
    if isinstance(problem, BadFrame):
        return ": what it sent could not be read"
    if problem.cause == "memory":
        return f": it used more than {limits.memory_bytes / MEBIBYTE:g} MiB of memory"
    if problem.cause == "processes":
        return f": it started more than {limits.processes} processes"
    if problem.exit_code < 0:
        return f": the Python process crashed (signal {-problem.exit_code})"
    return f": it ended the Python process (exit code {problem.exit_code})"


def _capped(outputs: list[Output], allowed: int, count: int) -> tuple[dict[str, object], ...]:
    """
    Return the outputs as nbformat's dicts.

    They are all dropped if the other side did not keep to the limit of *allowed* bytes; only *count* of them
    are kept.
    """
    plain: list[dict[str, object]] = [msgspec.to_builtins(each) for each in outputs[: OUTPUTS + 2]]
    if sum(map(_size, plain)) > max(allowed, 0) + ROOM:
        return (_note("The output was dropped: it is larger than allowed.\n"),)
    if len(plain) > count:
        # Where there is no more room at all, an empty cell says it; the cell before has the note.
        return (*plain[: count - 1], _note(f"... beyond {TOTAL_OUTPUTS:,} outputs.\n")) if count > 0 else ()
    return tuple(plain)


def _note(text: str) -> dict[str, object]:
    note: dict[str, object] = msgspec.to_builtins(Stream("stderr", text))
    return note


def _size(output: object) -> int:
    if isinstance(output, str):
        return len(output) + PIECE_BYTES
    if isinstance(output, dict):
        return sum(map(_size, (*output, *output.values())))
    return sum(map(_size, output)) if isinstance(output, list) else 0
