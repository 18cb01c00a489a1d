"""
Say in numbers how a wrong array differs from the right one: a factor, a sign, a row; never the right values.

`FINDINGS` is a list of questions, from the most telling to the most general; the first that answers is the
message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from grader.verify.values import FloatArray
from grader.verify.wording import (
    MAX_POSITIONS,
    in_digits,
    in_percent,
    is_round,
    listed,
    name_of_factor,
    position,
    sentence,
    share_of,
)

__all__ = ["Comparison", "Finding", "describe_difference", "explain"]


class Finding(NamedTuple):
    """One sentence with what was measured, and what to think about next."""

    message: str
    hint: str = ""


@dataclass(frozen=True)
class Comparison:
    """
    A wrong answer beside the right one, of the same shape.

    Args:
        actual: what came back.
        expected: what is right.
        tolerance: the difference that was allowed at each entry.
        name: the answer's name.
        against: what *expected* is called in a message.
        facts: known sizes by their name, such as {"rows": 8}: a factor that equals one is told so.
    """

    actual: FloatArray
    expected: FloatArray
    tolerance: FloatArray
    name: str
    against: str = "the right value"
    facts: Mapping[str, float] = field(default_factory=dict)

    def same(self, other: FloatArray, stretch: float = 1.0) -> npt.NDArray[np.bool_]:
        """Where the answer equals *other*; the tolerance grows with a factor above 1."""
        same: npt.NDArray[np.bool_] = np.abs(self.actual - other) <= self.tolerance * max(1.0, abs(stretch))
        return same

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        """Where the answer is wrong; a NaN is."""
        return ~self.same(self.expected)


def describe_difference(
    actual: object,
    expected: object,
    name: str,
    *,
    against: str = "the right value",
    facts: Mapping[str, float] | None = None,
    tolerance: float | FloatArray | None = None,
) -> str:
    """
    Describe in one sentence how *actual* differs from *expected*, two arrays of the same shape.

    Args:
        actual: the answer, already an array.
        expected: what is right, same shape.
        name: how the student knows the answer.
        against: what *expected* is called, such as "the numerical gradient".
        facts: what a factor may equal, by name; counts in the plural: {"rows": 8, "learning rate": 0.3}.
        tolerance: the difference that is no difference; by default 1e-5 of the expected array's size.

    Returns:
        Such as "dW1 is 8 times the right value at every entry: the factor is the number of rows.". No
        expected value appears in it.
    """
    right = np.asarray(expected, dtype=np.float64)
    if tolerance is None:
        tolerance = 1e-5 * (float(np.sqrt(np.mean(right**2))) if right.size else 0.0) + 1e-5 * np.abs(right)
    allowed = np.broadcast_to(np.asarray(tolerance, dtype=np.float64), right.shape)
    answer = np.asarray(actual, dtype=np.float64)
    return explain(Comparison(answer, right, allowed, name, against, facts or {})).message


def explain(comparison: Comparison) -> Finding:
    """Return the most telling finding about a wrong answer."""
    with np.errstate(all="ignore"):
        for find in FINDINGS:
            finding = find(comparison)
            if finding is not None:
                return finding
    return Finding(f"{comparison.name} is not {comparison.against}.")


def _not_finite(case: Comparison) -> Finding | None:
    bad = ~np.isfinite(case.actual)
    if not bad.any():
        return None
    return Finding(f"{case.name} is not finite in {int(bad.sum())} of {bad.size} entries.")


def _all_zero(case: Comparison) -> Finding | None:
    if np.any(case.actual != 0.0):
        return None
    return Finding(f"{case.name} is zero at every entry, which is not right.")


def _factor(case: Comparison) -> Finding | None:
    """One factor for all entries; for a single number only a factor that has a name."""
    factor = _common_factor(case, np.ones(case.actual.shape, dtype=bool))
    if factor is None:
        return None
    known, hint = name_of_factor(factor, case.facts)
    if case.actual.size == 1 and not known and not is_round(factor):
        return None
    where = "at every entry" if case.actual.size > 1 else ""
    if abs(factor + 1.0) < 1e-3:
        return Finding(
            sentence(f"{case.name} has the wrong sign {where}"),
            hint="Which way round is the difference, and which way does the update go?",
        )
    return Finding(sentence(f"{case.name} is {in_digits(factor)} times {case.against} {where}{known}"), hint)


def _transposed(case: Comparison) -> Finding | None:
    square = case.actual.ndim == 2 and case.actual.shape[0] == case.actual.shape[1] > 1
    if square and bool(np.all(case.same(case.expected.T))):
        return Finding(
            f"{case.name} is transposed: its rows are the columns that it should have.",
            hint="A gradient has the shape of what it is the gradient of: write both shapes beside it.",
        )
    return None


def _offset(case: Comparison) -> Finding | None:
    if case.actual.size < 2:
        return None
    gap = case.actual - case.expected
    offset = float(np.mean(gap))
    if not bool(np.all(case.same(case.expected + offset))):
        return None
    return Finding(
        f"{case.name} is off by the same amount at every entry ({offset:+.3g}): "
        "a constant is missing or added."
    )


def _factor_of_each_line(case: Comparison) -> Finding | None:
    """Every row has a factor of its own, or every column has."""
    if case.actual.ndim != 2 or min(case.actual.shape) < 2:
        return None
    for axis, line in ((1, "row"), (0, "column")):
        size = np.sum(case.expected**2, axis=axis, keepdims=True)
        factors = np.sum(case.actual * case.expected, axis=axis, keepdims=True) / np.where(
            size > 0, size, np.nan
        )
        fits = case.same(factors * case.expected, float(np.max(np.abs(factors))))
        if bool(np.all(fits) and np.all(np.isfinite(factors))):
            low, high = in_digits(float(factors.min())), in_digits(float(factors.max()))
            return Finding(
                f"Each {line} of {case.name} is {case.against} times a factor of its own, "
                f"from {low} to {high}.",
                hint=f"What is divided or multiplied once for each {line}?",
            )
    return None


def _some_lines(case: Comparison) -> Finding | None:
    """Whole rows, or whole columns, are wrong and the others right."""
    wrong = case.wrong
    if wrong.ndim != 2 or wrong.all() or min(wrong.shape) < 2:
        return None
    for axis, line in ((1, "row"), (0, "column")):
        lines = wrong.all(axis=axis)
        if lines.any() and np.array_equal(wrong, np.broadcast_to(np.expand_dims(lines, axis), wrong.shape)):
            which = [str(i) for i in np.flatnonzero(lines)]
            return Finding(
                sentence(
                    f"{case.name} is wrong in {listed(which, line)} of {lines.size} (counted from 0), "
                    f"right in the others{_what_there(case, wrong)}"
                )
            )
    return None


def _permuted(case: Comparison) -> Finding | None:
    if case.actual.size < 3 or not case.wrong.any():
        return None
    order_a, order_e = np.argsort(case.actual, axis=None), np.argsort(case.expected, axis=None)
    gap = np.abs(case.actual.ravel()[order_a] - case.expected.ravel()[order_e])
    if not bool(np.all(gap <= case.tolerance.ravel()[order_e])):
        return None
    if np.unique(case.expected).size < min(3, case.actual.size):
        return None  # labels 0 and 1: equal counts of them are not the same numbers in another order
    return Finding(
        f"{case.name} holds the right numbers in the wrong order: {share_of(case.wrong)} are out of place.",
        hint="Look at the axis of a sum, a reshape, or the order in which a batch is put together.",
    )


def _some_entries(case: Comparison) -> Finding | None:
    wrong = case.wrong
    if wrong.all() or not wrong.any():
        return None
    positions = [position(index) for index in np.argwhere(wrong)[:MAX_POSITIONS]]
    where = listed(positions, "entry", total=int(wrong.sum()))
    return Finding(
        sentence(
            f"{case.name} is wrong in {share_of(wrong)} ({where}, counted from 0){_what_there(case, wrong)}"
        )
    )


def _in_general(case: Comparison) -> Finding | None:
    gap, size = np.linalg.norm(case.actual - case.expected), np.linalg.norm(case.expected)
    if size == 0.0:
        return Finding(f"{case.name} differs from {case.against} in {share_of(case.wrong)}.")
    if not np.isfinite(gap):
        return Finding(f"{case.name} is far too large: squared, it leaves the range of float64.")
    if case.actual.size == 1:
        return Finding(f"{case.name} differs from {case.against} by {in_percent(float(gap / size))}.")
    cosine = float(np.sum(case.actual * case.expected) / (np.linalg.norm(case.actual) * size))
    return Finding(
        f"{case.name} differs from {case.against} in {share_of(case.wrong)}; the difference is "
        f"{in_percent(float(gap / size))} of its size, and the cosine between the two is {cosine:.2f}."
    )


FINDINGS: tuple[Callable[[Comparison], Finding | None], ...] = (
    _not_finite,
    _all_zero,
    _factor,
    _transposed,
    _offset,
    _some_lines,
    _factor_of_each_line,
    _permuted,
    _some_entries,
    _in_general,
)


def _common_factor(case: Comparison, where: npt.NDArray[np.bool_]) -> float | None:
    """Return the factor r with actual = r * expected at *where*, or None."""
    actual, expected = case.actual[where], case.expected[where]
    size = float(np.sum(expected**2))
    if size == 0.0 or not np.isfinite(size):
        return None
    factor = float(np.sum(actual * expected)) / size
    fits = np.abs(actual - factor * expected) <= case.tolerance[where] * max(1.0, abs(factor))
    if not bool(np.all(fits)) or not 1e-9 < abs(factor) < np.inf:
        return None
    return factor


def _what_there(case: Comparison, wrong: npt.NDArray[np.bool_]) -> str:
    """What the wrong entries have in common, as the end of a sentence."""
    if not np.any(case.actual[wrong]):
        return "; it is zero there"
    factor = _common_factor(case, wrong)
    if factor is None or (int(wrong.sum()) == 1 and not is_round(factor)):
        return ""
    if abs(factor + 1.0) < 1e-3:
        return "; the sign is wrong there"
    return f"; there it is {in_digits(factor)} times {case.against}{name_of_factor(factor, case.facts)[0]}"
