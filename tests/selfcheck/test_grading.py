"""From the queue to the workers and back, where something else fails meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest

from grader.config import Config
from grader.records import Cell, CheckResult, Grade, Provenance, Submission, Verdict
from grader.selfcheck import grading
from grader.selfcheck.grading import Grading
from grader.selfcheck.jobs import Job, Outcome, Request, State
from grader.selfcheck.queue import Queue

CHECK = Cell(0, "code", "", "check_double", 1.0, is_check=True)


class Workers:
    """Finds all right at once; for the first request, after the queue has become unwritable."""

    slots = 1

    def __init__(self, queue: Queue) -> None:
        self._database = queue._database
        self._seconds = 0.3

    def submit(self, submission: Submission, seed: bytes) -> Future[Grade]:  # noqa: ARG002 - the protocol has it
        """Grade it."""
        if self._seconds:
            self._database.execute("PRAGMA query_only = ON")  # stands for a disk that is full
            asyncio.get_running_loop().call_later(self._seconds, self._release)
        passed = CheckResult("test_it", "double is right", "double", 1.0, Verdict.PASSED)
        names = submission.student_id, submission.assignment, submission.notebook
        done: Future[Grade] = Future()
        done.set_result(Grade(*names, (), (passed,), (), Provenance("", "", "wall", "cpu", {}), 0.0))
        return done

    def close(self) -> None:
        """Nothing is left."""

    def _release(self) -> None:
        self._seconds = 0.0
        self._database.execute("PRAGMA query_only = OFF")


async def answered(queue: Queue, course: Path, *numbers: int) -> list[Job]:
    """Grade until the requests of ada are answered, for ten seconds at most."""
    work = Grading(queue, Workers(queue), Config(course), lambda: None, 3600.0)
    task = asyncio.create_task(work.run())
    try:
        async with asyncio.timeout(10):
            while True:
                found = [job for number in numbers if (job := queue.find(number, "ada"))]
                if all(job.state is State.DONE for job in found) or task.done():
                    return found
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_an_answer_that_can_not_be_written_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(grading, "AGAIN_SECONDS", 0.1)
    queue = Queue(tmp_path / "selfcheck.db", 3, 3600.0)
    notebook = msgspec.json.encode(Submission("ada", "tiny", "numbers", (CHECK,)))
    numbers = [
        queue.ask(Request("ada", "tiny", "numbers", key, notebook), 1.0).number for key in ("first", "second")
    ]
    jobs = asyncio.run(answered(queue, tmp_path, *numbers))
    queue.close()
    outcomes = [blank.outcome for job in jobs if job.answer for blank in job.answer.blanks]
    assert outcomes == [Outcome.PASSED, Outcome.PASSED]
    assert [job.tries for job in jobs] == [1, 1]
    assert "can't be written: attempt to write a readonly database" in caplog.text
