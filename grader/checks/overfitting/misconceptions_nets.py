"""What students commonly get wrong in building and training the nets of the notebook overfitting."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from grader.checks import misconception

__all__ = [
    "build_activation_last",
    "build_dropout_inputs",
    "build_dropout_last_layer",
    "build_dropout_output",
    "build_keep_probability",
    "build_no_activation",
    "build_one_layer",
    "train_all_pairs",
    "train_evaluating",
    "train_last_batch",
    "train_never_zeroed",
    "train_no_shuffle",
    "train_own_batch_size",
    "train_summed",
    "train_unseeded",
]

# --- build_model ------------------------------------------------------------------------------------------


@misconception(
    "build_model",
    "dropout on the output",
    """You drop the output, too. Then in training the net answers 0 for a part of the rows, whatever their
    target is. Dropout belongs behind hidden layers, where the other units can step in.""",
    also=("train", "cross_validate", "choose"),
)
def build_dropout_output(n_features: Any, hidden: Any, dropout: Any) -> Any:
    layers, width = [], n_features
    for n_out in hidden:
        layers += [nn.Linear(width, n_out), nn.ReLU(), nn.Dropout(dropout)]
        width = n_out
    return nn.Sequential(*layers, nn.Linear(width, 1), nn.Dropout(dropout))


@misconception(
    "build_model",
    "no activation",
    """Your layers are linear, one behind the other. Without an activation between them they collapse into a
    single linear layer: the net draws straight lines however many units it has.""",
    also=("train", "cross_validate", "choose"),
)
def build_no_activation(n_features: Any, hidden: Any, dropout: Any) -> Any:
    layers, width = [], n_features
    for n_out in hidden:
        layers += [nn.Linear(width, n_out), nn.Dropout(dropout)]
        width = n_out
    return nn.Sequential(*layers, nn.Linear(width, 1))


@misconception(
    "build_model",
    "the probability to keep in place of the one to drop",
    """You give nn.Dropout 1 - dropout. In your own dropout notebook keep_prob was the probability to keep;
    PyTorch's number, and this function's, is the probability to drop.""",
    also=("train", "cross_validate", "choose"),
)
def build_keep_probability(n_features: Any, hidden: Any, dropout: Any) -> Any:
    layers, width = [], n_features
    for n_out in hidden:
        layers += [nn.Linear(width, n_out), nn.ReLU(), nn.Dropout(1 - dropout)]
        width = n_out
    return nn.Sequential(*layers, nn.Linear(width, 1))


@misconception(
    "build_model",
    "one hidden layer only",
    """You build one hidden layer, of the first width in the list. The list may have any number of widths,
    none included: go through it and remember how wide the layer before was.""",
    also=("train", "cross_validate", "choose"),
)
def build_one_layer(n_features: Any, hidden: Any, dropout: Any) -> Any:
    n_out = hidden[0] if hidden else 1
    return nn.Sequential(nn.Linear(n_features, n_out), nn.ReLU(), nn.Dropout(dropout), nn.Linear(n_out, 1))


@misconception(
    "build_model",
    "dropout on the inputs",
    """You drop inputs, before the first layer. A small table has few features, and each tells something that
    no other one does: a row without its weight is another car. Dropout belongs behind the hidden layers.""",
    also=("train", "cross_validate", "choose"),
)
def build_dropout_inputs(n_features: Any, hidden: Any, dropout: Any) -> Any:
    layers, width = [], n_features
    for n_out in hidden:
        layers += [nn.Dropout(dropout), nn.Linear(width, n_out), nn.ReLU()]
        width = n_out
    return nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(width, 1))


@misconception(
    "build_model",
    "dropout behind the last hidden layer only",
    """You have one dropout, behind the last hidden layer. The layers before it can still learn units that
    only work together. Each hidden layer gets a dropout of its own.""",
    also=("train", "cross_validate", "choose"),
)
def build_dropout_last_layer(n_features: Any, hidden: Any, dropout: Any) -> Any:
    layers, width = [], n_features
    for n_out in hidden:
        layers += [nn.Linear(width, n_out), nn.ReLU()]
        width = n_out
    if hidden:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(width, 1))


@misconception(
    "build_model",
    "an activation behind the output",
    """Your output goes through ReLU, so it can never be negative, and where it is 0 no gradient comes back.
    A prediction of a quantity is any number: the last layer stays linear.""",
    also=("train", "cross_validate", "choose"),
)
def build_activation_last(n_features: Any, hidden: Any, dropout: Any) -> Any:
    layers, width = [], n_features
    for n_out in hidden:
        layers += [nn.Linear(width, n_out), nn.ReLU(), nn.Dropout(dropout)]
        width = n_out
    return nn.Sequential(*layers, nn.Linear(width, 1), nn.ReLU())


# --- train ------------------------------------------------------------------------------------------------


@misconception(
    "train",
    "every prediction against every target",
    """The model gives shape (m, 1) and y has shape (m,): their difference is a table (m, m) of every
    prediction against every target. PyTorch does it without an error, and the net learns to answer the mean.
    Bring both to the same shape.""",
    also=("cross_validate", "choose"),
)
def train_all_pairs(model: Any, X: Any, y: Any, epochs: Any, batch_size: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    steps = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X)), batch_size):
            loss = ((model(X[rows]).reshape(-1, 1) - y[rows]) ** 2).mean()
            steps.zero_grad()
            loss.backward()
            steps.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


@misconception(
    "train",
    "losses of the batches added up",
    """You add up the losses of an epoch's batches. With twice as many batches that is twice as much, though
    the net is no worse. The mean over the epoch can be compared with other batch sizes.""",
)
def train_summed(model: Any, X: Any, y: Any, epochs: Any, batch_size: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    steps = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X)), batch_size):
            loss = ((model(X[rows]).reshape(-1) - y[rows]) ** 2).mean()
            steps.zero_grad()
            loss.backward()
            steps.step()
            total += loss.item()
        losses.append(total)
    return losses


@misconception(
    "train",
    "the last batch stands for the epoch",
    """You note the loss of each epoch's last batch. That is the luck of a few rows, and the curve jumps
    though the training is calm. Average over all batches of the epoch.""",
)
def train_last_batch(model: Any, X: Any, y: Any, epochs: Any, batch_size: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    steps = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    losses = []
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(X)), batch_size):
            loss = ((model(X[rows]).reshape(-1) - y[rows]) ** 2).mean()
            steps.zero_grad()
            loss.backward()
            steps.step()
        losses.append(loss.item())
    return losses


@misconception(
    "train",
    "gradients never set to nought",
    """PyTorch adds each new gradient to what is already there, and you never empty it. So every step goes
    along the sum of all gradients so far: the net overshoots, and swings back and forth. Set the gradients
    to nought before each backward.""",
    also=("cross_validate", "choose"),
)
def train_never_zeroed(model: Any, X: Any, y: Any, epochs: Any, batch_size: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    steps = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X)), batch_size):
            loss = ((model(X[rows]).reshape(-1) - y[rows]) ** 2).mean()
            loss.backward()
            steps.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


@misconception(
    "train",
    "trained in evaluation mode",
    """You switch the model to evaluation before the training, so dropout never drops anything: whatever its
    probability is, the net overfits as without it. Training mode belongs before the loop, evaluation after
    it.""",
    also=("choose",),
)
def train_evaluating(model: Any, X: Any, y: Any, epochs: Any, batch_size: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    steps = torch.optim.Adam(model.parameters(), lr=0.01)
    model.eval()
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


@misconception(
    "train",
    "batches of a size of their own",
    """Your batches have 32 rows, whatever batch_size says. Who asks for larger ones gets other steps, and
    more of them, than they think.""",
)
def train_own_batch_size(model: Any, X: Any, y: Any, epochs: Any, batch_size: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    steps = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(X)), 32):
            loss = ((model(X[rows]).reshape(-1) - y[rows]) ** 2).mean()
            steps.zero_grad()
            loss.backward()
            steps.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


@misconception(
    "train",
    "batches in the order of the table",
    """Your batches come in the order of the table, the same in every epoch. Where the table is sorted, each
    step pulls towards one kind of rows. Draw a new order of the rows in each epoch, by the seed.""",
)
def train_no_shuffle(model: Any, X: Any, y: Any, epochs: Any, batch_size: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    steps = torch.optim.Adam(model.parameters(), lr=0.01)
    model.train()
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.arange(len(X)), batch_size):
            loss = ((model(X[rows]).reshape(-1) - y[rows]) ** 2).mean()
            steps.zero_grad()
            loss.backward()
            steps.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


@misconception(
    "train",
    "the seed is not used",
    """You do not use the seed, so a second training of the same net goes another way, and nobody can repeat
    what you found. Hand the seed to torch.manual_seed before the first batch.""",
    also=("cross_validate", "choose"),
)
def train_unseeded(model: Any, X: Any, y: Any, epochs: Any, batch_size: Any, seed: Any) -> Any:
    steps = torch.optim.Adam(model.parameters(), lr=0.01)
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
