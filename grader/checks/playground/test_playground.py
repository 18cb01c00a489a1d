"""
Hidden checks of the notebook playground.

solve is asked to learn: make_data is answered from the trusted side, and once with the two classes exchanged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader import verify
from grader.checks import Notebook, check
from grader.checks.playground import reference_playground as reference
from grader.checks.playground.calls_playground import (
    assert_labels,
    assert_taught,
    held_out_run,
    labels_of,
    solved,
)
from grader.checks.playground.inputs_playground import (
    DIAGNOSES,
    EDGES,
    NOISE,
    Kind,
    Supply,
    draw_curves,
    draw_names,
    draw_points,
    draw_scale,
    draw_seeds,
)
from grader.checks.training import Run, goal
from grader.errors import CheckFailure
from grader.sandbox import Student

NOTEBOOK = Notebook(
    blanks=("features", "diagnose", "solve"),
    helpers={"solve": ("features", "diagnose")},
)

FloatArray = NDArray[np.float64]


# --- features ---------------------------------------------------------------------------------------------


@check("features", weight=2)
def test_features_computes_each_of_the_seven(student: Student, rng: np.random.Generator) -> None:
    """features computes each of the seven features."""
    X = draw_points(rng, int(rng.integers(5, 12)))
    for name in rng.permutation(reference.FEATURES):
        column = student.call("features", X, [str(name)])
        right = reference.features(X, [str(name)])
        verify.assert_close(verify.as_array(column, right.shape, f'"{name}"'), right, f'"{name}"')


@check("features", weight=2)
def test_features_keeps_the_order_of_the_names(student: Student, rng: np.random.Generator) -> None:
    """features gives a column for each name, in the order of the names, a name that comes twice included."""
    everything = [str(name) for name in rng.permutation(reference.FEATURES)]
    several = draw_names(rng, 5)
    for names in (everything, sorted(everything[:4], reverse=True), [*several, several[0]]):
        X = draw_points(rng, int(rng.integers(3, 9)))
        given = student.call("features", X, names)
        verify.assert_close(given, reference.features(X, names), "features(X, names)")


@check("features", weight=1)
def test_features_works_for_one_row_one_name_and_none(student: Student, rng: np.random.Generator) -> None:
    """features works for one row, for one name, and gives (m, 0) for an empty list."""
    for m, count in EDGES:
        X, names = draw_points(rng, m), draw_names(rng, count)
        given = verify.as_array(student.call("features", X, names), (m, count), "features(X, names)")
        verify.assert_close(given, reference.features(X, names), "features(X, names)")


@check("features", weight=1)
def test_features_looks_at_each_row_alone(student: Student, rng: np.random.Generator) -> None:
    """features gives a row the same numbers, whatever other rows stand in the batch."""
    X, names = draw_points(rng, int(rng.integers(4, 9))), draw_names(rng, 4)
    m, count = len(X), len(names)
    whole = verify.as_array(student.call("features", X, names), (m, count), "features(X, names)")
    replies = student.call_many("features", [[X[i : i + 1], names] for i in range(m)])
    alone = np.concatenate([verify.as_array(each, (1, count), "features(X, names)") for each in replies])
    verify.assert_close(alone, whole, "a row alone, compared with the same row in its batch,")


@check("features", weight=0.5)
def test_features_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """features changes neither X nor the list of names."""
    X, names = draw_points(rng, int(rng.integers(3, 9))), [*draw_names(rng, 3), "x1^2", "sin(x2)"]
    seen = student.observe("features", X, names)
    verify.as_array(seen.value, (len(X), len(names)), "features(X, names)")
    verify.assert_unchanged(seen, (X, names), names=("X", "names"))


# --- diagnose ---------------------------------------------------------------------------------------------


def as_diagnosis(value: object) -> str:
    """Return what diagnose said, if it is one of its three answers."""
    if not isinstance(value, str) or value not in DIAGNOSES:
        listed = ", ".join(f'"{kind}"' for kind in DIAGNOSES)
        raise CheckFailure(f"diagnose must return one of the texts {listed}; it returned something else.")
    return value


def assert_told(
    student: Student, rng: np.random.Generator, kinds: tuple[Kind, ...], scales: list[float]
) -> None:
    """Fail unless diagnose names the kind of each pair of curves, one of each kind at each scale."""
    asked = [(kind, scale) for kind in kinds for scale in scales]
    curves = [draw_curves(rng, kind, scale, int(rng.integers(10, 300))) for kind, scale in asked]
    replies = student.call_many("diagnose", curves)
    wrong: dict[tuple[str, str], int] = {}
    for (kind, _), reply in zip(asked, replies, strict=True):
        said = as_diagnosis(reply)
        if said != kind:
            wrong[kind, said] = wrong.get((kind, said), 0) + 1
    if wrong:
        told = [f"{n} of {len(scales)} clear cases of {kind} as {said}" for (kind, said), n in wrong.items()]
        raise CheckFailure(
            f"diagnose takes {'; '.join(told)}.",
            hint="The rule of thumb has two questions, asked of both curves' ends and of where they began.",
        )


@check("diagnose", weight=2)
def test_diagnose_tells_underfitting_from_just_right(student: Student, rng: np.random.Generator) -> None:
    """diagnose tells underfitting from just right."""
    assert_told(student, rng, ("underfitting", "just right"), [draw_scale(rng) for _ in range(6)])


@check("diagnose", weight=2)
def test_diagnose_tells_overfitting_from_just_right(student: Student, rng: np.random.Generator) -> None:
    """diagnose tells overfitting from just right."""
    assert_told(student, rng, ("overfitting", "just right"), [draw_scale(rng) for _ in range(6)])


@check("diagnose", weight=2)
def test_diagnose_tells_overfitting_from_underfitting(student: Student, rng: np.random.Generator) -> None:
    """diagnose tells overfitting from underfitting."""
    assert_told(student, rng, ("overfitting", "underfitting"), [draw_scale(rng) for _ in range(6)])


@check("diagnose", weight=1)
def test_diagnose_works_in_any_unit(student: Student, rng: np.random.Generator) -> None:
    """diagnose gives the same answers where losses are small or large numbers: what counts are shares."""
    scales = [float(rng.uniform(0.005, 0.02)), float(rng.uniform(0.1, 0.2)), float(rng.uniform(20.0, 500.0))]
    assert_told(student, rng, DIAGNOSES, scales)


@check("diagnose", weight=0.5)
def test_diagnose_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """diagnose changes neither of the curves."""
    for kind in DIAGNOSES:
        curves = draw_curves(rng, kind, draw_scale(rng), int(rng.integers(10, 60)))
        seen = student.observe("diagnose", *curves)
        as_diagnosis(seen.value)
        verify.assert_unchanged(seen, curves, names=("train_losses", "val_losses"))


# --- solve ------------------------------------------------------------------------------------------------


HINT = "Which of the two is it, under- or overfitting? Watch the loss on rows it did not learn from."


@goal("the accuracy on held-out rows of circle", chance=0.5, hint=HINT)
def accuracy_on_circle(student: Student, rng: np.random.Generator) -> Run:
    """Measure solve on circle."""
    return held_out_run(student, rng, "circle")


@goal("the accuracy on held-out rows of xor", chance=0.5, hint=HINT)
def accuracy_on_xor(student: Student, rng: np.random.Generator) -> Run:
    """Measure solve on xor."""
    return held_out_run(student, rng, "xor")


@goal("the accuracy on held-out rows of gauss", chance=0.5, hint=HINT)
def accuracy_on_gauss(student: Student, rng: np.random.Generator) -> Run:
    """Measure solve on gauss."""
    return held_out_run(student, rng, "gauss")


@goal("the accuracy on held-out rows of spiral", chance=0.5, hint=HINT)
def accuracy_on_spiral(student: Student, rng: np.random.Generator) -> Run:
    """Measure solve on spiral."""
    return held_out_run(student, rng, "spiral")


@check("solve", weight=2, trains=30.0)
def test_solve_strikes_the_balance_on_circle(student: Student, rng: np.random.Generator) -> None:
    """solve learns circle (noise 1) from make_data's rows, and reaches the accuracy on held-out ones."""
    accuracy_on_circle.check(student, rng)
    assert_taught(student, rng, "circle")


@check("solve", weight=2, trains=30.0)
def test_solve_strikes_the_balance_on_xor(student: Student, rng: np.random.Generator) -> None:
    """solve learns xor (noise 1) from make_data's rows, and reaches the accuracy on held-out ones."""
    accuracy_on_xor.check(student, rng)
    assert_taught(student, rng, "xor")


@check("solve", weight=2, trains=30.0)
def test_solve_strikes_the_balance_on_gauss(student: Student, rng: np.random.Generator) -> None:
    """solve learns gauss (noise 1.5) from make_data's rows, and reaches the accuracy on held-out ones."""
    accuracy_on_gauss.check(student, rng)
    assert_taught(student, rng, "gauss")


@check("solve", weight=2, trains=30.0)
def test_solve_strikes_the_balance_on_spiral(student: Student, rng: np.random.Generator) -> None:
    """solve learns spiral (noise 0.5) from make_data's rows, and reaches the accuracy on held-out ones."""
    accuracy_on_spiral.check(student, rng)
    assert_taught(student, rng, "spiral")


@check("solve", weight=1, trains=30.0)
def test_solve_returns_a_function_that_looks_at_each_row_alone(
    student: Student, rng: np.random.Generator
) -> None:
    """solve returns a function that gives each row a label 0 or 1, whatever other rows stand beside it."""
    dataset = str(rng.choice(reference.DATASETS))
    predict = solved(student, dataset, float(rng.uniform(0.1, 0.3)), draw_seeds(rng, 1)[0])
    X, _ = reference.make_data(dataset, int(rng.integers(30, 60)), NOISE[dataset], rng)
    whole = labels_of(student, predict, X)
    replies = student.call_many(predict, [[X[i : i + 1]] for i in range(len(X))])
    alone = np.concatenate([assert_labels(reply, 1) for reply in replies])
    changed = int(np.count_nonzero(alone != whole))
    assert not changed, f"predict gives {changed} of {len(X)} rows another label alone than in their batch."


@check("solve", weight=1, trains=30.0)
def test_solve_depends_on_its_seed_alone(student: Student, rng: np.random.Generator) -> None:
    """solve gives the same predictions for the same seed, and others for another seed."""
    seed, other = draw_seeds(rng, 2)
    X = rng.uniform(-6.0, 6.0, (3000, 2))
    labels, drawn = [], []
    for each in (seed, seed, other):
        supply = Supply(exchanged=False)
        with student.standing_in({"make_data": supply.make_data}):
            labels.append(labels_of(student, solved(student, "circle", NOISE["circle"], each), X))
        drawn.append(supply.first)
    first, again, different = labels
    apart = int(np.count_nonzero(first != again))
    assert not apart, f"The same seed gives two different answers: {apart} of {len(X)} points differ."
    # From many rows two honest nets may learn the very same border: then the rows tell that they are two.
    rows, others = (np.zeros((0, 2)) if each is None else each[0] for each in (drawn[0], drawn[2]))
    if np.array_equal(first, different) and np.array_equal(rows, others):
        raise CheckFailure(
            "Two different seeds give the same answer everywhere.",
            hint="Do the rows and the start of the net come from a generator with this seed?",
        )


@check("solve", weight=0.5, trains=30.0)
def test_solve_returns_a_function_that_leaves_its_argument_alone(
    student: Student, rng: np.random.Generator
) -> None:
    """solve returns a function that does not change X."""
    X = draw_points(rng, int(rng.integers(5, 20)))
    predict = solved(student, str(rng.choice(reference.DATASETS)), 0.0, draw_seeds(rng, 1)[0])
    seen = student.observe(predict, X)
    assert_labels(seen.value, len(X))
    verify.assert_unchanged(seen, (X,), names=("X",))
