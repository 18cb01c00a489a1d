"""Unusual but right ways to write the notebook activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.checks import style, style_text
from grader.checks.activations.reference_activations import relu, sigmoid, tanh

Array = NDArray[np.float64]
Arrays = Sequence[Array]

# --- loops over single numbers ----------------------------------------------------------------------------


@style("loops over single numbers", "collapse")
def collapse_by_loops(weights: Arrays, biases: Arrays) -> list[Any]:
    W = [[float(entry) for entry in row] for row in weights[0]]
    b = [float(entry) for entry in biases[0]]
    for l in range(1, len(weights)):  # noqa: E741 - the lecture's letter
        step = weights[l]
        b = [float(biases[l][i] + sum(row[k] * b[k] for k in range(len(b)))) for i, row in enumerate(step)]
        W = [[sum(row[k] * W[k][j] for k in range(len(W))) for j in range(len(W[0]))] for row in step]
    return [W, b]


@style("loops over single numbers", "sigmoid")
def sigmoid_by_loop(z: Array) -> Array:
    out = np.empty(z.shape)
    for index, entry in np.ndenumerate(z):
        if entry >= 0:
            out[index] = 1.0 / (1.0 + np.exp(-entry))
        else:
            out[index] = np.exp(entry) / (1.0 + np.exp(entry))
    return out


@style("loops over single numbers", "sigmoid_grad")
def sigmoid_grad_by_loop(z: Array) -> Array:
    out = np.empty(z.shape)
    for index, entry in np.ndenumerate(z):
        e = np.exp(-abs(entry))
        out[index] = e / (1.0 + e) ** 2
    return out


@style("loops over single numbers", "relu_grad")
def relu_grad_by_loop(z: Array) -> Any:
    flat = [1 if entry > 0 else 0 for entry in z.ravel()]
    return np.array(flat).reshape(z.shape)


@style("loops over single numbers", "softmax")
def softmax_by_loops(z: Array) -> list[list[float]]:
    rows = []
    for row in z:
        top = max(row)
        exponentials = [float(np.exp(entry - top)) for entry in row]
        rows.append([entry / sum(exponentials) for entry in exponentials])
    return rows


RELU_OF_NESTED_LISTS = style_text(
    "loops over single numbers",
    "relu",
    """
    def relu(z):
        def part_by_part(part):
            return [part_by_part(inner) for inner in part] if isinstance(part, list) else max(0.0, part)
        return part_by_part(z.tolist())
    """,
)

# --- NumPy's own names and one-liners -----------------------------------------------------------------------

TANH_ITSELF = style_text("bare names", "tanh", "tanh = np.tanh")
RELU_AS_LAMBDA = style_text("bare names", "relu", "relu = lambda z: z * (z > 0)")
RELU_GRAD_AS_LAMBDA = style_text("bare names", "relu_grad", "relu_grad = lambda z: (z > 0) * 1")
TANH_GRAD_AS_LAMBDA = style_text(
    "bare names", "tanh_grad", "tanh_grad = lambda z: np.cosh(np.clip(z, -300, 300)) ** -2.0"
)
LEAKY_AS_LAMBDA = style_text(
    "bare names", "leaky_relu", "leaky_relu = lambda z, slope=0.01: np.maximum(z, slope * z)"
)
COLLAPSE_AS_CLASS = style_text(
    "bare names",
    "collapse",
    """
    class Collapse:
        def __call__(self, weights, biases):
            pairs = zip(weights, biases)
            whole = [np.block([[W, b[:, None]], [np.zeros(W.shape[1]), 1.0]]) for W, b in pairs]
            product = whole[0]
            for layer in whole[1:]:
                product = layer @ product
            return product[:-1, :-1], product[:-1, -1:]

    collapse = Collapse()
    """,
)

# --- one number at a time, by np.vectorize ------------------------------------------------------------------

SIGMOID_VECTORIZED = style_text(
    "np.vectorize",
    "sigmoid",
    """
    import math

    @np.vectorize
    def sigmoid(z):
        return 0.5 * (1.0 + math.tanh(0.5 * z))
    """,
)
TANH_VECTORIZED = style_text("np.vectorize", "tanh", "import math\ntanh = np.vectorize(math.tanh)")
RELU_VECTORIZED = style_text(
    "np.vectorize", "relu", "relu = np.vectorize(lambda z: z if z > 0 else 0.0, otypes=[float])"
)
LEAKY_VECTORIZED = style_text(
    "np.vectorize",
    "leaky_relu",
    """
    @np.vectorize
    def leaky_relu(z, slope=0.01):
        return z if z > 0 else float(slope * z)
    """,
)
LEAKY_GRAD_VECTORIZED = style_text(
    "np.vectorize",
    "leaky_relu_grad",
    """
    @np.vectorize
    def leaky_relu_grad(z, slope=0.01):
        return 1.0 if z > 0 else float(slope)
    """,
)

# --- other formulas, with warnings, in float32 --------------------------------------------------------------


@style("formulas with warnings", "collapse")
def collapse_by_probing(weights: Arrays, biases: Arrays) -> tuple[Array, Array]:
    n_0 = weights[0].shape[1]
    probes = np.vstack([np.zeros(n_0), np.eye(n_0)])
    for W_l, b_l in zip(weights, biases, strict=True):
        probes = probes @ W_l.T + b_l
    b = probes[0]
    return (probes[1:] - b).T, b


@style("formulas with warnings", "sigmoid")
def sigmoid_with_warning(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


@style("formulas with warnings", "tanh")
def tanh_by_sigmoid(z: Array) -> Array:
    return 2 * sigmoid(2 * z) - 1


@style("formulas with warnings", "relu")
def relu_by_absolute_value(z: Array) -> Array:
    return (z + np.abs(z)) / 2


@style("formulas with warnings", "relu_grad")
def relu_grad_half_at_kink(z: Array) -> Array:
    return np.asarray((np.sign(z) + 1) / 2)


@style("formulas with warnings", "leaky_relu")
def leaky_relu_by_relu(z: Array, slope: float = 0.01) -> Array:
    return relu(z) - slope * relu(-z)


@style("formulas with warnings", "leaky_relu_grad")
def leaky_relu_grad_by_mask(z: Array, slope: float = 0.01) -> Array:
    return np.asarray(slope + (1 - slope) * (z >= 0))


@style("formulas with warnings", "softmax")
def softmax_by_logarithm(z: Array) -> Array:
    return np.asarray(np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True)))


@style("float32 inside", "sigmoid")
def sigmoid_in_float32(z: Array) -> Any:
    z32 = z.astype(np.float32)
    return np.float32(1) / (np.float32(1) + np.exp(-z32))


@style("float32 inside", "sigmoid_grad")
def sigmoid_grad_by_tanh(z: Array) -> Any:
    return (0.25 * (1 - np.tanh(z / 2) ** 2)).astype(np.float32)


@style("float32 inside", "tanh_grad")
def tanh_grad_in_float32(z: Array) -> Any:
    t = tanh(z).astype(np.float32)
    return (1 + t) * (1 - t)


@style("float32 inside", "softmax")
def softmax_through_log_space(z: Array) -> Any:
    shifted = (z - z.max(axis=-1)[:, None]).astype(np.float32)
    return np.exp(shifted - np.log(np.exp(shifted).sum(axis=-1))[:, None])
