"""Dropout masks: right ones pass at the stated rate, and each kind of wrong one is named."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from grader import verify
from grader.errors import CheckFailure


def mass_outside(total: int, probability: float, low: int, high: int) -> float:
    inside = sum(
        math.exp(
            math.lgamma(total + 1)
            - math.lgamma(k + 1)
            - math.lgamma(total - k + 1)
            + k * math.log(probability)
            + (total - k) * math.log1p(-probability)
        )
        for k in range(low, high + 1)
    )
    return 1.0 - inside


@pytest.mark.parametrize("total", [20, 400, 5000])
@pytest.mark.parametrize("probability", [0.05, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("false_alarm", [1e-2, 1e-4, 1e-6])
def test_the_interval_holds_its_rate_and_is_no_wider_than_needed(
    total: int, probability: float, false_alarm: float
) -> None:
    low, high = verify.share_interval(total, probability, false_alarm)
    assert mass_outside(total, probability, low, high) <= false_alarm * (1 + 1e-3) + 1e-10
    if false_alarm == 1e-2 and low > 0 and high < total:
        assert mass_outside(total, probability, low + 1, high) > false_alarm / 2
        assert mass_outside(total, probability, low, high - 1) > false_alarm / 2


def test_certain_draws_have_no_interval() -> None:
    assert verify.share_interval(100, 1.0) == (100, 100)
    assert verify.share_interval(100, 0.0) == (0, 0)


def alarmed(test: Callable, *args: object) -> bool:
    try:
        test(*args, false_alarm=0.02)
    except CheckFailure:
        return True
    return False


def test_false_alarms_come_at_the_stated_rate_or_less() -> None:
    """At 2 % for each test, 1 000 honest masks: the count lies within its binomial interval."""
    rng = np.random.default_rng(0)
    alarms = {"share": 0, "independent": 0, "fresh": 0}
    for _ in range(1000):
        probability = float(rng.uniform(0.3, 0.8))
        first, second = rng.random((2, 40, 40)) < probability
        kept = int(first.sum())
        alarms["share"] += alarmed(verify.assert_share, kept, 1600, probability)
        alarms["independent"] += alarmed(verify.assert_independent, first, probability)
        alarms["fresh"] += alarmed(verify.assert_fresh, [first, second], probability)
    assert max(alarms.values()) <= verify.share_interval(1000, 0.02)[1]
    assert min(alarms.values()) > 0  # the rate is meant: a test that never alarms has thrown power away


def test_honest_masks_pass_at_the_real_rate() -> None:
    for seed in range(2000):
        rng = np.random.default_rng(seed)
        probability = float(rng.choice([0.2, 0.5, 0.8]))
        masks = rng.random((2, 40, 40)) < probability
        verify.assert_share(int(masks.sum()), masks.size, probability)
        verify.assert_independent(masks[0], probability)
        verify.assert_fresh(list(masks), probability)


SHARED = {
    "one mask for all rows": (lambda rng, p: np.tile(rng.random(40) < p, (40, 1)), "rows", 100),
    "one number a row": (lambda rng, p: np.tile(rng.random((40, 1)) < p, (1, 40)), "columns", 100),
    "half a mask, twice": (lambda rng, p: np.tile(rng.random((20, 40)) < p, (2, 1)), "rows", 100),
    "rows in pairs": (lambda rng, p: np.repeat(rng.random((20, 40)) < p, 2, axis=0), "rows", 100),
}


@pytest.mark.parametrize("kind", SHARED)
@pytest.mark.parametrize("probability", [0.3, 0.5, 0.8])
def test_what_hangs_together_is_named(kind: str, probability: float) -> None:
    draw, lines, agree = SHARED[kind]
    for seed in range(50):
        mask = draw(np.random.default_rng(seed), probability)
        with pytest.raises(CheckFailure, match=f"{lines} of the mask hang together: two agree in {agree} %"):
            verify.assert_independent(mask, probability)


def test_a_fixed_count_a_row_is_named() -> None:
    """rng.permutation of fixed ones and zeros keeps the rate and breaks the independence."""
    rng = np.random.default_rng(0)
    mask = np.array([rng.permutation(np.arange(40) < 20) for _ in range(40)])
    with pytest.raises(CheckFailure, match="every row keeps exactly 20 of 40 entries"):
        verify.assert_independent(mask, 0.5)


def test_a_wrong_share_is_told_apart_from_a_swapped_one() -> None:
    verify.assert_share(8050, 10_000, 0.8)
    with pytest.raises(CheckFailure, match=r"keeps 50\.0 % of the entries: too few"):
        verify.assert_share(5000, 10_000, 0.8)
    with pytest.raises(CheckFailure) as caught:
        verify.assert_share(2010, 10_000, 0.8)
    assert "share that should be dropped" in caught.value.hint


def test_the_same_mask_again_and_its_opposite_are_named() -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((30, 30)) < 0.5
    for other, share in ((mask, 100), (~mask, 0)):
        with pytest.raises(CheckFailure, match=f"two calls agree in {share} % of the entries, 50 % would"):
            verify.assert_fresh([rng.random((30, 30)) < 0.5, mask, other], 0.5)


def test_inverted_scale_gives_back_the_mask() -> None:
    rng = np.random.default_rng(0)
    A = rng.uniform(0.5, 1.5, (20, 30)) * rng.choice([-1, 1], (20, 30))
    mask = rng.random(A.shape) < 0.7
    for dtype in (np.float64, np.float32):
        kept = verify.assert_inverted_scale((A * mask / 0.7).astype(dtype), A, 0.7)
        assert np.array_equal(kept, mask)
    with pytest.raises(CheckFailure, match=r"what is kept is A itself, not A / keep_prob"):
        verify.assert_inverted_scale(A * mask, A, 0.7)
    with pytest.raises(CheckFailure, match=r"what is kept is A / \(1 - keep_prob\), not"):
        verify.assert_inverted_scale(A * mask / 0.3, A, 0.7)
    with pytest.raises(CheckFailure, match=r"of the \d+ entries that are not 0, \d+ are not A / keep_prob"):
        verify.assert_inverted_scale(A * mask / 0.7 + 0.1 * mask * rng.random(A.shape), A, 0.7)
    assert not verify.assert_inverted_scale(0 * A, A, 0.7).any()  # its share is another check's business


def test_too_small_a_mask_is_a_fault_of_the_check() -> None:
    with pytest.raises(ValueError, match="too few to see dependence"):
        verify.assert_independent(np.ones((4, 4)), 0.8)
    with pytest.raises(ValueError, match="at least 2 rows"):
        verify.assert_independent(np.ones(10), 0.8)
    with pytest.raises(ValueError, match="without zeros"):
        verify.assert_inverted_scale(np.zeros(3), np.zeros(3), 0.5)
