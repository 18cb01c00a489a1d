"""The notebook gan as it should be: every blank, and what the notebook gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BATCH",
    "HIDDEN_D",
    "HIDDEN_G",
    "NOISE",
    "RATE_D",
    "RATE_G",
    "adam_step",
    "discriminator_grads",
    "discriminator_loss",
    "fit",
    "generator_grads",
    "generator_loss",
    "init_net",
    "make_mixture",
    "net_backward",
    "net_forward",
    "sigmoid",
    "start_adam",
]

FloatArray = NDArray[np.float64]
Params = dict[str, FloatArray]
Cache = tuple[list[tuple[FloatArray, FloatArray]], Params]
Sample = Callable[[int, np.random.Generator], FloatArray]

# What the notebook gives: sizes and learning rates that work, the data, and a small kit for networks.
NOISE, HIDDEN_G, HIDDEN_D, BATCH = 2, 16, 32, 128
RATE_D, RATE_G = 0.003, 0.005
SLOPE = 0.2  # of the leaky ReLU


def make_mixture(
    m: int,
    places: Sequence[float] | FloatArray,
    widths: Sequence[float] | FloatArray,
    weights: Sequence[float] | FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw m numbers (m,), each from a normal distribution of its own place and width, chosen by weight."""
    which = rng.choice(len(places), size=m, p=weights)
    return np.asarray(np.asarray(places)[which] + np.asarray(widths)[which] * rng.standard_normal(m))


def sigmoid(z: FloatArray) -> FloatArray:
    """Logistic sigmoid, by exponentials of numbers that are never positive."""
    e = np.exp(-np.abs(z))
    return np.asarray(np.where(z >= 0, 1.0, e) / (1.0 + e))


def init_net(layer_sizes: Sequence[int], rng: np.random.Generator) -> Params:
    """Draw He-scaled weights and zero biases of a net: W1 (n_1, n_0), b1 (n_1,) and so on."""
    params = {}
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(layer_sizes), start=1):
        params[f"W{layer}"] = rng.standard_normal((n_out, n_in)) * np.sqrt(2.0 / n_in)
        params[f"b{layer}"] = np.zeros(n_out)
    return params


def net_forward(X: FloatArray, params: Params) -> tuple[FloatArray, Cache]:
    """Run X (m, n_0) through a net with one output, leaky ReLU between the layers: out (m,), cache."""
    depth, A, layers = len(params) // 2, X, []
    for layer in range(1, depth + 1):
        Z = A @ params[f"W{layer}"].T + params[f"b{layer}"]
        layers.append((A, Z))
        A = Z if layer == depth else np.where(Z > 0, Z, SLOPE * Z)
    return A[:, 0], (layers, params)


def net_backward(dout: FloatArray, cache: Cache) -> tuple[FloatArray, Params]:
    """Lead dout (m,) back to the net's input and parameters: dX (m, n_0), grads."""
    layers, params = cache
    grads, dZ = {}, np.reshape(dout, (-1, 1))
    for layer in range(len(layers), 0, -1):
        A, _ = layers[layer - 1]
        grads[f"dW{layer}"] = dZ.T @ A
        grads[f"db{layer}"] = dZ.sum(axis=0)
        dA = dZ @ params[f"W{layer}"]
        if layer > 1:
            dZ = np.where(layers[layer - 2][1] > 0, dA, SLOPE * dA)
    return dA, grads


def start_adam(params: Params) -> dict[str, Any]:
    """Adam's memory before the first step."""
    zeros = {name: np.zeros_like(value) for name, value in params.items()}
    return {"t": 0, "m": zeros, "v": zeros}


def adam_step(
    params: Params,
    grads: Params,
    state: dict[str, Any],
    learning_rate: float,
    beta1: float = 0.5,
    beta2: float = 0.99,
) -> tuple[Params, dict[str, Any]]:
    """Take one step of Adam on every parameter: the new params and the new state."""
    t, new, m, v = state["t"] + 1, {}, {}, {}
    for name, value in params.items():
        grad = grads["d" + name]
        m[name] = beta1 * state["m"][name] + (1.0 - beta1) * grad
        v[name] = beta2 * state["v"][name] + (1.0 - beta2) * grad**2
        step = (m[name] / (1.0 - beta1**t)) / (np.sqrt(v[name] / (1.0 - beta2**t)) + 1e-8)
        new[name] = value - learning_rate * step
    return new, {"t": t, "m": m, "v": v}


def discriminator_loss(d_real: FloatArray, d_fake: FloatArray) -> float:
    """Mean of -log sigmoid(d) over the real ones plus mean of -log(1 - sigmoid(d)) over the fake ones."""
    return float(np.mean(np.logaddexp(0.0, -d_real)) + np.mean(np.logaddexp(0.0, d_fake)))


def discriminator_grads(d_real: FloatArray, d_fake: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gradients of discriminator_loss with respect to its two arguments, in their shapes."""
    return (sigmoid(d_real) - 1.0) / len(d_real), sigmoid(d_fake) / len(d_fake)


def generator_loss(d_fake: FloatArray) -> float:
    """Mean of -log sigmoid(d) over the fake ones: the non-saturating loss of I. Goodfellow et al., 2014."""
    return float(np.mean(np.logaddexp(0.0, -d_fake)))


def generator_grads(d_fake: FloatArray) -> FloatArray:
    """Gradient of generator_loss with respect to its argument, in its shape."""
    return (sigmoid(d_fake) - 1.0) / len(d_fake)


def fit(data: FloatArray, steps: int, rng: np.random.Generator) -> Sample:
    """Train a generator and a discriminator in turns; return sample(n, rng) -> (n,)."""
    mean, spread = float(np.mean(data)), float(np.std(data))
    scaled = (data - mean) / spread
    G = init_net([NOISE, HIDDEN_G, HIDDEN_G, 1], rng)
    D = init_net([1, HIDDEN_D, HIDDEN_D, 1], rng)
    memory_G, memory_D = start_adam(G), start_adam(D)
    for step in range(steps):
        shrink = 1.0 - step / steps
        # The discriminator's turn.
        real = rng.choice(scaled, BATCH)
        fake, _ = net_forward(rng.standard_normal((BATCH, NOISE)), G)
        d_real, cache_real = net_forward(real[:, None], D)
        d_fake, cache_fake = net_forward(fake[:, None], D)
        dd_real, dd_fake = discriminator_grads(d_real, d_fake)
        of_real, of_fake = net_backward(dd_real, cache_real)[1], net_backward(dd_fake, cache_fake)[1]
        grads_D = {name: of_real[name] + of_fake[name] for name in of_real}
        D, memory_D = adam_step(D, grads_D, memory_D, RATE_D * shrink)
        # The generator's turn: through the discriminator, which stays as it is.
        fake, cache_G = net_forward(rng.standard_normal((BATCH, NOISE)), G)
        d_fake, cache_fake = net_forward(fake[:, None], D)
        dfake, _ = net_backward(generator_grads(d_fake), cache_fake)
        _, grads_G = net_backward(dfake[:, 0], cache_G)
        G, memory_G = adam_step(G, grads_G, memory_G, RATE_G * shrink)

    def sample(n: int, rng: np.random.Generator) -> FloatArray:
        out, _ = net_forward(rng.standard_normal((n, NOISE)), G)
        return mean + spread * out

    return sample
