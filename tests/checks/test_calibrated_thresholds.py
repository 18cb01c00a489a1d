"""The committed thresholds: each goal has one, and the reference still does what it was derived from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grader import calibrate
from grader.checks import catalogue, thresholds
from grader.checks.thresholds import Threshold
from grader.checks.training import goals_of
from grader.config import Config
from grader.errors import ConfigError
from grader.verify import tolerance_factor

COURSE = Path(__file__).resolve().parents[2]
SMALL = {"drawn", "mnist-5000"}
ROWS = [row for row in thresholds.load() if row.device == "cpu" and row.data in SMALL]
RUNS = 6  # of each goal that is quick; the table has all of them
QUICK = 1.5  # seconds a run


def goals() -> dict[tuple[str, str, str], object]:
    found = {}
    for assignment, notebook in catalogue.known():
        for goal in goals_of(assignment, notebook):
            found[assignment, notebook, goal.what] = goal
    return found


def test_each_goal_has_a_threshold_and_each_threshold_a_goal() -> None:
    assert {(row.assignment, row.notebook, row.goal) for row in ROWS} == set(goals())


@pytest.mark.parametrize("row", thresholds.load(), ids=lambda row: f"{row.notebook}: {row.goal}, {row.data}")
def test_a_threshold_follows_from_its_runs(row: Threshold) -> None:
    assert row.n >= calibrate.LEAST_SEEDS
    k = tolerance_factor(row.n, coverage=row.coverage)
    side = -1 if row.mean >= row.threshold else 1
    # Mean, sd and threshold are kept to four significant digits.
    assert row.threshold == pytest.approx(row.mean + side * k * row.sd, abs=2e-3 * abs(row.mean))
    assert abs(row.told - row.mean) < abs(row.threshold - row.mean)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.seconds < QUICK], ids=lambda row: f"{row.notebook}: {row.goal}"
)
def test_the_reference_does_what_its_threshold_was_derived_from(row: Threshold) -> None:
    order = calibrate.Order(row.assignment, row.notebook, row.goal, COURSE, "")
    # Seeds that the table has not seen.
    reached = np.array([calibrate.run_once(order, seed).reached for seed in range(10_000, 10_000 + RUNS)])
    # A mean has a standard error of sd / sqrt(n) on both sides; five of them for some twenty goals.
    assert abs(reached.mean() - row.mean) < 5 * row.sd * np.sqrt(1 / RUNS + 1 / row.n) + 1e-4


def test_a_goal_without_a_threshold_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"grader calibrate backprop --notebook deep_net"):
        thresholds.find("backprop", "deep_net", "the length of its name", "drawn")


def test_a_row_of_the_same_key_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    table = tmp_path / "thresholds.json"
    first, second = thresholds.load()[:2]
    thresholds.write([first, second], table)
    changed = thresholds.Threshold(
        **{name: getattr(first, name) for name in first.__struct_fields__} | {"n": 99}
    )
    thresholds.write([changed], table)
    assert {row.n for row in thresholds.load(table)} == {99, second.n}
    assert [path.name for path in tmp_path.iterdir()] == ["thresholds.json"]


def test_too_few_seeds_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 30"):
        next(calibrate.calibrate("backprop", None, 29, 1, Config(COURSE)))


def test_an_assignment_without_trainings_is_named() -> None:
    with pytest.raises(ConfigError, match="No check of activations"):
        next(calibrate.calibrate("activations", None, 30, 1, Config(COURSE)))


def test_a_device_without_a_row_takes_the_cpu_row() -> None:
    row = ROWS[0]
    assert thresholds.find(row.assignment, row.notebook, row.goal, row.data, "NVIDIA Something") == row
