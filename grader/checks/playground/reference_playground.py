"""The notebook playground as it should be: every blank, and the data and the small net that it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CHOICES",
    "DATASETS",
    "FEATURES",
    "MOST_ROWS",
    "diagnose",
    "features",
    "make_data",
    "mean_loss",
    "probability",
    "solve",
    "train",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Params = dict[str, FloatArray]

DATASETS = ("circle", "xor", "gauss", "spiral")
FEATURES = ("x1", "x2", "x1^2", "x2^2", "x1*x2", "sin(x1)", "sin(x2)")
MOST_ROWS = 4000


def make_data(dataset: str, m: int, noise: float, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
    """
    Draw *m* points of one of the playground's data sets, half of them of each class, shuffled.

    Args:
        dataset: "circle" (a disc in a ring), "xor" (four squares), "gauss" (two clouds), "spiral" (two arms).
        m: number of rows, at most 4,000.
        noise: standard deviation of what is added to each coordinate; the sets have a radius of about 5.
        rng: where the numbers come from.

    Returns:
        X of shape (m, 2), y of shape (m,) with 0 and 1.
    """
    if m > MOST_ROWS:
        raise ValueError(f"make_data draws at most {MOST_ROWS} rows; {m} were asked for")
    y = rng.permutation(np.arange(m) % 2)
    sign = np.where(y == 1, 1.0, -1.0)
    if dataset == "circle":
        radius = 5.0 * np.where(y == 1, rng.uniform(0.0, 0.5, m), rng.uniform(0.7, 1.0, m))
        angle = rng.uniform(0.0, 2.0 * np.pi, m)
        X = np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])
    elif dataset == "xor":
        side = rng.choice([-1.0, 1.0], m)
        X = np.column_stack([side * rng.uniform(0.3, 5.0, m), side * sign * rng.uniform(0.3, 5.0, m)])
    elif dataset == "gauss":
        X = 2.0 * sign[:, np.newaxis] + rng.normal(size=(m, 2))
    elif dataset == "spiral":
        t = rng.uniform(0.0, 1.0, m)
        angle = 2.0 * np.pi * t + np.pi * y
        X = np.column_stack([5.0 * t * np.sin(angle), 5.0 * t * np.cos(angle)])
    else:
        raise ValueError(f"no data set is called {dataset!r}; there are {', '.join(DATASETS)}")
    return X + noise * rng.normal(size=(m, 2)), y


def features(X: FloatArray, names: Sequence[str]) -> FloatArray:
    """The columns that *names* ask for, in their order: X (m, 2) → (m, len(names))."""
    x1, x2 = X[:, 0], X[:, 1]
    columns = {
        "x1": x1,
        "x2": x2,
        "x1^2": x1**2,
        "x2^2": x2**2,
        "x1*x2": x1 * x2,
        "sin(x1)": np.sin(x1),
        "sin(x2)": np.sin(x2),
    }
    result = np.zeros((len(X), len(names)))
    for j, name in enumerate(names):
        result[:, j] = columns[name]
    return result


def mean_loss(p: FloatArray, y: IntArray) -> float:
    """Mean binary cross-entropy of p (m,) and y (m,); *p* is clipped at 1e-12."""
    p = np.clip(p, 1e-12, 1.0 - 1e-12)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1.0 - p)))


def probability(Z: FloatArray, params: Params) -> FloatArray:
    """Probability of class 1 for each row: Z (m, n_x) → (m,), by the net that *train* returned."""
    A = (Z - params["centre"]) / params["scale"]
    if "W1" in params:
        A = np.tanh(A @ params["W1"].T + params["b1"])
    z = (A @ params["W2"].T + params["b2"])[:, 0]
    e = np.exp(-np.abs(z))
    p: FloatArray = np.where(z >= 0, 1.0, e) / (1.0 + e)
    return p


def train(
    Z: FloatArray,
    y: IntArray,
    n_h: int,
    steps: int,
    rng: np.random.Generator,
    learning_rate: float = 0.05,
    lam: float = 0.0,
    validation: tuple[FloatArray, IntArray] | None = None,
) -> tuple[Params, FloatArray, FloatArray]:
    """
    Train a net of one hidden tanh layer and a sigmoid output by Adam, on all rows in each step.

    Args:
        Z: features, shape (m, n_x), n_x at least 1.
        y: labels 0 and 1, shape (m,).
        n_h: hidden neurons; 0 for none: logistic regression.
        steps: number of steps.
        rng: draws the start.
        learning_rate: of Adam.
        lam: the price of large weights, as in the notebook l2; not on the biases.
        validation: features and labels of other rows, to be watched and not learned from.

    Returns:
        params, the loss on the training rows before each step, and that on the validation rows (or none).
    """
    centre, scale = Z.mean(axis=0), Z.std(axis=0) + 1e-12
    A0 = (Z - centre) / scale
    n_in = Z.shape[1]
    weights: Params = {}
    if n_h:
        weights = {"W1": rng.normal(size=(n_h, n_in)) / np.sqrt(n_in), "b1": np.zeros(n_h)}
        n_in = n_h
    weights |= {"W2": rng.normal(size=(1, n_in)) / np.sqrt(n_in), "b2": np.zeros(1)}
    params = {**weights, "centre": centre, "scale": scale}
    mean = {name: np.zeros(value.shape) for name, value in weights.items()}
    square = {name: np.zeros(value.shape) for name, value in weights.items()}
    train_losses, val_losses = [], []
    for t in range(1, steps + 1):
        p = probability(Z, params)
        train_losses.append(mean_loss(p, y))
        if validation is not None:
            val_losses.append(mean_loss(probability(validation[0], params), validation[1]))
        dZ2 = ((p - y) / len(y))[:, np.newaxis]
        A1 = np.tanh(A0 @ params["W1"].T + params["b1"]) if n_h else A0
        grads = {"W2": dZ2.T @ A1 + lam / len(y) * params["W2"], "b2": dZ2.sum(axis=0)}
        if n_h:
            dZ1 = dZ2 @ params["W2"] * (1.0 - A1**2)
            grads |= {"W1": dZ1.T @ A0 + lam / len(y) * params["W1"], "b1": dZ1.sum(axis=0)}
        for name, grad in grads.items():
            mean[name] = 0.9 * mean[name] + 0.1 * grad
            square[name] = 0.999 * square[name] + 0.001 * grad**2
            step = (mean[name] / (1 - 0.9**t)) / (np.sqrt(square[name] / (1 - 0.999**t)) + 1e-8)
            params[name] = params[name] - learning_rate * step
    return params, np.array(train_losses), np.array(val_losses)


def diagnose(train_losses: FloatArray, val_losses: FloatArray) -> str:
    """Name what two learning curves show, by the notebook's rule of thumb."""
    last = max(1, len(train_losses) // 10)
    start, end, end_new = train_losses[0], np.mean(train_losses[-last:]), np.mean(val_losses[-last:])
    if end > start / 2:
        return "underfitting"
    if end_new - end > start / 4:
        return "overfitting"
    return "just right"


# What the reference chooses on each set: features, hidden neurons, steps; the price of large weights is 1.
CHOICES: dict[str, tuple[list[str], int, int]] = {
    "circle": (["x1", "x2", "x1^2", "x2^2"], 8, 300),
    "xor": (["x1", "x2", "x1*x2"], 8, 300),
    "gauss": (["x1", "x2"], 4, 300),
    "spiral": (["x1", "x2", "sin(x1)", "sin(x2)"], 12, 600),
}


def solve(dataset: str, noise: float, seed: int) -> Callable[[FloatArray], IntArray]:
    """Train on rows of *dataset*; return the function that gives each row of X (m, 2) its label (m,)."""
    names, n_h, steps = CHOICES[dataset]
    rng = np.random.default_rng(seed)
    X, y = make_data(dataset, 200, noise, rng)
    params, _, _ = train(features(X, names), y, n_h, steps, rng, lam=1.0)

    def predict(X: FloatArray) -> IntArray:
        return (probability(features(X, names), params) > 0.5).astype(np.int64)

    return predict
