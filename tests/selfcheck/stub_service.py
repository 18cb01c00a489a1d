"""The service, with workers that only look busy; run by tests that are about the queue."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from grader.config import Config
from grader.records import CheckResult, Grade, Provenance, Submission, Verdict
from grader.score import blank_of
from grader.selfcheck import __main__ as service


class BusyWorkers:
    """Takes so long for each notebook as BUSY_SECONDS says, and notes whose it began."""

    def __init__(self, config: Config, slots: int) -> None:
        self.slots = slots
        self._pool = ThreadPoolExecutor(slots)
        self._log = config.course / "begun.txt"

    def submit(self, submission: Submission, seed: bytes) -> Future[Grade]:
        """Begin, as soon as there is room."""
        return self._pool.submit(self._grade, submission, seed)

    def close(self) -> None:
        """Leave the rest."""
        self._pool.shutdown(cancel_futures=True)

    def _grade(self, submission: Submission, seed: bytes) -> Grade:
        with self._log.open("a") as log:
            log.write(f"{submission.student_id} {seed.hex()}\n")
        time.sleep(float(os.environ.get("BUSY_SECONDS", "0.01")))
        results = [
            CheckResult("test_it", f"{blank_of(cell)} is right", blank_of(cell), 1.0, Verdict.PASSED)
            for cell in submission.cells
            if cell.is_check
        ]
        names = submission.student_id, submission.assignment, submission.notebook
        return Grade(*names, (), tuple(results), (), Provenance("", "", "wall", "cpu", {}), 0.0)


if __name__ == "__main__":
    port = int(sys.argv[1])
    asyncio.run(
        service.serve(Path.cwd(), "/services/self-check/", ("127.0.0.1", port), BusyWorkers, self_test=print)
    )
