"""From the queue to the workers and back: each request is answered once, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

import msgspec

from grader import secret
from grader.checks.judge import seed_of
from grader.config import Config
from grader.errors import WallError
from grader.pool.ahead import Lost
from grader.records import Grade, Submission
from grader.selfcheck.jobs import Answer, Job
from grader.selfcheck.queue import Queue
from grader.selfcheck.verdict import answer_of

__all__ = ["Grading", "SeededWorkers", "seed_for"]

TRIES = 4  # of one request: it may have ended its worker, or stood beside one that did
AGAIN_SECONDS = 30.0  # until a wall that does not stand, or a queue that can't be written, is tried again
IDLE_SECONDS = 600.0  # between two looks for what is old
PURPOSE = "self-check"

T = TypeVar("T")

log = logging.getLogger(__name__)


class SeededWorkers(Protocol):
    """Where requests are graded."""

    @property
    def slots(self) -> int:
        """How many can be graded at the same time."""

    def submit(self, submission: Submission, seed: bytes) -> Future[Grade]:
        """Start grading on the inputs that are drawn from *seed*; the future may raise Lost."""

    def close(self) -> None:
        """Stop: what is running is given up."""


def seed_for(submission: Submission, number: int, asked: float, config: Config) -> bytes:
    """
    Return what the inputs of a self-check are drawn from: 16 bytes.

    They tell nothing of those of a grading (pipeline.submission_seed), which has fewer names and no purpose,
    nor of those of any other request. Graded again after a restart, a request meets the same inputs.

    Args:
        submission: what was sent.
        number: of the request.
        asked: when, in seconds since 1970; numbers begin anew where the database was lost.
        config: the course, with its secret.
    """
    request = f"{number} at {asked:.6f}"
    names = (PURPOSE, submission.student_id, submission.assignment, submission.notebook, request)
    return seed_of(secret.read_or_create(config.course), *names).to_bytes(16, "big")


class Grading:
    """
    Keeps the workers busy with the queue.

    Args:
        queue: what is asked for.
        workers: who grades.
        config: the course.
        self_test: raises WallError where nothing may be graded.
        keep_seconds: how long results are kept.
    """

    def __init__(
        self,
        queue: Queue,
        workers: SeededWorkers,
        config: Config,
        self_test: Callable[[], None],
        keep_seconds: float,
    ) -> None:
        self._queue = queue
        self._workers = workers
        self._config = config
        self._self_test = self_test
        self._keep = keep_seconds
        self._more = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look into the queue: there is something new."""
        self._more.set()

    async def run(self) -> None:
        """Grade what is in the queue until cancelled; what is running then is graded after a restart."""
        again = await _written(self._queue.recover)
        if again:
            log.info("%d requests were being graded when the service ended; they are graded anew.", again)
        try:
            await self._stand()
            while True:
                self._more.clear()
                await self._fill()
                # Not asyncio.wait_for, which before Python 3.12 may lose a cancellation to a wake-up.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_SECONDS):
                        await self._more.wait()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _fill(self) -> None:
        while len(self._running) < self._workers.slots and (taken := await _written(self._queue.take)):
            task = asyncio.create_task(self._grade(*taken))
            self._running.add(task)
            task.add_done_callback(self._ended)
        if not self._running:
            await _written(lambda: self._queue.purge(self._keep, time.time()))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._more.set()

    async def _stand(self) -> None:
        """Wait until the wall stands; requests wait meanwhile."""
        while True:
            try:
                await asyncio.to_thread(self._self_test)
            except WallError as error:
                log.error("No self-check is graded: %s", error)  # noqa: TRY400 - no fault in our code
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return

    async def _grade(self, job: Job, notebook: bytes) -> None:
        name = f"Self-check {job.number} ({job.student}/{job.assignment}/{job.notebook})"
        try:
            answer = await self._answer(job, notebook)
        except Lost as error:
            if job.tries < TRIES:
                log.warning("%s: its worker died; it is graded again.", name)
                await _written(lambda: self._queue.put_back(job.number))
                return
            log.error("%s: a person must look, its worker died %d times (%s).", name, job.tries, error)  # noqa: TRY400
            answer = Answer(failed=True)
        except Exception:
            log.exception("%s: a person must look, the grader failed.", name)
            answer = Answer(failed=True)
        if not answer.counts:
            log.error("%s was not judged whole, by our fault; it does not count.", name)
        await _written(lambda: self._queue.finish(job.number, answer, time.time()))

    async def _answer(self, job: Job, notebook: bytes) -> Answer:
        if job.tries > TRIES:  # it may be what ended the service
            raise Lost("its grading was begun and not ended too often")
        submission = msgspec.json.decode(notebook, type=Submission)
        seed = seed_for(submission, job.number, job.asked, self._config)
        grade = await asyncio.wrap_future(self._workers.submit(submission, seed))
        return answer_of(submission, grade)


async def _written(write: Callable[[], T]) -> T:
    """Call *write* until it can write: on a full disk no answer is lost, and no student waits for ever."""
    while True:
        try:
            return write()
        except sqlite3.OperationalError as error:
            log.error(  # noqa: TRY400 - no fault in our code
                "The queue of self-checks can't be written: %s. Tried again in %.0f s.", error, AGAIN_SECONDS
            )
            await asyncio.sleep(AGAIN_SECONDS)
