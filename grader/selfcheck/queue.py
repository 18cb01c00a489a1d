"""
The queue of self-checks and their limit, in a database that outlives the service.

It is fair by rounds: a request belongs to the round that is being served when it comes, or to the one after
the student's last request; rounds are served one after the other, each in order of arrival. So somebody with
one request waits for one request of everybody else at most, however many these have sent.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from grader.errors import ConfigError
from grader.selfcheck.jobs import Allowance, Answer, Job, LimitReached, Request, State

__all__ = ["Queue"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    student TEXT NOT NULL,
    assignment TEXT NOT NULL,
    notebook TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    asked REAL NOT NULL,
    ended REAL,
    turn INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    counts INTEGER NOT NULL DEFAULT 1,
    submission BLOB,
    answer BLOB,
    UNIQUE (student, key)
);
CREATE VIEW IF NOT EXISTS told AS
    SELECT number, student, assignment, notebook, state, asked, turn, tries, answer FROM jobs;
CREATE INDEX IF NOT EXISTS in_order ON jobs (state, turn, number);
CREATE INDEX IF NOT EXISTS by_student ON jobs (student, assignment, asked);
"""
COLUMNS = ("number", "student", "assignment", "notebook", "state", "asked", "turn", "tries", "answer")
SHOWN = 20  # of a student's requests, on the page
MOST = 2  # times the limit: requests in all, those included that don't count


class Queue:
    """
    The requests of one course.

    Args:
        path: the database; made for its owner alone.
        limit: requests of a student in an assignment, within the window.
        window_seconds: the window.

    Raises:
        ConfigError: another service uses the database, or it can't be used.
    """

    def __init__(self, path: Path, limit: int, window_seconds: float) -> None:
        self._limit = limit
        self._window = window_seconds
        try:
            self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise ConfigError(f"{path} is used by another self-check service; end that one first.") from None
        except OSError as error:
            raise ConfigError(f"{path}, the queue of self-checks, can't be used: {error.strerror}.") from None
        with contextlib.suppress(FileExistsError):  # SQLite gives its other files the same rights
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        self._database = sqlite3.connect(path, isolation_level=None)
        # What is answered with "it is in the queue" must be on the disk; a deleted notebook must not be.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.executescript(SCHEMA)

    def close(self) -> None:
        """Close the database; what is in it stays."""
        self._database.close()
        os.close(self._lock)

    def recover(self) -> int:
        """Put what was being graded back into the queue, where it stood; return how many."""
        return self._database.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'").rowcount

    def ask(self, request: Request, now: float) -> Job:
        """
        Put a request into the queue; one whose key is known is the one that is there.

        Raises:
            LimitReached: the student has asked as often as they may.
        """
        with self._transaction():
            found = self._database.execute(
                "SELECT number FROM jobs WHERE student = ? AND key = ?", (request.student, request.key)
            ).fetchone()
            number = found[0] if found else self._add(request, now)
        job = self.find(number, request.student)
        if job is None:
            raise ValueError(f"Request {number} was added and is not there.")
        return job

    def find(self, number: int, student: str) -> Job | None:
        """Return a request of *student*; None where there is none of that number, or it is another's."""
        row = self._database.execute(
            "SELECT * FROM told WHERE number = ? AND student = ?",
            (number, student),
        ).fetchone()
        return self._job(row) if row else None

    def latest(self, student: str) -> list[Job]:
        """Return a student's last requests, the latest first."""
        rows = self._database.execute(
            "SELECT * FROM told WHERE student = ? ORDER BY number DESC LIMIT ?",
            (student, SHOWN),
        )
        return [self._job(row) for row in rows.fetchall()]

    def take(self) -> tuple[Job, bytes] | None:
        """Take the request whose turn it is, and its notebook; one at a time of each student."""
        with self._transaction():
            row = self._database.execute(
                "SELECT number, submission FROM jobs WHERE state = 'queued' AND student NOT IN "
                "(SELECT student FROM jobs WHERE state = 'running') ORDER BY turn, number LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            number, submission = row
            self._database.execute(
                "UPDATE jobs SET state = 'running', tries = tries + 1 WHERE number = ?", (number,)
            )
            taken = self._database.execute(
                "SELECT * FROM told WHERE number = ?",
                (number,),
            ).fetchone()
        return self._job(taken), submission

    def put_back(self, number: int) -> None:
        """Put a request whose worker died back where it stood."""
        self._database.execute(
            "UPDATE jobs SET state = 'queued' WHERE number = ? AND state = 'running'", (number,)
        )

    def finish(self, number: int, answer: Answer, now: float) -> bool:
        """Answer a request and delete its notebook; return False where it has its answer already."""
        done = self._database.execute(
            "UPDATE jobs SET state = 'done', ended = ?, counts = ?, answer = ?, submission = NULL "
            "WHERE number = ? AND state = 'running'",
            (now, answer.counts, msgspec.json.encode(answer), number),
        )
        return done.rowcount == 1

    def allowance(self, student: str, assignment: str, now: float) -> Allowance:
        """
        Return how often the student may still ask.

        What we failed to grade is not counted, up to twice the limit in all: a check on which the grader
        fails must not leave everybody without a limit.
        """
        rows = self._database.execute(
            "SELECT asked, counts FROM jobs WHERE student = ? AND assignment = ? AND asked > ? "
            "ORDER BY asked",
            (student, assignment, now - self._window),
        ).fetchall()
        counted = [asked for asked, counts in rows if counts][-self._limit :]
        in_all = [asked for asked, _ in rows][-MOST * self._limit :]
        left, left_in_all = self._limit - len(counted), MOST * self._limit - len(in_all)
        ends = counted if left <= left_in_all else in_all
        return Allowance(
            left=min(left, left_in_all),
            limit=self._limit,
            window_hours=self._window / 3600,
            free_at=ends[0] + self._window if ends else None,
        )

    def purge(self, keep_seconds: float, now: float) -> int:
        """Delete results that are older than that and have no part in a limit; return how many."""
        return self._database.execute(
            "DELETE FROM jobs WHERE state = 'done' AND ended < ? AND asked < ?",
            (now - keep_seconds, now - self._window),
        ).rowcount

    def _add(self, request: Request, now: float) -> int:
        allowance = self.allowance(request.student, request.assignment, now)
        if not allowance.left:
            raise LimitReached(allowance)
        (served,) = self._database.execute(
            "SELECT coalesce((SELECT max(turn) FROM jobs WHERE state != 'queued'), "
            "(SELECT min(turn) FROM jobs), 0)"
        ).fetchone()
        (own,) = self._database.execute(
            "SELECT max(turn) FROM jobs WHERE student = ?", (request.student,)
        ).fetchone()
        names = (request.key, request.student, request.assignment, request.notebook)
        added = self._database.execute(
            "INSERT INTO jobs (key, student, assignment, notebook, asked, turn, submission) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*names, now, served if own is None else max(served, own + 1), request.submission),
        )
        return int(added.lastrowid or 0)

    def _job(self, row: tuple[Any, ...]) -> Job:
        fields = dict(zip(COLUMNS, row, strict=True))
        answer = fields.pop("answer")
        job = msgspec.convert(fields, Job, strict=False)
        if answer is not None:
            return msgspec.structs.replace(job, answer=msgspec.json.decode(answer, type=Answer))
        if job.state is not State.QUEUED:
            return job
        (ahead,) = self._database.execute(
            "SELECT count(*) FROM jobs WHERE state = 'queued' AND (turn, number) < (?, ?)",
            (job.turn, job.number),
        ).fetchone()
        return msgspec.structs.replace(job, position=ahead + 1)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:  # a full disk may have ended it already
                self._database.execute("ROLLBACK")
            raise
