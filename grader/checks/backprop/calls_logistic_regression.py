"""How the checks of logistic_regression call the student's fit and gradients, and judge the latter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from grader import verify
from grader.checks.backprop import inputs_logistic_regression as inputs
from grader.checks.backprop import reference_logistic_regression as reference
from grader.sandbox import Student

__all__ = ["assert_gradients", "call_fit"]


def call_fit(
    student: Student,
    X: inputs.FloatArray,
    y: inputs.IntArray,
    learning_rate: float,
    steps: int,
    seconds: float | None = None,
) -> Sequence[Any]:
    """Call the student's fit; three raw values."""
    return verify.as_tuple(
        student.call("fit", X, y, learning_rate, steps, seconds=seconds), 3, "fit (w, b, losses)"
    )


def assert_gradients(
    student: Student,
    rng: np.random.Generator,
    at: tuple[inputs.FloatArray, inputs.IntArray, inputs.FloatArray, float],
    parameters: tuple[str, ...],
) -> tuple[Any, ...]:
    """
    Fail unless the student's gradients are those of the true loss, or of the student's own loss.

    Args:
        student: whose gradients.
        rng: for the directions of differences.
        at: X, y, w, b.
        parameters: which of "w" and "b" are judged.

    Returns:
        The raw dw and db.
    """
    X, y, w, b = at
    p = reference.predict(X, w, b)
    returned = verify.as_tuple(student.call("gradients", X, p, y), 2, "gradients (dw, db)")

    def own_loss(theta: dict[str, inputs.FloatArray]) -> float:
        # gradients takes p, so the student's predict has no part in it; the loss may be their own.
        moved = reference.predict(X, theta.get("w", w), float(theta["b"][0]) if "b" in theta else b)
        return verify.as_number(student.call("loss", moved, y), "the loss")

    true_dw, true_db = reference.gradients(X, p, y)
    theta, true = {"w": w, "b": np.array([b])}, {"dw": true_dw, "db": np.array([true_db])}
    verify.assert_gradients(
        {"d" + name: dict(zip(theta, returned, strict=True))[name] for name in parameters},
        {name: theta[name] for name in parameters},
        rng=rng,
        true={"d" + name: true["d" + name] for name in parameters},
        own_loss=None if "loss" in student.right else own_loss,
        name="gradients",
        facts={"rows": len(y), "features": X.shape[1]},
    )
    return returned
