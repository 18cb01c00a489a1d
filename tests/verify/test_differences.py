"""A wrong answer is described by what was measured, and the right values stay hidden."""

from __future__ import annotations

import re

import numpy as np
import pytest

from grader import verify

RNG = np.random.default_rng(7)
E = RNG.standard_normal((6, 6))
V = RNG.standard_normal(8)


def edited(array: np.ndarray, where: object, value: object) -> np.ndarray:
    copy = array.copy()
    copy[where] = value
    return copy


DESCRIBED = [
    (8 * E, E, "dW is 8 times the right value at every entry: the factor is the number of rows."),
    (
        E / 8,
        E,
        "dW is 0.125 times the right value at every entry: the factor is one over the number of rows.",
    ),
    (-8 * E, E, "dW is -8 times the right value at every entry: the factor is minus the number of rows."),
    (2.5 * E, E, "dW is 2.5 times the right value at every entry."),
    (-E, E, "dW has the wrong sign at every entry."),
    (E.T, E, "dW is transposed: its rows are the columns that it should have."),
    (0 * E, E, "dW is zero at every entry, which is not right."),
    (E + 0.25, E, "dW is off by the same amount at every entry (+0.25): a constant is missing or added."),
    (
        edited(E, np.s_[[2, 4]], E[[2, 4]] + RNG.standard_normal((2, 6))),
        E,
        "dW is wrong in rows 2, 4 of 6 (counted from 0), right in the others.",
    ),
    (
        edited(E, np.s_[:, 5], 0.0),
        E,
        "dW is wrong in column 5 of 6 (counted from 0), right in the others; it is zero there.",
    ),
    (
        edited(E, np.s_[1], -E[1]),
        E,
        "dW is wrong in row 1 of 6 (counted from 0), right in the others; the sign is wrong there.",
    ),
    (
        E * np.arange(2, 8)[:, None],
        E,
        "Each row of dW is the right value times a factor of its own, from 2 to 7.",
    ),
    (E * np.arange(2, 8), E, "Each column of dW is the right value times a factor of its own, from 2 to 7."),
    (V[::-1], V, "dW holds the right numbers in the wrong order: 8 of 8 entries are out of place."),
    (edited(V, 3, 0.0), V, "dW is wrong in 1 of 8 entries (entry [3], counted from 0); it is zero there."),
    (
        edited(V, np.s_[2:8], 2 * V[2:8]),
        V,
        "dW is wrong in 6 of 8 entries (entries [2], [3], [4], [5] and 2 more, counted from 0); "
        "there it is 2 times the right value.",
    ),
    (edited(V, 3, np.nan), V, "dW is not finite in 1 of 8 entries."),
    (np.array([2.0]), np.array([1.0]), "dW is 2 times the right value."),
    (np.array([-0.37]), np.array([0.37]), "dW has the wrong sign."),
    (np.array([0.5]), np.array([0.37]), "dW differs from the right value by 35.1 %."),
    (np.array([0.5]), np.array([0.0]), "dW differs from the right value in 1 of 1 entries."),
]


@pytest.mark.parametrize(("actual", "expected", "words"), DESCRIBED, ids=[case[2][:60] for case in DESCRIBED])
def test_the_most_telling_finding_is_named(actual: np.ndarray, expected: np.ndarray, words: str) -> None:
    assert verify.describe_difference(actual, expected, "dW", facts={"rows": 8, "classes": 1}) == words


def test_a_factor_that_is_no_count_is_named_as_it_is() -> None:
    said = verify.describe_difference(E / 0.3, E, "dW", facts={"learning rate": 0.3})
    assert said.endswith("times the right value at every entry: the factor is one over the learning rate.")


def test_unrelated_numbers_get_a_size_and_an_angle() -> None:
    words = verify.describe_difference(RNG.standard_normal((6, 6)), E, "dW")
    assert re.fullmatch(
        r"dW differs from the right value in 36 of 36 entries; the difference is [\d.]+ % of its size, "
        r"and the cosine between the two is -?0\.\d\d\.",
        words,
    )


def test_equal_counts_of_two_labels_are_no_wrong_order() -> None:
    words = verify.describe_difference([1.0, 0, 1, 0], [0.0, 1, 1, 0], "labels")
    assert words.startswith("labels is wrong in 2 of 4 entries")


def test_float32_answers_are_recognised_as_well() -> None:
    words = verify.describe_difference((8 * E).astype(np.float32), E, "dW", facts={"rows": 8})
    assert "the factor is the number of rows" in words


def test_no_expected_number_appears_in_a_message() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        expected = rng.uniform(0.1, 1.0, (3, 3))
        wrong = expected.copy()
        wrong[rng.random((3, 3)) < 0.5] = rng.uniform(2, 3)
        words = verify.describe_difference(wrong, expected, "p")
        assert not any(f"{value:.3f}" in words for value in expected.ravel())
