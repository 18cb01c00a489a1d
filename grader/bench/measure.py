"""Running a command and measuring its whole process tree."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from grader.errors import ConfigError
from grader.scratch import environment

__all__ = ["Usage", "run_measured"]

SAMPLE_SECONDS = 0.1  # memory is sampled; a shorter peak is missed


class Usage(msgspec.Struct, frozen=True):
    """
    What a command used.

    Args:
        wall_seconds: start to exit.
        cpu_seconds: user and system time of the tree, as far as each process was waited for.
        peak_bytes: largest sum of proportional set sizes (shared pages counted once) at any sample.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


def run_measured(command: Sequence[str], folder: Path, log: Path, cores: int) -> Usage:
    """
    Run *command* in *folder* on *cores* cores and measure it.

    Raises:
        ConfigError: it failed; what it said is in *log*.
    """
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    with log.open("ab") as output:
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603
            ["/usr/bin/env", "taskset", "-c", ",".join(map(str, allowed)), *command],
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        watch = _Watch(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    peak = watch.stop()
    if process.returncode != 0:
        raise ConfigError(f"`{' '.join(command)}` failed; what it said is in {log}.")
    return Usage(wall, usage.ru_utime + usage.ru_stime, peak)


class _Watch:
    """Samples the memory of a process tree from a thread of its own."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """End sampling and return the largest sum, in bytes."""
        self._done.set()
        self._thread.join()
        return self._peak

    def _sample(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self._peak = max(self._peak, sum(_proportional_bytes(pid) for pid in _tree(self._root)))


def _tree(root: int) -> list[int]:
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                waiting += map(int, children.read_text().split())
    return found


def _proportional_bytes(pid: int) -> int:
    # A process may end between two reads.
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
