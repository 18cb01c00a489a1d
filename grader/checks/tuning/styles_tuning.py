"""Unusual but right ways to write the notebook tuning."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from torch import nn

from grader.checks import style, style_text
from grader.checks.tuning.reference_tuning import (
    accuracy,
    build_model,
    grid,
    random_search,
    split,
    train,
)

# --- NumPy arrays and plain numbers in place of tensors ---------------------------------------------------


@style("numpy", "count_parameters")
def count_numpy(layer_sizes: Any) -> Any:
    sizes = np.array(layer_sizes)
    return (sizes[1:] * (sizes[:-1] + 1)).sum()


@style("numpy", "split")
def split_numpy(X: Any, y: Any, fractions: Any, rng: Any) -> Any:
    X, y = X.numpy(), y.numpy()
    order = np.arange(len(y))
    rng.shuffle(order)
    n_train, n_val = int(fractions[0] * len(y)), int(fractions[1] * len(y))
    parts = order[:n_train], order[n_train : n_train + n_val], order[n_train + n_val :]
    return [array[rows] for rows in parts for array in (X, y)]


@style("numpy", "random_search")
def search_numpy(space: Any, n: Any, rng: Any) -> Any:
    def draw(options: Any) -> Any:
        if isinstance(options, tuple):
            low, high, scale = options
            return (
                10 ** rng.uniform(np.log10(low), np.log10(high)) if scale == "log" else rng.uniform(low, high)
            )
        return options[rng.choice(len(options))]

    return tuple({name: draw(options) for name, options in space.items()} for _ in range(n))


@style("numpy", "sgd_step")
def sgd_numpy(param: Any, grad: Any, learning_rate: Any) -> Any:
    return param.numpy() - learning_rate * grad.numpy()


@style("numpy", "rmsprop_step")
def rmsprop_numpy(
    param: Any, grad: Any, state: Any, learning_rate: Any, decay: Any = 0.9, eps: Any = 1e-8
) -> Any:
    param, grad, state = param.numpy(), grad.numpy(), state.numpy()
    state = state + (1 - decay) * (grad * grad - state)
    return [param - learning_rate * grad / np.sqrt(state + eps), state]


@style("numpy", "adam_step")
def adam_numpy(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    t: Any,
    learning_rate: Any,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    eps: Any = 1e-8,
) -> Any:
    param, grad, m, v = (np.asarray(each, dtype=np.float64) for each in (param, grad, m, v))
    m = m + (1 - beta1) * (grad - m)
    v = v + (1 - beta2) * (grad * grad - v)
    rate = learning_rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return [param - rate * m / (np.sqrt(v) + eps), m, v]


# --- loops and classes ------------------------------------------------------------------------------------


@style("loops", "count_parameters")
def count_by_building(layer_sizes: Any) -> Any:
    total = 0
    for number in range(1, len(layer_sizes)):
        layer = nn.Linear(layer_sizes[number - 1], layer_sizes[number])
        for parameter in layer.parameters():
            total += parameter.numel()
    return torch.tensor(total)


@style("loops", "split")
def split_by_loop(X: Any, y: Any, fractions: Any, rng: Any) -> Any:
    m = X.shape[0]
    order = torch.tensor(rng.permutation(m))
    ends = [0, round(m * fractions[0]), round(m * (fractions[0] + fractions[1])), m]
    found: Any = ()
    for start, end in itertools.pairwise(ends):
        found += (X.index_select(0, order[start:end]), y.index_select(0, order[start:end]).reshape(-1, 1))
    return found


@style("loops", "grid")
def grid_by_loop(space: Any) -> Any:
    found: Any = [{}]
    for name in space:
        longer = []
        for choice in space[name]:
            for settings in found:
                longer.append({**settings, name: choice})
        found = longer
    return found


@style("loops", "random_search")
def search_by_loop(space: Any, n: Any, rng: Any) -> Any:
    found: Any = [{} for _ in range(n)]
    for name in space:
        options = space[name]
        for settings in found:
            if not (isinstance(options, tuple) and options[-1] in ("log", "linear")):
                settings[name] = options[rng.integers(0, len(options))]
            elif options[-1] == "log":
                settings[name] = np.exp(rng.uniform(*np.log(options[:2])))
            else:
                settings[name] = rng.random() * (options[1] - options[0]) + options[0]
    return found


@style("loops", "sgd_step")
def sgd_by_torch(param: Any, grad: Any, learning_rate: Any) -> Any:
    weights = nn.Parameter(param.clone())
    weights.grad = grad.clone()
    torch.optim.SGD([weights], lr=learning_rate).step()
    return weights


@style("loops", "rmsprop_step")
def rmsprop_by_loop(
    param: Any, grad: Any, state: Any, learning_rate: Any, decay: Any = 0.9, eps: Any = 1e-8
) -> Any:
    new_param, new_state = param.clone(), state.clone()
    for index in np.ndindex(*param.shape):
        g = grad[index].item()
        new_state[index] = decay * state[index].item() + (1 - decay) * g**2
        new_param[index] = param[index] - learning_rate * g / (new_state[index] ** 0.5 + eps)
    return new_param, new_state


@style("loops", "adam_step")
def adam_by_torch(
    param: Any,
    grad: Any,
    m: Any,
    v: Any,
    t: Any,
    learning_rate: Any,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    eps: Any = 1e-8,
) -> Any:
    m = torch.lerp(m, grad, 1 - beta1)
    v = v.mul(beta2).addcmul(grad, grad, value=1 - beta2)
    beta1, beta2 = torch.tensor(beta1), torch.tensor(beta2)
    return param.addcdiv(m / (1 - beta1**t), (v / (1 - beta2**t)).sqrt() + eps, value=-learning_rate), m, v


BUILD_MODEL = style_text(
    "loops",
    "build_model",
    """
    class Net(nn.Module):
        def __init__(self, layer_sizes, activation):
            super().__init__()
            self.g = getattr(torch, activation)
            self.linear = nn.ModuleList(nn.Linear(*pair) for pair in zip(layer_sizes, layer_sizes[1:]))
            for layer in self.linear:
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

        def forward(self, x):
            for layer in self.linear[:-1]:
                x = self.g(layer(x))
            return self.linear[-1](x)

    build_model = Net
    """,
)

TRANSPOSED_MODEL = style_text(
    "numpy",
    "build_model",
    """
    class Layer(nn.Module):
        def __init__(self, n_in, n_out):
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(n_out))
            self.weight = nn.Parameter(torch.randn(n_in, n_out) * (2 / n_in) ** 0.5)

        def forward(self, x):
            return x @ self.weight + self.bias

    def build_model(layer_sizes, activation):
        net = nn.Sequential()
        for number in range(len(layer_sizes) - 1):
            if number:
                net.append({"relu": nn.ReLU(), "tanh": nn.Tanh(), "sigmoid": nn.Sigmoid()}[activation])
            net.append(Layer(layer_sizes[number], layer_sizes[number + 1]))
        return net
    """,
)

# --- ways to search ---------------------------------------------------------------------------------------


@style("numpy", "tune")
def tune_by_grid(X: Any, y: Any, budget: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    X_train, y_train, X_val, y_val, _, _ = split(X, y, (0.75, 0.25, 0.0), rng)
    settings = grid({"learning_rate": [0.003, 0.001, 0.01], "activation": ["relu", "tanh"]})
    history, models = [], []
    for number in rng.permutation(len(settings))[:budget]:
        model = build_model([784, 100, 10], settings[number]["activation"])
        train(model, X_train, y_train, settings[number]["learning_rate"], "rmsprop", epochs=10, seed=seed)
        history.append({**settings[number], "val_accuracy": np.float32(accuracy(model, X_val, y_val))})
        models.append(model)
    winner = int(np.argmax([each["val_accuracy"] for each in history]))
    return [{**history[winner], "model": models[winner], "number": winner}, history]


@style("loops", "tune")
def tune_by_own_loop(X: Any, y: Any, budget: Any, seed: Any) -> Any:
    torch.manual_seed(seed)
    order = torch.randperm(len(X))
    held = max(1, len(X) // 5)
    val, rest = order[:held], order[held:]
    space = {"lr": (0.05, 0.3, "log"), "hidden": [[64], [96]], "momentum": (0.8, 0.9, "linear")}
    history = []
    for settings in random_search(space, budget, np.random.default_rng(seed)):
        model = build_model([X.shape[1], *settings["hidden"], 10], "relu")
        optimiser = torch.optim.SGD(
            model.parameters(), lr=settings["lr"] * 0.3, momentum=settings["momentum"]
        )
        for _ in range(20):
            for rows in rest[torch.randperm(len(rest))].tensor_split(len(rest) // 32 + 1):
                loss = nn.functional.cross_entropy(model(X[rows]), y[rows])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
        right = (model(X[val]).argmax(1) == y[val]).float().mean()
        history.append({"settings": settings, "val_accuracy": right, "model": model, "loss": loss.item()})
    best = sorted(history, key=lambda each: float(each["val_accuracy"]))[-1]
    return best, tuple(history)
