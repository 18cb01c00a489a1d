"""What the checks of tuning are asked about: layer sizes, rows, spaces of settings, steps, digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from grader.checks.digits import hidden_digits

__all__ = [
    "Fractions",
    "draw_array",
    "draw_digits",
    "draw_fractions",
    "draw_noise",
    "draw_rows",
    "draw_seed",
    "draw_sizes",
    "draw_space",
    "draw_step",
    "right_step",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Fractions = tuple[float, float, float]

NAMES = ("learning_rate", "hidden", "activation", "batch_size", "epochs", "width", "decay")
CHOICES: tuple[list[Any], ...] = (
    [0.001, 0.01, 0.1, 0.5],
    [[16], [32, 16], [64, 32], [8, 8, 8]],
    ["sigmoid", "tanh", "relu", "linear"],
    [16, 64, 256, 1024],
    [3, 5, 8, 12],
    [4, 40, 400, 4000],
    [0.0, 0.25, 0.75, 1.5],
)
LARGEST_SHIFT = 2  # pixels each way: digits have a margin of 4
NOISE = 0.1  # standard deviation, where ink is 1


class Step(NamedTuple):
    """What an optimiser's step begins with: four arrays of one shape, and the learning rate."""

    param: FloatArray
    grad: FloatArray
    mean: FloatArray
    square: FloatArray
    learning_rate: float


def draw_seed(rng: np.random.Generator) -> int:
    """Seed of what is random on the student's side."""
    return int(rng.integers(2**31))


def draw_sizes(rng: np.random.Generator, layers: int, low: int = 2, high: int = 9) -> list[int]:
    """Sizes of input, hidden layers and output of a net of so many layers of weights."""
    return [int(size) for size in rng.integers(low, high + 1, size=layers + 1)]


def draw_array(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Normal numbers that float32 holds exactly."""
    return rng.normal(size=shape).astype(np.float32).astype(np.float64)


def draw_rows(rng: np.random.Generator, m: int, n_x: int) -> tuple[FloatArray, IntArray]:
    """X (m, n_x), whose first column numbers its rows in random order, and labels y (m,) from 0 to 9."""
    X = draw_array(rng, (m, n_x))
    X[:, 0] = rng.permutation(m)
    return X, rng.integers(0, 10, size=m)


def draw_fractions(rng: np.random.Generator) -> Fractions:
    """Three fractions in twentieths, each at least a tenth, the first the largest."""
    val, test = (int(each) for each in rng.integers(2, 7, size=2))
    return (20 - val - test) / 20, val / 20, test / 20


def draw_space(rng: np.random.Generator, counts: list[int]) -> dict[str, list[Any]]:
    """A space with so many choices for each of its names: numbers, words, lists."""
    kinds = rng.choice(len(NAMES), size=len(counts), replace=False)
    return {
        NAMES[kind]: [CHOICES[kind][i] for i in rng.permutation(len(CHOICES[kind]))[:count]]
        for kind, count in zip(kinds.tolist(), counts, strict=True)
    }


def draw_step(rng: np.random.Generator, shape: tuple[int, ...]) -> Step:
    """A step in the middle of a training, with no gradient near zero, so that eps is lost in rounding."""
    grad = (rng.uniform(0.4, 2.0, shape) * rng.choice([-1.0, 1.0], shape)).astype(np.float32)
    square = rng.uniform(0.2, 1.5, shape).astype(np.float32)
    rate = float(np.float32(rng.uniform(0.1, 0.4)))
    return Step(
        draw_array(rng, shape),
        grad.astype(np.float64),
        draw_array(rng, shape),
        square.astype(np.float64),
        rate,
    )


def right_step(step: Callable[..., Any], *arguments: Any, **named: float) -> tuple[FloatArray, ...]:
    """Return what the reference's *step* gives, computed in float64: one array, or several."""
    given = [torch.from_numpy(each.copy()) if isinstance(each, np.ndarray) else each for each in arguments]
    returned = step(*given, **named)
    return tuple(each.numpy() for each in (returned if isinstance(returned, tuple) else (returned,)))


def draw_digits(rng: np.random.Generator, *counts: int) -> list[tuple[FloatArray, IntArray]]:
    """
    Draw so many digits that no student has, in several parts without a common row, all disguised alike.

    One shift for all, noise, and one order of the pixels for all: a fully connected net learns the same from
    them, and what somebody knows about digits by heart is worth nothing.

    Returns:
        For each count X (m, 784) in [0, 1] and y (m,).
    """
    images, labels = hidden_digits()
    chosen = rng.permutation(len(images))[: sum(counts)]
    shift = tuple(int(each) for each in rng.integers(-LARGEST_SHIFT, LARGEST_SHIFT + 1, size=2))
    rows = np.roll(images[chosen], shift, axis=(1, 2)).reshape(len(chosen), -1) / 255.0
    rows = np.clip(rows + NOISE * rng.normal(size=rows.shape), 0.0, 1.0)[:, rng.permutation(rows.shape[1])]
    ends = np.cumsum(counts)[:-1]
    return list(zip(np.split(rows, ends), np.split(labels[chosen], ends), strict=True))


def draw_noise(rng: np.random.Generator, m: int) -> tuple[FloatArray, IntArray]:
    """Rows (m, 784) in [0, 1] and labels from 0 to 9 that have nothing to do with them."""
    X = rng.random((m, 784)) * (rng.random((m, 784)) < 0.15)
    return X, rng.integers(0, 10, size=m)
