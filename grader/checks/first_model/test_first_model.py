"""Hidden checks of the notebook first_model."""

from __future__ import annotations

import numpy as np

from grader import verify
from grader.checks import Notebook, check, nets
from grader.checks.digits import Digits
from grader.checks.first_model import calls_first_model as calls
from grader.checks.first_model import inputs_first_model as inputs
from grader.checks.first_model.inputs_first_model import SIZES
from grader.checks.training import Run, goal
from grader.errors import CheckFailure
from grader.sandbox import Handle, Student, Tensor

NOTEBOOK = Notebook(
    blanks=("prepare", "build_model", "train", "predict"),
    needs={"train": ("build_model",), "predict": ("build_model",)},
    imports=("numpy", "matplotlib", "torch"),
)

RESULT, ANSWERS = "what prepare returns", "what predict returns"  # in messages

SAME_LOSS = 1e-4  # sums in float32, of ten logits and of some rows, are off by less than 1e-6 of themselves
# What an epoch's batches cost, each before its step, lies between the loss at its start and that at its end.
# The last batch alone, of rows that cost either all or nothing, is off by at least a factor of 2.
SLACK = 0.25


# --- prepare ----------------------------------------------------------------------------------------------


@check("prepare", weight=2)
def test_prepare_makes_a_row_of_each_image(student: Student, rng: np.random.Generator) -> None:
    """prepare makes a row of 784 numbers of each image, line by line, divided by 255."""
    for m in (int(rng.integers(3, 12)), 2, 1):
        images = inputs.draw_images(rng, m)
        rows = calls.prepared(student, images).value
        verify.assert_close(rows, images.reshape(m, 784) / 255.0, RESULT, facts={"images": m})


@check("prepare")
def test_prepare_gives_a_tensor_of_float32(student: Student, rng: np.random.Generator) -> None:
    """prepare gives a torch.Tensor of float32, the type of a model's weights."""
    images = inputs.draw_images(rng, int(rng.integers(2, 8)))
    kept = calls.prepared(student, images, opaque="all").value
    kind = kept.type_name if isinstance(kept, Handle) else ""
    assert "Tensor" in kind, "prepare returns no torch.Tensor, and a model takes nothing else."
    rows = calls.prepared(student, images).value
    verify.as_array(rows, (len(images), 784), RESULT)
    found = rows.dtype if isinstance(rows, np.ndarray) else type(rows).__name__
    assert found == np.float32, f"The tensor is of {found}; the weights of a model are float32."


@check("prepare")
def test_prepare_takes_any_images(student: Student, rng: np.random.Generator) -> None:
    """prepare gives numbers from 0 to 1, for blank paper and black ink, one image or hundreds."""
    black = np.full((2, 28, 28), 255, dtype=np.uint8)
    black[1] = 0
    many = rng.integers(0, 256, size=(int(rng.integers(200, 400)), 28, 28), dtype=np.uint8)
    for images in (black[:1], black[1:], black, many):
        right = images.reshape(-1, 784) / 255.0
        verify.assert_close(calls.prepared(student, images).value, right, RESULT)


@check("prepare", weight=0.5)
def test_prepare_leaves_the_images_alone(student: Student, rng: np.random.Generator) -> None:
    """prepare leaves the images unchanged."""
    images = inputs.draw_images(rng, 3)
    seen = calls.prepared(student, images)
    verify.as_array(seen.value, (3, 784), RESULT)
    verify.assert_unchanged(seen, (images,), names=("images",))


# --- build_model ------------------------------------------------------------------------------------------


@check("build_model", weight=2)
def test_the_model_is_the_net_that_was_asked_for(student: Student, rng: np.random.Generator) -> None:
    """build_model gives a net 784 → 512 with ReLU → 10 logits, and nothing after these."""
    model = calls.built(student)
    X = rng.normal(size=(int(rng.integers(5, 9)), 784)) / 28.0  # of norm 1
    nets.layers_of(student, model, SIZES, "relu", X, "build_model")
    decided = calls.drawn(student, rng, inputs.decided)  # where the logits are far from zero
    nets.layers_of(student, decided, SIZES, "relu", X, "build_model")


@check("build_model")
def test_the_model_takes_any_number_of_rows(student: Student, rng: np.random.Generator) -> None:
    """build_model gives a net that takes one row, or many, and treats each row by itself."""
    model = calls.built(student)
    X = rng.random(size=(int(rng.integers(60, 90)), 784))
    right = nets.logits_of(nets.layers_of(student, model, SIZES, "relu", X, "build_model"), X, "relu")
    one = verify.as_array(nets.ask(student, model, X[:1]), (1, 10), "the logits of one row")
    verify.assert_close(one, right[:1], "the logits of one row", rtol=SAME_LOSS)


@check("build_model")
def test_each_model_starts_at_random(student: Student, rng: np.random.Generator) -> None:
    """build_model starts each net at new random weights."""
    X = rng.random(size=(4, 784))
    one, other = (
        nets.layers_of(student, calls.built(student), SIZES, "relu", X, "build_model") for _ in range(2)
    )
    for (W, _), (V, _) in zip(one, other, strict=True):
        assert float(W.std()) > 0, "All weights of a layer are the same: all its units learn the same."
        assert not np.allclose(W, V), "Two models start with the same weights: is one model built only once?"


# --- train ------------------------------------------------------------------------------------------------


@goal(
    "the accuracy on held-out digits",
    chance=0.1,
    hint="Do all parameters learn, from logits, with gradients that start from zero at each step? And is the "
    "optimiser quick enough for so few epochs?",
)
def held_out_accuracy(student: Student, rng: np.random.Generator, digits: Digits) -> Run:
    problem = inputs.draw_problem(rng, digits)
    model = calls.built(student)
    X, y = calls.rows_from_bytes(student, problem.images), Tensor(problem.labels)
    returned = student.call("train", model, X, y, problem.epochs, problem.batch_size, problem.seed)
    losses = calls.losses_of(returned, problem.epochs)
    if not losses[-1] < losses[0]:
        raise CheckFailure("The losses that train returns don't fall: the last is no smaller than the first.")
    held_out = calls.outputs_of(student, model, problem.held_out_images / 255.0, "train")
    known = calls.outputs_of(student, model, problem.images[: len(held_out)] / 255.0, "train")
    return Run(
        verify.accuracy(held_out.argmax(axis=1), problem.held_out_labels),
        losses=losses,
        on_training=verify.accuracy(known.argmax(axis=1), problem.labels[: len(held_out)]),
    )


# An epoch of one batch can be judged without knowing the optimiser: one loss before the step, one after it.
@check("train", weight=3)
def test_train_notes_the_loss_and_lowers_it(student: Student, rng: np.random.Generator) -> None:
    """train lowers the mean cross-entropy of the rows, and returns that of each epoch."""
    few, many = int(rng.integers(5, 9)), int(rng.integers(70, 90))
    # With many rows, who takes batches of a size of their own makes several steps: the loss is neither.
    for m, batch_size in ((few, few), (few, few + int(rng.integers(1, 9))), (many, many)):
        model, X, y = calls.asleep(student, rng, wrong=m, right=0)
        before = calls.loss_on(student, model, X, y)
        noted = calls.trained(student, model, (X, y), 1, batch_size, calls.seed(rng))
        after = calls.loss_on(student, model, X, y)
        if not after < before:
            raise CheckFailure(
                "After an epoch the loss on the rows that it trained with is no smaller than before.",
                hint="backward comes before step, and the step goes against the gradient.",
            )
        nearer = min((before, after), key=lambda loss: abs(loss - noted[0]))
        verify.assert_close(
            noted, np.array([nearer]), "the loss of the epoch", rtol=SAME_LOSS, facts={"rows": m}
        )


@check("train")
def test_train_takes_the_mean_over_all_batches(student: Student, rng: np.random.Generator) -> None:
    """train returns the mean loss over all batches of an epoch, not one batch's and not their sum."""
    for _ in range(3):
        half = int(rng.integers(2, 5))
        model, X, y = calls.asleep(student, rng, wrong=half, right=half)
        before = calls.loss_on(student, model, X, y)
        noted = calls.trained(student, model, (X, y), 1, 1, calls.seed(rng))[0]
        low, high = sorted((before, calls.loss_on(student, model, X, y)))
        ratio = noted / (low if noted < low else high)
        assert (1 - SLACK) * low < noted < (1 + SLACK) * high, (
            f"The loss that train returns is {ratio:.2g} times the mean over the {2 * half} rows, in batches "
            "of one."
        )


@check("train")
def test_train_uses_every_row(student: Student, rng: np.random.Generator) -> None:
    """train learns in all layers from every row in each epoch, those of a smaller last batch too."""
    batch_size = int(rng.integers(3, 6))
    m = batch_size * int(rng.integers(2, 4)) + int(rng.integers(1, batch_size))
    model = calls.drawn(student, rng, inputs.gentle)
    pixels = rng.permutation(784)[:m]
    X = np.zeros((m, 784))
    X[np.arange(m), pixels] = 1.0  # each row has a pixel of its own, and so a column of the weights
    before = calls.state_of(student, model)
    calls.trained(student, model, (X, rng.integers(0, 10, size=m)), 1, batch_size, calls.seed(rng))
    after = calls.state_of(student, model)
    still = [name for name, value in before.items() if np.array_equal(value, after.get(name, value))]
    assert len(still) < len(before), "After an epoch all parameters are what they were: nothing was learnt."
    if still:
        raise CheckFailure(
            f"After an epoch {len(still)} of {len(before)} weights and biases are what they were.",
            hint="Which parameters does the optimiser know?",
        )
    moved = calls.columns_moved(calls.first_weights(before), calls.first_weights(after), pixels)
    left = int(np.sum(moved < inputs.TRACE))
    if left:
        raise CheckFailure(
            f"{left} of the {m} rows left no trace in the weights of the first layer.",
            hint="The last batch may be smaller than batch_size; its rows count, too.",
        )


@check("train")
def test_train_hangs_on_its_arguments_alone(student: Student, rng: np.random.Generator) -> None:
    """train returns the same losses for the same start and seed, and others for another seed."""
    model = calls.drawn(student, rng, inputs.gentle)
    X, y = _rows(rng, int(rng.integers(11, 15)))
    state, seed = calls.state_of(student, model), calls.seed(rng)
    losses = []
    for each in (seed, seed, seed + 1):
        calls.load(student, model, state)
        losses.append(calls.trained(student, model, (X, y), 2, 4, each))
    first, again, other = losses
    if not np.allclose(first, again, rtol=SAME_LOSS):
        raise CheckFailure(
            "A second training of the model, from the same start with the same seed, returns other losses.",
            hint="Is all that is drawn drawn from seed? And are gradients of before set to zero?",
        )
    if np.allclose(first, other, rtol=1e-6):
        raise CheckFailure(
            "A training with another seed returns the same losses.",
            hint="Are the rows shuffled in each epoch, in an order that seed decides?",
        )


@check("train")
def test_train_takes_any_number_of_rows_and_epochs(student: Student, rng: np.random.Generator) -> None:
    """train returns one loss for each epoch, for one row, batches of one, and batches of more than all."""
    for m, epochs, batch_size in ((1, 1, 1), (1, 2, 8), (5, 3, 2), (int(rng.integers(3, 7)), 4, 50)):
        model = calls.drawn(student, rng, inputs.gentle)
        calls.trained(student, model, _rows(rng, m), epochs, batch_size, calls.seed(rng))


@check("train", weight=0.5)
def test_train_leaves_the_digits_alone(student: Student, rng: np.random.Generator) -> None:
    """train changes the model, and leaves the rows and their labels as they are."""
    X, y = _rows(rng, 6)
    given = (calls.drawn(student, rng, inputs.gentle), Tensor(X), Tensor(y), 2, 4, calls.seed(rng))
    seen = student.observe("train", *given)
    calls.losses_of(seen.value, 2)
    verify.assert_unchanged(seen, given[:3], names=("model", "X", "y"))


@check("train", weight=3, trains=60.0, device="gpu")
def test_train_learns_to_read_digits(student: Student, rng: np.random.Generator, digits: Digits) -> None:
    """train trains a net that reads handwritten digits which it never saw."""
    held_out_accuracy.check(student, rng, digits)


# --- predict ----------------------------------------------------------------------------------------------


@check("predict", weight=2)
def test_predict_gives_the_digit_with_the_largest_logit(student: Student, rng: np.random.Generator) -> None:
    """predict gives each row the digit whose logit is the largest."""
    for m in (int(rng.integers(30, 60)), int(rng.integers(250, 400))):
        model, X, y = calls.decided(student, rng, m)
        answers = verify.as_array(student.call("predict", model, Tensor(X)), (m,), ANSWERS, kind="int")
        share = float(np.mean(answers == y))
        assert share == 1, f"{share:.0%} of the rows get the digit with their largest logit."


@check("predict")
def test_predict_takes_any_number_of_rows(student: Student, rng: np.random.Generator) -> None:
    """predict works for one row and for ten, and answers each row as if it were alone."""
    model, X, y = calls.decided(student, rng, 10)
    for rows in (slice(0, 1), slice(9, 10), slice(0, 10), slice(4, 7)):
        answers = student.call("predict", model, Tensor(X[rows]))
        found = verify.as_array(answers, (len(y[rows]),), ANSWERS, kind="int")
        assert np.array_equal(found, y[rows]), (
            f"Of {len(found)} rows {int(np.sum(found == y[rows]))} get the digit with their largest logit."
        )


@check("predict", weight=0.5)
def test_predict_leaves_the_model_alone(student: Student, rng: np.random.Generator) -> None:
    """predict trains nothing and leaves the rows unchanged."""
    model, X, y = calls.decided(student, rng, 5)
    before = calls.state_of(student, model)
    seen = student.observe("predict", model, Tensor(X))
    found = verify.as_array(seen.value, (5,), ANSWERS, kind="int")
    verify.assert_unchanged(seen, (model, Tensor(X)), names=("model", "X"))
    assert np.array_equal(found, y), "The answers are not the digits with the largest logits."
    after = calls.state_of(student, model)
    assert all(np.array_equal(before[name], after.get(name, 0.0)) for name in before), (
        "After predict the model's parameters are not what they were."
    )


def _rows(rng: np.random.Generator, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of norm 3, a third of a digit's, and a label for each."""
    return inputs.draw_rows(rng, m, norm=3.0), rng.integers(0, 10, size=m)
