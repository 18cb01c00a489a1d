"""What the checks of logistic_regression draw, and the training problem with its threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader import verify
from grader.checks.backprop import reference_logistic_regression as reference

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SMALL = ((6, 1), (1, 4), (1, 1))  # (m, n_x) at which a missing axis or a squeeze too many shows

TRAINING_STEPS, TRAINING_RATE = 150, 1.0


def draw_rows(rng: np.random.Generator, m: int, n_x: int) -> tuple[FloatArray, IntArray]:
    """Draw X (m, n_x) of order 1 and labels y (m,), both kinds where m allows it."""
    X = rng.normal(size=(m, n_x))
    y = rng.permutation(np.arange(m) + int(rng.integers(2))) % 2
    return X, y.astype(np.int64)


def draw_parameters(rng: np.random.Generator, n_x: int) -> tuple[FloatArray, float]:
    """Draw w (n_x,), scaled so that the scores are of order 1, and b away from 0."""
    w = rng.normal(size=n_x) / np.sqrt(n_x)
    return w, float(rng.uniform(0.4, 1.5) * rng.choice([-1.0, 1.0]))


def draw_sizes(rng: np.random.Generator) -> tuple[int, int]:
    """Draw m and n_x, different from each other."""
    m = int(rng.integers(6, 12))
    return m, int(rng.integers(2, 6))


def draw_predictions(rng: np.random.Generator, m: int) -> tuple[FloatArray, IntArray]:
    """Draw p (m,) away from 0 and 1, and labels that do not depend on it."""
    _, y = draw_rows(rng, m, 1)
    return rng.uniform(0.05, 0.95, m), y


def draw_tiny_errors(rng: np.random.Generator) -> tuple[FloatArray, IntArray, FloatArray, float]:
    """
    Draw a batch and parameters that predict some rows almost perfectly, each by a feature of its own.

    That feature's entry of dw is the row's tiny error over m, and a quotient of step h drowns it in 1e-16/h.
    These rows have label 0, since 1 - p would lose the digits in float32.

    Returns:
        X (m, n_x), y (m,), w (n_x,), b.
    """
    tiny, rows, features = 5, 6, 3
    X = np.zeros((tiny + rows, tiny + features))
    X[:tiny, :tiny] = np.eye(tiny)
    X[tiny:, tiny:], y_rows = draw_rows(rng, rows, features)
    y = np.concatenate([np.zeros(tiny, dtype=np.int64), y_rows])
    w, b = draw_parameters(rng, tiny + features)
    w[:tiny] = np.log(10.0 ** rng.uniform(-12, -10.5, tiny)) - b
    order = rng.permutation(tiny + rows)
    return X[order], y[order], w, b


def draw_step(
    rng: np.random.Generator, n_x: int
) -> tuple[tuple[FloatArray, float, FloatArray, float, float], tuple[FloatArray, float]]:
    """Draw the arguments of update, and its right answer."""
    w, b = draw_parameters(rng, n_x)
    dw, db = draw_parameters(rng, n_x)
    given = (w, b, dw, db, float(rng.uniform(0.05, 0.6)))
    return given, reference.update(*given)


def draw_training(rng: np.random.Generator) -> tuple[FloatArray, IntArray, float]:
    """Draw a small batch with features of unequal size, and a learning rate."""
    m, n_x = draw_sizes(rng)
    X, y = draw_rows(rng, m, n_x)
    return X + rng.normal(size=n_x), y, float(rng.uniform(0.2, 0.8))


def training_problem(
    rng: np.random.Generator,
) -> tuple[FloatArray, IntArray, FloatArray, IntArray]:
    """Draw a linear rule with noise: 200 rows to learn from, 2000 that the student never sees."""
    n_x = 3
    w = rng.normal(size=n_x)
    w *= 3.0 / np.linalg.norm(w)
    b = rng.uniform(-1.0, 1.0)
    X = rng.normal(size=(2200, n_x))
    y = (X @ w + b + 0.5 * rng.normal(size=2200) > 0).astype(np.int64)
    return X[:200], y[:200], X[200:], y[200:]


def held_out_accuracy(w: object, b: object, X: FloatArray, y: IntArray) -> float:
    """Share of the rows that w and b, raw as the student returned them, put on the right side."""
    score = X @ verify.as_array(w, (X.shape[1],), "w") + verify.as_number(b, "b")
    return float(np.mean((score > 0) == y))
