"""Statistics of what random_search and split draw; each test says how often a correct solution fails it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grader import verify
from grader.errors import CheckFailure

__all__ = ["assert_even", "assert_shuffled", "assert_uniform", "assert_unrelated"]

FloatArray = NDArray[np.float64]


def assert_uniform(shares: FloatArray, scale: str, *, false_alarm: float) -> None:
    """
    Fail unless *shares* look like independent uniform numbers of 0 … 1.

    Args:
        shares: how far each draw lies from the low to the high end of its range, on the scale asked for.
        scale: "log" or "linear".
        false_alarm: by the inequality of Dvoretzky, Kiefer and Wolfowitz, with Massart's constant:
            P(sup |F_n - F| > d) <= 2 exp(-2 n d**2), for every n.
    """
    n = len(shares)
    ordered = np.sort(shares)
    steps = np.arange(n + 1) / n
    distance = max(float(np.max(steps[1:] - ordered)), float(np.max(ordered - steps[:-1])))
    if distance <= math.sqrt(math.log(2 / false_alarm) / (2 * n)):
        return
    low = 100 * float(np.mean(shares < 0.5))
    hint = (
        "Equally many draws for each decade: which number is uniform, the value or its logarithm?"
        if scale == "log"
        else "Equally likely everywhere between the two ends."
    )
    raise CheckFailure(
        f'random_search: of {n} draws from a range with "{scale}", {low:.0f} % lie in the lower half on that '
        "scale, and they are not spread evenly over it.",
        hint=hint,
    )


def assert_even(counts: Sequence[int], *, false_alarm: float) -> None:
    """Fail unless each of the choices was drawn about equally often; exact, by the binomial distribution."""
    total, kinds = sum(counts), len(counts)
    low, high = verify.share_interval(total, 1 / kinds, false_alarm / kinds)
    for count in counts:
        if not low <= count <= high:
            raise CheckFailure(
                f"random_search: of {total} draws from a list of {kinds}, one choice came {count} times.",
                hint="Every choice of a list is equally likely.",
            )


def assert_unrelated(first: FloatArray, second: FloatArray, what: str, *, false_alarm: float) -> None:
    """
    Fail if two series of equal, even length hang together.

    How often both lie in the lower half of their own series is, for independent ones, hypergeometric, however
    each of them is distributed: who draws on the wrong scale has not to hear of this too.
    """
    half = len(first) // 2
    low, other = (np.argsort(np.argsort(series, kind="stable")) < half for series in (first, second))
    both = int(np.sum(low & other))
    if min(_at_most(both, half, 2 * half), _at_most(half - both, half, 2 * half)) < false_alarm / 2:
        raise CheckFailure(
            f"random_search: {what} hang together: {100 * both / half:.0f} % of the pairs lie in the same "
            "half of what was drawn; 50 % would by chance.",
            hint="Every value is drawn on its own, from the generator that is given.",
        )


def assert_shuffled(rows: NDArray[np.int64], m: int, name: str, *, false_alarm: float) -> None:
    """
    Fail if a part was not taken at random from *m* rows, an even number.

    How many of its rows come from the first half, and how many have an even number, is hypergeometric.

    Args:
        rows: the numbers of the part's rows.
        m: rows in all.
        name: of the part, for the message.
        false_alarm: of both tests together, each side of each a quarter of it.
    """
    for words, marked in (("the first half", rows < m // 2), ("every other row", rows % 2 == 0)):
        found = int(np.sum(marked))
        tail = min(_at_most(found, len(rows), m), _at_most(len(rows) - found, len(rows), m))
        if tail < false_alarm / 4:
            raise CheckFailure(
                f"split: {found} of the {len(rows)} rows of {name} come from {words} of the data; about half "
                "of them would by chance.",
                hint="Shuffle all rows before they are cut into parts: data are often sorted.",
            )


def _at_most(found: int, drawn: int, m: int) -> float:
    """Probability that at most *found* of *drawn* rows come from one half of *m*."""
    half = m // 2
    ways = sum(math.comb(half, k) * math.comb(m - half, drawn - k) for k in range(found + 1))
    return ways / math.comb(m, drawn)
