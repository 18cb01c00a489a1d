"""What the checks of rnn are asked about: steps and sequences, each drawn anew."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from grader import verify
from grader.checks.outlook.reference_rnn import Array, Params

__all__ = [
    "EDGES",
    "Sequences",
    "Step",
    "draw_params",
    "draw_sequences",
    "draw_sizes",
    "draw_step",
    "draw_tiny_sequences",
    "draw_tiny_step",
    "sizes_of",
]

# (m, T, n_x, n_h) at the edges: one row, one time step, one input, one unit; and several alike.
EDGES = ((1, 3, 3, 4), (5, 2, 1, 3), (4, 5, 2, 1), (3, 1, 4, 4), (1, 4, 1, 1))

# In a problem for the forbidden road, so many of the units count for the loss by TINY only: fewer than three
# tiny entries can't tell noise from a slip.
HIDDEN, SILENT = 7, 3


class Step(NamedTuple):
    """One time step and the gradient that comes back to it: x (m, n_x), h and dh (m, n_h)."""

    x: Array
    h: Array
    params: Params
    dh: Array


class Sequences(NamedTuple):
    """Sequences and the gradient of the loss by every state: X (m, T, n_x), h0 (m, n_h), dH (m, T, n_h)."""

    X: Array
    h0: Array
    params: Params
    dH: Array  # noqa: N815 - the notation of the course


def draw_params(rng: np.random.Generator, n_x: int, n_h: int) -> Params:
    """Parameters of a net in mid-training: sums of order 1, so that tanh bends and does not saturate."""
    return {
        "Wx": 0.7 * rng.normal(size=(n_h, n_x)) / np.sqrt(n_x),
        "Wh": 0.9 * rng.normal(size=(n_h, n_h)) / np.sqrt(n_h),
        "b": 0.4 * rng.normal(size=n_h),
    }


def draw_sizes(rng: np.random.Generator, count: int) -> list[int]:
    """
    Draw *count* sizes from 2 … 5, all different, so that no two axes can be taken for each other.

    No larger ones: where unroll is wrong, all numbers of a problem are nudged, and a nudge costs T steps.
    """
    return [int(size) for size in rng.permutation([2, 3, 4, 5])[:count]]


def sizes_of(given: Step | Sequences) -> tuple[int, ...]:
    """Return the sizes that *given* was drawn with: m, T where there is time, n_x, n_h."""
    return (*given[0].shape, given[1].shape[-1])


def draw_step(rng: np.random.Generator, m: int, n_x: int, n_h: int) -> Step:
    """Draw a step whose state before is one that a tanh may have left."""
    h = rng.uniform(-0.95, 0.95, size=(m, n_h))
    return Step(rng.normal(size=(m, n_x)), h, draw_params(rng, n_x, n_h), rng.normal(size=(m, n_h)) / m)


def draw_sequences(rng: np.random.Generator, m: int, T: int, n_x: int, n_h: int) -> Sequences:
    """Draw sequences, a first state that is not zero, and a loss that looks at all states."""
    h0 = rng.uniform(-0.95, 0.95, size=(m, n_h))
    dH = rng.normal(size=(m, T, n_h)) / m
    return Sequences(rng.normal(size=(m, T, n_x)), h0, draw_params(rng, n_x, n_h), dH)


def draw_tiny_step(rng: np.random.Generator) -> Step:
    """
    Draw a step some of whose gradients are tiny, so that only a derivation gets them right.

    One input and one state before have the scale `verify.TINY`, and so have their columns of dWx and dWh; a
    column of Wx and one of Wh, and so have those of dx and dh_prev; three columns of dh, and so have their
    entries of db.
    """
    x, h, params, dh = draw_step(rng, 4, 6, HIDDEN)
    x[:, rng.integers(6)] *= verify.TINY
    h[:, rng.integers(HIDDEN)] *= verify.TINY
    params["Wx"][:, rng.integers(6)] *= verify.TINY
    params["Wh"][:, rng.integers(HIDDEN)] *= verify.TINY
    dh[:, rng.permutation(HIDDEN)[:SILENT]] *= verify.TINY
    return Step(x, h, params, dh)


def draw_tiny_sequences(rng: np.random.Generator) -> Sequences:
    """
    Draw sequences some of whose gradients are tiny, so that only a derivation gets them right.

    One input and one column of Wx have the scale `verify.TINY`, and so have a column of dWx and one of dX.
    Three units count as little for the loss and for the next step: their rows of dWx and dWh, entries of db
    and columns of dh0 are tiny.
    """
    X, h0, params, dH = draw_sequences(rng, 3, 4, 6, HIDDEN)
    X[:, :, rng.integers(6)] *= verify.TINY
    params["Wx"][:, rng.integers(6)] *= verify.TINY
    silent = rng.permutation(HIDDEN)[:SILENT]
    params["Wh"][:, silent] *= verify.TINY
    dH[:, :, silent] *= verify.TINY
    return Sequences(X, h0, params, dH)
