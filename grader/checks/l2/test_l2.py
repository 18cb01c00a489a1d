"""Hidden checks of the notebook l2."""

from __future__ import annotations

import numpy as np

from grader import verify
from grader.checks import Notebook, check
from grader.checks.l2 import inputs_l2 as inputs
from grader.checks.l2 import reference_l2 as reference
from grader.checks.l2.calls_l2 import (
    assert_derived,
    assert_gradients,
    assert_number,
    begin,
    call_fit,
    call_fit_for_two_prices,
    call_weight_norms,
)
from grader.checks.training import Run, goal
from grader.sandbox import Rng, Student

NOTEBOOK = Notebook(
    blanks=("l2_penalty", "loss", "backward", "decay_update", "fit", "weight_norms"),
    helpers={
        "loss": ("l2_penalty",),
        "fit": ("l2_penalty", "loss", "backward", "decay_update"),
        "weight_norms": ("l2_penalty", "loss", "backward", "decay_update", "fit"),
    },
)


@check("l2_penalty", weight=2)
def test_l2_penalty_is_the_price_of_the_squared_weights(student: Student, rng: np.random.Generator) -> None:
    """l2_penalty is lam / (2 m) times the sum of the squared weights; biases cost nothing."""
    for _ in range(2):
        drawn = inputs.draw_problem(rng)
        assert_number(student, "l2_penalty", (drawn.params, drawn.lam, drawn.rows), "the penalty", drawn.rows)


@check("l2_penalty")
def test_l2_penalty_works_for_any_net(student: Student, rng: np.random.Generator) -> None:
    """l2_penalty is one number for nets of any size, and nothing where lam is 0."""
    for sizes in inputs.SMALL:
        drawn = inputs.draw_problem(rng, sizes)
        assert_number(student, "l2_penalty", (drawn.params, drawn.lam, drawn.rows), "the penalty", drawn.rows)
    drawn = inputs.draw_problem(rng)
    assert_number(student, "l2_penalty", (drawn.params, 0.0, 5), "the penalty for lam = 0", 5)


@check("l2_penalty", weight=0.5)
def test_l2_penalty_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """l2_penalty leaves the parameters unchanged."""
    drawn = inputs.draw_problem(rng)
    given = (drawn.params, drawn.lam, drawn.rows)
    seen = student.observe("l2_penalty", *given)
    verify.as_number(seen.value, "the penalty")
    verify.assert_unchanged(seen, given, names=("params", "lam", "m"))


@check("loss", weight=2)
def test_loss_is_cross_entropy_plus_penalty(student: Student, rng: np.random.Generator) -> None:
    """loss is the cross-entropy plus the penalty."""
    for _ in range(2):
        drawn = inputs.draw_problem(rng)
        assert_number(student, "loss", (drawn.p, drawn.y, drawn.params, drawn.lam), "the loss", drawn.rows)


@check("loss")
def test_loss_works_for_any_batch(student: Student, rng: np.random.Generator) -> None:
    """loss is one number for batches and nets of any size, and the plain loss where lam is 0."""
    for sizes in (*inputs.SMALL, (60, 2, 3)):
        drawn = inputs.draw_problem(rng, sizes)
        assert_number(student, "loss", (drawn.p, drawn.y, drawn.params, drawn.lam), "the loss", drawn.rows)
    drawn = inputs.draw_problem(rng, lam=0.0)
    assert_number(student, "loss", (drawn.p, drawn.y, drawn.params, 0.0), "the loss for lam = 0", drawn.rows)


@check("loss", weight=0.5)
def test_loss_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """loss leaves its arguments unchanged."""
    drawn = inputs.draw_problem(rng)
    given = (drawn.p, drawn.y, drawn.params, drawn.lam)
    seen = student.observe("loss", *given)
    verify.as_number(seen.value, "the loss")
    verify.assert_unchanged(seen, given, names=("p", "y", "params", "lam"))


@check("backward", weight=2)
def test_backward_derives_the_data_part(student: Student, rng: np.random.Generator) -> None:
    """backward gives the gradients of the cross-entropy where lam is 0, by the chain rule."""
    assert_gradients(student, rng, inputs.draw_problem(rng, lam=0.0), ("W1", "b1", "W2", "b2"))
    assert_derived(student, inputs.draw_wide_problem(rng, priced=False))


@check("backward", weight=2)
def test_backward_derives_the_price_of_the_weights(student: Student, rng: np.random.Generator) -> None:
    """backward adds the gradient of the penalty to that of the weights, by the chain rule."""
    assert_gradients(student, rng, inputs.draw_problem(rng), ("W1", "W2"))
    assert_derived(student, inputs.draw_wide_problem(rng, priced=True))


@check("backward")
def test_backward_leaves_the_biases_free(student: Student, rng: np.random.Generator) -> None:
    """backward gives the biases the same gradients whatever lam is."""
    assert_gradients(student, rng, inputs.draw_problem(rng), ("b1", "b2"))


@check("backward")
def test_backward_works_for_any_size(student: Student, rng: np.random.Generator) -> None:
    """backward gives each gradient the shape of its parameter, also for one row, one feature and one unit."""
    for sizes in inputs.SMALL:
        assert_gradients(student, rng, inputs.draw_problem(rng, sizes), ("W1", "b1", "W2", "b2"))


@check("backward", weight=0.5)
def test_backward_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """backward leaves its arguments unchanged, the cache too."""
    drawn = inputs.draw_problem(rng)
    given = (drawn.X, drawn.y, drawn.params, drawn.cache, drawn.lam)
    seen = student.observe("backward", *given)
    verify.as_params(seen.value, {"dW1": drawn.params["W1"].shape}, "backward: the result")
    verify.assert_unchanged(seen, given, names=("X", "y", "params", "cache", "lam"))


@check("decay_update", weight=2)
def test_decay_update_takes_the_step_of_the_whole_gradient(
    student: Student, rng: np.random.Generator
) -> None:
    """decay_update lets the weights decay and steps along the data's gradient, for any shape of W."""
    for shape in ((3, 4), (1, 5), (4, 1), (1, 1)):
        given = inputs.draw_decay(rng, shape, float(rng.uniform(0.1, 0.7)))
        verify.assert_close(student.call("decay_update", *given), reference.decay_update(*given), "W")


@check("decay_update")
def test_decay_update_is_not_clipped(student: Student, rng: np.random.Generator) -> None:
    """decay_update is the same formula for a price so high that the weights change their sign."""
    for strength in (float(rng.uniform(1.2, 1.8)), float(rng.uniform(2.2, 3.0))):
        given = inputs.draw_decay(rng, (2, 4), strength)
        verify.assert_close(student.call("decay_update", *given), reference.decay_update(*given), "W")


@check("decay_update")
def test_decay_update_leaves_the_old_weights_alone(student: Student, rng: np.random.Generator) -> None:
    """decay_update leaves the old weights and the gradient as they were."""
    given = inputs.draw_decay(rng, (3, 2), 0.4)
    seen = student.observe("decay_update", *given)
    verify.as_array(seen.value, (3, 2), "W")
    verify.assert_unchanged(seen, given, names=("W", "dW", "learning_rate", "lam", "m"))


@check("fit")
def test_fit_returns_a_net_and_a_loss_for_each_step(student: Student, rng: np.random.Generator) -> None:
    """fit returns parameters of the right shapes and one loss for each step, for any size."""
    steps = int(rng.integers(3, 7))
    for m, n_x, n_h in ((7, 3, 4), *inputs.SMALL):
        drawn = inputs.draw_problem(rng, (m, n_x, n_h))
        _, losses = call_fit(student, drawn, n_h, 0.3, steps, int(rng.integers(2**31)))
        verify.as_array(losses, (steps,), "losses")


# The heaviest: whatever else fit does right counts only where its steps are those of gradient descent.
@check("fit", weight=2.5, retry=True)
def test_fit_takes_the_steps_of_gradient_descent(student: Student, rng: np.random.Generator) -> None:
    """fit steps along the gradient of the whole loss: all rows, every parameter, the price paid once."""
    # An odd number of rows: with as many ones as zeros, a net of zeros would be at rest.
    drawn, n_h, rate, seed = inputs.draw_training(rng, 7)
    steps = int(rng.integers(3, 6))
    start = begin(student, rng, drawn, n_h, rate, seed)
    reached, _ = call_fit(student, drawn, n_h, rate, steps, seed)
    right = inputs.descend(inputs.Problem(drawn.X, drawn.y, start, drawn.lam), rate, steps)
    for name, value in right.items():
        verify.assert_close(reached[name], value, f"{name} after {steps} steps", facts={"rows": drawn.rows})


@check("fit", retry=True)
def test_fit_notes_the_loss_of_each_step(student: Student, rng: np.random.Generator) -> None:
    """fit notes the loss of each step, with the penalty or without it, before the update or after it."""
    drawn, n_h, rate, seed = inputs.draw_training(rng, 8)
    steps = int(rng.integers(4, 7))
    # The student's own nets on the way, whether or not the later steps are right: another check judges that.
    nets = [begin(student, rng, drawn, n_h, rate, seed)]
    nets += [call_fit(student, drawn, n_h, rate, done, seed)[0] for done in range(1, steps)]
    last, losses = call_fit(student, drawn, n_h, rate, steps, seed)
    noted = verify.as_array(losses, (steps,), "losses")
    ways = [
        np.array([reference.loss(reference.forward(drawn.X, net)[0], drawn.y, net, lam) for net in passed])
        for lam in (drawn.lam, 0.0)
        for passed in (nets, [*nets[1:], last])
    ]
    nearest = min(ways, key=lambda right: float(np.sum((noted - right) ** 2)))
    verify.assert_close(noted, nearest, "losses", facts={"rows": drawn.rows})


@check("fit")
def test_fit_takes_its_randomness_from_rng(student: Student, rng: np.random.Generator) -> None:
    """fit gives the same net for the same rng, and another net for another one; units don't start alike."""
    drawn, n_h, rate, seed = inputs.draw_training(rng, 6)
    first, again, other = (call_fit(student, drawn, n_h, rate, 2, s)[0] for s in (seed, seed, seed + 1))
    verify.assert_close(again["W1"], first["W1"], "W1 with the same rng")
    assert not np.allclose(other["W1"], first["W1"]), "W1 is the same for another rng: is rng used?"
    assert np.ptp(first["W1"], axis=0).max() > 1e-6, "All hidden units have the same weights."


# The lower tail of the figures is longer than a normal one (wrong labels that lie together): of 600 runs 2
# fell below mean - 3.92 sd. Two misses in a row come less than once in 50,000.
@goal("the accuracy on held-out rows", chance=0.5, coverage=0.9999)
def held_out_accuracy(student: Student, rng: np.random.Generator) -> Run:
    """Train with a good lambda on data with wrong labels among them."""
    X, y, X_new, y_new = inputs.training_problem(rng)
    problem, seed = inputs.Problem(X, y, {}, inputs.GOOD_LAMBDA), int(rng.integers(2**31))
    begin(student, rng, problem, inputs.HIDDEN_UNITS, inputs.TRAINING_RATE, seed)
    params, losses = call_fit(
        student, problem, inputs.HIDDEN_UNITS, inputs.TRAINING_RATE, inputs.TRAINING_STEPS, seed
    )
    return Run(inputs.held_out_accuracy(params, X_new, y_new), losses)


@check("fit", weight=2, trains=60)
def test_fit_learns_and_keeps_the_weights_small(student: Student, rng: np.random.Generator) -> None:
    """fit sorts new rows well with a good lambda, and ends with smaller weights for a large one."""
    held_out_accuracy.check(student, rng)
    free, priced = call_fit_for_two_prices(student, rng)
    assert priced < free, f"A high price makes the norm of the weights {priced / free:.3g} times as large."


@check("fit", weight=0.5)
def test_fit_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """fit leaves the data unchanged."""
    drawn, n_h, rate, seed = inputs.draw_training(rng, 5)
    given = (drawn.X, drawn.y, n_h, drawn.lam, rate, 2, Rng(seed))
    seen = student.observe("fit", *given)
    verify.as_tuple(seen.value, 2, "fit (params, losses)")
    verify.assert_unchanged(seen, given, names=("X", "y", "n_h", "lam", "learning_rate", "steps"))


@check("weight_norms", weight=2, retry=True)
def test_weight_norms_fall_as_lambda_grows(student: Student, rng: np.random.Generator) -> None:
    """weight_norms shows that weights shrink as lambda grows, in the order in which the lambdas came."""
    order = list(range(len(inputs.PRICES)))
    while order in (sorted(order), sorted(order, reverse=True)):
        order = [int(i) for i in rng.permutation(len(inputs.PRICES))]
    prices = [inputs.PRICES[i] for i in order]
    norms = call_weight_norms(student, rng, prices)
    rising = norms[np.argsort(prices)]
    assert np.all(rising > 0), "A norm of weights is positive; at least one of yours is not."
    stays = int(np.sum(np.diff(rising) >= 0))
    assert not stays, f"{stays} of 2 times the norm does not fall from one lambda to the next larger one."


@check("weight_norms")
def test_weight_norms_counts_every_weight(student: Student, rng: np.random.Generator) -> None:
    """weight_norms returns a norm of all the weights: zero only where they are, and doubled with them."""
    nets = list(inputs.special_nets(rng))
    given = iter(nets)
    called: list[int] = []

    def trained(*_: object, **__: object) -> tuple[inputs.Params, list[float]]:
        called.append(1)
        return next(given, nets[-1]), [1.0]

    with student.standing_in({"fit": trained}):
        norms = call_weight_norms(student, rng, [1.0] * len(nets), steps=1)
    if len(called) != len(nets):
        return  # it trains without calling fit, which is right too: the other checks judge it
    assert norms[0] > 1e-9, "The norm is zero although W2 is not: it counts all weights, W1 and W2."
    assert norms[1] > 1e-9, "The norm is zero although W1 is not: it counts all weights, W1 and W2."
    # Any norm is homogeneous: ||2w|| = 2 ||w||. The biases of these nets are zero, should it count them.
    verify.assert_close(
        norms[2],
        2 * norms[0],
        "the norm of weights twice as large",
        hint="When every weight is doubled, a norm doubles; a sum of squares becomes four times as large.",
    )
    assert abs(norms[3]) < 1e-12, "The norm is not zero although every weight is zero."


@check("weight_norms")
def test_weight_norms_gives_one_number_for_each_lambda(student: Student, rng: np.random.Generator) -> None:
    """weight_norms gives one finite number for each lambda, also for a single one."""
    for prices in ([float(rng.uniform(0.1, 1.0))], [0.3, 0.1, 0.3, 0.0, 1.0]):
        norms = call_weight_norms(student, rng, prices, steps=3)
        assert np.all(norms >= 0), "A norm is never negative."


@check("weight_norms", weight=0.5)
def test_weight_norms_depends_on_the_seed(student: Student, rng: np.random.Generator) -> None:
    """weight_norms gives the same numbers for the same seed, and others for another seed."""
    drawn = inputs.draw_problem(rng, (12, 2, 4))
    seed = int(rng.integers(2**31))
    first, again, other = (
        verify.as_array(
            student.call("weight_norms", drawn.X, drawn.y, 4, [0.5, 0.1], 0.3, 3, s), (2,), "the norms"
        )
        for s in (seed, seed, seed + 1)
    )
    verify.assert_close(again, first, "the norms with the same seed")
    assert not np.allclose(other, first), "The norms are the same for another seed."


@check("weight_norms", weight=0.5)
def test_weight_norms_leaves_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """weight_norms leaves the data and the list of lambdas unchanged."""
    drawn = inputs.draw_problem(rng, (9, 2, 3))
    given = (drawn.X, drawn.y, 3, [0.5, 2.0, 0.1], 0.3, 2, int(rng.integers(2**31)))
    seen = student.observe("weight_norms", *given)
    verify.as_array(seen.value, (3,), "the norms")
    verify.assert_unchanged(seen, given, names=("X", "y", "n_h", "lams", "learning_rate", "steps", "seed"))
