"""
Workers on this machine: processes, each with a wall of its own.

What goes to a worker and what comes back lies in files; through the pool's pipes go their names alone. A
worker that dies while a pipe is full, or a message half written, would leave this process waiting for ever:
the first up to Python 3.11.4 (python/cpython#94777), the second in any.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import itertools
import os
import signal
import sys
import tempfile
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import msgspec

from grader import pipeline
from grader.config import Config
from grader.pool.ahead import Lost
from grader.pool.folder import WorkersFolder
from grader.records import Grade, Submission
from grader.sandbox import Sandbox

__all__ = ["LocalWorkers"]

PR_SET_PDEATHSIG = 1
END_SECONDS = 5.0  # for a worker to go when it is told to


class _Place(msgspec.Struct, frozen=True):
    """What a worker keeps from one submission to the next."""

    config: Config
    sandbox: Sandbox


_place: _Place | None = None  # a worker's own


class LocalWorkers:
    """
    Processes that grade.

    Args:
        config: the course.
        slots: how many.
    """

    elsewhere = False

    def __init__(self, config: Config, slots: int) -> None:
        self.slots = slots
        self._config = config
        self._lock = threading.Lock()
        self._folder = WorkersFolder()
        self._numbers = itertools.count()
        self._pool = self._start()

    def submit(self, submission: Submission, seed: bytes | None = None) -> Future[Grade]:
        """
        Start grading; a worker that dies takes those of the others with it, and all are started anew.

        Args:
            submission: the notebook.
            seed: what its inputs are drawn from, where they are not to be those of its grade.
        """
        outer: Future[Grade] = Future()
        with self._lock:
            paper = self._folder.path / f"{next(self._numbers)}.paper"
            try:
                paper.write_bytes(msgspec.msgpack.encode(submission))
            except OSError as error:
                outer.set_exception(error)
                return outer
            try:
                inner = self._pool.submit(_grade, paper, seed)
            except BrokenProcessPool:
                self._pool.shutdown(wait=False)
                self._pool = self._start()
                inner = self._pool.submit(_grade, paper, seed)
        inner.add_done_callback(lambda done: _pass_on(done, paper, outer))
        return outer

    def close(self) -> None:
        """End the processes, in the middle of their work if need be."""
        with self._lock:
            processes = list((getattr(self._pool, "_processes", None) or {}).values())
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()  # it has nothing to finish: only its parent writes
            for process in processes:
                process.join(END_SECONDS)
                if process.exitcode is None:
                    process.kill()
                    process.join()
            self._folder.close()

    def _start(self) -> ProcessPoolExecutor:
        # Not a fork of this process: it may have threads, and nbgrader's open gradebook.
        arguments = (self._config, os.getpid(), str(self._folder.path))
        return ProcessPoolExecutor(self.slots, get_context("spawn"), _prepare, arguments)


def _pass_on(done: Future[None], paper: Path, outer: Future[Grade]) -> None:
    """Tell what came of *paper*, and remove it and its grade, whether somebody still wants it or not."""
    graded = _grade_of(paper)
    try:
        if not outer.set_running_or_notify_cancel():
            return  # nobody wants it any more
        if done.cancelled() or isinstance(done.exception(), BrokenProcessPool):
            outer.set_exception(Lost("a worker process died"))
        elif done.exception() is not None:
            outer.set_exception(done.exception())
        else:
            outer.set_result(msgspec.msgpack.decode(graded.read_bytes(), type=Grade))
    except Exception as error:  # noqa: BLE001 - whoever waits for it must hear something
        outer.set_exception(Lost(f"a worker's result can't be read ({error})"))
    finally:
        for file in (paper, graded):
            file.unlink(missing_ok=True)


def _grade_of(paper: Path) -> Path:
    return paper.with_suffix(".grade")


def _prepare(config: Config, parent: int, scratch: str) -> None:
    """Make a worker ready: it ends with its parent, leaves Ctrl-C to it, and keeps its wall standing."""
    global _place  # noqa: PLW0603 - the one thing that a worker keeps between two submissions
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Not an exception, which a check's own `except` could swallow. The wall ends with this process.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it was gone before this process could hang on it
    tempfile.tempdir = scratch
    _place = _Place(config, pipeline.sandbox_of(config))
    atexit.register(_place.sandbox.close)


def _grade(paper: Path, seed: bytes | None) -> None:
    """Grade the submission in the file *paper*, and lay its grade beside it."""
    if _place is None:
        raise RuntimeError("A worker was not prepared.")
    submission = msgspec.msgpack.decode(paper.read_bytes(), type=Submission)
    with contextlib.redirect_stdout(None):
        grade = pipeline.grade(submission, _place.config, _place.sandbox, seed)
    _grade_of(paper).write_bytes(msgspec.msgpack.encode(grade))
