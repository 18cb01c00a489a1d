"""What an instructor sees while a class is graded: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

__all__ = ["ClassProgress"]

STILL = 3  # notebooks: fewer need neither a bar nor lines


class ClassProgress:
    """
    Counts the notebooks of one run.

    Args:
        total: how many are due.
        log: where lines go if there is no terminal.
        line_seconds: between two of these lines.
    """

    def __init__(self, total: int, log: logging.Logger, line_seconds: float) -> None:
        self.total = total
        self.done = 0
        self.failed = 0
        self._log = log
        self._line_seconds = line_seconds
        self._began = self._told = time.monotonic()
        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._task = TaskID(0)

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bar meanwhile, where there is a terminal; what is logged goes above it."""
        if self.total <= STILL or not self._console.is_terminal:
            yield
            return
        self._bar = Progress(
            TextColumn("graded"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[failed]}"),
            console=self._console,
        )
        with self._bar, _above(self._bar, self._log):
            self._task = self._bar.add_task("", total=self.total, rate="", failed="")
            yield

    def advance(self, failed: int) -> None:
        """Count one notebook; *failed*: how many need a person so far."""
        self.done += 1
        self.failed = failed
        if self._bar is not None:
            told = f"[red]{failed} need a person[/]" if failed else ""
            self._bar.update(self._task, completed=self.done, rate=self._rate(), failed=told)
        elif self.total > STILL and time.monotonic() - self._told > self._line_seconds:
            self._told = time.monotonic()
            self._log.info("%s", self.line())

    def line(self) -> str:
        """Return how far it is, in words."""
        if not self.total:
            return "0 notebooks graded: none is due"
        text = f"{self.done} of {self.total} notebooks graded, {self._rate()}"
        if 0 < self.done < self.total:
            left = (time.monotonic() - self._began) / self.done * (self.total - self.done)
            text += f", about {_duration(left)} left"
        return f"{text}, {self.failed} need a person" if self.failed else text

    def _rate(self) -> str:
        seconds = time.monotonic() - self._began
        return f"{60 * self.done / seconds:.0f} a minute" if seconds else ""


@contextlib.contextmanager
def _above(bar: Progress, log: logging.Logger) -> Iterator[None]:
    """Let the log's lines appear above the bar, not through it."""
    handlers: list[logging.StreamHandler[Any]] = []
    at: logging.Logger | None = log
    while at is not None:
        handlers += [each for each in at.handlers if isinstance(each, logging.StreamHandler)]
        at = at.parent if at.propagate else None
    streams = [(each, each.stream) for each in handlers if each.stream in (sys.stderr, sys.__stderr__)]
    for handler, _ in streams:
        handler.stream = _Lines(bar)
    try:
        yield
    finally:
        for handler, stream in streams:
            handler.stream = stream


class _Lines:
    """A stream that prints each line above the bar."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar

    def write(self, text: str) -> None:
        """Print; without markup, since a student may have written it."""
        if text.strip():
            self._bar.console.print(text.rstrip("\n"), markup=False, highlight=False, soft_wrap=True)

    def flush(self) -> None:
        """Do nothing: each line is out already."""


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
