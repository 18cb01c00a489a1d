"""What is being graded ahead of nbgrader's walk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from typing import Protocol

import msgspec

from grader import archive
from grader.config import Config
from grader.errors import GraderError, WallError
from grader.records import Grade, Submission

__all__ = ["Ahead", "Lost", "Stopped", "Workers"]

# Submissions that are sent, or graded and not yet taken, for each worker. A notebook may take twenty times as
# long as most do, when a wrong function makes its trainings fail and all of them are tried again.
FOR_EACH_WORKER = 16
PASSED = 32  # submissions that are read past since their records are there: what was read stays in memory
# Of one submission; then a person looks. One that is lost beside another one's crash has two tries left.
TRIES = 3


class Lost(Exception):  # noqa: N818 - what happened to a worker, no fault in the course
    """The worker died, or can't be reached, before it gave a result."""


class Stopped(BaseException):
    """
    Nothing more can be graded in this run; the message says why.

    No Exception: nbgrader and we pass over those to the next submission, and there would be one for each.
    """


class Workers(Protocol):
    """Where submissions are graded: processes here, or machines of a cluster."""

    @property
    def slots(self) -> int:
        """How many submissions can be graded at the same time."""

    @property
    def elsewhere(self) -> bool:
        """Whether the walls stand on other machines, so that this one needs none."""

    def submit(self, submission: Submission) -> Future[Grade]:
        """Start grading; the future may raise Lost, Stopped, or what pipeline.grade raises."""

    def close(self) -> None:
        """Stop: what is running is given up."""


class _Task(msgspec.Struct):
    """One submission on its way."""

    submission: Submission
    future: Future[Grade]
    tries: int = 1
    dropped: bool = False  # the file has changed: its grade is nobody's any more


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
        self._passed: set[tuple[str, str, str]] = set()  # read, known, and not yet taken
        self._keeping = threading.Lock()

    def take(self, submission: Submission) -> Grade | None:
        """
        Wait for the grade of a submission that the walk has come to.

        Returns:
            Its grade; None where its record has it, or where no worker could grade it: then it is graded
            here, and whatever is wrong shows there.

        Raises:
            GraderError: it can't be graded, or the processes that tried to came to an end.
            Stopped: nothing more can be graded.
        """
        self._passed.discard(_key(submission))
        self._fill()
        self._passed.discard(_key(submission))  # the walk may be at the very one that was read now
        task = self._tasks.pop(_key(submission), None)
        if task is not None and task.submission != submission:
            # The file has changed since it was read: what is graded is what the walk reads.
            self._drop(task)
            task = None
        if task is None:
            if self._is_known(submission):
                return None
            task = self._start(submission)
        return self._wait(task)

    def _wait(self, task: _Task) -> Grade | None:
        while True:
            try:
                return task.future.result()
            except (Lost, CancelledError):
                if task.tries >= TRIES:  # what ends a worker would end this process, too
                    raise GraderError(f"The process that grades it ended, {TRIES} times.") from None
                self._sent(task)
            except WallError:
                return None
            except GraderError:
                raise
            except Exception:  # noqa: BLE001 - the same comes up again where it can be told
                return None

    def close(self) -> None:
        """Give up what is running."""
        self._workers.close()
        self._tasks.clear()

    def _fill(self) -> None:
        """
        Send submissions until there are enough on their way.

        Enough: no worker waits while the walk waits for something slow. Not more: results, with the outputs
        of notebooks in them, must not pile up, nor notebooks that were read and need no grading.
        """
        while len(self._tasks) < FOR_EACH_WORKER * self._workers.slots and len(self._passed) < PASSED:
            submission = next(self._coming, None)
            if submission is None:
                return
            if self._is_known(submission):
                self._passed.add(_key(submission))
            else:
                self._tasks[_key(submission)] = self._start(submission)

    def _is_known(self, submission: Submission) -> bool:
        try:
            return self._known(submission)
        except Exception:  # noqa: BLE001 - it comes up again with its own submission, not with the one at hand
            return False

    def _start(self, submission: Submission) -> _Task:
        return self._sent(_Task(submission, Future(), tries=0))

    def _sent(self, task: _Task) -> _Task:
        task.tries += 1
        try:
            task.future = self._workers.submit(task.submission)
        except Exception as error:  # noqa: BLE001 - it is this submission's, whichever the walk is at
            task.future = Future()
            task.future.set_exception(error)
        task.future.add_done_callback(lambda future: self._keep(task, future))
        return task

    def _drop(self, task: _Task) -> None:
        with self._keeping:
            task.dropped = True
        task.future.cancel()

    def _keep(self, task: _Task, future: Future[Grade]) -> None:
        """Write the record as soon as the result is here: it outlives whatever happens to the walk."""
        if self._config is None or future.cancelled() or future.exception() is not None:
            return
        with self._keeping:
            if not task.dropped and future.result().points is not None:
                archive.save(future.result(), self._config.course)


def _key(submission: Submission) -> tuple[str, str, str]:
    return submission.student_id, submission.assignment, submission.notebook
