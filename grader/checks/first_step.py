"""
Where a training began, seen through its first step, and whether that is a place to learn from.

After the first step of gradient descent the parameters are start - rate * gradient(start): a straight line
in the learning rate. Two rates, both of a size that trainings use, therefore give the start, and no call
stands out as the one that asks for it. And what is compared with the gradient must not be at rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from grader.errors import CheckFailure

__all__ = ["assert_on_a_slope", "draw_rates", "start_of"]

FloatArray = NDArray[np.float64]
Params = dict[str, FloatArray]

# A start of zero comes back as a rounding error: of the parameters after the step, of order 1, times 4 (see
# start_of), 5e-7 in float32. On ReLU's kink that would be a slope of 1 as often as 0.
ROUNDING = 1e-6
# Of 160,000 first steps on the problems of the step checks (normal and uniform starts, four networks) the
# smallest gradient of a matrix had the norm 1.0e-3, and one in a thousand had less than 7e-3. A layer of few
# ReLUs may be asleep, once in some thousands: so these checks try again on new data. Steps are judged to
# 1e-5.
LEAST_SLOPE = 1e-3


def draw_rates(rng: np.random.Generator, rate: float) -> tuple[float, float]:
    """Return *rate* and a second learning rate that is 0.4 to 0.6 times, or 1.7 to 2.5 times as large."""
    ratio = float(rng.uniform(0.4, 0.6))
    return rate, rate * (ratio if rng.random() < 0.5 else 1.0 / ratio)


def start_of(first_step: Callable[[float], Params], rates: tuple[float, float]) -> Params:
    """
    Return where a training starts, from its first step at two learning rates.

    The line through both, at 0: (r1 P2 - r2 P1) / (r1 - r2). With a ratio of at most 0.6 a rounding error of
    the parameters becomes at most 4 times as large.

    Args:
        first_step: the parameters after one step over all rows at this learning rate, from the same start.
        rates: two of them, as `draw_rates` has them.

    Returns:
        The start, if the step is a multiple of the learning rate; exact zeros where only rounding is left.

    Raises:
        CheckFailure: the two steps lead to the same place.
    """
    (one, other), after_one, after_other = rates, first_step(rates[0]), first_step(rates[1])
    if all(np.array_equal(after_one[name], after_other[name]) for name in after_one):
        raise CheckFailure(
            "After one step fit returns the same parameters at two different learning rates.",
            hint="Does the step use learning_rate, and is what the update gives kept?",
        )
    start: Params = {}
    for name, value in after_one.items():
        at_zero = (one * after_other[name] - other * value) / (one - other)
        start[name] = np.where(np.abs(at_zero) < ROUNDING, 0.0, at_zero)
    return start


def assert_on_a_slope(grads: Mapping[str, FloatArray]) -> None:
    """
    Fail where a training starts at rest: with a gradient of (nearly) zero for some weight matrix.

    A network of zeros, or one whose neurons are all saturated, takes the right steps by standing still.

    Args:
        grads: the true gradients of the plain loss at the start, "dW1", ….
    """
    for name, grad in grads.items():
        if grad.ndim == 2 and not float(np.linalg.norm(grad)) >= LEAST_SLOPE:
            raise CheckFailure(
                f"fit starts where the gradient of {name[1:]} is (nearly) zero: it can't learn from there.",
                hint="Weights of zero leave no slope to follow, and weights so large that neurons are flat.",
            )
