"""Thresholds hold what they promise to honest runs; a failed run is told what its curve shows."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import numpy as np
import pytest

from grader import verify
from grader.errors import CheckFailure


@pytest.mark.parametrize(("n", "factor"), [(10, 5.203), (20, 4.318), (30, 4.022), (50, 3.766)])
def test_the_factor_is_that_of_the_tables(n: int, factor: float) -> None:
    assert verify.tolerance_factor(n) == pytest.approx(factor, abs=2e-3)


@pytest.mark.parametrize("n", [4, 30, 200])
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_the_factor_is_that_of_scipy(n: int, confidence: float) -> None:
    from scipy import stats

    z = stats.norm.ppf(0.999)
    right = stats.nct.ppf(confidence, n - 1, z * math.sqrt(n)) / math.sqrt(n)
    assert verify.tolerance_factor(n, confidence) == pytest.approx(right, rel=1e-3)


def test_nineteen_of_twenty_calibrations_hold_their_promise() -> None:
    """Of 4 000 thresholds from 30 runs each, 95 % lie where less than 1 run in 1000 falls below."""
    rng = np.random.default_rng(0)
    runs = rng.normal(0.9, 0.02, (4000, 30))
    bound = verify.tolerance_factor(30)
    thresholds = runs.mean(1) - bound * runs.std(1, ddof=1)
    held = np.mean(thresholds <= 0.9 - 3.0902 * 0.02)
    assert 0.935 < held < 0.965
    assert verify.threshold(0.9, 0.02, 30) == pytest.approx(0.9 - bound * 0.02)


def test_accuracy_takes_what_a_prediction_may_be() -> None:
    labels = np.array([0, 1, 1, 0])
    for predicted in (
        [0, 1, 0, 0],
        np.array([[0.0], [1.0], [0.0], [0.0]]),
        np.array([False, True, False, False]),
    ):
        assert verify.accuracy(predicted, labels) == 0.75
    with pytest.raises(CheckFailure, match="whole numbers"):
        verify.accuracy([0.2, 0.9, 0.4, 0.1], labels)


CURVES = [
    ([0.7, 0.9, 1.5, 2.5], "The loss rises, from 0.7 to 2.5."),
    ([0.7, float("nan"), float("nan")], "The loss is not finite from step 2 of 3 on."),
    ([0.7, 0.7, 0.7], "The loss is the same at every step: nothing is learnt."),
    ([0.7, 0.2, 1.4, 0.9], "The loss ends higher than it began (0.7 to 0.9)."),
    ([0.7, 0.6, 0.5], "That is no better than guessing."),
    (None, "That is no better than guessing."),
    ("no list at all", "That is no better than guessing."),
]


@pytest.mark.parametrize(("losses", "words"), CURVES, ids=[case[1][:40] for case in CURVES])
def test_a_missed_threshold_says_what_the_curve_shows(losses: object, words: str) -> None:
    with pytest.raises(CheckFailure) as caught:
        verify.assert_reaches(0.51, 0.9, losses=losses, chance=0.5)
    assert (
        caught.value.message == f"The accuracy on held-out rows is 51.0 %; at least 90.0 % is needed. {words}"
    )
    assert caught.value.hint
    assert bool(caught.value.picture) == isinstance(losses, list)


def test_a_threshold_can_be_one_to_stay_below() -> None:
    verify.assert_reaches(0.1, 0.2, "the error", below=True)
    verify.assert_reaches(0.9, 0.9)
    with pytest.raises(CheckFailure, match=r"The error is 0\.3; at most 0\.2 is needed\."):
        verify.assert_reaches(0.3, 0.2, "the error", below=True, percent=False)
    for below in (True, False):
        with pytest.raises(CheckFailure):
            verify.assert_reaches(float("nan"), 0.5, below=below)


def drawn(svg: str) -> ElementTree.Element:
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own document
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert root[0].tag.endswith("title")
    assert "script" not in svg
    assert "href" not in svg
    return root


@pytest.mark.parametrize(
    "losses",
    [
        [],
        [1.0],
        [np.nan],
        [1.0, np.inf],
        [0.0, 0.0],
        np.linspace(9, 1, 100_000),
        [1e308, -1e308],
        [5e-324, 0.0],
    ],
)
def test_any_curve_is_a_picture(losses: list[float]) -> None:
    svg = verify.learning_curve_picture(losses, label='<script>alert("loss")</script>'.replace("script", "b"))
    drawn(svg)
    assert "<b>" not in svg
    assert "nan" not in svg.lower().replace("finite", "")
    assert len(svg) < 10_000


def test_a_gradient_picture_shows_each_tensor_and_no_number() -> None:
    rng = np.random.default_rng(0)
    right = {"dW1": rng.standard_normal((30, 30)), "db<1>": rng.standard_normal(30), "dW2": np.zeros((1, 3))}
    svg = verify.gradient_picture({key: 1e6 * value for key, value in right.items()}, right)
    words = [element.text for element in drawn(svg).iter() if element.tag.endswith("text")]
    assert {"dW1", "db<1>", "dW2"} <= set(words)
    assert not any(
        character.isdigit() for word in words for character in word.replace("dW", "").strip("12db<>")
    )
    assert len(svg) < 60_000
