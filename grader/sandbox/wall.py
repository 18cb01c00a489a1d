"""The sandbox: one warm process for each list of imports, and a forked process for each submission."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

import msgspec

from grader.config import MEBIBYTE, Limits
from grader.errors import ConfigError, WallError
from grader.records import Submission
from grader.sandbox.devices import Gpu
from grader.sandbox.notebook import RunningNotebook
from grader.sandbox.packages import packages
from grader.sandbox.process import Process
from grader.sandbox.released import Released, packed, released
from grader.sandbox.selftest import prove
from grader.sandbox.student import Student
from grader.sandbox.zygote import Zygote

__all__ = ["Sandbox"]

# The libraries of CUDA alone take about a gigabyte of a process; what is computed lies in the card.
GPU_MEMORY = 6 * 1024 * MEBIBYTE
USUAL = ("numpy", "matplotlib")  # what most notebooks import: the self-test's warm process serves them too


class Sandbox:
    """
    Runs submissions behind the wall; make one and use it for many.

    It may be used from several threads, but not from another process than the one that made it. Made in
    the main thread, its processes also end when this process is killed; made in another thread, they end
    when the last copy of its socket is closed, which for a killed process is the same moment unless it
    had forked.

    Args:
        limits: what each submission may use.
        isolation: "wall", or "none" for authors on systems that have no wall.
        gpu: what submissions train on that are started so; None: the CPU.
    """

    def __init__(self, limits: Limits, isolation: str = "wall", gpu: Gpu | None = None) -> None:
        if isolation not in ("wall", "none"):
            raise ConfigError(f'isolation is {isolation!r}; it may be "wall" or "none".')
        self._limits = limits
        self._isolation = isolation
        self._gpu = gpu
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._zygotes: dict[tuple[tuple[str, ...], bool], Zygote] = {}
        self._packed: dict[Released, int] = {}

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(
        self,
        submission: Submission,
        imports: tuple[str, ...],
        limits: Limits | None = None,
        beside: Path | None = None,
        on_gpu: bool = False,
    ) -> Student:
        """
        Fork a process and run the cells of *submission* that have `runs`.

        Args:
            submission: its cells.
            imports: top-level packages that it may import, beside the standard library.
            limits: for this submission; None: the sandbox's own.
            beside: the folder of the course whose files, but for notebooks, it finds in its own.
            on_gpu: whether it trains on the GPU, where there is one.

        Raises:
            WallError: the wall can't be built.
            ConfigError: one of *imports* is not installed, or the files in *beside* are too large.
        """
        own, files, gpu = limits or self._limits, released(beside), self._gpu if on_gpu else None
        if gpu is not None:
            own = msgspec.structs.replace(own, memory_bytes=max(own.memory_bytes, GPU_MEMORY))

        def fork() -> Process:
            return self._zygote(imports, gpu).fork(own, self._packed_files(files))

        return Student(RunningNotebook(submission, own, fork), gpu.name if gpu else "cpu")

    def self_test(self) -> None:
        """
        Prove from inside a real fork that the wall stands; quick enough for each start.

        Raises:
            WallError: it does not; the message says what to install or which setting to change.
        """
        if self._isolation == "wall":
            prove(
                lambda submission, limits: self.start(submission, USUAL, limits),
                lambda: self._zygote(USUAL).uids(),
            )

    def close(self) -> None:
        """End everything; the sandbox starts anew if it is used again."""
        with self._lock:
            for zygote in self._zygotes.values():
                zygote.close()
            self._zygotes.clear()
            for descriptor in self._packed.values():
                os.close(descriptor)
            self._packed.clear()

    def _packed_files(self, files: Released) -> int:
        with self._lock:
            if files not in self._packed:
                self._packed[files] = packed(files)
            return self._packed[files]

    def _zygote(self, imports: tuple[str, ...], gpu: Gpu | None = None) -> Zygote:
        if os.getpid() != self._owner:
            # A copy of its sockets, used by two processes, would mix up their submissions.
            raise WallError("A Sandbox belongs to the process that made it: make one in each worker.")
        names = tuple(sorted(imports))
        key = names, gpu is not None
        with self._lock:
            zygote = self._zygotes.get(key)
            if zygote is not None and not zygote.alive:
                # Nothing of a student's reaches it; but the system may have run out of memory.
                self._zygotes.pop(key).close()
                zygote = None
            if zygote is None:
                zygote = self._zygotes[key] = Zygote(packages(names), self._isolation, gpu)
        return zygote
