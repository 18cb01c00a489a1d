"""
Which misconception, if any, gives the same answers as the student on the same inputs.

A check's inputs come from its seed alone, so the check can be run again on a wrong implementation from the
catalogue. Where that fails the check too, and every plain value that the blank returned, or that a function
which it returned gave, is the same as the student's, the student most likely thinks the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from grader.checks.catalogue import CheckSet
from grader.checks.local import LocalStudent
from grader.errors import CheckFailure, StudentRaised
from grader.sandbox import Call, Handle, Student

__all__ = ["Diagnosis", "diagnose", "same_value"]

# Two computations of the same wrong formula differ by rounding only (1e-12 relative in float64, 1e-6 in
# float32); two different misconceptions differ by far more on Gaussian inputs.
SAME_VALUE_RTOL = 1e-6
# Misconceptions of a training run train, too; the diagnosis must not cost more than the verdict. Seconds of
# this process's own processor time, so that a busy machine takes no explanation away.
BUDGET_SECONDS = 3.0


class Diagnosis(msgspec.Struct, frozen=True):
    """The misconception found: its *name* and *explanation*, both empty where none matches."""

    name: str = ""
    explanation: str = ""


def diagnose(
    checks: CheckSet, blank: str, replay: Callable[[Student], None], calls: Sequence[Call]
) -> Diagnosis:
    """
    Compare the student's *calls* of a failed check with what each misconception would have answered.

    Args:
        checks: the notebook's catalogue.
        blank: the blank that failed.
        replay: runs the failed check on another student, with the same inputs.
        calls: the student's calls in the failed try, in order.
    """
    if not any(call.name == blank for call in calls):
        return Diagnosis()
    answers = _answers(checks, blank, calls)
    deadline = time.process_time() + BUDGET_SECONDS
    for name, replaced in checks.misconceptions.items():
        if blank not in {variant.blank for variant in replaced} or time.process_time() > deadline:
            continue
        suspect = LocalStudent(checks.namespace(replaced))
        if _fails(replay, suspect) and _same_answers(answers, _answers(checks, blank, suspect.log)):
            return Diagnosis(name, next(v.explanation for v in replaced if v.explanation))
    return Diagnosis()


def _answers(checks: CheckSet, blank: str, calls: Sequence[Call]) -> list[Call]:
    """
    Return the calls of *blank*; where these tell nothing, those of what it returned too, which has no name.

    What a training did to a model is left out where its losses tell: Adam makes a step of what was rounding.
    """
    own = [call for call in calls if call.name == blank]
    if not all(isinstance(call.outcome, Handle) for call in own):
        return own
    others = set(checks.spec.blanks) - {blank}
    return [call for call in calls if call.name not in others]


def _fails(replay: Callable[[Student], None], suspect: LocalStudent) -> bool:
    try:
        replay(suspect)  # type: ignore[arg-type]  # LocalStudent answers the same calls
    except (CheckFailure, AssertionError):
        return True
    except Exception:  # noqa: BLE001 - a broken suspect explains nothing; `grader validate` finds it
        return False
    return False


def _same_answers(ours: Sequence[Call], theirs: Sequence[Call]) -> bool:
    return len(ours) == len(theirs) and all(_same_call(a, b) for a, b in zip(ours, theirs, strict=True))


def _same_call(a: Call, b: Call) -> bool:
    if isinstance(a.outcome, CheckFailure) or isinstance(b.outcome, CheckFailure):
        return (
            isinstance(a.outcome, StudentRaised)
            and isinstance(b.outcome, StudentRaised)
            and a.outcome.kind == b.outcome.kind
        )
    return same_value(a.outcome, b.outcome)


def same_value(a: Any, b: Any) -> bool:
    """Whether two returned values are the same up to rounding; opaque handles tell nothing and pass."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_value(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same_value(x, y) for x, y in zip(a, b, strict=True))
    if _is_numeric(a) and _is_numeric(b):
        return _same_numbers(np.asarray(a), np.asarray(b))
    return type(a) is type(b) and (a == b if isinstance(a, str | bytes | int | None) else True)


def _is_numeric(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    if isinstance(value, int):
        return value.bit_length() < 64  # NumPy knows no larger ones
    return isinstance(value, float | np.generic)


def _same_numbers(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    if a.shape != b.shape:
        return False
    x, y = a.astype(np.float64), b.astype(np.float64)
    finite = y[np.isfinite(y)]
    scale = float(np.max(np.abs(finite), initial=0.0))
    return bool(np.allclose(x, y, rtol=SAME_VALUE_RTOL, atol=SAME_VALUE_RTOL * scale, equal_nan=True))
