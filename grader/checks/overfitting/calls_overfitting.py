"""How the checks of overfitting call a student's functions, and what they read out of the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from grader import verify
from grader.checks import nets
from grader.checks.overfitting.inputs_overfitting import Problem
from grader.errors import CheckFailure
from grader.sandbox import Handle, Rng, Student, Tensor

__all__ = [
    "assert_net",
    "built",
    "chosen",
    "errors_of_folds",
    "folds_of",
    "losses_of",
    "open_up",
    "outputs",
    "predicted",
    "standardised",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# What may stand behind a hidden layer: the notebook says ReLU, its contract leaves it open.
ACTIVATIONS: tuple[Callable[[torch.Tensor], torch.Tensor], ...] = (
    functional.relu,
    torch.tanh,
    torch.sigmoid,
    functional.leaky_relu,
    functional.elu,
    functional.gelu,
    functional.silu,
    functional.softplus,
)
SAME_OUTPUT = 1e-3  # of the outputs' largest: float32 against float64 is off by some 1e-5, see nets


def standardised(student: Student, X_train: FloatArray, X_other: FloatArray) -> tuple[object, object]:
    """Call the student's standardise; returns both parts, as they came."""
    value = student.call("standardise", X_train, X_other)
    first, second = verify.as_tuple(value, 2, "standardise (X_train, X_other)")
    return first, second


def folds_of(student: Student, n: int, k: int, seed: int) -> list[tuple[IntArray, IntArray]]:
    """Call the student's k_fold; fail unless it gives k pairs of row numbers between 0 and n - 1."""
    folds = verify.as_list(student.call("k_fold", n, k, Rng(seed)), k, "the list that k_fold returns")
    found = []
    for number, fold in enumerate(folds, 1):
        train, val = verify.as_tuple(fold, 2, f"fold {number} (train_idx, val_idx)")
        found.append((_rows(train, n, f"fold {number}: train_idx"), _rows(val, n, f"fold {number}: val_idx")))
    return found


def _rows(value: object, n: int, name: str) -> IntArray:
    count = len(verify.as_list(value, None, name))
    rows: IntArray = verify.as_array(value, (count,), name, kind="whole")
    outside = int(np.sum((rows < 0) | (rows >= n)))
    if outside:
        raise CheckFailure(f"{name} has {outside} numbers that are no rows: rows are numbered from 0.")
    return rows


def built(student: Student, n_features: int, hidden: Sequence[int], dropout: float) -> Handle:
    """Call the student's build_model; fail unless a model comes back."""
    model = student.call("build_model", n_features, list(hidden), dropout)
    if not isinstance(model, Handle) or not model.callable:
        raise CheckFailure(
            "build_model must return a torch.nn.Module.",
            hint="torch.nn.Sequential(*layers) puts a list of layers one after the other.",
        )
    return model


def outputs(student: Student, model: Handle, X: FloatArray, *, training: bool) -> FloatArray:
    """Return what the model gives for the rows of X (m, n), with its dropout at work or not: (m,)."""
    student.call(model, method="train" if training else "eval", opaque="all")
    return verify.as_array(student.call(model, Tensor(X)), (len(X),), "the model's output")


def assert_net(student: Student, model: Handle, sizes: Sequence[int], X: FloatArray) -> None:
    """
    Fail unless the model is the net of these sizes: linear layers, and an activation behind each hidden one.

    Args:
        student: where it lives.
        model: what build_model returned.
        sizes: of input, hidden layers and output.
        X: rows to compare the outputs on, (m, n).
    """
    found = nets.readings(student.call(model, method="state_dict"), sizes, "build_model")
    actual = outputs(student, model, X, training=False)
    if any(_same(actual, _output(each, X, bend)) for each in found for bend in ACTIVATIONS):
        return
    layers = found[0]
    if len(sizes) > 2 and _same(actual, _output(layers, X, lambda Z: Z)):
        raise CheckFailure(
            "The model is linear although it has hidden layers.",
            hint="Without an activation between them, layers collapse into one.",
        )
    if _same(actual, np.maximum(_output(layers, X, functional.relu), 0)):
        raise CheckFailure(
            "The model's output is never negative.",
            hint="An activation belongs behind the hidden layers; what is predicted may be any number.",
        )
    verify.assert_close(
        actual, _output(layers, X, functional.relu), "the model's output in eval mode", rtol=SAME_OUTPUT
    )


def _output(
    layers: nets.Layers, X: FloatArray, activation: Callable[[torch.Tensor], torch.Tensor]
) -> FloatArray:
    A = torch.tensor(X, dtype=torch.float64)
    for W, b in layers[:-1]:
        A = activation(A @ torch.tensor(W.T) + torch.tensor(b))
    W, b = layers[-1]
    return np.asarray(A.numpy() @ W.T + b)[:, 0]


def _same(actual: FloatArray, right: FloatArray) -> bool:
    return bool(np.max(np.abs(actual - right)) <= SAME_OUTPUT * max(0.1, float(np.max(np.abs(right)))))


def open_up(student: Student, model: Handle) -> None:
    """Make all weights and biases of a model positive: for positive rows every unit is at work."""
    state = student.call(model, method="state_dict")
    if not isinstance(state, dict) or not all(isinstance(each, np.ndarray) for each in state.values()):
        raise CheckFailure("build_model must return a torch.nn.Module; its state_dict() has no tensors.")
    positive = {
        name: Tensor(np.abs(verify.as_array(each, np.shape(each), f"the parameter {name}")) + 0.2)
        for name, each in state.items()
    }
    student.call(model, positive, method="load_state_dict", opaque="all")


def losses_of(
    student: Student, model: Handle, problem: Problem, epochs: int, batch_size: int, seed: int
) -> FloatArray:
    """Call the student's train; fail unless it returns one finite number an epoch."""
    X, y = Tensor(problem.X), Tensor(problem.y)
    losses = student.call("train", model, X, y, epochs, batch_size, seed)
    return verify.as_array(
        verify.as_list(losses, epochs, "the list that train returns"), (epochs,), "the losses"
    )


def errors_of_folds(
    student: Student, problem: Problem, hidden: Sequence[int], dropout: float, k: int, epochs: int, seed: int
) -> FloatArray:
    """Call the student's cross_validate; fail unless it returns k finite numbers, none negative."""
    value = student.call("cross_validate", *problem, list(hidden), dropout, k, epochs, seed)
    name = "the list that cross_validate returns"
    errors = verify.as_array(verify.as_list(value, k, name), (k,), "the errors of the folds")
    if np.any(errors < 0):
        raise CheckFailure(f"{int(np.sum(errors < 0))} of the {k} errors are negative.")
    return errors


def chosen(student: Student, X: FloatArray, y: FloatArray, seed: int) -> Handle:
    """Call the student's choose; fail unless a function comes back."""
    predict = student.call("choose", X, y, seed)
    if not isinstance(predict, Handle) or not predict.callable:
        raise CheckFailure(
            "choose must return a function: rows in, predictions out.",
            hint="Define predict inside of choose and return it, without calling it.",
        )
    return predict


def predicted(student: Student, predict: Handle, X: FloatArray) -> FloatArray:
    """Return what the chosen function says of the raw rows X (m, n): (m,)."""
    return verify.as_array(student.call(predict, X), (len(X),), "what predict returns")
