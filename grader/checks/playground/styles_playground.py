"""Unusual but right ways to write the notebook playground; all of them must keep all marks."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import style, style_text
from grader.checks.playground.reference_playground import features, make_data, mean_loss, probability, train

# --- loops over single numbers ----------------------------------------------------------------------------


@style("plain loops", "features")
def features_by_loops(X: Any, names: Any) -> Any:
    rows: list[list[float]] = []
    for a, b in X:
        rows.append([])
        for name in names:
            value = float(a if "x1" in name else b)
            if name == "x1*x2":
                value = float(a) * float(b)
            elif name.endswith("^2"):
                value = value * value
            elif name.startswith("sin"):
                value = float(np.sin(value))
            rows[-1].append(value)
    return rows


@style("plain loops", "diagnose")
def diagnose_by_loops(train_losses: Any, val_losses: Any) -> Any:
    n = max(1, len(train_losses) // 10)
    end = new = 0.0
    for i in range(len(train_losses) - n, len(train_losses)):
        end += float(train_losses[i]) / n
        new += float(val_losses[i]) / n
    answer = "just right"
    if new - end > 0.25 * train_losses[0]:
        answer = "overfitting"
    if end > 0.5 * train_losses[0]:
        answer = "underfitting"
    return answer


@style("plain loops", "solve")
def solve_by_loops(dataset: Any, noise: Any, seed: Any) -> Any:
    # The nearest of the training rows vote; nothing is trained, all is remembered.
    X, y = make_data(dataset, 900, noise, np.random.default_rng(seed))

    def predict(X_new: Any) -> Any:
        labels = []
        for x in X_new:
            nearest = np.argsort((X[:, 0] - x[0]) ** 2 + (X[:, 1] - x[1]) ** 2)[:31]
            labels.append(int(2 * sum(y[nearest]) > 31))
        return labels

    return predict


# --- other forms of the same ------------------------------------------------------------------------------


@style("functions in a table, float32", "features")
def features_by_table(X: Any, names: Any) -> Any:
    table = {
        "x1": lambda a, b: a,  # noqa: ARG005
        "x2": lambda a, b: b,  # noqa: ARG005
        "x1^2": lambda a, b: a**2,  # noqa: ARG005
        "x2^2": lambda a, b: b**2,  # noqa: ARG005
        "x1*x2": lambda a, b: a * b,
        "sin(x1)": lambda a, b: np.sin(a),  # noqa: ARG005
        "sin(x2)": lambda a, b: np.sin(b),  # noqa: ARG005
    }
    columns = [np.empty((len(X), 0), np.float32)]
    columns += [table[name](*X.T)[:, np.newaxis].astype(np.float32) for name in names]
    return np.hstack(columns)


# The other common reading: how far the validation loss has risen again since its best.
@style("functions in a table, float32", "diagnose")
def diagnose_by_the_rise(train_losses: Any, val_losses: Any) -> Any:
    if np.min(train_losses) > 0.5 * train_losses[0]:
        return np.str_("underfitting")
    risen = val_losses[-1] > 1.25 * np.min(val_losses)
    return np.array(["just right", "overfitting"])[int(risen)]


# Plain gradient descent by hand on every feature, weights decayed; labels as a column of floats.
@style("functions in a table, float32", "solve")
def solve_by_hand_written_descent(dataset: Any, noise: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    X, y = make_data(dataset=dataset, m=800, noise=noise, rng=rng)
    centres = X[rng.choice(len(X), 60, replace=False)]

    def bumps(P: Any) -> Any:
        distance = ((P[:, np.newaxis] - centres) ** 2).sum(axis=2)
        return np.column_stack([np.exp(-distance / 3.0), np.ones(len(P))])

    B = bumps(X)
    w = np.linalg.solve(B.T @ B + 1.0 * np.eye(B.shape[1]), B.T @ (2.0 * y - 1.0))
    return lambda P: (bumps(P) @ w > 0).astype(float)[:, np.newaxis]


@style("an object that can be called", "solve")
def solve_by_object(dataset: Any, noise: Any, seed: Any) -> Any:
    class Net:
        def __init__(self) -> None:
            rng = np.random.default_rng(seed)
            X, y = make_data(dataset, 200, noise, rng)
            X_more, y_more = make_data(dataset, 200, noise, rng)
            self.names = ["x1", "x2", "sin(x1)", "sin(x2)", "x1*x2"]
            rows, labels = np.concatenate([X, X_more]), np.concatenate([y, y_more])
            self.params, _, _ = train(features(rows, self.names), labels, 10, 400, rng, lam=1.0)

        def __call__(self, X: Any) -> Any:
            return probability(features(X, self.names), self.params) > 0.5

    return Net()


# Several nets of different price; the validation rows choose.
@style("chosen by validation", "solve")
def solve_by_validation(dataset: Any, noise: Any, seed: Any) -> Any:
    rng = np.random.default_rng(seed)
    X, y = make_data(dataset, 400, noise, rng)
    X_val, y_val = make_data(dataset, 400, noise, rng)
    names = ["x1", "x2", "x1^2", "x2^2", "x1*x2", "sin(x1)", "sin(x2)"]
    Z, Z_val = features(X, names), features(X_val, names)
    nets = [train(Z, y, 8, 300, rng, lam=lam)[0] for lam in (0.3, 1.0, 3.0)]
    best = min(nets, key=lambda net: mean_loss(probability(Z_val, net), y_val))
    return lambda X: np.rint(probability(features(X, names), best)).astype(np.int32)


STEP_BY_STEP = style_text(
    "fresh rows in every step",
    "solve",
    """
    def solve(dataset, noise, seed):
        rng = np.random.default_rng(seed)
        w1, b1 = rng.normal(size=(24, 2)) * 0.7, rng.normal(size=24)
        w2, b2 = rng.normal(size=24) / 5, 0.0
        velocity = [0.0, 0.0, 0.0, 0.0]
        for step in range(1500):
            X, y = make_data(dataset, 64, noise, rng)
            a = np.tanh(X @ w1.T + b1)
            dz = (1 / (1 + np.exp(-(a @ w2 + b2))) - y) / 64
            da = np.outer(dz, w2) * (1 - a**2)
            grads = [da.T @ X, da.sum(0), a.T @ dz, dz.sum()]
            rate = 0.3 if step < 1000 else 0.1
            velocity = [0.9 * v - rate * g for v, g in zip(velocity, grads)]
            w1, b1, w2, b2 = (p + v for p, v in zip((w1, b1, w2, b2), velocity))
        return lambda X: (np.tanh(X @ w1.T + b1) @ w2 + b2 > 0).astype(int)
    """,
)
FEATURES_BY_TEXT = style_text(
    "the names as formulas",
    "features",
    '''
    def features(X, names):
        """Python itself reads the formula."""
        known = {"x1": X[:, 0], "x2": X[:, 1], "sin": np.sin}
        result = np.ones((X.shape[0], len(names)))
        for j, name in enumerate(names):
            result[:, j] *= eval(name.replace("^", "**"), {}, known)
        return result
    ''',
)
