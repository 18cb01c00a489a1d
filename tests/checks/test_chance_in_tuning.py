"""Statistics of the notebook tuning: what chance does passes, what a mistake does fails."""

from __future__ import annotations

import math

import numpy as np
import pytest

from grader.checks.tuning import chance_tuning as chance
from grader.errors import CheckFailure

DRAWS = 400
ALARM = 1e-7


@pytest.fixture(params=range(5))
def rng(request):
    return np.random.default_rng(request.param)


def test_uniform_shares_pass(rng):
    chance.assert_uniform(rng.random(DRAWS), "log", false_alarm=ALARM)


def test_values_that_are_uniform_themselves_fail_on_the_logarithmic_scale(rng):
    shares = np.log(rng.uniform(1e-4, 1.0, DRAWS) / 1e-4) / math.log(1e4)
    with pytest.raises(CheckFailure, match="not spread evenly"):
        chance.assert_uniform(shares, "log", false_alarm=ALARM)


def test_shares_of_a_range_that_is_cut_short_fail(rng):
    with pytest.raises(CheckFailure):
        chance.assert_uniform(0.7 * rng.random(DRAWS), "linear", false_alarm=ALARM)


def test_choices_drawn_evenly_pass_and_a_preferred_one_fails(rng):
    chance.assert_even(np.bincount(rng.integers(0, 4, DRAWS), minlength=4).tolist(), false_alarm=ALARM)
    with pytest.raises(CheckFailure, match="one choice came 200 times"):
        chance.assert_even([200, 70, 65, 65], false_alarm=ALARM)


def test_one_number_for_two_ranges_is_seen_also_when_it_is_turned_round(rng):
    first, second = rng.random((2, DRAWS))
    chance.assert_unrelated(first, second, "two ranges", false_alarm=ALARM)
    for other in (first, 1 - first):
        with pytest.raises(CheckFailure, match="hang together"):
            chance.assert_unrelated(first, other, "two ranges", false_alarm=ALARM)


def test_independent_numbers_pass_on_whatever_scale_they_were_drawn(rng):
    first, second = rng.random((2, DRAWS))
    chance.assert_unrelated(first**8, np.log(second), "two ranges", false_alarm=ALARM)


def test_a_random_part_passes_and_a_block_or_every_other_row_fails(rng):
    chance.assert_shuffled(rng.permutation(80)[:20], 80, "X_val", false_alarm=ALARM)
    for rows in (np.arange(40), np.arange(40, 80), np.arange(0, 80, 2)):
        with pytest.raises(CheckFailure, match="of the data"):
            chance.assert_shuffled(rows, 80, "X_train", false_alarm=ALARM)


def test_the_tail_of_the_hypergeometric_distribution_is_exact():
    # 2 of 4 rows, half of them marked: none in 1 of 6 ways, one in 4, both in 1.
    assert [chance._at_most(found, 2, 4) for found in (0, 1, 2)] == pytest.approx([1 / 6, 5 / 6, 1])
