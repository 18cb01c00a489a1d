"""A fair start of a network: weights of the right scale, all different, from the generator that was given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader.errors import CheckFailure

__all__ = ["assert_different", "assert_same_or_not", "assert_scale"]

FloatArray = NDArray[np.float64]
Params = dict[str, FloatArray]

# Right are a normal distribution of standard deviation s = 1/sqrt(n_in), and a uniform one from -s to s,
# whose standard deviation is s/sqrt(3). The estimate from N weights errs by the share
# sqrt((kurtosis - 1) / 4N): sqrt(0.5/N) for the normal (kurtosis 3), sqrt(0.2/N) for the uniform (9/5); the
# mean errs by sd/sqrt(N). With 4.9 of these on each side, an honest start fails less than once in a million.
SIGMAS = 4.9
LEAST_SCALE = 1 / np.sqrt(3.0)


def assert_scale(weights: FloatArray, n_in: int, name: str) -> None:
    """Fail unless the weights have mean 0 and a scale between the uniform's and the normal's 1/sqrt(n_in)."""
    count, sd = weights.size, float(weights.std())
    ratio = sd * np.sqrt(n_in)
    low = LEAST_SCALE * (1 - SIGMAS * np.sqrt(0.2 / count))
    high = 1 + SIGMAS * np.sqrt(0.5 / count)
    if not low <= ratio <= high:
        raise CheckFailure(
            f"{name}: the standard deviation of {count} weights is {ratio:.2g} times 1/sqrt(n_in); a normal "
            f"distribution of this scale has 1, a uniform one {LEAST_SCALE:.2f}.",
            hint="n_in is the number of inputs of that layer: how many numbers does one neuron add up?",
        )
    off = abs(float(weights.mean())) * np.sqrt(count) / sd
    assert off <= SIGMAS, f"{name}: the mean of {count} weights is {off:.0f} standard errors from zero."


def assert_different(weights: FloatArray, name: str) -> None:
    """Fail if weights are repeated: even 60 uniform numbers in float32 are hardly ever equal."""
    different = len(np.unique(weights))
    if different < weights.size - 2:
        raise CheckFailure(
            f"{name} has {weights.size} weights, and only {different} different values among them.",
            hint="Neurons with the same weights stay the same for ever; what makes them differ?",
        )


def assert_same_or_not(first: Params, again: Params, different: Params, what: str) -> None:
    """Fail unless two networks of one seed are equal, and one of another seed is not."""
    for name in ("W1", "W2"):
        if not np.array_equal(first[name], again[name]):
            raise CheckFailure(
                f"The same seed gives two different networks: {name} differs at the {what}.",
                hint="Does every random number come from rng?",
            )
        if np.array_equal(first[name], different[name]):
            raise CheckFailure(
                f"Two different seeds give the same {name} at the {what}.",
                hint="Does every random number come from the rng that was handed over?",
            )
