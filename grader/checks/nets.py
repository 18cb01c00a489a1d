"""
Fully connected nets as seen from this side of the wall: their parameters, and what these compute.

A model stays on the student's side, and what it says of held-out rows could be looked up in a table there.
What its parameters say is computed here: only a training puts that into them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Sequence

import numpy as np
from numpy.typing import NDArray

from grader import verify
from grader.errors import CheckFailure, StudentRaised
from grader.sandbox import Handle, Student, Tensor, Value

__all__ = ["ACTIVATIONS", "Layers", "ask", "layers_of", "logits_of", "readings"]

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


def readings(state: object, layer_sizes: Sequence[int], name: str) -> list[Layers]:
    """
    Sort what `state_dict` gives into layers, by shape and order, in every way that fits; the plainest first.

    Whatever the parameters are called. A weight may be stored either way round, a bias also as a row or a
    column, as the formula has it; weights and biases may come in turn, or all weights first. Only the outputs
    tell which reading is the net's where several fit.

    Args:
        state: name → array, as it came through the wall.
        layer_sizes: of input, hidden layers and output.
        name: the blank, for messages.

    Raises:
        CheckFailure: it does not have just these weights and biases.
    """
    arrays = [verify.as_array(each, np.shape(each), name) for each in _arrays(state, name)]
    found, extra = [], 0
    for in_turn, side in itertools.product((True, False), ("either", "out", "in")):
        layers, left = _sorted(arrays, layer_sizes, in_turn=in_turn, side=side)
        if layers and not left:
            found.append(layers)
        extra = extra or (left if layers else 0)
    if found:
        return found
    if extra:
        raise CheckFailure(f"{name}: the model has {extra:,} parameters more than the net that is asked for.")
    wanted = " → ".join(str(size) for size in layer_sizes)
    shapes = ", ".join(str(each.shape) for each in arrays[:MOST_SHAPES])
    shapes += f" and {len(arrays) - MOST_SHAPES} more" if len(arrays) > MOST_SHAPES else ""
    raise CheckFailure(f"{name}: the model's parameters have the shapes {shapes}; a net {wanted} has others.")


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
    found = readings(student.call(model, method="state_dict"), layer_sizes, name)
    outputs = verify.as_array(
        ask(student, model, X), (len(X), layer_sizes[-1]), f"{name}: the model's output"
    )
    for layers in found:
        right = logits_of(layers, X, activation)
        if np.max(np.abs(outputs - right)) <= SAME_OUTPUT * max(1.0, float(np.max(np.abs(right)))):
            return layers
    right = logits_of(found[0], X, activation)
    verify.assert_close(outputs, right, f"{name}: the model's output", rtol=SAME_OUTPUT, atol=SAME_OUTPUT)
    return found[0]


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


def _sorted(
    arrays: Sequence[FloatArray], layer_sizes: Sequence[int], *, in_turn: bool, side: str
) -> tuple[Layers, int]:
    """
    Read the arrays as a net's layers; return these, none where they don't fit, and how many numbers are left.

    Args:
        arrays: the parameters, in their order.
        layer_sizes: of input, hidden layers and output.
        in_turn: a layer's bias is looked for before the next layer's weight.
        side: the rows of the weights belong to the layer's outputs ("out"), to its inputs ("in"), or to
            either of them, in another layer to the other.
    """
    left = [each for each in arrays if each.ndim]
    weights: list[FloatArray | None] = []
    biases: list[FloatArray | None] = []
    pairs = list(itertools.pairwise(layer_sizes))
    for n_in, n_out in pairs:
        shapes = {"out": {(n_out, n_in)}, "in": {(n_in, n_out)}}
        W = _taken(left, shapes.get(side, shapes["out"] | shapes["in"]))
        turned = W is not None and (side == "in" or W.shape != (n_out, n_in))
        weights.append(W.T if W is not None and turned else W)
        if in_turn:
            biases.append(_bias(left, n_out))
    if not in_turn:
        biases = [_bias(left, n_out) for _, n_out in pairs]
    layers = [(W, b) for W, b in zip(weights, biases, strict=True) if W is not None and b is not None]
    return (layers if len(layers) == len(pairs) else []), sum(each.size for each in left)


def _bias(arrays: list[FloatArray], n: int) -> FloatArray | None:
    """Take a layer's bias out of the list: a vector where there is one, otherwise a row or a column."""
    found = _taken(arrays, {(n,)})
    found = _taken(arrays, {(1, n), (n, 1)}) if found is None else found
    return None if found is None else found.ravel()


def _taken(arrays: list[FloatArray], shapes: Container[tuple[int, ...]]) -> FloatArray | None:
    """Take the first array of one of *shapes* out of the list."""
    for at, each in enumerate(arrays):
        if each.shape in shapes:
            return arrays.pop(at)
    return None
