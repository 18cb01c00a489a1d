"""What the checks of dropout are asked about, and how to read a mask and an accuracy out of the answers."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from grader.checks.disguise import random_turn
from grader.checks.dropout import reference_dropout as reference

__all__ = [
    "Data",
    "FloatArray",
    "IntArray",
    "Mask",
    "Params",
    "accuracy_of",
    "decoded_mask",
    "draw_activations",
    "draw_data",
    "draw_labels",
    "draw_params",
    "draw_run",
    "draw_seed",
    "true_gradients",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]
Params = dict[str, FloatArray]
Data = tuple[FloatArray, IntArray]


def draw_seed(rng: np.random.Generator) -> int:
    """Seed of a generator on the student's side."""
    return int(rng.integers(2**31))


def draw_activations(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Activations of either sign, none near zero: a zero would hide whether it was dropped."""
    return np.asarray(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape))


def draw_params(rng: np.random.Generator, n_x: int, n_h: int) -> Params:
    """Parameters as in the middle of a training: biases not zero, no weight of W2 near zero."""
    return {
        "W1": rng.standard_normal((n_h, n_x)) / np.sqrt(n_x),
        "b1": 0.5 * rng.standard_normal(n_h),
        "W2": rng.uniform(0.4, 1.2, (1, n_h)) * rng.choice([-1.0, 1.0], (1, n_h)),
        "b2": 0.5 * rng.standard_normal(1),
    }


def draw_labels(rng: np.random.Generator, m: int) -> IntArray:
    """Labels 0 and 1."""
    return rng.integers(0, 2, m)


def draw_run(rng: np.random.Generator) -> tuple[FloatArray, IntArray, int, float, int]:
    """A small problem to train on: X, y with both labels, hidden units, a learning rate, a seed."""
    m, n_h = int(rng.integers(9, 14)), int(rng.integers(4, 7))
    X, y = rng.standard_normal((m, 3)), draw_labels(rng, m)
    y[:2] = [0, 1]
    return X, y, n_h, float(rng.uniform(0.2, 0.6)), draw_seed(rng)


def draw_data(rng: np.random.Generator, *rows: int) -> list[Data]:
    """Batches of make_data with so many rows each, turned alike: the line lies anywhere."""
    turn = random_turn(rng, 2)
    drawn = [reference.make_data(m, rng) for m in rows]
    return [(X @ turn, y) for X, y in drawn]


def decoded_mask(p: FloatArray, X: FloatArray, params: Params, keep_prob: float) -> tuple[Mask, FloatArray]:
    """
    Find, for each row, which hidden units were kept, from p alone: of all masks the one that gives it.

    Returns:
        The mask (m, n_h), and by how much each row's p is off even so, (m,).
    """
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    n_h = A1.shape[1]
    masks = np.array(list(itertools.product([False, True], repeat=n_h)))
    p_of_mask = reference.sigmoid((A1 * params["W2"] / keep_prob) @ masks.T + params["b2"])
    gap = np.abs(p_of_mask - p[:, np.newaxis])
    return masks[np.argmin(gap, axis=1)], np.min(gap, axis=1)


def true_gradients(
    p: FloatArray, X: FloatArray, y: IntArray, params: Params, keep_prob: float
) -> Params | None:
    """The right gradients with the mask that shows in p; None where no mask explains p (a wrong forward)."""
    mask, gap = decoded_mask(p, X, params, keep_prob)
    if np.any(gap > 1e-5):
        return None
    A1 = np.tanh(X @ params["W1"].T + params["b1"])
    D1 = A1 * mask / keep_prob
    right_p = reference.sigmoid(D1 @ params["W2"].T + params["b2"])[:, 0]
    dropout_cache = {"mask": mask, "keep_prob": keep_prob}
    return reference.backward(y, params, {"X": X, "A1": A1, "D1": D1, "dropout": dropout_cache, "p": right_p})


def accuracy_of(params: Params, data: Data) -> float:
    """Share of the rows that the whole net gets right."""
    X, y = data
    p, _ = reference.forward(X, params, 1.0, np.random.default_rng(0), training=False)
    return float(np.mean((p > 0.5) == y))
