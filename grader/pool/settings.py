"""The settings of grading ahead."""

from __future__ import annotations

import os

from traitlets import Int
from traitlets.config import Configurable

from grader.config import Config
from grader.pool.ahead import Workers
from grader.pool.local import LocalWorkers

__all__ = ["GraderPool"]


class GraderPool(Configurable):  # type: ignore[misc]
    """How submissions are graded ahead of nbgrader's walk."""

    jobs = Int(
        0,
        min=0,
        help="Processes that grade at the same time; 0: one for each core. 1: nbgrader's own process grades.",
    ).tag(config=True)

    def workers(self, config: Config, count: int) -> Workers | None:
        """
        Return who grades *count* submissions ahead; None where the walk itself had better do so.

        Args:
            config: the course.
            count: notebooks that are due.
        """
        slots = min(self.jobs or _cores(), count)
        return LocalWorkers(config, slots) if slots > 1 else None


def _cores() -> int:
    """Return the cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
