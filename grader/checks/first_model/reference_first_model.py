"""The notebook first_model as it should be: digits, a net of one hidden layer, a training, its answers."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

__all__ = ["DEVICE", "build_model", "predict", "prepare", "train"]

Images = NDArray[np.uint8]
Tensor: TypeAlias = Any  # the annotations of PyTorch leave out much of what a tensor can do
Model: TypeAlias = Any

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def prepare(images: Images) -> Tensor:
    """Turn images (m, 28, 28) of 0 … 255 into rows (m, 784) of float32, from 0 to 1."""
    rows = torch.as_tensor(images).reshape(len(images), 784)
    return rows.to(torch.float32) / 255


def build_model() -> Model:
    """Return the net 784 → 512 ReLU → 10 logits."""
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))


def train(model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int) -> list[float]:
    """Train *model* in place by Adam, on batches in an order drawn from *seed*; return the mean losses."""
    model.to(DEVICE)
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X), generator=generator), batch_size):
            logits = model(X[rows].to(DEVICE))
            loss = nn.functional.cross_entropy(logits, y[rows].to(DEVICE))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


def predict(model: Model, X: Tensor) -> Tensor:
    """Return the digit with the largest logit of each row, (m,) int64."""
    model.to(DEVICE)
    model.eval()
    with torch.no_grad():
        return model(X.to(DEVICE)).argmax(dim=1).cpu()
