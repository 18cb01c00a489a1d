"""What one process holds while it works: memory, descriptors, threads; and by how much that grows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

__all__ = ["Growth", "Sample", "Sampler", "growth"]

MEBIBYTE = 2**20
SAMPLE_SECONDS = 2.0
WARM_UP = 0.2  # of the submissions: caches fill, and the first of each kind is met


class Sample(msgspec.Struct, frozen=True):
    """
    One look at a process.

    Args:
        seconds: since its start.
        done: submissions that it has come to.
        resident_bytes: RSS.
        proportional_bytes: PSS, where a page shared by two counts half.
        private_bytes: what is its own alone.
        descriptors: open files.
        threads: of it.
    """

    seconds: float
    done: int
    resident_bytes: int
    proportional_bytes: int
    private_bytes: int
    descriptors: int
    threads: int


class Growth(msgspec.Struct, frozen=True):
    """
    The straight line through samples after the warm-up.

    Args:
        at_warm_up: the line's value where the warm-up ends; bytes, or a number of things.
        per_thousand: by how much it rises in a thousand submissions.
        most: largest sample, warm-up included.
    """

    at_warm_up: float
    per_thousand: float
    most: float


class Sampler:
    """
    Looks at a process from a thread of its own until it ends.

    Args:
        pid: the process.
        done: says how many submissions it has come to.
        every: seconds between two looks.
    """

    def __init__(self, pid: int, done: Callable[[], int], every: float = SAMPLE_SECONDS) -> None:
        self._folder = Path("/proc") / str(pid)
        self._done = done
        self._every = every
        self._began = time.monotonic()
        self._over = threading.Event()
        self.samples: list[Sample] = []
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> list[Sample]:
        """Look no more, and return what was seen."""
        self._over.set()
        self._thread.join()
        return self.samples

    def _look(self) -> None:
        while not self._over.wait(self._every):
            try:
                self.samples.append(self._sample())
            except (OSError, KeyError):
                return  # it has ended

    def _sample(self) -> Sample:
        memory = _fields(self._folder / "smaps_rollup")
        return Sample(
            seconds=time.monotonic() - self._began,
            done=self._done(),
            resident_bytes=memory["Rss"],
            proportional_bytes=memory["Pss"],
            private_bytes=memory["Private_Clean"] + memory["Private_Dirty"],
            descriptors=sum(1 for _ in (self._folder / "fd").iterdir()),
            threads=sum(1 for _ in (self._folder / "task").iterdir()),
        )


def growth(samples: Sequence[Sample], of: Callable[[Sample], float], students: int) -> Growth | None:
    """
    Fit a line to *of* against submissions done; None where there are too few samples after the warm-up.

    Args:
        samples: of one run, in their order.
        of: which of its numbers.
        students: of the whole run.
    """
    start = WARM_UP * students
    later = [sample for sample in samples if start <= sample.done < students]
    if len({sample.done for sample in later}) < 3:
        return None
    slope, value = np.polyfit([sample.done - start for sample in later], [of(each) for each in later], 1)
    return Growth(float(value), 1000 * float(slope), max(of(sample) for sample in samples))


def _fields(path: Path) -> dict[str, int]:
    """Return name → bytes of a file of the kernel's such as smaps_rollup."""
    rows = [line.split() for line in path.read_text().splitlines()[1:]]
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows}
