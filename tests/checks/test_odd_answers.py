"""Whatever a blank returns, its checks give a verdict: never a fault of the grader, and never a mark."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from grader.checks import catalogue, plugin
from grader.checks.diagnosis import same_value
from grader.checks.local import LocalStudent
from grader.records import Verdict

ODD: dict[str, Any] = {
    "nothing": None,
    "a text": "0.5",
    "a flag": True,
    "not a number": float("nan"),
    "infinity": float("inf"),
    "a huge integer": 10**400,
    "a complex number": 1j,
    "an empty array": np.zeros(0),
    "an array of many axes": np.zeros((1,) * 12),
    "an array of NaN": np.full((3, 3), np.nan),
    "a large array": np.zeros((300, 300)),
    "texts in an array": np.array(["a", "b"]),
    "an empty tuple": (),
    "a pair of nothing": (None, None),
    "six values": (1, 2, 3, 4, 5, 6),
    "a ragged list": [[1.0], [1.0, 2.0]],
    "a list of texts": ["a"],
    "a deep list": [[[[[[[[1.0]]]]]]]],
    "an empty dict": {},
    "numbers for keys": {1: 2.0, 2: np.zeros(2)},
    "parameters of odd shapes": {n: np.zeros((2, 0, 1)) for n in ("W1", "b1", "W2", "b2", "dW1", "db1")},
    "parameters that are texts": dict.fromkeys(("W1", "b1", "W2", "b2", "dW1", "db1", "dW2", "db2"), "0"),
    "parameters and losses of texts": ({"W1": "x"}, ["a"]),
    "an object": object(),
    "a function": print,
}

CASES = [
    pytest.param(assignment, notebook, blank, id=f"{notebook}-{blank}")
    for assignment, notebook in catalogue.known()
    for blank in catalogue.find(assignment, notebook).spec.blanks
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("assignment", "notebook", "blank"), CASES)
def test_odd_answers_are_failures_and_not_faults(assignment: str, notebook: str, blank: str) -> None:
    # Without the catalogue: replaying every misconception for every odd answer takes minutes.
    checks = msgspec.structs.replace(catalogue.find(assignment, notebook), misconceptions={})
    for name, value in ODD.items():
        names = checks.namespace()
        names[blank] = lambda *_, _value=value, **__: _value
        results = plugin.run(checks, LocalStudent(names), b"x" * 16, only=blank)
        faults = [(r.name, r.message) for r in results if r.verdict is Verdict.GRADER_ERROR]
        assert not faults, f"{blank} returns {name}"
        passed = [r.name for r in results if r.verdict is Verdict.PASSED]
        assert not passed, f"{blank} returns {name}"


@pytest.mark.parametrize("value", [10**400, [10**400], {"dW1": 10**400}, float("inf")])
def test_an_odd_answer_is_the_same_as_itself_and_not_as_a_plain_one(value: Any) -> None:
    assert not same_value(value, 1.0)
    assert not same_value(1.0, value)
    assert same_value(value, value)
