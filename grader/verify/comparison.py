"""Compare a returned value with the right one: one tolerance that every honest way to compute keeps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from grader.errors import CheckFailure
from grader.verify.differences import Comparison, explain
from grader.verify.values import FloatArray, as_array

__all__ = ["RELATIVE_TOLERANCE", "SMALLEST_SCALE", "agrees", "assert_between", "assert_close", "tolerance_of"]

# One tolerance for float64 and float32 alike: a student may compute in float32 and return float64, which no
# dtype tells. A float32 sum of n products errs by about sqrt(n)*u of the terms' size (u = 6e-8, at worst n*u:
# Higham, Accuracy and Stability, section 3.1): for n <= 30 and four layers in a row about 1e-6 of the array's
# scale, and an eps of 1e-7 inside a logarithm adds 1e-7/p. 1e-5 leaves a margin of ten. What could hide
# below it? Mistakes are discrete (a factor 1/m, a sign, a term, a mask): even a single entry off by 1 % is a
# thousand times larger. Measured in tests/verify/test_comparison.py.
RELATIVE_TOLERANCE = 1e-5

# An entry that is small because its terms cancel (a single z near 0) keeps the terms' rounding error. Checks
# draw data of order 1, so the absolute part of the tolerance is at least 1e-6 unless the check says less.
SMALLEST_SCALE = 0.1


def assert_close(
    actual: object,
    expected: npt.ArrayLike,
    name: str,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    scale: float | None = None,
    hint: str = "",
    facts: Mapping[str, float] | None = None,
) -> None:
    """
    Fail unless a returned value equals *expected* within rounding: shape, finiteness and values in one call.

    Passes where |actual - expected| <= atol + rtol*|expected| at every entry; a NaN never does. The same
    tolerance serves float64 and float32 (see RELATIVE_TOLERANCE).

    Args:
        actual: raw, as the student returned it, or from `as_array`.
        expected: the right values; their shape is the shape asked for.
        name: how the student knows it, such as "p".
        rtol: 1e-5 by default.
        atol: rtol * scale by default; 0 asks for relative accuracy at every entry.
        scale: typical size of the terms that make an entry; by default the root mean square of
            *expected*, at least 0.1. Give it where everything is small (gradients of a mean, say).
        hint: shown when the difference itself suggests none.
        facts: sizes that a wrong factor may equal, by name: {"rows": 8}.

    Raises:
        CheckFailure: with the difference in words.
    """
    right = np.asarray(expected, dtype=np.float64)
    answer = as_array(actual, right.shape, name)
    tolerance = tolerance_of(right, rtol=rtol, atol=atol, scale=scale)
    if agrees(answer, right, tolerance):
        return
    finding = explain(Comparison(answer, right, tolerance, name, facts=facts or {}))
    raise CheckFailure(finding.message, hint=finding.hint or hint)


def assert_between(
    actual: object, low: npt.ArrayLike, high: npt.ArrayLike, name: str, *, hint: str = ""
) -> None:
    """
    Fail unless low <= actual <= high at every entry, within rounding: for kinks, where a range is right.

    Where *low* equals *high* this is `assert_close`. For `relu_grad` at z = 0: low 0, high 1; for
    `relu_backward` there: low min(0, dA), high max(0, dA).

    Args:
        actual: raw, as the student returned it.
        low: the least that is right; its shape is the shape asked for.
        high: the most that is right, same shape.
        name: how the student knows it.
        hint: shown when the difference itself suggests none.

    Raises:
        CheckFailure: with the difference in words.
    """
    least, most = np.broadcast_arrays(np.asarray(low, np.float64), np.asarray(high, np.float64))
    answer = as_array(actual, least.shape, name)
    nearest = np.clip(answer, least, most)
    tolerance = tolerance_of(np.where(np.abs(most) > np.abs(least), most, least))
    if agrees(answer, nearest, tolerance):
        return
    # Among the right answers, compare with the one that is nearest.
    finding = explain(Comparison(answer, nearest, tolerance, name))
    raise CheckFailure(finding.message, hint=finding.hint or hint)


def tolerance_of(
    expected: FloatArray, *, rtol: float | None = None, atol: float | None = None, scale: float | None = None
) -> FloatArray:
    """Return the difference allowed at each entry; see `assert_close`."""
    if not np.all(np.isfinite(expected)):
        raise ValueError("The expected value is not finite: the reference or the inputs are wrong.")
    relative = RELATIVE_TOLERANCE if rtol is None else rtol
    if scale is None:
        # In units of its largest entry: 1e200 squared would overflow, and every difference would be allowed.
        largest = float(np.abs(expected).max(initial=SMALLEST_SCALE))
        size = largest * float(np.sqrt(np.mean((expected / largest) ** 2))) if expected.size else 0.0
        scale = max(size, SMALLEST_SCALE)
    absolute = relative * scale if atol is None else atol
    return np.asarray(absolute + relative * np.abs(expected), dtype=np.float64)


def agrees(actual: FloatArray, expected: FloatArray, tolerance: FloatArray) -> bool:
    """Whether every entry lies within its tolerance; written so that a NaN never passes."""
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(actual - expected) <= tolerance))
