"""What the checks of shallow_net are asked about: batches, networks, runs, each drawn anew."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader.checks.backprop import reference_shallow_net as reference

__all__ = [
    "EDGES",
    "FEATURES",
    "HELD_OUT",
    "LEARNING_RATE",
    "TRAININGS",
    "Problem",
    "Run",
    "Training",
    "draw_decisions",
    "draw_predictions",
    "draw_problem",
    "draw_problems",
    "draw_run",
    "draw_seeds",
    "shapes_of",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Params = dict[str, FloatArray]
Shapes = dict[str, tuple[int, ...]]

# (m, n_x, n_h) at the edges: one row, one feature, one hidden neuron, all three.
EDGES = ((1, 3, 4), (5, 1, 3), (4, 2, 1), (1, 1, 1))


class Problem(NamedTuple):
    """A batch, its labels and a network to judge it: X (m, n_x), y (m,)."""

    X: FloatArray
    y: IntArray
    params: Params


def shapes_of(n_x: int, n_h: int) -> Shapes:
    """Return the contract's shape of each parameter."""
    return {"W1": (n_h, n_x), "b1": (n_h,), "W2": (1, n_h), "b2": (1,)}


def draw_params(rng: np.random.Generator, n_x: int, n_h: int) -> Params:
    """A network that is not at its start: its biases are not zero, and its sums are of order 1."""
    scales = {"W1": 1.2 / np.sqrt(n_x), "b1": 0.5, "W2": 1.5 / np.sqrt(n_h), "b2": 0.5}
    return {name: scales[name] * rng.normal(size=shape) for name, shape in shapes_of(n_x, n_h).items()}


def draw_problem(rng: np.random.Generator, m: int, n_x: int, n_h: int) -> Problem:
    """Draw a problem of this size; where there are two rows or more, both labels occur."""
    y = rng.permutation((np.arange(m) + rng.integers(2)) % 2)
    return Problem(rng.normal(size=(m, n_x)), y, draw_params(rng, n_x, n_h))


def draw_problems(rng: np.random.Generator, count: int) -> list[Problem]:
    """Draw *count* problems with 3 … 8 rows, features and hidden neurons, all three numbers different."""
    sizes = (rng.choice(np.arange(3, 9), 3, replace=False) for _ in range(count))
    return [draw_problem(rng, int(m), int(n_x), int(n_h)) for m, n_x, n_h in sizes]


def draw_seeds(rng: np.random.Generator, count: int) -> list[int]:
    """Different seeds for the student's generators."""
    return [int(seed) for seed in rng.choice(2**31, size=count, replace=False)]


def draw_predictions(rng: np.random.Generator, m: int) -> tuple[FloatArray, IntArray]:
    """Probabilities far enough from 0 and 1 for an eps in the logarithm not to matter, and both labels."""
    return rng.uniform(0.03, 0.97, m), rng.permutation((np.arange(m) + rng.integers(2)) % 2)


class Run(NamedTuple):
    """What a training run is called with; *seed* makes its generator."""

    X: FloatArray
    y: IntArray
    n_h: int
    learning_rate: float
    seed: int


def draw_run(rng: np.random.Generator, m: int, n_x: int, n_h: int) -> Run:
    """Draw a small problem to train on, and a learning rate at which steps are small but plain to see."""
    X, y, _ = draw_problem(rng, m, n_x, n_h)
    return Run(X, y, n_h, float(rng.uniform(0.2, 0.7)), draw_seeds(rng, 1)[0])


def draw_decisions(
    rng: np.random.Generator, m: int, n_x: int, n_h: int
) -> tuple[FloatArray, Params, IntArray]:
    """Rows of both classes, one of them rarer, none of them undecided; and their right classes."""
    X, _, params = draw_problem(rng, 2 * m + 10, n_x, n_h)
    A1 = reference.forward(X, params)[1]["A1"]
    rarer = rng.choice([0.3, 0.7])  # so that the batch's mean is not one half
    params["b2"] = -np.quantile(A1 @ params["W2"].T, rarer, axis=0)
    sureness = np.abs(reference.forward(X, params)[0] - 0.5)
    X = rng.permutation(X[np.argsort(sureness)[10:]])[:m]
    return X, params, reference.predict(X, params)


class Training(NamedTuple):
    """A training run: rows, noise of the data, hidden neurons, steps."""

    m: int
    noise: float
    n_h: int
    steps: int


# The plane of the data is laid into a space of 3 or 4 features, turned at random, and in every other run
# the labels are exchanged: a network trained beforehand does not fit. Uniform weights do as well as normal
# ones.
FEATURES = (3, 4)
LEARNING_RATE = 1.0
HELD_OUT = 1000
TRAININGS = {
    "circle": Training(m=150, noise=0.25, n_h=8, steps=300),
    "xor": Training(m=150, noise=0.25, n_h=8, steps=300),
    "spiral": Training(m=150, noise=0.1, n_h=16, steps=800),
}
