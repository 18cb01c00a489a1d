"""Hidden checks of the notebook logistic_regression."""

from __future__ import annotations

import numpy as np

from grader import verify
from grader.checks import Notebook, check
from grader.checks.backprop import inputs_logistic_regression as inputs
from grader.checks.backprop import reference_logistic_regression as reference
from grader.checks.backprop.calls_logistic_regression import assert_gradients, call_fit
from grader.checks.training import Run, goal
from grader.sandbox import Student

NOTEBOOK = Notebook(
    blanks=("sigmoid", "predict", "loss", "gradients", "update", "fit"),
    helpers={"predict": ("sigmoid",), "fit": ("sigmoid", "predict", "loss", "gradients", "update")},
)

OVERFLOW = "exp overflows to inf above 709. Which form of the formula never needs exp of a large number?"


@check("sigmoid", weight=2)
def test_sigmoid_gives_the_probability_of_each_score(student: Student, rng: np.random.Generator) -> None:
    """sigmoid gives the probability that belongs to each score."""
    z = rng.normal(size=int(rng.integers(5, 12))) * 3.0
    verify.assert_close(student.call("sigmoid", z), reference.sigmoid(z), "sigmoid(z)")


@check("sigmoid")
def test_sigmoid_keeps_the_shape(student: Student, rng: np.random.Generator) -> None:
    """sigmoid works entry by entry on scores of any shape, and keeps the shape."""
    rows, columns = int(rng.integers(2, 5)), int(rng.integers(5, 8))
    for shape in ((1,), (1, 1), (rows, columns), (columns, 1)):
        z = rng.normal(size=shape)
        verify.assert_close(student.call("sigmoid", z), reference.sigmoid(z), "sigmoid(z)")


@check("sigmoid")
def test_sigmoid_survives_large_scores(student: Student, rng: np.random.Generator) -> None:
    """sigmoid is finite and right for scores up to 1000 on both sides."""
    size = rng.permutation(np.concatenate([rng.uniform(20.0, 1000.0, 5), [710.0, 1000.0]]))
    z = np.concatenate([size, -size, rng.normal(size=3)])
    verify.assert_close(
        student.call("sigmoid", z), reference.sigmoid(z), "sigmoid of large scores", hint=OVERFLOW
    )


@check("sigmoid", weight=0.5)
def test_sigmoid_leaves_its_argument_alone(student: Student, rng: np.random.Generator) -> None:
    """sigmoid leaves its argument unchanged."""
    z = rng.normal(size=7) * 3.0
    seen = student.observe("sigmoid", z)
    verify.as_array(seen.value, z.shape, "sigmoid(z)")
    verify.assert_unchanged(seen, (z,), names=("z",))


@check("predict", weight=2)
def test_predict_gives_the_probability_of_each_row(student: Student, rng: np.random.Generator) -> None:
    """predict gives the probability of label 1 for each row."""
    m, n_x = inputs.draw_sizes(rng)
    X, _ = inputs.draw_rows(rng, m, n_x)
    w, b = inputs.draw_parameters(rng, n_x)
    verify.assert_close(student.call("predict", X, w, b), reference.predict(X, w, b), "p")


@check("predict")
def test_predict_works_for_one_row_and_one_feature(student: Student, rng: np.random.Generator) -> None:
    """predict gives one number a row, also for a single row and a single feature."""
    for m, n_x in ((int(rng.integers(30, 60)), 2), *inputs.SMALL):
        X, _ = inputs.draw_rows(rng, m, n_x)
        w, b = inputs.draw_parameters(rng, n_x)
        verify.assert_close(student.call("predict", X, w, b), reference.predict(X, w, b), "p")


@check("predict", weight=0.5)
def test_predict_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """predict leaves its arguments unchanged."""
    m, n_x = inputs.draw_sizes(rng)
    X, _ = inputs.draw_rows(rng, m, n_x)
    w, b = inputs.draw_parameters(rng, n_x)
    seen = student.observe("predict", X, w, b)
    verify.as_array(seen.value, (m,), "p")
    verify.assert_unchanged(seen, (X, w, b), names=("X", "w", "b"))


@check("loss", weight=2)
def test_loss_is_the_mean_cross_entropy(student: Student, rng: np.random.Generator) -> None:
    """loss is the mean binary cross-entropy of the rows."""
    m, _ = inputs.draw_sizes(rng)
    p, y = inputs.draw_predictions(rng, m)
    verify.assert_close(student.call("loss", p, y), reference.loss(p, y), "the loss", facts={"rows": m})


@check("loss")
def test_loss_works_for_any_batch(student: Student, rng: np.random.Generator) -> None:
    """loss is one number for one row, for rows of one label only, and for many rows."""
    for m in (int(rng.integers(40, 80)), 2, 1, 1):
        p, y = inputs.draw_predictions(rng, m)
        y = np.full(m, y[0]) if m == 2 else y
        verify.assert_close(student.call("loss", p, y), reference.loss(p, y), "the loss", facts={"rows": m})


@check("loss")
def test_loss_is_finite_for_sure_predictions(student: Student, rng: np.random.Generator) -> None:
    """loss is finite where a prediction is exactly 0 or 1, right or wrong."""
    p, y = inputs.draw_predictions(rng, 8)
    p[:4], y[:4] = [0.0, 0.0, 1.0, 1.0], [0, 1, 0, 1]
    order = rng.permutation(8)
    verify.as_number(student.call("loss", p[order], y[order]), "the loss with predictions of 0 and 1")
    verify.as_number(student.call("loss", p[:1], y[:1]), "the loss of a right prediction of 0")


@check("loss", weight=0.5)
def test_loss_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """loss leaves its arguments unchanged, also where it has to move a prediction away from 0 or 1."""
    p, y = inputs.draw_predictions(rng, 8)
    p[:2] = [0.0, 1.0]
    seen = student.observe("loss", p, y)
    assert seen.value is not None, "loss returned nothing."
    verify.assert_unchanged(seen, (p, y), names=("p", "y"))


@check("gradients", weight=3)
def test_gradients_of_the_weights_point_uphill(student: Student, rng: np.random.Generator) -> None:
    """gradients gives the derivatives of the loss with respect to the weights, by the chain rule."""
    m, n_x = inputs.draw_sizes(rng)
    X, y = inputs.draw_rows(rng, m, n_x)
    assert_gradients(student, rng, (X, y, *inputs.draw_parameters(rng, n_x)), ("w",))
    # A formula is exact for tiny errors too; a difference quotient is noise there, and is to earn nothing.
    X, y, w, b = inputs.draw_tiny_errors(rng)
    dw, _ = assert_gradients(student, rng, (X, y, w, b), ("w",))
    true_dw, _ = reference.gradients(X, reference.predict(X, w, b), y)
    verify.assert_no_difference_quotient({"dw": dw}, {"dw": true_dw}, "gradients")


@check("gradients")
def test_gradients_of_the_bias_point_uphill(student: Student, rng: np.random.Generator) -> None:
    """gradients gives the derivative of the loss with respect to the bias."""
    m, n_x = inputs.draw_sizes(rng)
    X, y = inputs.draw_rows(rng, m, n_x)
    assert_gradients(student, rng, (X, y, *inputs.draw_parameters(rng, n_x)), ("b",))


@check("gradients")
def test_gradients_have_the_shapes_of_the_parameters(student: Student, rng: np.random.Generator) -> None:
    """gradients gives the shapes of w and b, and right values, also for a single row and a single feature."""
    for m, n_x in ((3, 8), *inputs.SMALL):
        X, y = inputs.draw_rows(rng, m, n_x)
        assert_gradients(student, rng, (X, y, *inputs.draw_parameters(rng, n_x)), ("w", "b"))


@check("gradients", weight=0.5)
def test_gradients_leave_their_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """gradients leaves its arguments unchanged."""
    m, n_x = inputs.draw_sizes(rng)
    X, y = inputs.draw_rows(rng, m, n_x)
    p, _ = inputs.draw_predictions(rng, m)
    seen = student.observe("gradients", X, p, y)
    verify.as_tuple(seen.value, 2, "gradients (dw, db)")
    verify.assert_unchanged(seen, (X, p, y), names=("X", "p", "y"))


@check("update", weight=2)
def test_update_steps_the_weights_downhill(student: Student, rng: np.random.Generator) -> None:
    """update moves each weight against its gradient, by the learning rate times the gradient."""
    for n_x in (int(rng.integers(2, 9)), 1):
        given, (w, _) = inputs.draw_step(rng, n_x)
        new_w, _ = verify.as_tuple(student.call("update", *given), 2, "update (w, b)")
        verify.assert_close(new_w, w, "w")


@check("update")
def test_update_steps_the_bias_downhill(student: Student, rng: np.random.Generator) -> None:
    """update moves the bias in the same way as the weights."""
    for n_x in (int(rng.integers(2, 9)), 1):
        given, (_, b) = inputs.draw_step(rng, n_x)
        _, new_b = verify.as_tuple(student.call("update", *given), 2, "update (w, b)")
        verify.assert_close(new_b, b, "b")


@check("update")
def test_update_leaves_the_old_weights_alone(student: Student, rng: np.random.Generator) -> None:
    """update leaves the old weights as they were."""
    given, _ = inputs.draw_step(rng, 4)
    seen = student.observe("update", *given)
    verify.as_tuple(seen.value, 2, "update (w, b)")
    verify.assert_unchanged(seen, given, names=("w", "b", "dw", "db", "learning_rate"))


@check("fit")
def test_fit_returns_parameters_and_a_loss_for_each_step(student: Student, rng: np.random.Generator) -> None:
    """fit returns w, b and one loss for each step, also for one row, one feature and one step."""
    for (m, n_x), steps in zip(((12, 3), *inputs.SMALL), (int(rng.integers(4, 9)), 1, 3, 1), strict=True):
        X, y = inputs.draw_rows(rng, m, n_x)
        w, b, losses = call_fit(student, X, y, 0.5, steps)
        verify.as_array(w, (n_x,), "w")
        verify.as_number(b, "b")
        verify.as_array(losses, (steps,), "losses")


# The heaviest: whatever else fit does right counts only where its steps are those of gradient descent.
@check("fit", weight=2.5)
def test_fit_takes_the_steps_of_gradient_descent(student: Student, rng: np.random.Generator) -> None:
    """fit starts from zeros and takes full-batch steps of gradient descent, one after the other."""
    for steps in (int(rng.integers(3, 7)), 1):
        X, y, learning_rate = inputs.draw_training(rng)
        w, b, _ = call_fit(student, X, y, learning_rate, steps)
        true_w, true_b, _ = reference.fit(X, y, learning_rate, steps)
        verify.assert_close(w, true_w, f"w after {steps} step{'s' * (steps > 1)}", facts={"rows": len(y)})
        verify.assert_close(b, true_b, f"b after {steps} step{'s' * (steps > 1)}", facts={"rows": len(y)})


@check("fit")
def test_fit_notes_the_loss_of_each_step(student: Student, rng: np.random.Generator) -> None:
    """fit notes the loss of each step, always before the update or always after it."""
    X, y, learning_rate = inputs.draw_training(rng)
    steps = int(rng.integers(4, 8))
    # The student's own w and b on the way from zeros, whether or not their steps are right: another check
    # judges those.
    runs = [call_fit(student, X, y, learning_rate, done) for done in range(1, steps + 1)]
    noted = verify.as_array(runs[-1][2], (steps,), "losses")
    n_x = X.shape[1]
    passed = [(np.zeros(n_x), 0.0)]
    passed += [(verify.as_array(w, (n_x,), "w"), verify.as_number(b, "b")) for w, b, _ in runs]
    before = np.array([reference.loss(reference.predict(X, w, b), y) for w, b in passed])
    nearer = min((before[:-1], before[1:]), key=lambda right: float(np.sum((noted - right) ** 2)))
    verify.assert_close(noted, nearer, "losses", facts={"rows": len(y)})
    assert before[0] != before[1], "The first step changes nothing: the loss is the same after it."


@goal("the accuracy on held-out rows", chance=0.5)
def held_out_accuracy(student: Student, rng: np.random.Generator) -> Run:
    """Train on noisy data that a line divides."""
    X, y, X_new, y_new = inputs.training_problem(rng)
    w, b, losses = call_fit(student, X, y, inputs.TRAINING_RATE, inputs.TRAINING_STEPS)
    on_training = inputs.held_out_accuracy(w, b, X, y)
    return Run(inputs.held_out_accuracy(w, b, X_new, y_new), losses, on_training)


@check("fit", weight=2, trains=30)
def test_fit_learns(student: Student, rng: np.random.Generator) -> None:
    """fit finds weights that sort new rows well, on noisy data that a line divides."""
    held_out_accuracy.check(student, rng)


@check("fit", weight=0.5)
def test_fit_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """fit leaves the data unchanged."""
    X, y, learning_rate = inputs.draw_training(rng)
    given = (X, y, learning_rate, 2)
    seen = student.observe("fit", *given)
    verify.as_tuple(seen.value, 3, "fit (w, b, losses)")
    verify.assert_unchanged(seen, given, names=("X", "y", "learning_rate", "steps"))
