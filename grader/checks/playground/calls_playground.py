"""How the checks of playground call a student's solve, and what it returned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader import verify
from grader.checks.playground.inputs_playground import NOISE, Supply, draw_held_out, draw_seeds
from grader.checks.training import Run
from grader.errors import CheckFailure
from grader.sandbox import Handle, Student

__all__ = ["assert_labels", "assert_taught", "held_out_run", "labels_of", "solved"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# With the classes exchanged a training reaches what it reached before, above 0.85, and a rule by hand what
# is left of 1, below 0.15.
LEAST_TAUGHT = 0.5


def solved(student: Student, dataset: str, noise: float, seed: int) -> Handle:
    """Call the student's solve; what it returns must be a function."""
    predict = student.call("solve", dataset, noise, seed)
    if not isinstance(predict, Handle) or not predict.callable:
        nothing = " It returned None: is there a return?" if predict is None else ""
        raise CheckFailure(
            f"solve must return a function that takes X and gives labels.{nothing}",
            hint="Define a function inside of solve and return it, without calling it.",
        )
    return predict


def labels_of(student: Student, predict: Handle, X: FloatArray) -> IntArray:
    """Return the labels that the student's *predict* gives the rows of X (m, 2)."""
    return assert_labels(student.call(predict, X), len(X))


def assert_labels(value: object, m: int) -> IntArray:
    """Convert what the returned function gave for *m* rows; fail unless these are labels 0 and 1."""
    labels: IntArray = verify.as_array(value, (m,), "predict(X)", kind="whole")
    strange = int(np.count_nonzero((labels != 0) & (labels != 1)))
    assert not strange, f"predict(X) must give labels 0 and 1; {strange} of {m} are something else."
    return labels


def held_out_run(student: Student, rng: np.random.Generator, dataset: str) -> Run:
    """Let the student's solve train on rows that we draw for it, and compare its labels on others."""
    supply = Supply(exchanged=False)
    X, y = draw_held_out(rng, dataset)
    with student.standing_in({"make_data": supply.make_data}):
        predict = solved(student, dataset, NOISE[dataset], draw_seeds(rng, 1)[0])
        if supply.first is None:
            raise CheckFailure(
                "solve never calls make_data: it has no rows to learn from.",
                hint="Draw the rows with make_data inside of solve, under this name.",
            )
        reached = verify.accuracy(labels_of(student, predict, X), y)
        X_seen, y_seen = supply.first
        seen = verify.accuracy(labels_of(student, predict, X_seen), y_seen) if len(y_seen) else None
    return Run(reached, on_training=seen)


def assert_taught(student: Student, rng: np.random.Generator, dataset: str) -> None:
    """Fail unless solve follows make_data when that gives every row the other label."""
    supply = Supply(exchanged=True)
    X, y = draw_held_out(rng, dataset)
    with student.standing_in({"make_data": supply.make_data}):
        predict = solved(student, dataset, NOISE[dataset], draw_seeds(rng, 1)[0])
        follows = verify.accuracy(labels_of(student, predict, X), 1 - y)
    if follows < LEAST_TAUGHT:
        raise CheckFailure(
            f"When make_data exchanges the two classes of {dataset}, the predictions stay as they were: "
            f"{100 * follows:.0f} % of them agree with what it taught.",
            hint="A rule that was written down before can't learn; what decides must come from the rows.",
        )
