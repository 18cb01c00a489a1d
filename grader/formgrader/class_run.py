"""One run of `nbgrader autograde` over a whole class, started by the button."""

from __future__ import annotations

import atexit
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

import msgspec

__all__ = ["ClassRun", "State"]

LINE_SECONDS = 2.0  # between lines of progress
KEPT_LINES = 300
PROGRESS = "notebooks graded"  # what grader.pool.progress says


class State(msgspec.Struct, frozen=True):
    """
    How far a run is, for the page.

    Args:
        running: whether it goes on.
        progress: its last line of progress.
        log: its last lines.
        exit_code: of the command; None while it runs.
    """

    running: bool
    progress: str
    log: str
    exit_code: int | None


class ClassRun:
    """
    A child process that grades an assignment, as an instructor would at the command line.

    A process of its own: graded in the server itself, a class would hold up every page meanwhile.

    Args:
        course: the course folder.
        assignment: what is graded.
        again: also what is graded already.
    """

    def __init__(self, course: Path, assignment: str, *, again: bool) -> None:
        self.assignment = assignment
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._progress = ""
        flags = ["--force"] if again else []
        self._process = subprocess.Popen(  # noqa: S603
            [
                sys.executable,
                "-m",
                "nbgrader",
                "autograde",
                f"--assignment={assignment}",
                f"--GraderPool.line_seconds={LINE_SECONDS}",
                *flags,
            ],
            cwd=course,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        atexit.register(self.stop)  # with the server; what is graded stays, and the button goes on there

    def state(self) -> State:
        """Return how far it is."""
        code = self._process.poll()
        if code is not None:
            self._reader.join(1.0)
        return State(code is None, self._progress, "\n".join(self._lines), code)

    def stop(self) -> None:
        """Stop as Ctrl-C does: what is graded stays."""
        atexit.unregister(self.stop)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        for line in self._process.stdout:
            self._lines.append(line.rstrip("\n"))
            if PROGRESS in line:
                self._progress = line.rpartition("] ")[2].strip()
