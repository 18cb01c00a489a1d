"""
The forbidden road: a gradient that was computed by differences instead of being derived.

It shows in two ways. By calls: a quotient calls the forward or the loss at least once for each parameter.
By rounding: it subtracts two numbers of order 1 and divides by a small step, so its absolute error is that of
the loss, 1e-16/h or more, at every entry, where a derived gradient keeps its *relative* accuracy however
small an entry is, in float32 as well. Not seen: complex-step differentiation, which has no cancellation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from grader.errors import CheckFailure
from grader.verify.values import FloatArray, as_array, as_params

__all__ = [
    "TINY",
    "assert_no_difference_quotient",
    "assert_no_quotient_noise",
    "assert_not_numerical",
    "quotient_probe",
]

# Scale of a column whose gradient only a derivation gets right: one step h along it moves z by h*TINY, at
# h = 1e-2 less than 10 units in the last place of a z of order 1. float32 reaches down to 1e-38.
TINY = 1e-13
HINT = "Derive the gradient by hand and write down the formula; a numerical gradient is for checking it."

PROBE_WINDOWS, PROBE_POINTS = 9, 16
# A thousandth of a float32 unit in the last place: float32 code stands still within a window.
PROBE_SPACING = 1e-10
# Over a dozen honest ways to write the derivatives, 2000 probes each, at most 3.2e-16 (tests/verify/
# test_difference_quotient.py). Quotients have 6e-15 or more at h = 1e-3, ten times that at h = 1e-4.
PROBE_NOISE = 1.5e-15


def assert_not_numerical(name: str, calls: Mapping[str, int], parameters: int, rows: int) -> None:
    """
    Fail if *name* called another blank so often that it must have differentiated numerically.

    An honest loop calls forward at most twice a row; a difference quotient at least once for each parameter.
    The bound, half the parameters, lies between: choose a problem with parameters > 4 * rows.

    Args:
        name: the blank that was observed.
        calls: `observation.calls`: function name → how often it was called meanwhile.
        parameters: number of all parameters, d.
        rows: rows of the batch, m (times layers, where the counted function is called once a layer).

    Raises:
        CheckFailure: says how often what was called.
        ValueError: the problem is too small to tell.
    """
    if parameters <= 4 * rows:
        raise ValueError(
            f"{parameters} parameters and {rows} rows: too small a problem to tell loops from quotients."
        )
    for called, times in calls.items():
        if times > parameters / 2:
            raise CheckFailure(
                f"{name} called {called} {times} times for {parameters} parameters: "
                "it differentiates numerically.",
                hint=HINT,
            )


def assert_no_difference_quotient(
    claimed: object, true: Mapping[str, FloatArray], name: str = "backward"
) -> None:
    """
    Fail if the gradients are right where they are large, and noise where they are tiny.

    Prepare it by multiplying a column of X by TINY (its column of dW1 becomes tiny), and a column of a later
    W (then a row of the earlier dW and an entry of its db). Don't make a hidden unit's activation tiny: an
    honest tanh written with exp is noise there. Tiny are entries below 1e-9 of the largest.

    The entries that are not tiny must be right to 1e-4, or this says nothing (other checks do). An answer
    whose tiny entries are off by one constant is not blamed either: that is a clipped probability.

    Args:
        claimed: raw, as the student returned it: a dict with the keys of *true*, or more.
        true: the right gradients, by the same keys.
        name: the blank.

    Raises:
        CheckFailure: more than half of a tensor's tiny entries are off by more than 1e-3 of their own size.
        ValueError: no tensor has tiny entries.
    """
    right = {key: np.asarray(value, dtype=np.float64) for key, value in true.items()}
    answers = as_params(claimed, {key: value.shape for key, value in right.items()}, f"{name}: the result")
    largest = max(float(np.max(np.abs(value), initial=0.0)) for value in right.values())
    tiny = {key: (np.abs(value) < 1e-9 * largest) & (np.abs(value) > 1e-30) for key, value in right.items()}
    if not any(part.any() for part in tiny.values()):
        raise ValueError("assert_no_difference_quotient needs a problem with tiny entries: see TINY.")
    for key, where in tiny.items():
        others = np.abs(np.clip(answers[key], -1e100, 1e100) - right[key])[~where]
        if np.all(others <= 1e-4 * largest) and _is_noise(answers[key][where], right[key][where]):
            _blame(name, f"{key} is right where it is large and lost in rounding where it is small")


def assert_no_quotient_noise(claimed: object, name: str) -> None:
    """
    Fail if a derivative of one variable has the rounding noise of a difference quotient.

    Call the student's function once, with `quotient_probe(rng)`, and hand its answer to this. Along 16 points
    1e-10 apart any derivative is a straight line: a formula in float64 leaves it by less than
    1e-15, one in float32 stands still, a quotient jumps by 1e-16/h at every point. Where the derivative is 1
    (ReLU, z > 0), a formula gives that to the last digit, and a quotient does not.

    Forward, central, Richardson and five-point quotients are seen from h = 1e-3 down; not complex steps, not
    a central quotient with h = 1e-2, nor a ReLU's with a power of two as h, which is exact.

    Args:
        claimed: raw answer to the points of `quotient_probe`, shape (144,).
        name: the blank.

    Raises:
        CheckFailure: most windows are noise.
    """
    answer = as_array(claimed, (PROBE_WINDOWS * PROBE_POINTS,), name).reshape(PROBE_WINDOWS, PROBE_POINTS)
    with np.errstate(all="ignore"):
        jagged = float(np.median(_noise(answer))) > PROBE_NOISE or _almost_one(answer)
    if jagged:
        _blame(name, "between neighbouring points it jumps by more than a formula's rounding")


def quotient_probe(rng: np.random.Generator, low: float = 0.5, high: float = 2.5) -> FloatArray:
    """
    Points for `assert_no_quotient_noise`: 9 windows of 16 points each, a window 1.5e-9 wide.

    Args:
        rng: for the windows' places.
        low: least abs(z), away from 0 (kinks); signs are random.
        high: greatest abs(z).

    Returns:
        Shape (144,).
    """
    centres = rng.uniform(low, high, PROBE_WINDOWS) * rng.choice([-1.0, 1.0], PROBE_WINDOWS)
    return np.asarray((centres[:, None] + PROBE_SPACING * np.arange(PROBE_POINTS)).ravel(), dtype=np.float64)


def _is_noise(answer: FloatArray, right: FloatArray) -> bool:
    """Whether most tiny entries are wrong, neither by one constant (an eps) nor at one constant (a clip)."""
    error = answer - right
    wrong = np.abs(error) > 1e-3 * np.abs(right)
    # Fewer than three can't tell noise from a shift; an error above 1e-6 is plainly wrong, and no quotient's.
    if wrong.sum() < max(3, 0.5 * right.size) or float(np.max(np.abs(error))) > 1e-6:
        return False
    if _is_damped(answer, right):
        return False
    answer, error = answer[wrong], error[wrong]
    clipped = answer.any() and np.ptp(answer) <= 1e-3 * np.max(np.abs(answer))
    return not clipped and bool(np.ptp(error) > 1e-3 * np.max(np.abs(error)))


def _is_damped(answer: FloatArray, right: FloatArray) -> bool:
    """
    Whether every entry is too small, as an eps below p*(1 - p) makes it, there against a zero.

    The links (p - y)/(p*(1 - p) + eps) and p*(1 - p) make r*r/(r + eps) of a tiny entry r: the eps it takes,
    r*r/answer - r, is one constant. With np.maximum(p*(1 - p), eps) it is eps - r, and 0 from r = eps on. So
    it never grows with r. Noise that is small beside r is below it with probability 1/2, and takes an eps of
    its own size, which knows nothing of r: k of them fall with 1/k!. Five entries are excused by chance about
    once in 2^5 * 5! = 3,840 times, greater noise, seldom between 0 and r, less often (simulated in
    tests/verify). Fewer entries are not excused.
    """
    if right.size < 5:
        return False
    order = np.argsort(np.abs(right))
    size, ratio = np.abs(right)[order], (answer / right)[order]
    rounding = 1e-5  # more than that of float32, after a handful of operations
    if np.any(ratio <= 0) or np.any(ratio >= 1 + rounding):
        return False
    below = size / ratio  # r + eps
    return bool(np.all(np.diff(below - size) <= rounding * np.maximum(below[:-1], below[1:])))


def _noise(windows: FloatArray) -> npt.NDArray[np.float64]:
    """Standard deviation of the jagged part of each row: second differences, which remove a straight line."""
    # Var of x[i-1] - 2 x[i] + x[i+1] is 6 times that of x.
    second = np.diff(windows, n=2, axis=1)
    return np.asarray(np.sqrt(np.mean(second**2, axis=1) / 6.0), dtype=np.float64)


def _almost_one(windows: FloatArray) -> bool:
    """
    Whether the greatest windows, three or more, are 1 but for the rounding of a quotient: ReLU's slope.

    A formula gives 1 exactly there, in float32 as well.
    """
    centres = np.median(windows, axis=1)
    top = windows[centres > centres.max() - 1e-6]
    error = np.abs(top - 1.0)
    single = top.astype(np.float32).astype(np.float64) == top
    return len(top) >= 3 and bool(np.all(error < 1e-6) and np.any((error > PROBE_NOISE) & ~single))


def _blame(name: str, why: str) -> NoReturn:
    raise CheckFailure(f"The answer of {name} has the rounding of a difference quotient: {why}.", hint=HINT)
