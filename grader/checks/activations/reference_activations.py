"""The notebook activations as it should be: every blank."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "collapse",
    "leaky_relu",
    "leaky_relu_grad",
    "relu",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "tanh",
    "tanh_grad",
]

FloatArray = NDArray[np.float64]


def collapse(weights: Sequence[FloatArray], biases: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """The one layer W (n_L, n_0), b (n_L,) that a stack of linear layers without activation equals."""
    W, b = weights[0], biases[0]
    for W_l, b_l in zip(weights[1:], biases[1:], strict=True):
        W, b = W_l @ W, W_l @ b + b_l
    return W, b


def sigmoid(z: FloatArray) -> FloatArray:
    """Logistic sigmoid, by exponentials of numbers that are never positive."""
    e = np.exp(-np.abs(z))
    result: FloatArray = np.where(z >= 0, 1.0, e) / (1.0 + e)
    return result


def sigmoid_grad(z: FloatArray) -> FloatArray:
    """Derivative of the sigmoid at the pre-activation z."""
    a = sigmoid(z)
    result: FloatArray = a * (1.0 - a)
    return result


def tanh(z: FloatArray) -> FloatArray:
    """Hyperbolic tangent."""
    return np.tanh(z)


def tanh_grad(z: FloatArray) -> FloatArray:
    """Derivative of tanh at the pre-activation z."""
    result: FloatArray = 1.0 - tanh(z) ** 2
    return result


def relu(z: FloatArray) -> FloatArray:
    """Rectified linear unit."""
    result: FloatArray = np.maximum(0.0, z)
    return result


def relu_grad(z: FloatArray) -> FloatArray:
    """Derivative of ReLU; 0 at the kink, where anything in [0, 1] is right."""
    return (z > 0).astype(np.float64)


def leaky_relu(z: FloatArray, slope: float = 0.01) -> FloatArray:
    """Leaky ReLU with steepness *slope* on the negative side."""
    return np.where(z > 0, z, slope * z)


def leaky_relu_grad(z: FloatArray, slope: float = 0.01) -> FloatArray:
    """Derivative of the leaky ReLU; *slope* at the kink, where anything in [0, 1] is right."""
    return np.where(z > 0, 1.0, slope)


def softmax(z: FloatArray) -> FloatArray:
    """Softmax of every row of logits (m, C), each shifted by its own largest logit."""
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    result: FloatArray = e / np.sum(e, axis=1, keepdims=True)
    return result
