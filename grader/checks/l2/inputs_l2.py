"""What the checks of l2 draw, and the training problem with its threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader import verify
from grader.checks.disguise import random_turn, swap_or_not
from grader.checks.l2 import reference_l2 as reference

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Params = dict[str, FloatArray]

SMALL = ((5, 1, 3), (3, 4, 1), (1, 2, 3), (1, 1, 1))  # (m, n_x, n_h) where a missing axis shows

TRAINING_ROWS, HIDDEN_UNITS, GOOD_LAMBDA = 150, 6, 0.5
TRAINING_STEPS, TRAINING_RATE = 400, 1.0

# Prices that weight_norms is asked for, far enough apart: of two neighbours the ratio of the reference's
# Euclidean norms has a logarithm of at least 1.07 on average over 300 seeds, sd 0.27, never below 0.46. The
# largest weight, the sum of absolute values, spectral norms and norms with the biases: 1.0 and 0.3 at worst.
# A rise instead of a fall is three to four standard deviations away, and there are two tries.
PRICES = (0.0, 1.5, 15.0)
NORM_ROWS, NORM_UNITS, NORM_RATE, NORM_STEPS = 30, 5, 0.5, 200


@dataclass(frozen=True)
class Problem:
    """A batch, a net and a price: X (m, n_x), y (m,), params, lam."""

    X: FloatArray
    y: IntArray
    params: Params
    lam: float

    @property
    def cache(self) -> Params:
        """What the given forward keeps: the documented dict with A1 and p."""
        return reference.forward(self.X, self.params)[1]

    @property
    def p(self) -> FloatArray:
        """The net's predictions (m,)."""
        return self.cache["p"]

    @property
    def rows(self) -> int:
        """The number of rows, m."""
        return len(self.y)


def draw_problem(
    rng: np.random.Generator, sizes: tuple[int, int, int] | None = None, lam: float | None = None
) -> Problem:
    """
    Draw a batch and a net with weights, biases and activations of order 1.

    Args:
        rng: where all comes from.
        sizes: m, n_x, n_h; drawn, and different from each other, by default.
        lam: the price; drawn so that lam / m is of order 1 by default.
    """
    m, n_x, n_h = sizes or (int(rng.integers(6, 9)), int(rng.integers(2, 4)), int(rng.integers(4, 6)))
    price = m * float(rng.uniform(0.3, 1.2)) if lam is None else lam
    return Problem(rng.normal(size=(m, n_x)), draw_labels(rng, m), draw_params(rng, n_x, n_h), price)


def draw_labels(rng: np.random.Generator, m: int) -> IntArray:
    """Draw labels (m,), both kinds where m allows it."""
    return np.asarray(rng.permutation(np.arange(m) + int(rng.integers(2))) % 2, dtype=np.int64)


def draw_params(rng: np.random.Generator, n_x: int, n_h: int) -> Params:
    """Draw a net whose biases are not zero."""
    return {
        "W1": rng.normal(size=(n_h, n_x)) / np.sqrt(n_x),
        "b1": rng.normal(size=n_h),
        "W2": rng.normal(size=(1, n_h)),
        "b2": rng.uniform(0.4, 1.5, 1) * rng.choice([-1.0, 1.0]),
    }


def draw_wide_problem(rng: np.random.Generator, *, priced: bool) -> Problem:
    """
    Draw few rows for many parameters, one feature and its weights tiny: a difference quotient shows.

    By its calls, since there are more than 4 parameters a row; and by its rounding, since one column of dW1
    is tiny, the price's part of it too.
    """
    m, n_x, n_h = 3, int(rng.integers(4, 6)), int(rng.integers(5, 7))
    problem = draw_problem(rng, (m, n_x, n_h), None if priced else 0.0)
    column = int(rng.integers(n_x))
    problem.X[:, column] *= verify.TINY
    problem.params["W1"][:, column] *= verify.TINY
    return problem


def descend(problem: Problem, learning_rate: float, steps: int) -> Params:
    """Return the parameters after *steps* of full-batch gradient descent from the problem's own."""
    params = problem.params
    for _ in range(steps):
        _, cache = reference.forward(problem.X, params)
        grads = reference.backward(problem.X, problem.y, params, cache, problem.lam)
        params = {name: params[name] - learning_rate * grads["d" + name] for name in params}
    return params


def shapes(n_x: int, n_h: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a net's parameters by name."""
    return {"W1": (n_h, n_x), "b1": (n_h,), "W2": (1, n_h), "b2": (1,)}


def training_problem(rng: np.random.Generator) -> tuple[FloatArray, IntArray, FloatArray, IntArray]:
    """Draw rows to learn from, one label in 20 wrong, and 2000 new, right ones; all turned alike."""
    X, y = reference.make_data(TRAINING_ROWS, rng, 0.05)
    X_new, y_new = reference.make_data(2000, rng, 0.0)
    turn = random_turn(rng, 2)
    y, y_new = swap_or_not(rng, y, y_new)
    return X @ turn, y, X_new @ turn, y_new


def norm_problem(rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
    """Draw the rows on which norms for several prices are compared, turned at random."""
    X, y = reference.make_data(NORM_ROWS, rng)
    return X @ random_turn(rng, 2), swap_or_not(rng, y)[0]


def held_out_accuracy(params: Mapping[str, FloatArray], X: FloatArray, y: IntArray) -> float:
    """Share of rows that the net with *params* puts on the right side."""
    p, _ = reference.forward(X, params)
    return verify.accuracy(p > 0.5, y)


def draw_decay(
    rng: np.random.Generator, shape: tuple[int, int], strength: float
) -> tuple[FloatArray, FloatArray, float, float, int]:
    """Draw the arguments of decay_update, with learning_rate * lam / m equal to *strength*."""
    rate, m = float(rng.uniform(0.05, 0.5)), int(rng.integers(5, 40))
    return rng.normal(size=shape), rng.normal(size=shape), rate, strength * m / rate, m


def draw_training(rng: np.random.Generator, m: int) -> tuple[Problem, int, float, int]:
    """Draw a batch and a price, a number of hidden units, a learning rate and a seed."""
    n_h = int(rng.integers(3, 6))
    drawn = draw_problem(rng, (m, int(rng.integers(2, 4)), n_h))
    return drawn, n_h, float(rng.uniform(0.15, 0.4)), int(rng.integers(2**31))


def special_nets(rng: np.random.Generator) -> tuple[Params, Params, Params, Params]:
    """
    Return four nets without biases: W1 = 0; W2 = 0; the first one doubled; all zero.

    The weights of the first two come in pairs that cancel, so their plain sum is zero, which is no norm.
    """
    pairs = rng.uniform(0.5, 1.5, (NORM_UNITS - 1) // 2)
    W2 = np.zeros((1, NORM_UNITS))
    W2[0, 0 : 2 * pairs.size : 2], W2[0, 1 : 2 * pairs.size : 2] = pairs, -pairs
    column = rng.uniform(0.5, 1.5, NORM_UNITS)
    nothing = {name: np.zeros(shape) for name, shape in shapes(2, NORM_UNITS).items()}
    first, second = {**nothing, "W2": W2}, {**nothing, "W1": np.stack([column, -column], axis=1)}
    return first, second, {**first, "W2": 2 * W2}, nothing
