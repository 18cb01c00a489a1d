"""
What others would hide in the check cells of backprop and dropout: asserts, run in the student's kernel.

They ask for less than this project's hidden checks do (fixed seeds, one shape each, hardly any statistics, no
second road for a gradient), so the comparison is kind to the others. The trainings are of the same size.
"""

from __future__ import annotations

import textwrap

__all__ = ["HIDDEN_TESTS"]

_DIFFERENCES = """
def _slope(f, theta, h=1e-5):
    slope = np.zeros_like(theta)
    for k in np.ndindex(theta.shape):
        step = np.zeros_like(theta)
        step[k] = h
        slope[k] = (f(theta + step) - f(theta - step)) / (2 * h)
    return slope
"""

_LOGISTIC = {
    "sigmoid": """
        z = np.random.default_rng(1).normal(size=(5, 4))
        assert np.allclose(sigmoid(z), 1 / (1 + np.exp(-z)))
        assert np.all(np.isfinite(sigmoid(np.array([-1000.0, 1000.0]))))
    """,
    "predict": """
        g = np.random.default_rng(2)
        X, w = g.normal(size=(7, 3)), g.normal(size=3)
        assert np.allclose(predict(X, w, 0.3), 1 / (1 + np.exp(-(X @ w + 0.3))))
    """,
    "loss": """
        g = np.random.default_rng(3)
        p, y = g.uniform(0.1, 0.9, 9), g.integers(0, 2, 9)
        assert np.isclose(loss(p, y), -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))
        assert np.isfinite(loss(np.array([0.0, 1.0]), np.array([1, 0])))
    """,
    "gradients": """
        g = np.random.default_rng(4)
        X, p, y = g.normal(size=(8, 3)), g.uniform(0.1, 0.9, 8), g.integers(0, 2, 8)
        dw, db = gradients(X, p, y)
        assert np.allclose(dw, X.T @ (p - y) / 8) and np.isclose(db, np.mean(p - y))
    """,
    "update": """
        w, b = update(np.ones(3), 1.0, np.arange(3.0), 2.0, 0.1)
        assert np.allclose(w, 1 - 0.1 * np.arange(3.0)) and np.isclose(b, 0.8)
    """,
    "fit": """
        g = np.random.default_rng(5)
        X = g.normal(size=(400, 2))
        y = (X @ np.array([2.0, -1.0]) + 0.3 * g.normal(size=400) > 0).astype(int)
        w, b, losses = fit(X[:300], y[:300], 0.5, 300)
        assert len(losses) == 300 and losses[-1] < losses[0]
        assert np.mean((predict(X[300:], w, b) > 0.5) == y[300:]) > 0.85
    """,
}

_SHALLOW = {
    "init_params": """
        params = init_params(4, 50, np.random.default_rng(1))
        assert params["W1"].shape == (50, 4) and np.std(params["W1"]) > 0
        assert not np.any(params["b1"])
    """,
    "forward": """
        g = np.random.default_rng(2)
        params = init_params(3, 5, g)
        X = g.normal(size=(6, 3))
        A = np.tanh(X @ params["W1"].T + params["b1"])
        p = 1 / (1 + np.exp(-(A @ np.ravel(params["W2"]) + np.ravel(params["b2"]))))
        assert np.allclose(forward(X, params)[0], p)
    """,
    "loss": _LOGISTIC["loss"],
    "backward": _DIFFERENCES
    + """
g = np.random.default_rng(4)
params = init_params(3, 4, g)
X, y = g.normal(size=(6, 3)), g.integers(0, 2, 6)
grads = backward(X, y, params, forward(X, params)[1])
for name in params:
    numerical = _slope(lambda value: loss(forward(X, {**params, name: value})[0], y), params[name])
    assert np.allclose(np.reshape(grads["d" + name], numerical.shape), numerical, atol=1e-6)
""",
    "fit": """
        g = np.random.default_rng(5)
        X = g.uniform(-1, 1, size=(400, 2))
        y = (np.sum(X**2, axis=1) < 0.5).astype(int)
        params, losses = fit(X[:300], y[:300], 8, 1.0, 1000, g)
        assert losses[-1] < losses[0]
        assert np.mean((np.squeeze(forward(X[300:], params)[0]) > 0.5) == y[300:]) > 0.8
    """,
    "predict": """
        g = np.random.default_rng(6)
        params, X = init_params(2, 4, g), g.normal(size=(9, 2))
        assert np.array_equal(np.squeeze(predict(X, params)), np.squeeze(forward(X, params)[0]) > 0.5)
    """,
}

_DEEP = {
    "init_params": """
        params = init_params([30, 40, 10], np.random.default_rng(1))
        assert params["W1"].shape == (40, 30) and abs(np.std(params["W1"]) / np.sqrt(2 / 30) - 1) < 0.2
    """,
    "linear_forward": """
        g = np.random.default_rng(2)
        A, W, b = g.normal(size=(5, 3)), g.normal(size=(4, 3)), g.normal(size=4)
        assert np.allclose(linear_forward(A, W, b)[0], A @ W.T + b)
    """,
    "linear_backward": """
        g = np.random.default_rng(3)
        A, W, b, dZ = g.normal(size=(5, 3)), g.normal(size=(4, 3)), g.normal(size=4), g.normal(size=(5, 4))
        dA, dW, db = linear_backward(dZ, linear_forward(A, W, b)[1])
        assert np.allclose(dA, dZ @ W) and np.allclose(dW, dZ.T @ A) and np.allclose(db, dZ.sum(axis=0))
    """,
    "relu_forward": """
        Z = np.random.default_rng(4).normal(size=(5, 3))
        assert np.allclose(relu_forward(Z)[0], np.maximum(Z, 0))
    """,
    "relu_backward": """
        g = np.random.default_rng(5)
        Z, dA = g.normal(size=(5, 3)), g.normal(size=(5, 3))
        assert np.allclose(relu_backward(dA, relu_forward(Z)[1]), dA * (Z > 0))
    """,
    "softmax_cross_entropy": _DIFFERENCES
    + """
g = np.random.default_rng(6)
logits, y = g.normal(size=(5, 4)), g.integers(0, 4, 5)
numerical = _slope(lambda s: softmax_cross_entropy(s, y)[0], logits)
assert np.allclose(softmax_cross_entropy(logits, y)[1], numerical, atol=1e-6)
assert np.isfinite(softmax_cross_entropy(1000 * logits, y)[0])
""",
    "forward": """
        g = np.random.default_rng(7)
        params, X = init_params([4, 6, 5, 3], g), g.normal(size=(7, 4))
        A = np.maximum(np.maximum(X @ params["W1"].T, 0) @ params["W2"].T, 0)
        assert np.allclose(forward(X, params)[0], A @ params["W3"].T)
    """,
    "backward": _DIFFERENCES
    + """
g = np.random.default_rng(8)
params = {k: v + 0.1 * g.normal(size=v.shape) for k, v in init_params([4, 6, 5, 3], g).items()}
X, y = g.normal(size=(7, 4)), g.integers(0, 3, 7)
logits, caches = forward(X, params)
grads = backward(softmax_cross_entropy(logits, y)[1], caches)
for name in params:
    def _loss(value):
        return softmax_cross_entropy(forward(X, {**params, name: value})[0], y)[0]
    assert np.allclose(grads["d" + name], _slope(_loss, params[name]), atol=1e-5)
""",
    "fit": """
        g = np.random.default_rng(9)
        centres = 3 * g.normal(size=(10, 64))
        y = g.integers(0, 10, 800)
        X = centres[y] + g.normal(size=(800, 64))
        params, losses = fit(X[:600], y[:600], [64, 32, 10], 0.1, 10, 20, g)
        assert len(losses) == 10 and losses[-1] < losses[0]
        assert np.mean(np.argmax(forward(X[600:], params)[0], axis=1) == y[600:]) > 0.8
    """,
}

_DROPOUT = {
    "dropout_forward": """
        A = np.random.default_rng(1).normal(size=(50, 40))
        out = np.asarray(dropout_forward(A, 0.7, np.random.default_rng(2))[0])
        kept = out != 0
        assert np.allclose(out[kept], A[kept] / 0.7) and abs(np.mean(kept) - 0.7) < 0.05
        assert np.allclose(dropout_forward(A, 0.7, np.random.default_rng(2), training=False)[0], A)
    """,
    "dropout_backward": """
        g = np.random.default_rng(3)
        A, dout = g.normal(size=(9, 12)), g.normal(size=(9, 12))
        out, cache = dropout_forward(A, 0.6, g)
        assert np.allclose(dropout_backward(dout, cache), dout * (np.asarray(out) != 0) / 0.6)
        assert np.allclose(dropout_backward(dout, dropout_forward(A, 0.6, g, training=False)[1]), dout)
    """,
    "forward": """
        g = np.random.default_rng(4)
        params, X = init_params(3, 5, g), g.normal(size=(6, 3))
        A = np.tanh(X @ params["W1"].T + params["b1"])
        p = 1 / (1 + np.exp(-(A @ np.ravel(params["W2"]) + np.ravel(params["b2"]))))
        assert np.allclose(np.ravel(forward(X, params, 0.5, g, training=False)[0]), p)
        assert not np.allclose(np.ravel(forward(X, params, 0.5, g)[0]), p)
    """,
    "backward": _DIFFERENCES
    + """
g = np.random.default_rng(5)
params, X, y = init_params(3, 4, g), g.normal(size=(8, 3)), g.integers(0, 2, 8)
grads = backward(y, params, forward(X, params, 0.6, np.random.default_rng(6))[1])
for name in params:
    def _loss(value):
        p = forward(X, {**params, name: value}, 0.6, np.random.default_rng(6))[0]
        return loss(np.ravel(p), y)
    numerical = _slope(_loss, params[name])
    assert np.allclose(np.reshape(grads["d" + name], numerical.shape), numerical, atol=1e-6)
""",
    "fit": """
        def _accuracy(X, y, params):
            p, _ = forward(X, params, 1.0, np.random.default_rng(0), training=False)
            return np.mean((np.ravel(p) > 0.5) == y)
        shrinks, reached = [], []
        for seed in range(3):
            g = np.random.default_rng(seed)
            train, held_out = make_data(50, g), make_data(4000, g)
            gaps = []
            for keep_prob in (1.0, 0.5):
                params, losses = fit(*train, 20, keep_prob, 1.0, 400, np.random.default_rng(seed))
                assert len(losses) == 400
                gaps.append(_accuracy(*train, params) - _accuracy(*held_out, params))
            shrinks.append(gaps[0] - gaps[1])
            train = make_data(80, g)
            params, losses = fit(*train, 20, 0.5, 1.0, 400, g)
            reached.append(_accuracy(*held_out, params))
        assert np.mean(shrinks) > 0.02 and np.mean(reached) > 0.65
    """,
}


def _block(text: str) -> str:
    body = textwrap.dedent(text).strip()
    return f"### BEGIN HIDDEN TESTS\n{body}\n### END HIDDEN TESTS\n"


# notebook → blank → the block that is added to the check cell
HIDDEN_TESTS = {
    notebook: {blank: _block(text) for blank, text in tests.items()}
    for notebook, tests in {
        "logistic_regression": _LOGISTIC,
        "shallow_net": _SHALLOW,
        "deep_net": _DEEP,
        "dropout": _DROPOUT,
    }.items()
}
