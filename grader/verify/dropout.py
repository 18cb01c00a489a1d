"""
Statistics of a dropout mask: the share that is kept, the scale, and whether entries are drawn independently.

Every test here is exact: its false-alarm rate is the binomial tail named beside it, no approximation.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from grader.errors import CheckFailure
from grader.verify.comparison import agrees, tolerance_of
from grader.verify.values import FloatArray, as_array

__all__ = [
    "FALSE_ALARM",
    "assert_fresh",
    "assert_independent",
    "assert_inverted_scale",
    "assert_share",
    "share_interval",
]

FALSE_ALARM = 1e-6  # of one check on a correct solution

Mask = npt.NDArray[np.bool_]


@functools.lru_cache(maxsize=512)
def share_interval(total: int, probability: float, false_alarm: float = FALSE_ALARM) -> tuple[int, int]:
    """
    Return the least and the greatest number of successes that chance explains.

    Args:
        total: independent draws; up to a million.
        probability: of a success, 0 … 1.
        false_alarm: a binomial count falls outside with at most this probability, half of it on each side.

    Returns:
        (low, high), both still accepted. Exact, from the binomial distribution.
    """
    if probability <= 0.0 or probability >= 1.0:
        count = total if probability >= 1.0 else 0
        return count, count
    k = np.arange(total + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])
    log_mass = log_factorial[-1] - log_factorial - log_factorial[::-1]
    mass = np.exp(log_mass + k * np.log(probability) + (total - k) * np.log1p(-probability))
    low = int(np.searchsorted(np.cumsum(mass), false_alarm / 2, side="right"))
    high = total - int(np.searchsorted(np.cumsum(mass[::-1]), false_alarm / 2, side="right"))
    return low, high


def assert_share(
    kept: int,
    total: int,
    probability: float,
    *,
    false_alarm: float = FALSE_ALARM,
    name: str = "dropout_forward",
) -> None:
    """
    Fail if the number of kept entries is not what *probability* gives.

    Args:
        kept: how many of *total* were kept.
        total: entries drawn, all independent; 10 000 resolve the share to ±0.024.
        probability: keep_prob.
        false_alarm: how often a correct solution fails.
        name: the blank.

    Raises:
        CheckFailure: with the measured share.
    """
    low, high = share_interval(total, float(probability), false_alarm)
    if low <= kept <= high:
        return
    hint = "keep_prob is the probability that an entry stays."
    if low <= total - kept <= high:
        hint = "That is the share that should be dropped: keep_prob is the probability that an entry stays."
    too = "few" if kept < low else "many"
    raise CheckFailure(
        f"{name} keeps {100 * kept / total:.1f} % of the entries: too {too} for the keep_prob it was given.",
        hint=hint,
    )


def assert_inverted_scale(
    out: object, activations: FloatArray, keep_prob: float, name: str = "dropout_forward"
) -> Mask:
    """
    Fail unless every entry of *out* is either 0 or activation / keep_prob; return which were kept.

    Args:
        out: raw, as the student returned it.
        activations: the input A, any shape, no entry near 0 (say, drawn from 0.5 … 1.5 with random signs).
        keep_prob: as the student got it.
        name: the blank.

    Returns:
        The mask, shape of A: True where the entry was kept.

    Raises:
        CheckFailure: says by which factor the kept entries differ from A.
    """
    if np.any(activations == 0.0):
        raise ValueError("assert_inverted_scale needs activations without zeros: a zero tells no mask.")
    answer = as_array(out, activations.shape, f"{name}: out")
    kept: Mask = answer != 0.0
    scaled = activations / keep_prob
    if agrees(answer[kept], scaled[kept], tolerance_of(scaled)[kept]):
        return kept
    with np.errstate(over="ignore"):
        factors = np.clip(answer[kept] / activations[kept], -1e100, 1e100)
    if float(np.ptp(factors)) <= 1e-5 * float(np.max(np.abs(factors))):
        raise CheckFailure(
            f"{name}: what is kept is {_in_terms(float(np.mean(factors)), keep_prob)}.",
            hint="Inverted dropout keeps the expected value: what remains must make up for what is dropped.",
        )
    wrong = ~(np.abs(np.clip(answer[kept], -1e100, 1e100) - scaled[kept]) <= tolerance_of(scaled)[kept])
    raise CheckFailure(
        f"{name}: of the {int(kept.sum())} entries that are not 0, {int(wrong.sum())} are not A / keep_prob.",
        hint="Each entry is either dropped or kept and scaled, nothing in between.",
    )


def _in_terms(factor: float, keep_prob: float) -> str:
    """Say a common factor without giving the hidden keep_prob away."""
    known = {"A itself": 1.0, "A times keep_prob": keep_prob, "A / keep_prob twice": keep_prob**-2}
    known |= {"A / (1 - keep_prob)": 1 / (1 - keep_prob)} if keep_prob < 1 else {}
    for words, value in known.items():
        if abs(factor - value) <= 1e-5 * abs(value):
            return f"{words}, not A / keep_prob"
    return f"A times {factor * keep_prob:.4g} / keep_prob, not A / keep_prob"


def assert_independent(
    mask: npt.ArrayLike,
    probability: float,
    *,
    false_alarm: float = FALSE_ALARM,
    name: str = "dropout_forward",
) -> None:
    """
    Fail if rows or columns of one mask hang together: one mask for all rows, tiled, or of fixed counts.

    Five tests, each with a fifth of *false_alarm*. Two independent entries agree with probability
    p**2 + (1-p)**2, and disjoint pairs agree independently, so that the number of agreements is binomial: of
    neighbouring rows, rows half the array apart, neighbouring columns, columns half the array apart. The
    fifth: that all rows keep equally many entries has probability sum over c of P(c)**rows.

    Args:
        mask: True where kept, shape (rows, columns), both at least 2; 40 by 40 is plenty.
        probability: keep_prob, 0.2 … 0.8 for full power.
        false_alarm: how often a correct solution fails.
        name: the blank.

    Raises:
        CheckFailure: says what hangs together, and how often entries agree.
        ValueError: the mask is too small for the test to see anything.
    """
    kept = np.asarray(mask, dtype=bool)
    if kept.ndim != 2 or min(kept.shape) < 2:
        raise ValueError("assert_independent needs a mask of at least 2 rows and 2 columns.")
    each = false_alarm / 5
    pairs = {
        ("rows", "unit"): (_neighbours(kept), _halves(kept)),
        ("columns", "row"): (_neighbours(kept.T), _halves(kept.T)),
    }
    alarms = [
        (share, nouns)
        for nouns, both in pairs.items()
        for first, second in both
        if (share := _agreement(first, second, probability, each)) is not None
    ]
    if alarms:
        share, (noun, other) = max(alarms)  # a mask of one number a row makes its rows look odd too
        raise CheckFailure(
            f"{name}: {noun} of the mask hang together: two agree in {100 * share:.0f} % of the entries, "
            f"{100 * _chance_of_agreement(probability):.0f} % would by chance.",
            hint=f"Every entry is drawn on its own, not one number for each {other}: what is its shape?",
        )
    counts = kept.sum(axis=1)
    if np.ptp(counts) == 0 and _equal_counts(kept.shape, probability) < each:
        raise CheckFailure(
            f"{name}: every row keeps exactly {int(counts[0])} of {kept.shape[1]} entries.",
            hint="Every entry is drawn on its own; how many stay is left to chance.",
        )


def assert_fresh(
    masks: Sequence[npt.ArrayLike],
    probability: float,
    *,
    false_alarm: float = FALSE_ALARM,
    name: str = "dropout_forward",
) -> None:
    """
    Fail if masks of several calls with one generator hang together: the same mask again, or its opposite.

    Args:
        masks: two or more, of one shape; in all at least 200 entries a mask.
        probability: keep_prob.
        false_alarm: how often a correct solution fails, all pairs together.
        name: the blank.

    Raises:
        CheckFailure: says how often the entries of two masks agree.
    """
    kept = [np.asarray(mask, dtype=bool).ravel() for mask in masks]
    for first, second in itertools.pairwise(kept):
        share = _agreement(first, second, probability, false_alarm / (len(kept) - 1))
        if share is not None:
            raise CheckFailure(
                f"{name}: the masks of two calls agree in {100 * share:.0f} % of the entries, "
                f"{100 * _chance_of_agreement(probability):.0f} % would by chance.",
                hint="Each call draws a new mask, from the generator that it is given.",
            )


def _neighbours(lines: Mask) -> tuple[Mask, Mask]:
    """Disjoint pairs of neighbouring lines."""
    return lines[0 : lines.shape[0] - 1 : 2], lines[1::2]


def _halves(lines: Mask) -> tuple[Mask, Mask]:
    """Line i with line i + half: sees a mask that is drawn once and tiled."""
    half = lines.shape[0] // 2
    return lines[:half], lines[half : 2 * half]


def _agreement(first: Mask, second: Mask, probability: float, false_alarm: float) -> float | None:
    """Return the share of agreeing entries if chance does not explain it, else None."""
    low, high = share_interval(first.size, _chance_of_agreement(probability), false_alarm)
    if high >= first.size:
        raise ValueError(f"{first.size} pairs are too few to see dependence at keep_prob {probability:g}.")
    agreeing = int(np.sum(first == second))
    return None if low <= agreeing <= high else agreeing / first.size


def _chance_of_agreement(probability: float) -> float:
    return probability**2 + (1.0 - probability) ** 2


def _equal_counts(shape: tuple[int, ...], probability: float) -> float:
    """Probability that all rows keep equally many entries."""
    rows, columns = shape
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, columns + 1)))])
    k = np.arange(columns + 1)
    log_mass = log_factorial[-1] - log_factorial - log_factorial[::-1]
    mass = np.exp(log_mass + k * np.log(probability) + (columns - k) * np.log1p(-probability))
    return float(np.sum(mass**rows))
