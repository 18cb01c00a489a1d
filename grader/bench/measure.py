"""Running a command and measuring its whole process tree."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from grader.bench.cpu import open_account
from grader.errors import ConfigError
from grader.scratch import environment

__all__ = ["Usage", "run_measured"]

SAMPLE_SECONDS = 0.1  # memory is sampled; a shorter peak is missed
SHARE = 0.03  # of a core that sampling may cost: large process trees are sampled less often


class Usage(msgspec.Struct, frozen=True):
    """
    What a command used.

    Args:
        wall_seconds: start to exit.
        cpu_seconds: user and system time of the tree.
        peak_bytes: largest sum of proportional set sizes (shared pages counted once) at any sample.
        waited_cpu_seconds: user and system time of those processes alone that were waited for.
        cpu_complete: whether `cpu_seconds` has the other processes, too: whether Linux lets this user make a
            control group.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    waited_cpu_seconds: float = 0.0
    cpu_complete: bool = False


def run_measured(
    command: Sequence[str], folder: Path, log: Path, cores: int, variables: Mapping[str, str] | None = None
) -> Usage:
    """
    Run *command* in *folder* on *cores* cores and measure it.

    Args:
        command: the command line.
        folder: where it runs.
        log: file that what it says is added to.
        cores: that its processes may use.
        variables: its environment; nbgrader's in *folder* by default.

    Raises:
        ConfigError: it failed; what it said is in *log*.
    """
    with open_account() as account:
        line = [*_on_cores(cores), *command]
        usage = _run(account.entering(line) if account else line, folder, log, variables)
        if account:
            usage = msgspec.structs.replace(usage, cpu_seconds=account.seconds(), cpu_complete=True)
    return usage


def _on_cores(cores: int) -> list[str]:
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    return ["/usr/bin/env", "taskset", "-c", ",".join(map(str, allowed))]


def _run(command: Sequence[str], folder: Path, log: Path, variables: Mapping[str, str] | None) -> Usage:
    with log.open("ab") as output:
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=folder,
            env=environment(folder) if variables is None else variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        watch = _Watch(process.pid)
        _, status, resources = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    peak = watch.stop()
    if process.returncode != 0:
        raise ConfigError(f"`{' '.join(command)}` failed; what it said is in {log}.")
    waited = resources.ru_utime + resources.ru_stime
    return Usage(wall, waited, peak, waited)


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
        pause = SAMPLE_SECONDS
        while not self._done.wait(pause):
            started = time.perf_counter()
            self._peak = max(self._peak, sum(_proportional_bytes(pid) for pid in _tree(self._root)))
            pause = max(SAMPLE_SECONDS, (time.perf_counter() - started) / SHARE)


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
