"""
Say in numbers how a wrong array differs from the right one: a factor, a sign, a row; never the right values.

`FINDINGS` is a list of questions, from the most telling to the most general; the first that answers is the
message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from grader.verify.values import FloatArray

__all__ = ["Comparison", "Finding", "describe_difference", "explain"]

MAX_POSITIONS = 4  # rows, columns or entries named in a message


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
        against: what *expected* is called, such as "the numerical gradient".
        facts: sizes that a factor may equal, by name: {"rows": 8, "classes": 3}.
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
    known, hint = _name_of(factor, case.facts)
    if case.actual.size == 1 and not known and not _is_round(factor):
        return None
    where = "at every entry" if case.actual.size > 1 else ""
    if abs(factor + 1.0) < 1e-3:
        return Finding(
            _sentence(f"{case.name} has the wrong sign {where}"),
            hint="Which way round is the difference, and which way does the update go?",
        )
    return Finding(_sentence(f"{case.name} is {_number(factor)} times {case.against} {where}{known}"), hint)


def _transposed(case: Comparison) -> Finding | None:
    square = case.actual.ndim == 2 and case.actual.shape[0] == case.actual.shape[1] > 1
    if square and bool(np.all(case.same(case.expected.T))):
        return Finding(
            f"{case.name} is transposed: its rows are the columns that it should have.",
            hint="A gradient has the shape of what it is the gradient of; write the shapes beside the product.",
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
        f"{case.name} is off by the same amount at every entry ({offset:+.3g}): a constant is missing or added."
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
        if bool(np.all(fits)):
            low, high = _number(float(factors.min())), _number(float(factors.max()))
            return Finding(
                f"Each {line} of {case.name} is {case.against} times a factor of its own, from {low} to {high}.",
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
                _sentence(
                    f"{case.name} is wrong in {_listed(which, line)} of {lines.size} (counted from 0), "
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
        f"{case.name} holds the right numbers in the wrong order: {_share(case.wrong)} are out of place.",
        hint="Look at the axis of a sum, a reshape, or the order in which a batch is put together.",
    )


def _some_entries(case: Comparison) -> Finding | None:
    wrong = case.wrong
    if wrong.all() or not wrong.any():
        return None
    positions = [_position(index) for index in np.argwhere(wrong)[:MAX_POSITIONS]]
    where = _listed(positions, "entry", total=int(wrong.sum()))
    return Finding(
        _sentence(
            f"{case.name} is wrong in {_share(wrong)} ({where}, counted from 0){_what_there(case, wrong)}"
        )
    )


def _in_general(case: Comparison) -> Finding | None:
    gap, size = np.linalg.norm(case.actual - case.expected), np.linalg.norm(case.expected)
    if size == 0.0:
        return Finding(f"{case.name} differs from {case.against} in {_share(case.wrong)}.")
    if case.actual.size == 1:
        return Finding(f"{case.name} differs from {case.against} by {_percent(float(gap / size))}.")
    cosine = float(np.sum(case.actual * case.expected) / (np.linalg.norm(case.actual) * size))
    return Finding(
        f"{case.name} differs from {case.against} in {_share(case.wrong)}; the difference is "
        f"{_percent(float(gap / size))} of its size, and the cosine between the two is {cosine:.2f}."
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
    if not bool(np.all(fits)) or abs(factor) < 1e-9:
        return None
    return factor


def _what_there(case: Comparison, wrong: npt.NDArray[np.bool_]) -> str:
    """What the wrong entries have in common, as the end of a sentence."""
    if not np.any(case.actual[wrong]):
        return "; it is zero there"
    factor = _common_factor(case, wrong)
    if factor is None or (int(wrong.sum()) == 1 and not _is_round(factor)):
        return ""
    if abs(factor + 1.0) < 1e-3:
        return "; the sign is wrong there"
    return f"; there it is {_number(factor)} times {case.against}{_name_of(factor, case.facts)[0]}"


def _name_of(factor: float, facts: Mapping[str, float]) -> tuple[str, str]:
    """Return what a factor equals among the known sizes, and a hint."""
    for noun, value in facts.items():
        if value in (0.0, 1.0):
            continue
        hint = (
            "The loss is a mean over the rows: is the 1/m there, and there only once?"
            if noun == "rows"
            else ""
        )
        sign = "minus " if factor < 0 else ""
        if abs(abs(factor) / value - 1.0) < 1e-3:
            return f": the factor is {sign}the number of {noun}", hint
        if abs(abs(factor) * value - 1.0) < 1e-3:
            return f": the factor is {sign}one over the number of {noun}", hint
    return "", ""


def _is_round(factor: float) -> bool:
    """Whether a factor is one of those that a slip makes: -1, 2, 1/2, …"""
    return any(abs(abs(factor) / nice - 1.0) < 1e-4 for nice in (1.0, 2.0, 0.5, 4.0, 0.25))


def _number(value: float) -> str:
    """Four digits; whole where it is."""
    return str(round(value)) if abs(value - round(value)) < 5e-5 * max(1.0, abs(value)) else f"{value:.4g}"


def _percent(ratio: float) -> str:
    if ratio < 1e-3:
        return f"{ratio:.1e} (relative)"
    return f"{100 * ratio:.2g} %" if ratio < 1.0 else f"{ratio:.3g} times"


def _share(mask: npt.NDArray[np.bool_]) -> str:
    return f"{int(mask.sum())} of {mask.size} entries"


def _position(index: Sequence[int]) -> str:
    return "[" + ", ".join(str(int(i)) for i in index) + "]"


def _listed(items: Sequence[str], noun: str, total: int | None = None) -> str:
    total = len(items) if total is None else total
    plural = {"entry": "entries"}.get(noun, noun + "s") if total > 1 else noun
    more = f" and {total - MAX_POSITIONS} more" if total > MAX_POSITIONS else ""
    return f"{plural} {', '.join(items[:MAX_POSITIONS])}{more}"


def _sentence(text: str) -> str:
    return text.strip().replace(" :", ":").replace(" ;", ";") + "."
