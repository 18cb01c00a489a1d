"""What is being graded ahead of nbgrader's walk."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from typing import Protocol

import msgspec

from grader import archive
from grader.config import Config
from grader.records import Grade, Submission

__all__ = ["Ahead", "Lost", "Workers"]

TRIES = 2  # of one submission; then nbgrader's own process grades it


class Lost(Exception):  # noqa: N818 - what happened to a worker, no fault in the course
    """The worker died, or can't be reached, before it gave a result."""


class Workers(Protocol):
    """Where submissions are graded: processes here, or machines of a cluster."""

    slots: int

    def submit(self, submission: Submission) -> Future[Grade]:
        """Start grading; the future may raise Lost."""

    def close(self) -> None:
        """Stop: what is running is given up."""


class _Task(msgspec.Struct):
    """One submission on its way."""

    submission: Submission
    future: Future[Grade]
    tries: int = 1


class Ahead:
    """
    Keeps the workers busy with the submissions that come next.

    Args:
        workers: who grades.
        coming: the submissions in the order of the walk; read only as far as there is room.
        config: the course, which the records are written to; None: nothing is written.
        known: says whether a submission needs no grading, since its record is there.
    """

    def __init__(
        self,
        workers: Workers,
        coming: Iterator[Submission],
        config: Config | None,
        known: Callable[[Submission], bool],
    ) -> None:
        self._workers = workers
        self._coming = coming
        self._config = config
        self._known = known
        self._tasks: dict[tuple[str, str, str], _Task] = {}
        # Enough that no worker waits while the walk is at something slow; few enough that results, with
        # the outputs of notebooks in them, don't pile up.
        self._room = 3 * workers.slots + 1
        self._passed: deque[tuple[str, str, str]] = deque(maxlen=self._room)

    def take(self, submission: Submission) -> Grade | None:
        """
        Wait for the grade of a submission that the walk has come to.

        Returns:
            Its grade; None where it was not graded ahead, or could not be: then it is graded here, and
            whatever is wrong shows there.
        """
        self._fill()
        key = _key(submission)
        task = self._tasks.pop(key, None)
        if task is None:
            return None
        if task.submission != submission:
            # The file has changed since it was read: what is graded is what the walk reads.
            task.future.cancel()
            return None
        while True:
            try:
                return task.future.result()
            except (Lost, CancelledError):
                if task.tries >= TRIES:
                    return None
                task.tries += 1
                task.future = self._workers.submit(submission)
            except Exception:  # noqa: BLE001 - the same comes up again where it can be told
                return None

    def close(self) -> None:
        """Give up what is running."""
        self._workers.close()
        self._tasks.clear()

    def _fill(self) -> None:
        """Send submissions until there are enough on their way."""
        while len(self._tasks) < self._room:
            submission = next(self._coming, None)
            if submission is None:
                return
            if not self._known(submission):
                future = self._workers.submit(submission)
                future.add_done_callback(self._keep)
                self._tasks[_key(submission)] = _Task(submission, future)

    def _keep(self, future: Future[Grade]) -> None:
        """Write the record as soon as the result is here: it outlives whatever happens to the walk."""
        if self._config is None or future.cancelled():
            return
        if future.exception() is None and future.result().points is not None:
            archive.save(future.result(), self._config.course)


def _key(submission: Submission) -> tuple[str, str, str]:
    return submission.student_id, submission.assignment, submission.notebook
