"""What the checks of gan are asked about: logits, mixtures, and how far samples lie from a mixture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader.checks.outlook import reference_gan as reference

__all__ = [
    "FloatArray",
    "Mixture",
    "distance",
    "draw_extreme_logits",
    "draw_lengths",
    "draw_logits",
    "draw_mixture",
    "draw_rows",
    "draw_seed",
]

FloatArray = NDArray[np.float64]

LARGEST = 1000.0  # the notebook's bound
TRUTH_PER_SAMPLE = 10  # numbers drawn from the mixture for each sample that is compared with them


class Mixture(NamedTuple):
    """Two hills: their places, widths and weights, each of shape (2,)."""

    places: FloatArray
    widths: FloatArray
    weights: FloatArray


def draw_seed(rng: np.random.Generator) -> int:
    """Seed of a generator on the student's side."""
    return int(rng.integers(2**31))


def draw_logits(rng: np.random.Generator, m: int) -> FloatArray:
    """Logits of either sign, of order 1: a discriminator in the middle of the game."""
    return np.asarray(rng.uniform(-0.5, 0.5) + 1.5 * rng.standard_normal(m))


def draw_extreme_logits(rng: np.random.Generator) -> FloatArray:
    """Logits up to the notebook's bound, of both signs, and some of order 1 among them."""
    sizes = np.concatenate([rng.uniform(30.0, LARGEST, 6), rng.uniform(0.1, 3.0, 4), [LARGEST, LARGEST]])
    signs = np.concatenate([rng.choice([-1.0, 1.0], 10), [-1.0, 1.0]])
    return np.asarray(rng.permutation(sizes * signs))


def draw_lengths(rng: np.random.Generator) -> tuple[int, int]:
    """Two lengths, one at least twice the other; which one is longer is a coin's toss."""
    short = int(rng.integers(2, 6))
    long = 2 * short + int(rng.integers(0, 6))
    return (short, long) if rng.random() < 0.5 else (long, short)


def draw_mixture(rng: np.random.Generator) -> Mixture:
    """
    Two hills that hardly overlap, neither of them small; never around zero, where scaling back is idle.

    With wider gaps or weights of 0.35 a game that is played well loses a hill once in fifty times.
    """
    middle = rng.choice([-1.0, 1.0]) * rng.uniform(3.0, 6.0)
    gap, weight = rng.uniform(3.2, 4.2), rng.uniform(0.4, 0.6)
    return Mixture(
        places=middle + gap * np.array([-0.5, 0.5]),
        widths=rng.uniform(0.4, 0.55, 2),
        weights=np.array([weight, 1.0 - weight]),
    )


def draw_rows(rng: np.random.Generator, m: int, mixture: Mixture | None = None) -> FloatArray:
    """Data (m,) from *mixture*, or from a fresh one."""
    return reference.make_mixture(m, *(mixture or draw_mixture(rng)), rng)


def distance(samples: FloatArray, mixture: Mixture, rng: np.random.Generator) -> float:
    """
    Wasserstein-1 distance of *samples* (n,) to a mixture, in units of the mixture's standard deviation.

    In one dimension the cheapest way to carry one heap onto another keeps the order, so it is the mean
    distance between sorted numbers.

    Source: C. Villani, Topics in Optimal Transportation, 2003, section 2.2.
    """
    truth = np.sort(draw_rows(rng, TRUTH_PER_SAMPLE * len(samples), mixture))
    carried = np.abs(np.repeat(np.sort(samples), TRUTH_PER_SAMPLE) - truth)
    return float(np.mean(carried) / np.std(truth))
