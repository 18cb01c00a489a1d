"""Inputs of the checks of first_model, drawn from each check's own generator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader.checks.digits import Digits

__all__ = [
    "SIZES",
    "TRACE",
    "Images",
    "Problem",
    "Shapes",
    "State",
    "asleep",
    "decided",
    "draw_images",
    "draw_problem",
    "draw_rows",
    "gentle",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Images = NDArray[np.uint8]

SIZES = (784, 512, 10)

# The training: on a few thousand digits ten epochs in small batches, about 940 steps; on MNIST's 60,000 the
# five epochs and batches of 128 of the lecture's first code, 2,345 steps.
FEW = 10_000
SHORT, LONG = (10, 32), (5, 128)
MOST_ROWS, MOST_HELD_OUT = 60_000, 10_000

LARGEST_SHIFT = 2  # pixels; a digit's ink leaves a frame of four
NOISE = 16  # grey levels each way, all equally likely: a standard deviation of 9.5, 4 % of black

# A net whose answers are decided, for rows of norm 1: hidden units of typical size 1.9, 256 of them on, so
# that |a| is about 30, and logits of standard deviation 3.
HIDDEN_SCALE, LOGIT_SCALE, BIAS_SCALE = 1.9, 0.13, 0.1

# A net that is asleep: no hidden unit is on, for rows of norm 1, and the logits are the last biases, one of
# them far ahead. A row of another digit costs about AHEAD, one of that digit next to nothing. A step moves
# these biases only: gradient descent by less than its rate, whichever the optimiser by little against AHEAD.
ASLEEP, AHEAD = -5.0, 12.0

# With a pixel for each row, a used row moves some weight of its pixel, of size 0.04: gradient descent at a
# rate of 0.001, the slowest that anyone would take, by 1e-5. A row that is not used moves it by rounding
# errors only, of 2e-9.
TRACE = 1e-7

State = dict[str, FloatArray]
Shapes = Mapping[str, tuple[int, ...]]


class Problem(NamedTuple):
    """
    A training problem: rows of 784 grey values, uint8, with their pixels in another order.

    `images`, `labels`, `epochs`, `batch_size` and `seed` go to the student; what is held out stays here.
    """

    images: Images
    labels: IntArray
    held_out_images: Images
    held_out_labels: IntArray
    epochs: int
    batch_size: int
    seed: int


def draw_images(rng: np.random.Generator, m: int) -> Images:
    """Draw images (m, 28, 28) of even noise; their greatest grey is below 255 and differs."""
    return rng.integers(0, int(rng.integers(120, 250)), size=(m, 28, 28), dtype=np.uint8)


def draw_rows(rng: np.random.Generator, m: int, norm: float = 1.0) -> FloatArray:
    """Draw rows (m, 784) of that norm in random directions, nearly at right angles to each other."""
    rows = rng.normal(size=(m, SIZES[0]))
    return np.asarray(norm * rows / np.linalg.norm(rows, axis=1, keepdims=True))


def decided(rng: np.random.Generator, shapes: Shapes) -> State:
    """Draw parameters of a net whose answers are decided, for rows of norm 1; *shapes* by their names."""
    state = {}
    for name, shape in shapes.items():
        if len(shape) < 2:
            state[name] = BIAS_SCALE * rng.normal(size=shape)
        elif SIZES[0] in shape:
            state[name] = HIDDEN_SCALE * rng.normal(size=shape)
        else:  # weights that cancel: what all units have in common, as those of a sigmoid do, decides nothing
            weights = rng.normal(size=shape)
            state[name] = LOGIT_SCALE * (weights - weights.mean(axis=int(np.argmax(shape)), keepdims=True))
    return state


def gentle(rng: np.random.Generator, shapes: Shapes) -> State:
    """Draw parameters such as a training may start from: weights of scale 1/sqrt(n_in), small biases."""
    return {
        name: (max(shape) ** -0.5 if len(shape) == 2 else 0.05) * rng.normal(size=shape)
        for name, shape in shapes.items()
    }


def asleep(rng: np.random.Generator, shapes: Shapes) -> State:
    """Draw parameters of a net that is asleep, for rows of norm 1."""
    state = {}
    for name, shape in shapes.items():
        state[name] = (0.1 if len(shape) == 2 else 0.5) * rng.normal(size=shape)
        if shape == SIZES[-1:]:
            state[name][int(rng.integers(SIZES[-1]))] = AHEAD
        elif len(shape) == 1:
            state[name] += ASLEEP
    return state


def draw_problem(rng: np.random.Generator, digits: Digits) -> Problem:
    """
    Draw a training problem that knowing the digits is no use for.

    All images of a submission, held-out ones too, are shifted by the same few pixels, blurred by noise of
    their own, and have their pixels in the same random order. A fully connected net whose start has no
    favourite pixels learns that just as well; memorised images and weights are worth nothing.
    """
    shift = tuple(int(step) for step in rng.integers(-LARGEST_SHIFT, LARGEST_SHIFT + 1, size=2))
    order = rng.permutation(SIZES[0])
    chosen = rng.permutation(len(digits.images))[:MOST_ROWS]
    held_out = rng.permutation(len(digits.held_out_images))[:MOST_HELD_OUT]
    epochs, batch_size = SHORT if len(chosen) <= FEW else LONG
    return Problem(
        _disguised(rng, digits.images[chosen], shift, order),
        digits.labels[chosen],
        _disguised(rng, digits.held_out_images[held_out], shift, order),
        digits.held_out_labels[held_out],
        epochs,
        batch_size,
        int(rng.integers(2**31)),
    )


def _disguised(rng: np.random.Generator, images: Images, shift: tuple[int, ...], order: IntArray) -> Images:
    """Return rows (m, 784) of uint8."""
    rows = np.roll(images, shift, axis=(1, 2)).reshape(len(images), -1)[:, order].astype(np.int16)
    rows += rng.integers(-NOISE, NOISE + 1, size=rows.shape, dtype=np.int8)
    return np.clip(rows, 0, 255).astype(np.uint8)
