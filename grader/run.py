"""What one run of nbgrader over submissions shares: the settings, the wall, and what went wrong."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

from grader import pipeline
from grader.config import Config
from grader.errors import WallError
from grader.pool.ahead import Ahead
from grader.pool.progress import ClassProgress
from grader.sandbox import Sandbox
from grader.submission import TemplateCell

__all__ = ["Run"]


class Run:
    """
    One run of nbgrader over submissions: the settings, the standing wall, and what went wrong.

    Args:
        config: how the course is graded.
        force: whether what was graded already is graded again.
    """

    def __init__(self, config: Config, *, force: bool) -> None:
        self.config = config
        self.force = force
        self.failures: list[str] = []
        self.wall_error: WallError | None = None
        self.known: dict[str, frozenset[str]] = {}  # assignment → its notebooks
        self.templates: dict[tuple[str, str], tuple[TemplateCell, ...]] = {}
        self.ahead: Ahead | None = None
        self.progress: ClassProgress | None = None

    @functools.cached_property
    def sandbox(self) -> Sandbox:
        """The wall of this process; made where it is used, since a cluster's workers have their own."""
        return pipeline.sandbox_of(self.config)

    @contextlib.contextmanager
    def walled(self, *, elsewhere: bool) -> Iterator[None]:
        """
        Keep the wall standing meanwhile.

        Args:
            elsewhere: the walls stand on other machines, so that this one is not tested, nor made if unused.

        Raises:
            WallError: it does not stand.
        """
        try:
            if not elsewhere:
                self.sandbox.self_test()
            yield
        finally:
            if "sandbox" in vars(self):
                self.sandbox.close()

    def fail(self, name: str, reason: str) -> None:
        """Note what a person must look at when the run is over."""
        self.failures.append(f"{name}: {reason}")
