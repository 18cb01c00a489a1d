"""What the checks of overfitting are asked about: tables with odd columns, problems with known answers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Problem",
    "Table",
    "draw_extreme",
    "draw_line",
    "draw_machines",
    "draw_noise",
    "draw_seeds",
    "draw_sparse",
    "draw_table",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FEATURES = 6  # of a machine, of which one says nothing
NOISE = 0.15  # of a machine's measurement, where the signal's standard deviation is 1
EXTREME = 1e6  # a value that no standard deviation of the other rows explains


class Problem(NamedTuple):
    """Rows to learn from, X (m, n) and y (m,)."""

    X: FloatArray
    y: FloatArray


class Table(NamedTuple):
    """Rows to learn from, X (m, n) and y (m,), and rows held out."""

    X: FloatArray
    y: FloatArray
    held_out: Problem


def draw_seeds(rng: np.random.Generator, count: int) -> list[int]:
    """Different seeds, for what is random on the student's side."""
    return [int(seed) for seed in rng.choice(2**31 - 1, size=count, replace=False)]


def draw_table(rng: np.random.Generator, m: int, n: int) -> FloatArray:
    """
    X (m, n) with columns of very different sizes: standard deviations from 1 to 1,000, means up to 5 of them.

    None below 1, so that a small number added to the standard deviation, against division by nought, is fine.
    """
    sizes = 10 ** rng.uniform(0.0, 3.0, size=n)
    return np.asarray((rng.normal(size=(m, n)) + rng.uniform(-5, 5, size=n)) * sizes)


def draw_machines(rng: np.random.Generator, rows: int = 300, held_out: int = 1500) -> Table:
    """
    Draw a bent, noisy problem, different at every draw: what some machine consumes by six figures of it.

    Five figures matter, bounded so that held-out rows lie among those of the training: one saturates, two
    work together, one has a best value, one is linear. A straight line leaves two thirds of the error that
    always answering the mean makes. The units of every column and of y are drawn, and the order of the
    columns: nothing can be prepared beforehand.

    Not the cars of the notebook, however disguised: their 392 rows are public, so that a held-out row can be
    found again, and with some 90 of them held out the figure would scatter more.
    """
    U = rng.uniform(-1.7, 1.7, size=(rows + held_out, FEATURES))
    signal = 1.2 * np.tanh(1.5 * U[:, 0]) + 0.8 * U[:, 1] * U[:, 2] + 0.9 * np.abs(U[:, 3]) + 0.6 * U[:, 4]
    signal /= np.std(signal)
    units = 10 ** rng.uniform(-2, 3, size=FEATURES) * rng.choice([-1, 1], size=FEATURES)
    X = ((U + rng.normal(0, 3, size=FEATURES)) * units)[:, rng.permutation(FEATURES)]
    y = signal + NOISE * rng.normal(size=rows + held_out) + rng.uniform(3, 6)
    y *= 10 ** rng.uniform(0.5, 2.5)
    return Table(X[:rows], y[:rows], Problem(X[rows:], y[rows:]))


def draw_line(rng: np.random.Generator, m: int, n: int) -> Problem:
    """Draw y = X w without noise, mean about 0, in units of its own, with columns of different sizes."""
    U = rng.normal(size=(m, n))
    w = rng.choice([-1, 1], size=n) * rng.uniform(0.5, 1.5, size=n)
    sizes = 10 ** rng.uniform(-2, 3, size=n)
    signal = U @ w
    return Problem((U + rng.uniform(-3, 3, size=n)) * sizes, signal / np.std(signal) * rng.uniform(3, 10))


def draw_sparse(rng: np.random.Generator, m: int) -> tuple[Problem, FloatArray]:
    """
    Draw a weak line with rare, large errors: 4 of 5 rows have none, the others are off by 5 units either way.

    Then the mean absolute error of the best prediction is 1 unit, the root of its mean squared error
    sqrt(5) = 2.2 units, and the standard deviation of y, which is no unit to measure in, more than 9.

    Returns:
        The problem, and the size of each row's error, (m,); a unit is at least 4.
    """
    unit = rng.uniform(4, 20)
    X = rng.normal(size=(m, 1))
    off = np.zeros(m)
    off[rng.permutation(m)[: m // 5]] = 5 * unit
    return Problem(3 * X + 5, 0.5 * unit * X[:, 0] + off * rng.choice([-1, 1], size=m)), off


def draw_noise(rng: np.random.Generator, m: int, n: int) -> tuple[Problem, float]:
    """Draw y that X says nothing about: plus or minus one unit; returns the unit, too, at least 4."""
    unit = float(rng.uniform(4, 20))
    return Problem(rng.normal(size=(m, n)), unit * rng.permutation(np.resize([-1.0, 1.0], m))), unit


def draw_extreme(rng: np.random.Generator, m: int) -> Problem:
    """Draw a line of one feature, and one row whose feature is a million standard deviations away."""
    X = rng.normal(size=(m, 1))
    y = 5 * X[:, 0]
    X[rng.integers(m)] = EXTREME
    return Problem(X, y)
