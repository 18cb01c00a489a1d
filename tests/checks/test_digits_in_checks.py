"""A check that takes digits gets the course's; nobody else's grading loads any."""

from __future__ import annotations

import sys
import textwrap
from typing import Any

import msgspec
import numpy as np
import pytest

from grader import pipeline
from grader.checks import catalogue, plugin
from grader.checks.authoring import Notebook
from grader.checks.catalogue import CheckSet
from grader.checks.digits import Digits
from grader.checks.local import LocalStudent
from grader.config import Config
from grader.errors import ConfigError
from grader.records import Submission, Verdict

CHECKS = """
from grader.checks import check

@check("count")
def test_count_counts_them(student, rng, digits):
    '''count counts them.'''
    assert student.call("count", digits.images[:7]) == 7, digits.name

@check("count")
def test_count_takes_one(student, rng):
    '''count takes one.'''
    assert student.call("count", rng.normal(size=(1, 28, 28))) == 1, "wrong"
"""


@pytest.fixture
def checks(tmp_path) -> CheckSet:
    path = tmp_path / "test_counting.py"
    path.write_text(textwrap.dedent(CHECKS))
    spec = Notebook(blanks=("count",))
    return CheckSet("counting", "counting", spec, path, sys.modules[__name__], {}, {}, takes_digits=True)


def tiny() -> Digits:
    return Digits(
        "own-tiny",
        np.zeros((9, 28, 28), np.uint8),
        np.arange(9),
        np.zeros((1, 28, 28), np.uint8),
        np.arange(1),
    )


def results_of(checks: CheckSet, function: Any, **arguments: Any) -> list[Any]:
    student: Any = LocalStudent({"count": function})
    return list(plugin.run(checks, student, b"x" * 16, **arguments))


def test_a_check_gets_the_digits_that_the_caller_gives_or_the_small_part(checks):
    assert [result.verdict for result in results_of(checks, len)] == [Verdict.PASSED] * 2
    failed, passed = results_of(checks, lambda _images: 1, digits=tiny)
    assert failed.message.startswith("own-tiny")  # this pytest adds its own words
    assert passed.verdict is Verdict.PASSED


def test_nothing_is_loaded_unless_a_check_asks(checks):
    def never() -> Digits:
        raise AssertionError("loaded")

    text = checks.path.read_text().replace(", digits)", ")").replace("digits.images[:7]", "[0] * 7")
    path = checks.path.with_name("test_other.py")
    path.write_text(text)
    checks = msgspec.structs.replace(checks, path=path)
    assert [result.verdict for result in results_of(checks, len, digits=never)] == [Verdict.PASSED] * 2


def test_digits_that_cannot_be_had_cost_the_student_nothing(checks):
    def damaged() -> Digits:
        raise ConfigError("The MNIST is damaged.")

    broken, passed = results_of(checks, len, digits=damaged)
    assert (broken.verdict, passed.verdict) == (Verdict.GRADER_ERROR, Verdict.PASSED)
    assert "The MNIST is damaged." in broken.message


def test_a_result_hangs_on_the_digits_only_where_a_check_takes_them(tmp_path, checks, monkeypatch):
    submission = Submission("a", "counting", "counting", ())
    numbers = {name: np.zeros((3000, 28, 28), np.uint8) for name in ("images", "held_out_images")}
    labels = {name: np.arange(3000) % 10 for name in ("labels", "held_out_labels")}
    np.savez(tmp_path / "own.npz", **numbers, **labels)
    plain, own = Config(tmp_path), Config(tmp_path, digits="own.npz")
    monkeypatch.setattr(catalogue, "known", lambda: [("counting", "counting")])
    monkeypatch.setattr(catalogue, "find", lambda *_names: checks)
    assert pipeline.digest(submission, plain) != pipeline.digest(submission, own)
    assert pipeline.provenance(submission, plain).digits == "mnist-5000"
    assert pipeline.provenance(submission, own).digits.startswith("own-")
    numpy_only = CheckSet("counting", "counting", checks.spec, checks.path, checks.reference, {}, {})
    monkeypatch.setattr(catalogue, "find", lambda *_names: numpy_only)
    assert pipeline.digest(submission, plain) == pipeline.digest(submission, own)
    assert pipeline.provenance(submission, own).digits == ""


def test_the_catalogue_sees_which_checks_take_digits():
    names: dict[str, Any] = {}
    exec(CHECKS, names)
    takes = {name for name, value in names.items() if catalogue._takes_digits(value)}
    assert takes == {"test_count_counts_them"}
