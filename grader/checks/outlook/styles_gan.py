"""Unusual but right ways to write the notebook gan."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.checks import style, style_text
from grader.checks.outlook.reference_gan import (
    adam_step,
    init_net,
    net_backward,
    net_forward,
    sigmoid,
    start_adam,
)

Array = NDArray[np.float64]

# --- loops, lists in place of arrays ----------------------------------------------------------------------


@style("loops and lists", "discriminator_loss")
def discriminator_loss_by_loops(d_real: Array, d_fake: Array) -> float:
    def softplus(x: float) -> float:
        return float(max(x, 0.0) + np.log1p(np.exp(-abs(x))))

    of_real = sum(softplus(-d) for d in d_real.tolist()) / len(d_real)
    return of_real + sum(softplus(d) for d in d_fake.tolist()) / len(d_fake)


@style("loops and lists", "discriminator_grads")
def discriminator_grads_by_loops(d_real: Array, d_fake: Array) -> list[list[float]]:
    dd_real = [(float(sigmoid(d)) - 1.0) / d_real.size for d in d_real]
    dd_fake = [float(sigmoid(d)) / d_fake.size for d in d_fake]
    return [dd_real, dd_fake]


@style("loops and lists", "generator_loss")
def generator_loss_by_loop(d_fake: Array) -> Any:
    total = np.float64(0.0)
    for d in d_fake:
        total += np.log1p(np.exp(-d)) if d > 0 else np.log1p(np.exp(d)) - d
    return total / d_fake.shape[0]


@style("loops and lists", "generator_grads")
def generator_grads_by_loop(d_fake: Array) -> list[float]:
    grads = []
    for d in d_fake:
        grads.append(-float(sigmoid(-d)) / len(d_fake))
    return grads


# --- one for the other ------------------------------------------------------------------------------------

ONE_LOSS_FROM_THE_OTHER = style_text(
    "one from the other",
    "generator_loss",
    "generator_loss = lambda d_fake: discriminator_loss(d_fake, np.full(1, -np.inf))",
)
ONE_GRADIENT_FROM_THE_OTHER = style_text(
    "one from the other",
    "generator_grads",
    "generator_grads = lambda d_fake: discriminator_grads(d_fake, np.zeros(1))[0]",
)
ONE_MEAN_FROM_A_HELPER = style_text(
    "one from the other",
    "discriminator_loss",
    """
    def believed(d):
        return -np.mean(np.minimum(d, 0) - np.log1p(np.exp(-np.abs(d))))

    def discriminator_loss(d_real, d_fake):
        return believed(d_real) + believed(-d_fake)
    """,
)
GRADIENTS_BY_TANH = style_text(
    "one from the other",
    "discriminator_grads",
    """
    def discriminator_grads(d_real, d_fake):
        return tuple((np.tanh(d / 2) + s) / (2 * d.size) for d, s in ((d_real, -1), (d_fake, 1)))
    """,
)

# --- single precision, columns ----------------------------------------------------------------------------


@style("single precision, columns", "discriminator_loss")
def discriminator_loss_in_single(d_real: Array, d_fake: Array) -> Any:
    real, fake = np.float32(d_real).reshape(-1, 1), np.float32(d_fake).reshape(-1, 1)
    nought = np.float32(0)
    return np.logaddexp(nought, -real).mean(axis=0) + np.logaddexp(nought, fake).mean(axis=0)


@style("single precision, columns", "discriminator_grads")
def discriminator_grads_in_single(d_real: Array, d_fake: Array) -> Any:
    real: Any = np.float32(d_real).reshape(-1, 1)
    fake: Any = np.float32(d_fake).reshape(-1, 1)
    return (sigmoid(real) - 1) / np.float32(len(real)), sigmoid(fake) / np.float32(len(fake))


@style("single precision, columns", "generator_loss")
def generator_loss_in_single(d_fake: Array) -> Any:
    fake = d_fake.astype(np.float32)
    return np.array([np.mean(np.maximum(-fake, 0) + np.log1p(np.exp(-np.abs(fake))))])


@style("single precision, columns", "generator_grads")
def generator_grads_in_single(d_fake: Array) -> Any:
    fake = d_fake.astype(np.float32)[:, np.newaxis]
    with np.errstate(over="ignore"):
        return -1 / (1 + np.exp(fake)) / np.float32(fake.size)


@style("single precision, columns", "fit")
def fit_in_single(data: Array, steps: int, rng: np.random.Generator) -> Any:
    # Real and fake go through the discriminator in one heap; sample gives a column.
    single: Any = np.float32
    mean, spread = single(np.mean(data)), single(np.std(data))
    scaled = single((data - mean) / spread)
    G = {name: single(value) for name, value in init_net([2, 16, 16, 1], rng).items()}
    D = {name: single(value) for name, value in init_net([1, 32, 32, 1], rng).items()}
    memory_G, memory_D = start_adam(G), start_adam(D)
    label = np.repeat(single([1, 0]), 128)
    for step in range(steps):
        shrink = single(1 - step / steps)
        fake, _ = net_forward(single(rng.standard_normal((128, 2))), G)
        both = np.concatenate([scaled[rng.integers(0, len(scaled), 128)], fake])
        d, cache = net_forward(both[:, None], D)
        _, grads = net_backward((sigmoid(d) - label) / single(128), cache)
        D, memory_D = adam_step(D, grads, memory_D, single(0.003) * shrink)
        fake, cache_G = net_forward(single(rng.standard_normal((128, 2))), G)
        d, cache = net_forward(fake[:, None], D)
        dfake, _ = net_backward((sigmoid(d) - 1) / single(128), cache)
        _, grads = net_backward(dfake[:, 0], cache_G)
        G, memory_G = adam_step(G, grads, memory_G, single(0.005) * shrink)
    return lambda n, rng: mean + spread * net_forward(single(rng.standard_normal((n, 2))), G)[0][:, None]


# --- networks of one's own --------------------------------------------------------------------------------

OWN_NETWORKS = style_text(
    "networks of one's own",
    "fit",
    """
    class Player:
        def __init__(self, n_in, n_h, rng):
            self.weights = [rng.standard_normal((a, b)) * (2 / a) ** 0.5
                            for a, b in ((n_in, n_h), (n_h, n_h), (n_h, 1))]
            self.biases = [np.zeros(n_h), np.zeros(n_h), np.zeros(1)]
            self.past = [[0 * p, 0 * p] for p in self.weights + self.biases]
            self.age = 0

        def play(self, x):
            self.seen = []
            for i, (W, b) in enumerate(zip(self.weights, self.biases)):
                self.seen.append(x)
                x = x @ W + b
                if i < 2:
                    x = np.maximum(x, 0.2 * x)
            return x

        def blame(self, delta):
            dW, db = [], []
            for i in (2, 1, 0):
                x = self.seen[i]
                dW.insert(0, x.T @ delta)
                db.insert(0, delta.sum(axis=0))
                delta = delta @ self.weights[i].T
                if i:
                    delta = delta * np.where(x > 0, 1, 0.2)
            return delta, dW + db

        def learn(self, grads, rate):
            self.age += 1
            for p, g, past in zip(self.weights + self.biases, grads, self.past):
                past[0] = 0.5 * past[0] + 0.5 * g
                past[1] = 0.99 * past[1] + 0.01 * g * g
                p -= rate * past[0] / (1 - 0.5**self.age) / (np.sqrt(past[1] / (1 - 0.99**self.age)) + 1e-8)

    class Forger:
        def __init__(self, player, mean, spread):
            self.player, self.mean, self.spread = player, mean, spread

        def __call__(self, n, rng):
            return list(self.mean + self.spread * self.player.play(rng.uniform(-1.7, 1.7, (n, 2)))[:, 0])

    def fit(data, steps, rng):
        mean, spread = data.mean(), data.std()
        forger, judge = Player(2, 16, rng), Player(1, 32, rng)
        for step in range(steps):
            calm = 1 - step / steps
            real = (rng.choice(data, (128, 1)) - mean) / spread
            fake = forger.play(rng.uniform(-1.7, 1.7, (128, 2)))
            d_real = judge.play(real)
            dd_real, _ = discriminator_grads(d_real[:, 0], np.zeros(1))
            _, grads = judge.blame(np.reshape(dd_real, (-1, 1)))
            d_fake = judge.play(fake)
            _, dd_fake = discriminator_grads(np.zeros(1), d_fake[:, 0])
            _, more = judge.blame(np.reshape(dd_fake, (-1, 1)))
            judge.learn([a + b for a, b in zip(grads, more)], 0.003 * calm)
            d_fake = judge.play(fake)
            dx, _ = judge.blame(np.reshape(generator_grads(d_fake[:, 0]), (-1, 1)))
            _, grads = forger.blame(dx)
            forger.learn(grads, 0.005 * calm)
        return Forger(forger, mean, spread)
    """,
)
