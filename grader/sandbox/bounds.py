"""
Bounds on a trusted function that works on a student's arguments: the clock and the memory.

A guard on arguments can't know what a function makes of them. So the function runs under a soft limit on the
grading process's own memory, where a large array fails with a MemoryError, and a thread interrupts it at the
deadline. One operation of NumPy is not interrupted; the memory limit keeps it short.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from grader.config import MEBIBYTE

__all__ = ["Bounds", "OutOfTime"]

HEADROOM = 512 * MEBIBYTE  # some three times what the largest honest call takes


class OutOfTime(BaseException):
    """The deadline passed while the function ran; no `except Exception` of it swallows this."""


class Bounds:
    """
    Runs functions until a deadline; close it afterwards.

    Args:
        deadline: on the monotonic clock.
    """

    def __init__(self, deadline: float) -> None:
        self._lock = threading.Lock()
        self._running: int | None = None  # the thread that is in a function
        self._fired = False
        self._over = threading.Event()
        self._deadline = deadline
        _MEMORY.measure()
        threading.Thread(target=self._wait, daemon=True, name="deadline of a stand-in").start()

    def close(self) -> None:
        """End the waiting thread."""
        self._over.set()

    def run(self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """
        Return what *function* returns.

        Raises:
            OutOfTime: it did not return in time.
            MemoryError: it asked for too much memory, where the system can limit that (Linux).
        """
        if time.monotonic() >= self._deadline:
            raise OutOfTime
        with _MEMORY:
            try:
                with self._lock:
                    self._running = threading.get_ident()
                return function(*args, **kwargs)
            finally:
                with self._lock:
                    self._running = None
                    if self._fired:
                        _interrupt(threading.get_ident(), None)  # so that it can't arrive later

    def _wait(self) -> None:
        if self._over.wait(max(self._deadline - time.monotonic(), 0.0)):
            return
        with self._lock:
            if self._running is not None:
                self._fired = True
                _interrupt(self._running, OutOfTime)


def _interrupt(thread: int, error: type[BaseException] | None) -> None:
    """Have *thread* raise *error* at its next step; None: take that back."""
    pending = ctypes.py_object() if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), pending)


class _MemoryLimit:
    """
    A context in which this process may grow by HEADROOM and no more.

    The limit is the process's, so that threads share it: the first one in sets it, the last one out lifts it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = (0, 0)
        self._allowed = 0

    def measure(self) -> None:
        """Look at what the process uses now: once for many functions, since it takes a while."""
        if sys.platform == "linux":
            used = int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")
            self._allowed = used + HEADROOM

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = _limit_data(self._allowed)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                _restore_data(self._before)


def _limit_data(allowed: int) -> tuple[int, int]:
    """Lower the soft limit on private memory to *allowed* bytes; return the limits before."""
    if sys.platform != "linux":
        return (0, 0)
    import resource  # noqa: PLC0415 - not on every system

    before = resource.getrlimit(resource.RLIMIT_DATA)
    tighter = [each for each in (*before, allowed) if each != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(tighter), before[1]))
    return before


def _restore_data(before: tuple[int, int]) -> None:
    if sys.platform == "linux":
        import resource  # noqa: PLC0415 - not on every system

        resource.setrlimit(resource.RLIMIT_DATA, before)


_MEMORY = _MemoryLimit()
