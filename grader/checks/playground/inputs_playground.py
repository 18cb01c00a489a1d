"""What the checks of playground are asked about: points, names, learning curves, rows to learn from."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader.checks.playground import reference_playground as reference

__all__ = [
    "DIAGNOSES",
    "EDGES",
    "HELD_OUT",
    "NOISE",
    "Curves",
    "Kind",
    "Supply",
    "draw_curves",
    "draw_held_out",
    "draw_names",
    "draw_points",
    "draw_scale",
    "draw_seeds",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Kind = Literal["underfitting", "just right", "overfitting"]
DIAGNOSES: tuple[Kind, ...] = ("underfitting", "just right", "overfitting")

# (m, names) at the edges: one row, one feature, none at all.
EDGES: tuple[tuple[int, int], ...] = ((1, 3), (4, 1), (1, 1), (5, 0), (1, 0))

# At these noises the classes overlap (the best rule by hand is right for 90, 90, 94 and 94 % of the rows): a
# net that learns its rows by heart reaches some five points less, and a net that is too simple far less.
NOISE = {"circle": 1.0, "xor": 1.0, "gauss": 1.5, "spiral": 0.5}
HELD_OUT = 3000  # rows; the accuracy's standard error is then half a point, and a stand-in takes that many


# --- features ---------------------------------------------------------------------------------------------


def draw_points(rng: np.random.Generator, m: int) -> FloatArray:
    """Points all over the plane of the data sets, on either side of both axes: shape (m, 2)."""
    return np.asarray(rng.uniform(0.2, 6.0, (m, 2)) * rng.choice([-1.0, 1.0], (m, 2)))


def draw_names(rng: np.random.Generator, count: int) -> list[str]:
    """Draw *count* names of features, each any of the seven: some may come twice."""
    return [str(name) for name in rng.choice(reference.FEATURES, size=count)]


# --- diagnose ---------------------------------------------------------------------------------------------


class Curves(NamedTuple):
    """The losses of a training, on the rows it learned from and on others; both of the same length."""

    training: FloatArray
    validation: FloatArray


def draw_scale(rng: np.random.Generator) -> float:
    """Draw where a curve of cross-entropies begins: near log 2."""
    return float(rng.uniform(0.6, 0.8))


def draw_curves(rng: np.random.Generator, kind: Kind, scale: float, n: int) -> Curves:
    """
    Draw a pair of curves that shows *kind* clearly, by any reasonable reading.

    In shares of where they begin, at the end: underfitting leaves both at 0.75 or more, 0.04 apart at most;
    just right brings both below 0.25, 0.05 apart at most, and flat; overfitting brings the one below 0.05,
    while the other turns before 0.5 and ends between 0.8 and 1.3. The noise is one per cent at most.

    Args:
        rng: where the numbers come from.
        kind: what they show.
        scale: the loss that they begin with.
        n: their length, at least 10.
    """
    t = np.linspace(0.0, 1.0, n)
    if kind == "underfitting" and rng.random() < 0.5:  # too few steps: still on its way
        training = 1.0 - rng.uniform(0.08, 0.2) * t
        validation = training + rng.uniform(0.0, 0.03) * t
    elif kind == "underfitting":  # too simple: it has settled
        training = _settling(t, rng.uniform(0.75, 0.92), rng.uniform(10.0, 25.0))
        validation = training + rng.uniform(0.0, 0.04) * t
    elif kind == "just right":
        level, speed = rng.uniform(0.06, 0.2), rng.uniform(12.0, 25.0)
        training = _settling(t, level, speed)
        validation = _settling(t, level + rng.uniform(0.01, 0.05), speed)
    else:
        training = _settling(t, rng.uniform(0.005, 0.04), rng.uniform(8.0, 14.0))
        bottom = rng.uniform(0.2, 0.3)
        validation = _settling(t, bottom, rng.uniform(14.0, 25.0)) + (rng.uniform(0.85, 1.3) - bottom) * t
    noise = rng.choice([0.0, 0.005, 0.01])
    jitter = 1.0 + noise * np.clip(rng.normal(size=(2, n)), -2.5, 2.5)
    return Curves(scale * training * jitter[0], scale * validation * jitter[1])


def _settling(t: FloatArray, level: float, speed: float) -> FloatArray:
    """Return a curve that falls from 1 and settles at *level*."""
    return np.asarray(level + (1.0 - level) * np.exp(-speed * t))


# --- solve ------------------------------------------------------------------------------------------------


def draw_seeds(rng: np.random.Generator, count: int) -> list[int]:
    """Different seeds for the student's trainings."""
    return [int(seed) for seed in rng.choice(2**31, size=count, replace=False)]


def draw_held_out(rng: np.random.Generator, dataset: str) -> tuple[FloatArray, IntArray]:
    """Draw the rows that a student's predictions are compared on."""
    return reference.make_data(dataset, HELD_OUT, NOISE[dataset], rng)


class Supply:
    """
    A make_data that stands in for the notebook's: it keeps what it gave first, and may exchange the classes.

    Exchanged classes cost a training nothing, and a rule that was written down by hand everything.

    Args:
        exchanged: give 1 - y for y.
    """

    def __init__(self, *, exchanged: bool) -> None:
        self.exchanged = exchanged
        self.first: tuple[FloatArray, IntArray] | None = None

    def make_data(
        self, dataset: str, m: int, noise: float, rng: np.random.Generator
    ) -> tuple[FloatArray, IntArray]:
        """Draw rows as the notebook's make_data does, from the generator that the student gives."""
        X, y = reference.make_data(dataset, m, noise, rng)
        y = 1 - y if self.exchanged else y
        if self.first is None:
            self.first = (X, y)
        return X, y
