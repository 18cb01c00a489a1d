"""Disguises for the data of a training check: they cost a training nothing, memorised weights all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["random_turn", "swap_or_not"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def random_turn(rng: np.random.Generator, n_x: int, n_out: int | None = None) -> FloatArray:
    """
    Draw an orthogonal map, all equally likely: a rotation, or a rotation and a reflection.

    A start that has no favourite direction meets the turned rows as it would have met the rows themselves.

    Args:
        rng: where the map comes from.
        n_x: features of the rows.
        n_out: features of the turned rows, at least n_x, which is the default: more lay the rows into a
            space of which they fill n_x dimensions.

    Returns:
        Q of shape (n_x, n_out) with orthonormal rows: X @ Q has the distances and angles of X.

    Source: F. Mezzadri, How to generate random matrices from the classical compact groups, 2007, section 5.
    """
    n_out = n_x if n_out is None else n_out
    columns, R = np.linalg.qr(rng.normal(size=(n_out, n_x)))
    return np.asarray((columns * np.sign(np.diag(R))).T)


def swap_or_not(rng: np.random.Generator, *labels: IntArray) -> tuple[IntArray, ...]:
    """Return all *labels*, or all of them with 0 and 1 exchanged: one or the other by the toss of a coin."""
    swapped = bool(rng.random() < 0.5)
    return tuple(1 - y if swapped else y for y in labels)
