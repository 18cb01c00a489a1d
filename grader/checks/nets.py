"""
Fully connected nets as seen from this side of the wall: their parameters, and what these compute.

A model stays on the student's side, and what it says of held-out rows could be looked up in a table there.
What its parameters say is computed here: only a training puts that into them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from grader import verify
from grader.errors import CheckFailure, StudentRaised
from grader.sandbox import Handle, Student, Tensor, Value

__all__ = ["ACTIVATIONS", "Layers", "as_layers", "ask", "layers_of", "logits_of"]

FloatArray = NDArray[np.float64]
Layers = list[tuple[FloatArray, FloatArray]]  # W (n_l, n_{l-1}) and b (n_l,) of each layer, in order

# Outputs of a net in float32, against the same in float64: a sum of n products of order 1 is off by about
# sqrt(n) * 6e-8, 2e-6 for 784 of them, and a few layers add up to some 1e-5; wrong nets differ by 0.1 and
# more.
SAME_OUTPUT = 1e-3
MOST_SHAPES = 12  # that a message lists


def _sigmoid(Z: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * Z)))


def _relu(Z: FloatArray) -> FloatArray:
    return np.maximum(Z, 0.0)


ACTIVATIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": _relu,
}


def logits_of(layers: Layers, X: NDArray[np.floating], activation: str) -> FloatArray:
    """
    Return what a net gives for the rows of *X*: shape (m, n_out), no activation after the last layer.

    Args:
        layers: the net's parameters.
        X: shape (m, n_x).
        activation: "sigmoid", "tanh" or "relu", after each layer but the last.
    """
    A = np.asarray(X, dtype=np.float64)
    for W, b in layers[:-1]:
        A = ACTIVATIONS[activation](A @ W.T + b)
    W, b = layers[-1]
    return np.asarray(A @ W.T + b)


def as_layers(state: object, layer_sizes: Sequence[int], name: str) -> Layers:
    """
    Sort what `state_dict` gives into layers, by shape and order; whatever the parameters are called.

    A matrix may be stored either way round. Where layers have equal sizes and so fit several ways, the order
    of the parameters decides, as rows of outputs first: see `layers_of`, which tries the others.

    Args:
        state: name → array, as it came through the wall.
        layer_sizes: of input, hidden layers and output.
        name: the blank, for messages.

    Raises:
        CheckFailure: it does not have just these weights and biases.
    """
    arrays = [verify.as_array(each, np.shape(each), name) for each in _arrays(state, name)]
    matrices = [each for each in arrays if each.ndim == 2]
    biases = [each for each in arrays if each.ndim == 1]
    layers: Layers = []
    for n_in, n_out in itertools.pairwise(layer_sizes):
        W = _taken(matrices, ((n_out, n_in), (n_in, n_out)))
        b = _taken(biases, ((n_out,),))
        if W is None or b is None:
            wanted = " → ".join(str(size) for size in layer_sizes)
            found = ", ".join(str(each.shape) for each in arrays[:MOST_SHAPES])
            found += f" and {len(arrays) - MOST_SHAPES} more" if len(arrays) > MOST_SHAPES else ""
            raise CheckFailure(
                f"{name}: the model's parameters have the shapes {found}; a net {wanted} has others."
            )
        layers.append((W if W.shape == (n_out, n_in) else W.T, b))
    extra = sum(each.size for each in (*matrices, *biases))
    if extra:
        raise CheckFailure(f"{name}: the model has {extra:,} parameters more than the net that is asked for.")
    return layers


def layers_of(
    student: Student,
    model: Handle,
    layer_sizes: Sequence[int],
    activation: str,
    X: NDArray[np.floating],
    name: str,
) -> Layers:
    """
    Return a model's parameters, and make sure that they are all there is to it: they give its outputs on *X*.

    Args:
        student: where the model lives.
        model: what build_model returned, or what was trained.
        layer_sizes: of input, hidden layers and output.
        activation: "sigmoid", "tanh" or "relu".
        X: rows to compare the outputs on, shape (m, n_x).
        name: the blank, for messages.

    Raises:
        CheckFailure: it has other parameters, or computes something else from them.
    """
    student.call(model, method="eval", opaque="all")  # dropout, if any, is for training
    layers = as_layers(student.call(model, method="state_dict"), layer_sizes, name)
    outputs = verify.as_array(
        ask(student, model, X), (len(X), layer_sizes[-1]), f"{name}: the model's output"
    )
    for candidate in _ways_round(layers):
        right = logits_of(candidate, X, activation)
        if np.max(np.abs(outputs - right)) <= SAME_OUTPUT * max(1.0, float(np.max(np.abs(right)))):
            return candidate
    right = logits_of(layers, X, activation)
    verify.assert_close(outputs, right, f"{name}: the model's output", rtol=SAME_OUTPUT, atol=SAME_OUTPUT)
    return layers


def ask(student: Student, model: Handle, X: NDArray[np.floating]) -> Value:
    """Return what a model gives for the rows of X, wherever it lies: a training may have left it on a GPU."""
    try:
        return student.call(model, Tensor(X))
    except StudentRaised:
        if student.device == "cpu":
            raise
    return student.call(model, student.call(student.keep(Tensor(X)), "cuda", method="to", opaque="all"))


def _arrays(state: object, name: str) -> list[NDArray[np.floating]]:
    if not isinstance(state, dict) or not all(isinstance(each, np.ndarray) for each in state.values()):
        raise CheckFailure(
            f"{name} must return a torch.nn.Module; its state_dict() is not a dict of tensors.",
            hint="torch.nn.Sequential puts layers one after the other.",
        )
    return [each for each in state.values() if each.dtype.kind == "f"]


def _taken(arrays: list[FloatArray], shapes: Sequence[tuple[int, ...]]) -> FloatArray | None:
    """Take the first array of one of *shapes* out of the list."""
    for at, each in enumerate(arrays):
        if each.shape in shapes:
            return arrays.pop(at)
    return None


def _ways_round(layers: Layers) -> list[Layers]:
    """Return the net with its square matrices as they are, and all of them the other way round."""
    turned = [(W.T if W.shape[0] == W.shape[1] else W, b) for W, b in layers]
    return [layers, turned]
