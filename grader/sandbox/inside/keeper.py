"""
The keeper of one fork: it stands outside the student's PID namespace, watches its memory and ends it.

It is the parent of the student's process and cannot be seen, signalled or traced from inside. One byte on
its control socket is an order; the socket's end means that the trusted side is gone. Its last word is a
Report, sent when everything that the student started is gone.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from pathlib import Path

import msgspec

from .messages import Report, Start

__all__ = ["INTERRUPT", "KILL", "keep"]

INTERRUPT, KILL = b"i", b"k"
UNSHARED = (b"VmPTE:", b"VmSwap:")  # page tables cost memory too, and what was swapped out is not gone
FASTEST_GROWTH = 4e9  # bytes a second; two cores touch new memory at about half of that
SOONEST, LATEST = 0.02, 0.2  # seconds between two looks
PROC = Path("/proc")


def keep(control: socket.socket, student: int, start: Start, walled: bool) -> None:
    """
    Watch the process *student* until it and all its descendants are gone, then report on *control*.

    Args:
        control: socket of orders.
        student: pid of the child, as seen here.
        start: its limits.
        walled: whether it is process 1 of its own PID namespace, so that killing it kills all.
    """
    watch = _Watch(start)
    ended = _end_of(student)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    if ended is not None:
        poll.register(ended, select.POLLIN)
    cause, wait = "", watch.pause()
    while True:
        ready = [fd for fd, _ in poll.poll(wait * 1000)]
        status = _reap(student)
        if status is not None:
            break
        if control.fileno() in ready:
            cause = _obey(control, student) or cause
            if cause:
                poll.unregister(control)
        cause = cause or watch.verdict()
        if cause:
            os.kill(student, signal.SIGKILL)
            status = os.waitpid(student, 0)[1]
            break
        wait = watch.pause()
    if not walled:
        _end_orphans(watch)
    report = Report(cause or "died", os.waitstatus_to_exitcode(status))
    _tell(control, msgspec.msgpack.encode(report))


def _obey(control: socket.socket, student: int) -> str:
    """Carry out one order; return "told" if it is the end."""
    try:
        order = control.recv(1)
    except OSError:
        order = b""
    if order != INTERRUPT:
        return "told"
    os.kill(student, signal.SIGINT)
    _tell(control, INTERRUPT)  # so that it can't arrive in the next call
    return ""


def _tell(control: socket.socket, message: bytes) -> None:
    with contextlib.suppress(OSError):  # the trusted side did not wait
        control.sendall(message)


def _end_of(pid: int) -> int | None:
    """Return a descriptor that is readable once *pid* ended, or None where the system has none."""
    opener = getattr(os, "pidfd_open", None)
    try:
        return int(opener(pid)) if opener else None
    except OSError:
        return None


def _reap(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return status if found else None


def _end_orphans(watch: _Watch) -> None:
    """Kill what the student's process started: without a namespace of its own, that is adopted here."""
    while tree := watch.tree():
        for pid in tree:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.wait()


class _Watch:
    """
    The memory and the processes of a process tree.

    What the warm process had already is not counted: it is added to the limit once, as `_warm`.
    """

    def __init__(self, start: Start) -> None:
        self._warm = _resident(os.getpid())
        self._allowed = start.memory_bytes + self._warm
        self._processes = start.processes
        self._used = self._warm

    def pause(self) -> float:
        """Return the seconds in which not even the fastest growth gets far beyond the limit."""
        return min(max((self._allowed - self._used) / FASTEST_GROWTH, SOONEST), LATEST)

    def verdict(self) -> str:
        """Return "memory" or "processes" if the tree is beyond its limit, else nothing."""
        tree = self.tree()
        if len(tree) > self._processes:
            return "processes"
        self._used = sum(_resident(pid) for pid in tree)
        if self._used <= self._allowed:
            return ""
        # Forks share most of their pages: count those in proportion before anybody is killed for them.
        # This is slow for large processes, so it is done only where the quick bound is not enough.
        self._used = sum(_proportional(pid) for pid in tree)
        return "memory" if self._used > self._allowed else ""

    def tree(self) -> list[int]:
        """Return every process below the keeper; daemons too, since somebody below it adopts them."""
        parents = _parents()
        found: list[int] = []
        todo = [os.getpid()]
        while todo:
            above = todo.pop()
            below = [pid for pid, parent in parents.items() if parent == above]
            found += below
            todo += below
        return found


def _parents() -> dict[int, int]:
    parents: dict[int, int] = {}
    if not PROC.is_dir():
        return parents
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            text = _read(f"{entry}/stat")
            if text:
                parents[int(entry.name)] = int(text.rpartition(b")")[2].split()[1])
    return parents


def _resident(pid: int) -> int:
    return sum(_kibibytes(_read(f"/proc/{pid}/status"), b"VmRSS:", *UNSHARED)) * 1024


def _proportional(pid: int) -> int:
    shared = _kibibytes(_read(f"/proc/{pid}/smaps_rollup"), b"Pss:")
    if not shared:
        return _resident(pid)  # a process that made itself unreadable counts in full
    return (shared[0] + sum(_kibibytes(_read(f"/proc/{pid}/status"), *UNSHARED))) * 1024


def _kibibytes(text: bytes, *names: bytes) -> list[int]:
    """Return the values of some lines of a /proc file."""
    return [int(line.split()[1]) for line in text.splitlines() if line.startswith(names)]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - fifty times a second
            return file.read()
    except OSError:
        return b""  # it ended meanwhile
