"""Unusual but right ways to write the blanks of overfitting; all of them must keep all marks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from grader.checks import style, style_text
from grader.checks.overfitting.reference_overfitting import (
    build_model,
    k_fold,
    standardise,
    tensor,
    train,
)

# --- loops and lists --------------------------------------------------------------------------------------


@style("loops and lists", "standardise")
def standardise_loops(X_train: Any, X_other: Any) -> Any:
    rows, others = [list(row) for row in X_train], [list(row) for row in X_other]
    for j in range(len(rows[0])):
        column = [row[j] for row in rows]
        mean = sum(column) / len(column)
        sd = (sum((x - mean) ** 2 for x in column) / (len(column) - 1)) ** 0.5
        for row in rows + others:
            row[j] = (row[j] - mean) / (sd if sd > 0 else 1.0)
    return [rows, others]


@style("loops and lists", "k_fold")
def k_fold_lists(n: Any, k: Any, rng: Any) -> Any:
    rows = [int(row) for row in rng.permutation(n)]
    folds = []
    for i in range(k):
        val = rows[i::k]
        folds.append([[row for row in rows if row not in val], val])
    return folds


@style("loops and lists", "build_model")
def build_model_squeezed(n_features: Any, hidden: Any, dropout: Any) -> Any:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            sizes = [n_features, *hidden]
            self.inner = nn.ModuleList(nn.Linear(sizes[i], sizes[i + 1]) for i in range(len(hidden)))
            self.last = nn.Linear(sizes[-1], 1)

        def forward(self, A: Any) -> Any:
            for layer in self.inner:
                A = torch.relu(layer(A))
                A = nn.functional.dropout(A, dropout, self.training)
            return self.last(A)[:, 0]

    return Net()


@style("loops and lists", "train")
def train_loops(model: Any, X: Any, y: Any, epochs: Any, batch_size: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    model.train()
    steps = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(X))
        noted = []
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            loss = nn.functional.smooth_l1_loss(model(X[rows]).flatten(), y[rows])
            model.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            steps.step()
            noted.append(loss.item())
        losses.append(np.mean(noted))
    return tuple(losses)


@style("loops and lists", "cross_validate")
def cross_validate_lists(X: Any, y: Any, hidden: Any, dropout: Any, k: Any, epochs: Any, seed: Any) -> Any:
    def error(rows: Any, val: Any) -> Any:
        X_train, X_val = standardise(X[rows], X[val])
        model = build_model(X.shape[1], hidden, dropout)
        # y stays as it is: a net can learn other scales than 1, it only takes longer.
        train(model, tensor(X_train), tensor(y[rows] / 5), epochs, 8, seed)
        model.eval()
        total = 0.0
        for row, target in zip(np.asarray(X_val), y[val], strict=True):
            total += abs(5 * model(tensor([row])).item() - target)
        return total / len(val)

    torch.manual_seed(seed)
    return [error(np.array(a), np.array(b)) for a, b in k_fold(len(X), k, np.random.default_rng(seed))]


@style("loops and lists", "choose")
def choose_fixed(X: Any, y: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    Z, _ = standardise(X, X)
    model = build_model(X.shape[1], [32], 0.05)
    train(model, tensor(Z), tensor((y - np.mean(y)) / np.std(y)), 100, 32, seed)
    model.eval()

    def predict(rows: Any) -> Any:
        return [
            model(tensor(standardise(X, row[np.newaxis])[1])).item() * np.std(y) + np.mean(y) for row in rows
        ]

    return predict


# --- everything by PyTorch --------------------------------------------------------------------------------


@style("everything by PyTorch", "standardise")
def standardise_torch(X_train: Any, X_other: Any) -> Any:
    A, B = torch.tensor(X_train), torch.tensor(X_other)
    sd, mean = torch.std_mean(A, dim=0)
    return ((A - mean) / (sd + 1e-8)).numpy(), ((B - mean) / (sd + 1e-8)).numpy()


@style("everything by PyTorch", "train")
def train_data_loader(model: Any, X: Any, y: Any, epochs: Any, batch_size: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    model.train()
    rows = torch.utils.data.TensorDataset(X, y.unsqueeze(1))
    batches = torch.utils.data.DataLoader(rows, batch_size=batch_size, shuffle=True)
    measure, losses = nn.L1Loss(), []
    steps = torch.optim.RMSprop(model.parameters(), lr=0.005)
    for _ in range(epochs):
        total = 0.0
        for inputs, targets in batches:
            steps.zero_grad()
            loss = measure(model(inputs).view(-1, 1), targets)
            loss.backward()
            steps.step()
            total += loss.item()
        losses.append(total / len(batches))
    return losses


@style("everything by PyTorch", "build_model")
def build_model_loops(n_features: Any, hidden: Any, dropout: Any) -> Any:
    model = nn.Sequential()
    for i, (n_in, n_out) in enumerate(zip([n_features, *hidden], hidden, strict=False)):
        model.add_module(f"linear{i}", nn.Linear(n_in, n_out))
        model.add_module(f"dropout{i}", nn.Dropout(dropout))
        model.add_module(f"relu{i}", nn.LeakyReLU())
    model.add_module("output", nn.Linear(hidden[-1] if hidden else n_features, 1))
    return model


@style("everything by PyTorch", "cross_validate")
def cross_validate_torch(X: Any, y: Any, hidden: Any, dropout: Any, k: Any, epochs: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    order = torch.randperm(len(X)).numpy()
    errors = np.zeros(k)
    for fold, val in enumerate(np.array_split(order, k)):
        rows = np.setdiff1d(order, val)
        A, B = (tensor(each) for each in standardise(X[rows], X[val]))
        scale = float(np.abs(y[rows]).max())
        model = build_model(X.shape[1], hidden, dropout)
        train(model, A, tensor(y[rows]) / scale, epochs, 16, seed + fold)
        with torch.inference_mode():
            errors[fold] = torch.mean(torch.abs(scale * model.eval()(B).ravel() - tensor(y[val])))
    return errors


@style("everything by PyTorch", "choose")
def choose_ensemble(X: Any, y: Any, seed: Any) -> Any:
    shift, scale = np.mean(y), np.std(y)
    models = []
    for number in range(3):
        torch.manual_seed(seed + number)
        models.append(build_model(X.shape[1], [24], 0.0).double().float())
        train(models[-1], tensor(standardise(X, X)[0]), tensor((y - shift) / scale), 60, 32, seed + number)
        models[-1].eval()
    return lambda rows: (
        shift + scale * sum(m(tensor(standardise(X, rows)[1])).detach().reshape(-1, 1) for m in models) / 3
    )


K_FOLD_GENERATOR = style_text(
    "a one-liner",
    "k_fold",
    """
    def k_fold(n, k, rng):
        fold = rng.permutation(np.arange(n) % k)
        return [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(k)]
    """,
)

STANDARDISE_LAMBDA = style_text(
    "a one-liner",
    "standardise",
    """
    standardise = lambda A, B: tuple(
        ((C - np.mean(A, 0)) / np.maximum(np.std(A, 0), 1e-12)).astype(np.float32) for C in (A, B)
    )
    """,
)
