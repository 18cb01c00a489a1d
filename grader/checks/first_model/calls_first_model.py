"""How the checks of first_model call a student's functions, and what is computed on this side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grader import verify
from grader.checks import nets
from grader.checks.first_model import inputs_first_model as inputs
from grader.checks.first_model.inputs_first_model import SIZES, Images, Shapes, State
from grader.errors import CheckFailure, StudentRaised
from grader.sandbox import Handle, Observation, Student, Tensor

__all__ = [
    "asleep",
    "built",
    "columns_moved",
    "decided",
    "drawn",
    "first_weights",
    "load",
    "loss_on",
    "losses_of",
    "outputs_of",
    "prepared",
    "rows_from_bytes",
    "seed",
    "state_of",
    "trained",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FEW = 20  # rows to compare a model's outputs on
AT_ONCE = 2000  # rows of one call: 6 MB
ROUNDING = 1e-6  # of a loss that is zero
CLEAR = 0.05  # of logits with a standard deviation of 3
MANY, LEAST_ANSWERS = 30, 2  # a model that looks at its rows does not answer so many of them alike


def prepared(student: Student, images: Images, opaque: Literal["all"] | tuple[()] = ()) -> Observation:
    """
    Call the student's prepare with a NumPy array, as the notebook has it, or else with a tensor.

    The course says that functions of a torch notebook are given tensors, so who counts on that is right too.
    """
    try:
        return student.observe("prepare", images, opaque=opaque)
    except StudentRaised:
        return student.observe("prepare", Tensor(images), opaque=opaque)


def built(student: Student) -> Handle:
    """Call the student's build_model; fail unless a model came back."""
    model = student.call("build_model")
    if not isinstance(model, Handle) or not model.callable:
        raise CheckFailure(
            "build_model must return a torch.nn.Module; it returned something else.",
            hint="torch.nn.Sequential(…) puts layers one after the other: return that.",
        )
    return model


def state_of(student: Student, model: Handle) -> State:
    """Return the model's parameters by name."""
    state = student.call(model, method="state_dict")
    if not isinstance(state, dict) or not state:
        raise CheckFailure(
            "The model that build_model returned has no parameters: its state_dict() is empty.",
            hint="Layers must be attributes of the nn.Module, or stand in an nn.Sequential or nn.ModuleList.",
        )
    return {
        str(name): verify.as_array(value, np.shape(value), "the model's parameters")
        for name, value in state.items()
        if isinstance(value, np.ndarray)
    }


def load(student: Student, model: Handle, state: State) -> None:
    """Give the model these parameters."""
    tensors = {name: Tensor(value) for name, value in state.items()}
    student.call(model, tensors, method="load_state_dict", opaque="all")


def drawn(
    student: Student, rng: np.random.Generator, draw: Callable[[np.random.Generator, Shapes], State]
) -> Handle:
    """Let the student build a model, and give it drawn parameters."""
    model = built(student)
    shapes = {name: value.shape for name, value in state_of(student, model).items()}
    load(student, model, draw(rng, shapes))
    return model


def decided(student: Student, rng: np.random.Generator, m: int) -> tuple[Handle, FloatArray, IntArray]:
    """
    Return a model with drawn parameters, rows X (m, 784), and for each of these the digit of largest logit.

    Raises:
        CheckFailure: the model hardly looks at the rows or at its parameters.
    """
    model = drawn(student, rng, inputs.decided)
    X = inputs.draw_rows(rng, 2 * m + 10)
    logits = outputs_of(student, model, X, "build_model")
    ranked = np.sort(logits, axis=1)
    # Rounding is no reason for another answer: the first of the ten is well ahead in 98 of 100 rows.
    clear = np.flatnonzero(ranked[:, -1] - ranked[:, -2] > CLEAR)[:m]
    y = logits[clear].argmax(axis=1)
    if len(clear) < m or (m >= MANY and len(np.unique(y)) < LEAST_ANSWERS):
        raise CheckFailure("The model of build_model gives nearly the same logits whatever its rows are.")
    return model, X[clear], y


def asleep(
    student: Student, rng: np.random.Generator, wrong: int, right: int
) -> tuple[Handle, FloatArray, IntArray]:
    """Return a model that is asleep, rows of norm 1, and labels: some that it is wrong about, some right."""
    model = drawn(student, rng, inputs.asleep)
    X = inputs.draw_rows(rng, wrong + right)
    answer = outputs_of(student, model, X, "build_model").argmax(axis=1)
    others = (answer + rng.integers(1, 10, size=len(X))) % 10
    return model, X, np.where(np.arange(len(X)) < wrong, others, answer)


def loss_on(student: Student, model: Handle, X: FloatArray, y: IntArray) -> float:
    """Return the mean cross-entropy of a model's logits."""
    logits = outputs_of(student, model, X, "build_model")
    shifted = logits - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]))


def seed(rng: np.random.Generator) -> int:
    """Draw a seed."""
    return int(rng.integers(2**31))


def trained(
    student: Student,
    model: Handle,
    rows: tuple[FloatArray, IntArray],
    epochs: int,
    batch_size: int,
    seed: int,
) -> FloatArray:
    """Let the student train the model on rows X, y; return the losses."""
    X, y = rows
    return losses_of(student.call("train", model, Tensor(X), Tensor(y), epochs, batch_size, seed), epochs)


def outputs_of(student: Student, model: Handle, X: FloatArray, name: str) -> FloatArray:
    """
    Return the model's logits for the rows of X: shape (m, 10).

    Where build_model is right they are computed here, from the model's parameters. Who lost the marks of
    build_model has paid for it: there the model itself is asked.

    Args:
        student: where the model lives.
        model: what build_model returned.
        X: shape (m, 784).
        name: the blank that is judged, for messages.
    """
    if "build_model" in student.right:
        layers = nets.layers_of(student, model, SIZES, "relu", X[:FEW], name)
        return nets.logits_of(layers, X, "relu")
    student.call(model, method="eval", opaque="all")
    parts = [X[at : at + AT_ONCE] for at in range(0, len(X), AT_ONCE)]
    return np.concatenate(
        [
            verify.as_array(nets.ask(student, model, part), (len(part), 10), "the model's output")
            for part in parts
        ]
    )


def first_weights(state: State) -> FloatArray:
    """Return the weights of the first layer with a column for each pixel: shape (n, 784)."""
    for value in state.values():
        if value.ndim == 2 and SIZES[0] in value.shape:
            return value if value.shape[1] == SIZES[0] else value.T
    raise CheckFailure("The model that build_model returned has no weights for the 784 pixels.")


def columns_moved(before: FloatArray, after: FloatArray, pixels: IntArray) -> FloatArray:
    """
    Return how far the weights of each of *pixels* went, at most, beside what all pixels' weights did.

    All of them shrink alike where the optimiser decays weights; the other pixels tell by how much.

    Args:
        before: weights of the first layer, (n, 784).
        after: the same after the training.
        pixels: the pixels that were not always blank.
    """
    if before.shape != after.shape:  # two looks at one model
        raise CheckFailure("train: the weights of the model's first layer have another shape after it.")
    others = np.delete(np.arange(SIZES[0]), pixels)
    kept = float(np.sum(after[:, others] * before[:, others]) / np.sum(before[:, others] ** 2))
    return np.asarray(np.abs(after - kept * before)[:, pixels].max(axis=0))


def losses_of(returned: object, epochs: int) -> FloatArray:
    """Return what train returned as losses (epochs,); fail unless they can be cross-entropies."""
    losses = verify.as_array(returned, (epochs,), "train: the list of losses")
    if np.any(losses < -ROUNDING):
        raise CheckFailure("train returns losses below zero; a cross-entropy never is.")
    return losses


def rows_from_bytes(student: Student, images: Images) -> Handle:
    """Make a float32 tensor of 0 … 1 on the student's side: all of MNIST would be too long a message."""
    grey = student.call(student.keep(Tensor(images)), method="float", opaque="all")
    rows = student.call(grey, 255.0, method="div_", opaque="all")
    if not isinstance(rows, Handle):
        raise TypeError("what is kept comes back as a handle")
    return rows
