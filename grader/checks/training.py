"""Goals: figures that a training must reach, measured alike when a student is judged and when calibrated."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from grader import verify
from grader.checks import thresholds
from grader.sandbox import Shown, Student

__all__ = ["Goal", "Run", "goal", "goals_of"]


class Run(NamedTuple):
    """
    How one training went.

    Args:
        reached: the figure, such as an accuracy in 0 … 1 on held-out rows.
        losses: raw, as the student's function returned them; None: it returns none.
        on_training: the same figure on the rows of the training; None: not measured.
    """

    reached: float
    losses: Any = None
    on_training: float | None = None


class Goal:
    """
    A figure that a training must reach; its threshold stands in the table.

    Args:
        measure: trains by the student's functions on data that it draws, and measures on this side of the
            wall; takes (student, rng), or (student, rng, digits).
        what: what is measured, in words: "the accuracy on held-out digits".
        below: the figure must stay below its threshold, rather than reach it.
        percent: it reads as a percentage.
        chance: what guessing would reach.
        hint: shown where the learning curve suggests nothing.
        coverage: share of honest runs above the threshold, were the figures normal: more than 0.999 where
            their tail towards it is longer than that.
    """

    def __init__(
        self,
        measure: Callable[..., Run],
        what: str,
        *,
        below: bool = False,
        percent: bool = True,
        chance: float | None = None,
        hint: str = "",
        coverage: float = 0.999,
    ) -> None:
        self.what = what
        self.below = below
        self.percent = percent
        self.coverage = coverage
        self.takes_digits = "digits" in inspect.signature(measure).parameters
        self._measure = measure
        self._chance = chance
        self._hint = hint
        # pytest may give the module of a check another name; where it stands does not change.
        place = Path(measure.__code__.co_filename)
        self.assignment = place.parent.name
        self.notebook = place.stem.partition("_")[2]

    def run(self, student: Student, rng: np.random.Generator, digits: Any = None) -> Run:
        """Train and measure; nothing is judged."""
        return self._measure(student, rng, digits) if self.takes_digits else self._measure(student, rng)

    def check(self, student: Student, rng: np.random.Generator, digits: Any = None) -> None:
        """
        Train, measure, and fail unless the threshold is reached; either way the student sees the curve.

        Raises:
            CheckFailure: it is not reached, or a call failed.
            ConfigError: the goal was not calibrated with these data.
        """
        data = digits.name if self.takes_digits else thresholds.DRAWN
        row = thresholds.find(self.assignment, self.notebook, self.what, data, student.device)
        run = self.run(student, rng, digits)
        message, picture = verify.assert_reaches(
            run.reached,
            row.threshold,
            self.what,
            losses=run.losses,
            on_training=run.on_training,
            chance=self._chance,
            below=self.below,
            percent=self.percent,
            hint=self._hint,
        )
        before = student.shown.message
        student.shown = Shown(f"{before} {message}".strip(), picture or student.shown.picture)


def goal(
    what: str,
    *,
    below: bool = False,
    percent: bool = True,
    chance: float | None = None,
    hint: str = "",
    coverage: float = 0.999,
) -> Callable[[Callable[..., Run]], Goal]:
    """Make a Goal of a function that trains and measures; the arguments are those of `Goal`."""
    return lambda measure: Goal(
        measure, what, below=below, percent=percent, chance=chance, hint=hint, coverage=coverage
    )


def goals_of(assignment: str, notebook: str) -> list[Goal]:
    """Return the goals of a notebook's checks, in their order."""
    module = importlib.import_module(f"grader.checks.{assignment}.test_{notebook}")
    return [value for value in vars(module).values() if isinstance(value, Goal)]
