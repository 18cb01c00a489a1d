"""Unusual but right ways to write the notebook first_model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from grader.checks import style, style_text
from grader.checks.first_model.reference_first_model import DEVICE, Images, Model, Tensor

# --- by NumPy ---------------------------------------------------------------------------------------------


@style("as much NumPy as possible", "prepare")
def prepare_in_numpy(images: Images) -> Tensor:
    rows = np.asarray(images).reshape(-1, 28 * 28).astype(np.float32) / np.float32(255)
    return torch.from_numpy(rows)


@style("as much NumPy as possible", "train")
def train_in_numpys_order(
    model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int
) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    model = model.to(DEVICE)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses = np.zeros(epochs, dtype=np.float32)
    for epoch in range(epochs):
        order = rng.permutation(len(X))
        batches = [order[at : at + batch_size] for at in range(0, len(X), batch_size)]
        noted = []
        for rows in batches:
            optimiser.zero_grad()
            loss = nn.CrossEntropyLoss()(model(X[rows].to(DEVICE)), y[rows].to(DEVICE))
            loss.backward()
            optimiser.step()
            noted.append(float(loss))
        losses[epoch] = np.average(noted, weights=[len(rows) for rows in batches])
    return losses


@style("as much NumPy as possible", "predict")
def predict_in_numpy(model: Model, X: Tensor) -> Any:
    return np.argmax(model.to(DEVICE)(X.to(DEVICE)).detach().cpu().numpy(), axis=1)


# --- PyTorch's own machinery ------------------------------------------------------------------------------


@style("a class, a DataLoader and RMSprop", "prepare")
def prepare_by_torch(images: Images) -> Tensor:
    return torch.tensor(images, dtype=torch.float32).div_(255.0).flatten(start_dim=1)


@style("a class, a DataLoader and RMSprop", "build_model")
def build_class() -> Model:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.output = nn.Linear(512, 10)
            self.hidden = nn.Linear(784, 512)

        def forward(self, X: Tensor) -> Tensor:
            return self.output(nn.functional.relu(self.hidden(X)))

    return Net()


@style("a class, a DataLoader and RMSprop", "train")
def train_by_loader(
    model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int
) -> list[float]:
    torch.manual_seed(seed)
    data = torch.utils.data.TensorDataset(X, y)
    loader = torch.utils.data.DataLoader(data, batch_size=batch_size, shuffle=True)
    optimiser = torch.optim.RMSprop(model.to(DEVICE).parameters(), lr=0.001)
    model.train()
    losses = []
    for _ in range(epochs):
        noted = []
        for X_batch, y_batch in loader:
            log_chances = nn.functional.log_softmax(model(X_batch.to(DEVICE)), dim=-1)
            loss = nn.functional.nll_loss(log_chances, y_batch.to(DEVICE))
            optimiser.zero_grad(set_to_none=False)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            noted.append(loss.item())
        losses.append(sum(noted) / len(noted))
    return losses


@style("a class, a DataLoader and RMSprop", "predict")
def predict_by_topk(model: Model, X: Tensor) -> Any:
    model.eval()
    with torch.inference_mode():
        return model.to(DEVICE)(X.to(DEVICE)).softmax(dim=1).topk(1).indices.squeeze(1).tolist()


# --- by hand ----------------------------------------------------------------------------------------------


@style("everything by hand", "prepare")
def prepare_one_by_one(images: Images) -> Tensor:
    return torch.stack([torch.as_tensor(image).reshape(-1).to(torch.float32) / 255 for image in images])


@style("everything by hand", "build_model")
def build_parameters() -> Model:
    class ByHand(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.W1 = nn.Parameter(torch.randn(784, 512) * (2 / 784) ** 0.5)
            self.b1 = nn.Parameter(torch.zeros(512))
            self.W2 = nn.Parameter(torch.randn(512, 10) * (1 / 512) ** 0.5)
            self.b2 = nn.Parameter(torch.zeros(10))

        def forward(self, X: Tensor) -> Tensor:
            return (X @ self.W1 + self.b1).clamp(min=0) @ self.W2 + self.b2

    return ByHand()


@style("everything by hand", "train")
def train_by_hand(
    model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int
) -> tuple[float, ...]:
    import random  # noqa: PLC0415 - a variant is one function, with all that it needs

    def mean_loss(rows: Any) -> Tensor:
        logits = model(X[rows].to(DEVICE))
        logits = logits - logits.max(dim=1, keepdim=True).values
        right = logits[torch.arange(len(logits)), y[rows].to(DEVICE)]
        return (logits.exp().sum(dim=1).log() - right).mean()

    model.to(DEVICE)
    random.seed(seed)
    order = list(range(len(X)))
    losses = []
    for _ in range(epochs):
        random.shuffle(order)
        for at in range(0, len(order), batch_size):
            gradients = torch.autograd.grad(mean_loss(order[at : at + batch_size]), list(model.parameters()))
            with torch.no_grad():
                for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                    parameter.sub_(0.3 * gradient)
        with torch.no_grad():
            losses.append(float(mean_loss(slice(None))))  # after the epoch, on all rows
    return tuple(losses)


@style("everything by hand", "predict")
def predict_row_by_row(model: Model, X: Tensor) -> Tensor:
    model.to(DEVICE)
    answers = torch.zeros(len(X), dtype=torch.int32)
    for i, x in enumerate(X.to(DEVICE)):
        logits = model(x[None])[0].tolist()
        answers[i] = logits.index(max(logits))
    return answers


# --- and more ---------------------------------------------------------------------------------------------

TENSORS_ONLY = style_text(
    "tensors in, tensors out",
    "prepare",
    "def prepare(images):\n    return images.view(-1, 784).float() / 255",
)


@style("tensors in, tensors out", "build_model")
def build_flattening() -> Model:
    net = nn.Sequential(nn.Flatten())
    net.add_module("one", nn.Linear(784, 512))
    net.add_module("on", nn.ReLU(inplace=True))
    net.add_module("two", nn.Linear(512, 10))
    return net


@style("tensors in, tensors out", "train")
def train_on_all_at_first(
    model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int
) -> list[Tensor]:
    torch.manual_seed(seed)
    model, X, y = model.to(DEVICE), X.to(DEVICE), y.to(DEVICE)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
    losses = []
    for _ in range(epochs):
        total = torch.zeros((), device=DEVICE)
        for rows in torch.split(torch.randperm(len(X)).to(DEVICE), batch_size):
            loss = nn.functional.cross_entropy(model(X[rows]), y[rows], reduction="sum")
            (loss / len(rows)).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            optimiser.zero_grad()
            total += loss.detach()
        losses.append(total / len(X))
    return losses


@style("tensors in, tensors out", "predict")
def predict_in_parts(model: Model, X: Tensor) -> Tensor:
    model.eval()
    with torch.no_grad():
        parts = [model.to(DEVICE)(part.to(DEVICE)).max(dim=1)[1].cpu() for part in X.split(64)]
    return torch.cat(parts)


@style("answers as a column", "predict")
def predict_column(model: Model, X: Tensor) -> Tensor:
    model.to(DEVICE)
    with torch.no_grad():
        return torch.sort(model(X.to(DEVICE)), dim=1, descending=True).indices[:, :1].cpu()
