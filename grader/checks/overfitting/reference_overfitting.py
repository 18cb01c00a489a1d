"""The notebook overfitting as it should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

__all__ = ["build_model", "choose", "cross_validate", "k_fold", "standardise", "tensor", "train"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BATCH_SIZE = 32
LEARNING_RATE = 0.01
CANDIDATES: tuple[tuple[list[int], float], ...] = (([16], 0.0), ([64], 0.0), ([64], 0.1))


def tensor(A: Any) -> torch.Tensor:
    """Return an array as a float32 tensor; given in the notebook."""
    return torch.tensor(np.asarray(A), dtype=torch.float32)


def standardise(X_train: FloatArray, X_other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Shift and scale the columns of both by the mean and the standard deviation of X_train's."""
    mean, sd = X_train.mean(axis=0), X_train.std(axis=0)
    sd = np.where(sd == 0, 1.0, sd)
    return (X_train - mean) / sd, (X_other - mean) / sd


def k_fold(n: int, k: int, rng: np.random.Generator) -> list[tuple[IntArray, IntArray]]:
    """Shuffle n rows and cut them into k parts; each is once the validation part, the others train."""
    parts = np.array_split(rng.permutation(n), k)
    return [(np.concatenate([*parts[:fold], *parts[fold + 1 :]]), parts[fold]) for fold in range(k)]


def build_model(n_features: int, hidden: list[int], dropout: float) -> nn.Module:
    """For each width in *hidden* a linear layer, ReLU and dropout; then one linear output, (m, 1)."""
    layers: list[nn.Module] = []
    width = n_features
    for n_out in hidden:
        layers += [nn.Linear(width, n_out), nn.ReLU(), nn.Dropout(dropout)]
        width = n_out
    return nn.Sequential(*layers, nn.Linear(width, 1))


def train(
    model: nn.Module, X: torch.Tensor, y: torch.Tensor, epochs: int, batch_size: int, seed: int
) -> list[float]:
    """Train in place by Adam on the squared error of X (m, n), y (m,); returns each epoch's mean loss."""
    torch.manual_seed(seed)
    steps = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    model.train()
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X)), batch_size):
            loss = ((model(X[rows]).reshape(-1) - y[rows]) ** 2).mean()
            steps.zero_grad()
            loss.backward()
            steps.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


def cross_validate(
    X: FloatArray, y: FloatArray, hidden: list[int], dropout: float, k: int, epochs: int, seed: int
) -> list[float]:
    """Train a fresh net for each fold; returns its mean absolute error on the fold's validation rows."""
    errors = []
    for train_rows, val_rows in k_fold(len(X), k, np.random.default_rng(seed)):
        X_train, X_val = standardise(X[train_rows], X[val_rows])
        mean, sd = y[train_rows].mean(), y[train_rows].std() or 1.0
        torch.manual_seed(seed)
        model = build_model(X.shape[1], hidden, dropout)
        train(model, tensor(X_train), tensor((y[train_rows] - mean) / sd), epochs, BATCH_SIZE, seed)
        model.eval()
        with torch.no_grad():
            predicted = model(tensor(X_val)).numpy().reshape(-1) * sd + mean
        errors.append(float(np.mean(np.abs(predicted - y[val_rows]))))
    return errors


def choose(X: FloatArray, y: FloatArray, seed: int) -> Callable[[FloatArray], FloatArray]:
    """Choose among a few nets by cross-validation, train the best on all rows, and return its predictions."""
    errors = [np.mean(cross_validate(X, y, *candidate, 3, 40, seed)) for candidate in CANDIDATES]
    hidden, dropout = CANDIDATES[int(np.argmin(errors))]
    mean, sd = y.mean(), y.std() or 1.0
    torch.manual_seed(seed)
    model = build_model(X.shape[1], hidden, dropout)
    train(model, tensor(standardise(X, X)[0]), tensor((y - mean) / sd), 60, BATCH_SIZE, seed)
    model.eval()

    def predict(rows: FloatArray) -> FloatArray:
        with torch.no_grad():
            return np.asarray(model(tensor(standardise(X, rows)[1])).numpy().reshape(-1) * sd + mean)

    return predict
