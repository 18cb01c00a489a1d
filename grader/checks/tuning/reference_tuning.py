"""The notebook tuning as it should be: every blank, and the training that it gives."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch
from torch import nn

__all__ = [
    "DEVICE",
    "accuracy",
    "adam_step",
    "build_model",
    "count_parameters",
    "grid",
    "random_search",
    "rmsprop_step",
    "sgd_step",
    "split",
    "train",
    "tune",
]

Settings = dict[str, Any]
Tensor = torch.Tensor

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def count_parameters(layer_sizes: list[int]) -> int:
    """Weights and biases of a fully connected net; *layer_sizes* includes input and output."""
    return sum(n_in * n_out + n_out for n_in, n_out in itertools.pairwise(layer_sizes))


def split(
    X: Tensor, y: Tensor, fractions: tuple[float, float, float], rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Shuffle the rows of X (m, n_x) and y (m,) alike, and cut them into three parts of these fractions."""
    m = len(X)
    order = rng.permutation(m)
    n_train, n_val = round(fractions[0] * m), round(fractions[1] * m)
    train_rows, val_rows, test_rows = np.split(order, [n_train, n_train + n_val])
    return X[train_rows], y[train_rows], X[val_rows], y[val_rows], X[test_rows], y[test_rows]


def grid(space: dict[str, list[Any]]) -> list[Settings]:
    """Every combination of the choices, once."""
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]


def random_search(space: dict[str, Any], n: int, rng: np.random.Generator) -> list[Settings]:
    """Draw *n* settings: one of a list, a float of a range (low, high, "log" or "linear")."""
    found = []
    for _ in range(n):
        settings: Settings = {}
        for name, options in space.items():
            if isinstance(options, list):
                settings[name] = options[int(rng.integers(len(options)))]
            elif options[2] == "log":
                settings[name] = math.exp(rng.uniform(math.log(options[0]), math.log(options[1])))
            else:
                settings[name] = float(rng.uniform(options[0], options[1]))
        found.append(settings)
    return found


def sgd_step(param: Tensor, grad: Tensor, learning_rate: float) -> Tensor:
    """Gradient descent: *learning_rate* times the gradient, downhill; all of one shape."""
    return param - learning_rate * grad


def rmsprop_step(
    param: Tensor, grad: Tensor, state: Tensor, learning_rate: float, decay: float = 0.9, eps: float = 1e-8
) -> tuple[Tensor, Tensor]:
    """RMSprop: divide by the root of the running mean of the squared gradient, which *state* keeps."""
    state = decay * state + (1 - decay) * grad**2
    return param - learning_rate * grad / (torch.sqrt(state) + eps), state


def adam_step(
    param: Tensor,
    grad: Tensor,
    m: Tensor,
    v: Tensor,
    t: int,
    learning_rate: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> tuple[Tensor, Tensor, Tensor]:
    """Adam's step number *t*, from 1: momentum over RMSprop's root, both bias-corrected."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return param - learning_rate * m_hat / (torch.sqrt(v_hat) + eps), m, v


def build_model(layer_sizes: list[int], activation: str) -> nn.Module:
    """Linear layers with an activation between any two of them; nothing after the last."""
    kinds = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(layer_sizes):
        layers += [nn.Linear(n_in, n_out), kinds[activation]()]
    return nn.Sequential(*layers[:-1])


def tune(X: Tensor, y: Tensor, budget: int, seed: int) -> tuple[Settings, list[Settings]]:
    """Random search: train *budget* nets, and take the one that does best on rows held out for validation."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    X_train, y_train, X_val, y_val, _, _ = split(X, y, (0.8, 0.2, 0.0), rng)
    space = {
        "hidden": [[64], [128], [128, 64]],
        "activation": ["relu", "tanh"],
        "learning_rate": (1e-3, 1e-2, "log"),
        "batch_size": [32, 64],
    }
    best: Settings = {}
    history = []
    for settings in random_search(space, budget, rng):
        model = build_model([X.shape[1], *settings["hidden"], 10], settings["activation"])
        train(
            model,
            X_train,
            y_train,
            learning_rate=settings["learning_rate"],
            batch_size=settings["batch_size"],
            epochs=15,
            seed=seed,
        )
        entry = {**settings, "val_accuracy": accuracy(model, X_val, y_val)}
        history.append(entry)
        if not best or entry["val_accuracy"] > best["val_accuracy"]:
            best = {**entry, "model": model}
    return best, history


def train(
    model: nn.Module,
    X: Any,
    y: Any,
    learning_rate: float,
    optimiser: str = "adam",
    batch_size: int = 32,
    epochs: int = 10,
    seed: int = 0,
    X_val: Any = None,
    y_val: Any = None,
) -> dict[str, list[float]]:
    """
    Train *model* in place by mini-batches of X (m, n_x), y (m,).

    Args:
        model: gives logits.
        X: tensor or array.
        y: likewise.
        learning_rate: of the optimiser.
        optimiser: "sgd", "rmsprop" or "adam".
        batch_size: rows a step.
        epochs: how often all rows are used.
        seed: of the shuffling.
        X_val: rows to look at after each epoch, or None.
        y_val: their labels.

    Returns:
        "loss" and "accuracy" of each epoch on the rows of the training, as met on the way, and "val_loss"
        and "val_accuracy" after each epoch, where there are such rows.
    """
    kinds = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam}
    X, y = torch.as_tensor(X).to(DEVICE), torch.as_tensor(y).to(DEVICE)
    model.to(DEVICE).train()
    steps = kinds[optimiser](model.parameters(), lr=learning_rate)
    order = torch.Generator().manual_seed(seed)
    curves: dict[str, list[float]] = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}
    for _ in range(epochs):
        total, right = 0.0, 0
        shuffled = torch.randperm(len(X), generator=order).to(DEVICE)
        for start in range(0, len(X), batch_size):
            rows = shuffled[start : start + batch_size]
            logits = model(X[rows])
            loss = nn.functional.cross_entropy(logits, y[rows])
            steps.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            steps.step()
            total += loss.item() * len(rows)
            right += int((logits.argmax(1) == y[rows]).sum())
        curves["loss"].append(total / len(X))
        curves["accuracy"].append(right / len(X))
        if X_val is not None:
            with torch.no_grad():
                logits = model(torch.as_tensor(X_val).to(DEVICE)).cpu()
            labels = torch.as_tensor(y_val).cpu()
            curves["val_loss"].append(float(nn.functional.cross_entropy(logits, labels)))
            curves["val_accuracy"].append(float((logits.argmax(1) == labels).float().mean()))
    model.to("cpu").eval()
    return curves


def accuracy(model: nn.Module, X: Any, y: Any) -> float:
    """Share of the rows X (m, n_x) whose largest logit is that of their label y (m,)."""
    model.to("cpu").eval()
    with torch.no_grad():
        right = model(torch.as_tensor(X)).argmax(1) == torch.as_tensor(y)
    return float(right.float().mean())
