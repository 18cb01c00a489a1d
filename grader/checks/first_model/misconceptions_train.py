"""Known mistakes in the blank train of the notebook first_model: a group of its catalogue."""

from __future__ import annotations

import torch
from torch import nn

from grader.checks import misconception
from grader.checks.first_model.reference_first_model import DEVICE, Model, Tensor

__all__ = [
    "all_losses",
    "another_scale",
    "ascent",
    "gradients_pile_up",
    "in_order",
    "last_batch",
    "last_layer",
    "losses_added",
    "own_batch_size",
    "rest_left_out",
    "seed_ignored",
    "softmax_twice",
    "squared_error",
    "step_first",
]


@misconception(
    "train",
    "softmax before the cross-entropy",
    """The logits go through a softmax before the loss, and the loss does a softmax of its own. Done twice,
    all ten probabilities are pressed together, the loss can't fall below 1.46, and gradients are small.""",
)
def softmax_twice(model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int) -> list[float]:
    model.to(DEVICE).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X), generator=generator), batch_size):
            chances = torch.softmax(model(X[rows].to(DEVICE)), dim=1)
            loss = nn.functional.cross_entropy(chances, y[rows].to(DEVICE))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


@misconception(
    "train",
    "gradients that pile up",
    """backward adds to the gradients that are there. You never set them to zero, so each step goes along the
    sum of all gradients since the beginning, old and new.""",
)
def gradients_pile_up(
    model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int
) -> list[float]:
    model.to(DEVICE).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X), generator=generator), batch_size):
            loss = nn.functional.cross_entropy(model(X[rows].to(DEVICE)), y[rows].to(DEVICE))
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


@misconception(
    "train",
    "the step before the gradient",
    """The optimiser steps before backward has run, right after the gradients were set to zero: there is
    nothing to step along, and the net stays what it was. Predict, how wrong, propagate back, and then
    update.""",
)
def step_first(model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int) -> list[float]:
    model.to(DEVICE).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X), generator=generator), batch_size):
            loss = nn.functional.cross_entropy(model(X[rows].to(DEVICE)), y[rows].to(DEVICE))
            optimiser.zero_grad()
            optimiser.step()
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


@misconception(
    "train",
    "uphill",
    """Each parameter goes along its gradient, and that is the way to a larger loss. Downhill is the other
    way.""",
)
def ascent(model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int) -> list[float]:
    model.to(DEVICE).train()
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X), generator=generator), batch_size):
            loss = nn.functional.cross_entropy(model(X[rows].to(DEVICE)), y[rows].to(DEVICE))
            model.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.add_(0.1 * parameter.grad)
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


@misconception(
    "train",
    "only the last layer learns",
    """The optimiser is given the last layer's parameters alone. The 512 hidden units stay what chance made
    them; but it is the hidden layer that should learn what strokes to look for.""",
)
def last_layer(model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int) -> list[float]:
    model.to(DEVICE).train()
    optimiser = torch.optim.Adam(list(model.parameters())[-2:], lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X), generator=generator), batch_size):
            loss = nn.functional.cross_entropy(model(X[rows].to(DEVICE)), y[rows].to(DEVICE))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


@misconception(
    "train",
    "losses added up",
    """The losses of the batches are added up and never divided, so the number grows with the number of
    batches. The mean loss of an epoch says how wrong the net is about a row, however many there are.""",
)
def losses_added(model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int) -> list[float]:
    model.to(DEVICE).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X), generator=generator), batch_size):
            loss = nn.functional.cross_entropy(model(X[rows].to(DEVICE)), y[rows].to(DEVICE))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.item()
        losses.append(total)
    return losses


@misconception(
    "train",
    "divided by the rows twice",
    """The loss of a batch is a mean over its rows already. Their sum is divided by the number of all rows
    once more, and so the number hangs on the batch size. Which weight has a batch's mean?""",
)
def another_scale(model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int) -> list[float]:
    model.to(DEVICE).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X), generator=generator), batch_size):
            loss = nn.functional.cross_entropy(model(X[rows].to(DEVICE)), y[rows].to(DEVICE))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.item()
        losses.append(total / len(X))
    return losses


@misconception(
    "train",
    "the loss of the last batch",
    """What you note is the loss of an epoch's last batch. That is a few rows that came last by chance; the
    mean over all batches says how the epoch went.""",
)
def last_batch(model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int) -> list[float]:
    model.to(DEVICE).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(X), generator=generator), batch_size):
            loss = nn.functional.cross_entropy(model(X[rows].to(DEVICE)), y[rows].to(DEVICE))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        losses.append(loss.item())
    return losses


@misconception(
    "train",
    "a loss for each batch",
    """There is a loss for every batch in your list. One number for each epoch is asked for: the mean over its
    batches.""",
)
def all_losses(model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int) -> list[float]:
    model.to(DEVICE).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(X), generator=generator), batch_size):
            loss = nn.functional.cross_entropy(model(X[rows].to(DEVICE)), y[rows].to(DEVICE))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(loss.item())
    return losses


@misconception(
    "train",
    "the smaller last batch left out",
    """Only whole batches are used: what is left over at the end of an epoch is never trained with, and where
    there are fewer rows than batch_size nothing is. The last batch may be smaller.""",
)
def rest_left_out(model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int) -> list[float]:
    model.to(DEVICE).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        order, total = torch.randperm(len(X), generator=generator), 0.0
        for batch in range(len(X) // batch_size):
            rows = order[batch * batch_size : (batch + 1) * batch_size]
            loss = nn.functional.cross_entropy(model(X[rows].to(DEVICE)), y[rows].to(DEVICE))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.item()
        losses.append(total / (len(X) // batch_size))
    return losses


@misconception(
    "train",
    "rows in the same order",
    """The rows are taken in the order in which they came, in every epoch, and seed is not used. Data that are
    sorted would then give batches of only one digit. Draw a new order for each epoch.""",
)
def in_order(model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int) -> list[float]:
    model.to(DEVICE).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.arange(len(X)), batch_size):
            loss = nn.functional.cross_entropy(model(X[rows].to(DEVICE)), y[rows].to(DEVICE))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


@misconception(
    "train",
    "an order that does not hang on seed",
    """The rows are shuffled, but not from seed: a second training gives another net, and nobody can repeat
    what you found. Let all that is drawn come from seed.""",
)
def seed_ignored(model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int) -> list[float]:
    model.to(DEVICE).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X)), batch_size):
            loss = nn.functional.cross_entropy(model(X[rows].to(DEVICE)), y[rows].to(DEVICE))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


@misconception(
    "train",
    "squared error in place of cross-entropy",
    """The logits are pulled towards 0 and 1 by their squared error. Logits are no probabilities and may be as
    large as they like; how wrong they are is measured by the cross-entropy of their softmax.""",
)
def squared_error(model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int) -> list[float]:
    model.to(DEVICE).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X), generator=generator), batch_size):
            targets = nn.functional.one_hot(y[rows], 10).float().to(DEVICE)
            loss = nn.functional.mse_loss(model(X[rows].to(DEVICE)), targets)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


@misconception(
    "train",
    "batches of a size of their own",
    """Your batches have 32 rows, whatever batch_size says. Who asks for larger ones gets other steps, and
    more of them, than they think.""",
)
def own_batch_size(
    model: Model, X: Tensor, y: Tensor, epochs: int, batch_size: int, seed: int
) -> list[float]:
    model.to(DEVICE).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X), generator=generator), 32):
            loss = nn.functional.cross_entropy(model(X[rows].to(DEVICE)), y[rows].to(DEVICE))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses
