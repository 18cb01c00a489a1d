"""Functions that are right while they are judged themselves, and then make the next blank's task a toy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grader.checks import catalogue, plugin
from grader.checks.local import LocalStudent
from grader.checks.settling import main_results
from grader.records import CheckResult, Verdict


class Turncoat(LocalStudent):
    """
    One whose functions turn after some checks, as a count of their calls would tell them.

    Args:
        names: the notebook's functions.
        checks: how many.
        turned: what then takes the place of which.
    """

    def __init__(self, names: dict[str, Any], checks: int, turned: dict[str, Any]) -> None:
        super().__init__(names)
        self._known, self._left, self._turned = names, checks, turned

    def seed(self, seed: int) -> None:
        """Begin a check."""
        super().seed(seed)
        self._left -= 1
        if self._left < 0:
            self._known.update(self._turned)


def judged(blank: str, turned: dict[str, Any]) -> tuple[CheckResult, ...]:
    """Judge dropout by the solution until *blank* has all its marks, and by *turned* from there on."""
    checks = catalogue.find("dropout", "dropout")
    honest = plugin.run(checks, LocalStudent(checks.namespace()), b"x" * 16)
    until = 1 + max(number for number, result in enumerate(honest) if result.blank == blank)
    results = plugin.run(checks, Turncoat(checks.namespace(), until, turned), b"x" * 16)
    assert not [result.message for result in results if result.verdict is Verdict.GRADER_ERROR]
    assert {result.verdict for result in results[:until]} == {Verdict.PASSED}
    return results


def passes_a_main_check(results: tuple[CheckResult, ...], blank: str) -> bool:
    return any(result.verdict is Verdict.PASSED for result in main_results(results)[blank])


def test_a_forward_that_drops_everything_makes_no_zeros_right() -> None:
    def forward(A: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
        del keep_prob, rng
        return (0 * A if training else A), training

    def backward(dout: Any, training: bool) -> Any:
        return 0 * dout if training else dout

    results = judged("dropout_forward", {"dropout_forward": forward, "dropout_backward": backward})
    assert not passes_a_main_check(results, "dropout_backward")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_net_without_its_hidden_layer_makes_no_zeros_right() -> None:
    def forward(X: Any, params: Any, keep_prob: float, rng: Any, training: bool = True) -> Any:
        del keep_prob, rng, training
        p = np.full(len(X), 1 / (1 + np.exp(-params["b2"][0])))
        return p, p

    def backward(y: Any, params: Any, p: Any) -> Any:
        return {f"d{name}": 0 * value for name, value in params.items()} | {
            "db2": np.mean(p - y, keepdims=True)
        }

    results = judged("forward", {"forward": forward, "backward": backward})
    assert not passes_a_main_check(results, "backward")
