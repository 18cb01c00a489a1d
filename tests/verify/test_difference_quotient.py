"""The forbidden road is seen; honest derivations, however they are written, never are taken for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from grader import verify
from grader.checks.backprop import reference_logistic_regression as logistic
from grader.checks.backprop.inputs_logistic_regression import draw_tiny_errors
from grader.errors import CheckFailure

F32 = np.float32

QUOTIENTS: dict[str, Callable] = {
    "forward": lambda f, h: (f(h) - f(0)) / h,
    "central": lambda f, h: (f(h) - f(-h)) / (2 * h),
    "Richardson": lambda f, h: (4 * (f(h / 2) - f(-h / 2)) / h - (f(h) - f(-h)) / (2 * h)) / 3,
    "five-point": lambda f, h: (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h),
}
STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)


# --- whole nets, with a tiny column ---------------------------------------------------------------------


def prepared(draw_net: Callable, seed: int, *, relu: bool) -> object:
    net = draw_net(seed, relu=relu, m=8, n_x=4, n_h=6)
    net.X[:, 1] *= verify.TINY
    net.theta["W2"][:, 2] *= verify.TINY
    return net


def quotient_gradients(net: object, quotient: Callable, h: float) -> dict[str, np.ndarray]:
    def loss_with(key: str, index: tuple, t: float) -> float:
        theta = {**net.theta, key: net.theta[key].copy()}
        theta[key][index] += t
        return net.loss(theta)

    return {
        "d" + key: np.array(
            [quotient(lambda t, k=key, i=i: loss_with(k, i, t), h) for i in np.ndindex(value.shape)]
        ).reshape(value.shape)
        for key, value in net.theta.items()
    }


def loops(net: object) -> dict[str, np.ndarray]:
    """Row by row, added up backwards, in Python floats."""
    A, p = net.forward(net.theta)
    grads = {"d" + key: np.zeros_like(value) for key, value in net.theta.items()}
    for i in reversed(range(len(net.y))):
        dz = float(p[i] - net.y[i])
        for j in range(A.shape[1]):
            slope = float(A[i, j] > 0) if net.relu else 1 - float(A[i, j]) ** 2
            dzj = dz * float(net.theta["W2"][0, j]) * slope
            grads["dW2"][0, j] += dz * A[i, j] / len(net.y)
            grads["db1"][j] += dzj / len(net.y)
            for k in range(net.X.shape[1]):
                grads["dW1"][j, k] += dzj * net.X[i, k] / len(net.y)
        grads["db2"] += dz / len(net.y)
    return grads


def through_the_loss(net: object, eps: float, clip: float, dtype: type = np.float64) -> dict[str, np.ndarray]:
    """The long way, dL/dp times dp/dz, with an epsilon below the fraction or a clipped p, and einsum."""
    A, p = net.forward(net.theta, dtype)
    p = np.clip(p, dtype(clip), dtype(1 - clip))
    dp = (-net.y / (p + eps) + (1 - net.y) / (1 - p + eps)) / len(net.y)
    dz = (dp * p * (1 - p)).astype(dtype)
    slope = (A > 0) * 1.0 if net.relu else 1 - A * A
    dZ = np.einsum("i,j,ij->ij", dz, net.theta["W2"][0].astype(dtype), slope).astype(dtype)
    return {
        "dW1": np.einsum("ij,ik->jk", dZ, net.X.astype(dtype)),
        "db1": np.ones(len(net.y), dtype) @ dZ,
        "dW2": (A * dz[:, None]).sum(0)[None],
        "db2": dz.sum(keepdims=True),
    }


def with_exponentials(net: object) -> dict[str, np.ndarray]:
    """The slope of tanh from exponentials of z, 4/(e^z + e^-z)^2."""
    A, p = net.forward(net.theta)
    Z = net.X @ net.theta["W1"].T + net.theta["b1"]
    dz = ((p - net.y) / len(net.y))[:, None]
    dZ = (dz @ net.theta["W2"]) * ((Z > 0) if net.relu else 4 / (np.exp(Z) + np.exp(-Z)) ** 2)
    return {"dW1": dZ.T @ net.X, "db1": dZ.sum(0), "dW2": dz.T @ A, "db2": dz.sum(0)}


def by_one_fraction(net: object, guard: Callable) -> dict[str, np.ndarray]:
    """As dL/dp = (p - y)/(p*(1 - p)), with a guard against 0 below it."""
    A, p = net.forward(net.theta)
    slope = p * (1 - p)
    dz = ((p - net.y) / guard(slope) / len(net.y) * slope)[:, None]
    dZ = dz @ net.theta["W2"] * ((A > 0) if net.relu else 1 - A * A)
    return {"dW1": dZ.T @ net.X, "db1": dZ.sum(0), "dW2": dz.T @ A, "db2": dz.sum(0)}


HONEST: dict[str, Callable] = {
    "as in the reference": lambda net: net.backward(),
    "in float32": lambda net: net.backward(dtype=F32),
    "in float32, float64 at the end": lambda net: {
        k: v.astype(float) for k, v in net.backward(dtype=F32).items()
    },
    "float32 at the end": lambda net: {k: v.astype(F32) for k, v in net.backward().items()},
    "loops": loops,
    "eps 1e-8": lambda net: through_the_loss(net, 1e-8, 0.0),
    "eps 1e-12": lambda net: through_the_loss(net, 1e-12, 0.0),
    "one fraction, eps 1e-12": lambda net: by_one_fraction(net, lambda slope: slope + 1e-12),
    "one fraction, eps 1e-8": lambda net: by_one_fraction(net, lambda slope: slope + 1e-8),
    "one fraction, maximum 1e-8": lambda net: by_one_fraction(net, lambda slope: np.maximum(slope, 1e-8)),
    "clip 1e-7": lambda net: through_the_loss(net, 0.0, 1e-7),
    "clip and float32": lambda net: through_the_loss(net, 0.0, 1e-7, F32),
    "exponentials": with_exponentials,
}
SMOOTH_OR_KINKED = pytest.mark.parametrize("relu", [False, True], ids=["tanh", "ReLU"])


@SMOOTH_OR_KINKED
@pytest.mark.parametrize("way", HONEST)
def test_no_honest_backward_is_taken_for_a_quotient(draw_net: Callable, relu: bool, way: str) -> None:
    for seed in range(150):
        net = prepared(draw_net, seed, relu=relu)
        verify.assert_no_difference_quotient(HONEST[way](net), net.backward())


@SMOOTH_OR_KINKED
@pytest.mark.parametrize("h", [1e-2, *STEPS])
@pytest.mark.parametrize("quotient", QUOTIENTS)
def test_every_quotient_of_a_net_is_seen(draw_net: Callable, relu: bool, quotient: str, h: float) -> None:
    for seed in range(4):
        net = prepared(draw_net, seed, relu=relu)
        claimed = quotient_gradients(net, QUOTIENTS[quotient], h)
        right = net.backward()
        try:
            verify.assert_gradients(claimed, net.theta, rng=np.random.default_rng(seed), true=right)
        except CheckFailure:
            continue  # so coarse, or across a kink, that it is simply wrong
        with pytest.raises(CheckFailure, match="the rounding of a difference quotient"):
            verify.assert_no_difference_quotient(claimed, right)


# An amount against 0 below p*(1 - p), in float64 and float32.
GUARDS: dict[str, Callable] = {
    "added": lambda slope, eps: slope + eps,
    "maximum": np.maximum,
    "clipped": lambda slope, eps: np.clip(slope, eps, None),
    "either": lambda slope, eps: np.where(slope < eps, slope + eps, slope),
    "added, rounded": lambda slope, eps: slope.astype(F32) + F32(eps),
    "maximum, rounded": lambda slope, eps: np.maximum(slope.astype(F32), F32(eps)),
}


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("eps", [1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7])
def test_an_eps_against_a_zero_denominator_is_not_called_a_quotient(guard: str, eps: float) -> None:
    for seed in range(100):
        X, y, w, b = draw_tiny_errors(np.random.default_rng(seed))
        p = logistic.predict(X, w, b)
        slope = p * (1 - p)
        dz = (p - y) / GUARDS[guard](slope, eps) / len(y) * slope
        verify.assert_no_difference_quotient({"dw": X.T @ dz}, {"dw": logistic.gradients(X, p, y)[0]})


@pytest.mark.parametrize("h", [1e-4, 1e-5, 1e-6, 1e-7])
@pytest.mark.parametrize("quotient", QUOTIENTS)
def test_every_quotient_of_a_logistic_regression_is_seen(quotient: str, h: float) -> None:
    """In float64; a forward one of step 1e-4 is off by more than 1e-4 in one draw of ten: simply wrong."""
    seen = 0
    for seed in range(100):
        X, y, w, b = draw_tiny_errors(np.random.default_rng(seed))

        def loss(t: float, unit: np.ndarray, at: tuple = (X, y, w, b)) -> float:
            return logistic.loss(logistic.predict(at[0], at[2] + t * unit, at[3]), at[1])

        claimed = np.array([QUOTIENTS[quotient](lambda t, e=e, f=loss: f(t, e), h) for e in np.eye(len(w))])
        right = logistic.gradients(X, logistic.predict(X, w, b), y)[0]
        seen += is_blamed(claimed, right)
    assert seen >= (80 if quotient == "forward" and h == 1e-4 else 98)


@pytest.mark.parametrize("sigma", [1e-15, 1e-14, 1e-13, 1e-12])
def test_noise_is_seldom_taken_for_an_eps(sigma: float) -> None:
    """About once in 2^5 * 5! draws, where half or more of its entries are noise."""
    rng = np.random.default_rng(0)
    excused = draws = 0
    for _ in range(10_000):
        right = np.append(10.0 ** rng.uniform(-12, -10.5, 5) / 11, 0.1)
        error = np.append(sigma * rng.standard_normal(5), 0.0)
        if np.sum(np.abs(error) > 1e-3 * right) >= 3:
            draws += 1
            excused += not is_blamed(right + error, right)
    assert draws > 5_000
    # Of 10,000 draws 2.6 are expected, 3.4 at one in 2,940, the worst of a million simulated draws a sigma.
    # A Poisson number of mean 3.4 is above 14 less than once in 300,000 times.
    assert excused <= 14


def is_blamed(claimed: np.ndarray, right: np.ndarray) -> bool:
    try:
        verify.assert_no_difference_quotient({"dw": claimed}, {"dw": right})
    except CheckFailure:
        return True
    return False


def test_a_wrong_gradient_is_not_called_a_quotient(draw_net: Callable) -> None:
    """Other checks say what is wrong with it."""
    for seed in range(100):
        net = prepared(draw_net, seed, relu=False)
        right = net.backward()
        for wrong in (
            {key: 8 * value for key, value in right.items()},
            {key: -value for key, value in right.items()},
            {key: 0 * value for key, value in right.items()},
            {key: value + 0.1 for key, value in right.items()},
        ):
            verify.assert_no_difference_quotient(wrong, right)


def test_a_clipped_probability_in_a_softmax_is_not_called_a_quotient() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        logits, y = rng.standard_normal((6, 4)), rng.integers(0, 3, 6)
        logits[:, 3] -= 32.0
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        p = powers / powers.sum(axis=1, keepdims=True)
        right = {"dlogits": (p - np.eye(4)[y]) / 6}
        for q in (np.clip(p, 1e-7, 1 - 1e-7), np.clip(p, 1e-12, 1), p + 1e-8, p.astype(F32)):
            verify.assert_no_difference_quotient({"dlogits": (q - np.eye(4)[y]) / 6}, right)

        def loss(t: float, i: tuple, logits: np.ndarray = logits, y: np.ndarray = y) -> float:
            moved = logits.copy()
            moved[i] += t
            return float(np.mean(np.log(np.exp(moved).sum(axis=1)) - moved[np.arange(6), y]))

        for h in (1e-3, 1e-5, 1e-7):
            claimed = np.array([(loss(h, i) - loss(-h, i)) / (2 * h) for i in np.ndindex(6, 4)]).reshape(6, 4)
            with pytest.raises(CheckFailure, match="difference quotient"):
                verify.assert_no_difference_quotient({"dlogits": claimed}, right, "softmax_cross_entropy")


def test_a_problem_without_tiny_entries_is_a_fault_of_the_check(draw_net: Callable) -> None:
    net = draw_net(0)
    with pytest.raises(ValueError, match="tiny entries"):
        verify.assert_no_difference_quotient(net.backward(), net.backward())


# --- derivatives of one variable ----------------------------------------------------------------------


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def tanh_by_exp(z: np.ndarray) -> np.ndarray:
    return (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z))


FUNCTIONS: dict[str, Callable] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
}
FORMULAS: dict[str, Callable] = {
    "s(1-s)": lambda z: sigmoid(z) * (1 - sigmoid(z)),
    "s(z)s(-z)": lambda z: sigmoid(z) * sigmoid(-z),
    "s - s^2": lambda z: sigmoid(z) - sigmoid(z) ** 2,
    "e/(1+e)^2": lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
    "1/(2+e+1/e)": lambda z: 1 / (2 + np.exp(z) + np.exp(-z)),
    "sigmoid by tanh": lambda z: 0.25 * (1 - np.tanh(z / 2) ** 2),
    "1-t^2": lambda z: 1 - np.tanh(z) ** 2,
    "(1-t)(1+t)": lambda z: (1 - np.tanh(z)) * (1 + np.tanh(z)),
    "1/cosh^2": lambda z: 1 / np.cosh(z) ** 2,
    "1/(cosh^2+1e-8)": lambda z: 1 / (np.cosh(z) ** 2 + 1e-8),
    "4/(e+1/e)^2": lambda z: 4 / (np.exp(z) + np.exp(-z)) ** 2,
    "tanh by exp": lambda z: 1 - tanh_by_exp(z) ** 2,
    "tanh by exp 2z": lambda z: 1 - ((np.exp(2 * z) - 1) / (np.exp(2 * z) + 1)) ** 2,
    "tanh by sigmoid": lambda z: 1 - (2 * sigmoid(2 * z) - 1) ** 2,
    "sigmoid of 2z": lambda z: 4 * sigmoid(2 * z) * (1 - sigmoid(2 * z)),
    "relu": lambda z: (z > 0) * 1.0,
    "relu as a ratio": lambda z: np.maximum(z, 0) / z,
    "leaky": lambda z: np.where(z > 0, 1.0, 0.01),
    "leaky as a ratio": lambda z: np.where(z > 0, z, 0.01 * z) / z,
}
PRECISIONS: dict[str, Callable] = {
    "float64": lambda f, z: f(z),
    "float32": lambda f, z: f(z.astype(F32)),
    "float32 at the end": lambda f, z: f(z).astype(F32),
    "float64 at the end": lambda f, z: f(z.astype(F32)).astype(np.float64),
}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("formula", FORMULAS)
def test_no_formula_is_taken_for_a_quotient(formula: str, precision: str) -> None:
    for seed in range(150):
        z = verify.quotient_probe(np.random.default_rng(seed))
        for points in (z, np.abs(z)):
            verify.assert_no_quotient_noise(PRECISIONS[precision](FORMULAS[formula], points), "g")


def test_float32_in_the_middle_of_a_formula_is_no_quotient() -> None:
    for seed in range(150):
        z = verify.quotient_probe(np.random.default_rng(seed))
        t, s = np.tanh(z.astype(F32)).astype(np.float64), sigmoid(z.astype(F32)).astype(np.float64)
        verify.assert_no_quotient_noise(1 - t**2, "tanh_grad")
        verify.assert_no_quotient_noise(s * (1 - s), "sigmoid_grad")


@pytest.mark.parametrize("h", STEPS)
@pytest.mark.parametrize("quotient", QUOTIENTS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_quotient_of_an_activation_is_seen(function: str, quotient: str, h: float) -> None:
    f = FUNCTIONS[function]
    for seed in range(25):
        z = np.abs(verify.quotient_probe(np.random.default_rng(seed)))
        with pytest.raises(CheckFailure, match="the rounding of a difference quotient"):
            verify.assert_no_quotient_noise(QUOTIENTS[quotient](lambda t, z=z: f(z + t), h), "g")


def test_a_complex_step_is_not_seen() -> None:
    """Stated in the documentation: it has no cancellation, and so no rounding to see."""
    z = verify.quotient_probe(np.random.default_rng(0))
    verify.assert_no_quotient_noise(np.imag(np.tanh(z + 1e-30j)) / 1e-30, "tanh_grad")


# --- counted calls ------------------------------------------------------------------------------------


def test_a_backward_that_calls_forward_for_each_parameter_is_named() -> None:
    for calls in (41, 80, 160):
        with pytest.raises(CheckFailure, match=f"backward called forward {calls} times for 80 parameters"):
            verify.assert_not_numerical("backward", {"forward": calls, "loss": 0}, 80, 8)


def test_loops_over_rows_are_no_quotient() -> None:
    for calls in (0, 1, 8, 16, 17):
        verify.assert_not_numerical("backward", {"forward": calls, "loss": calls}, 80, 8)


def test_too_small_a_problem_is_a_fault_of_the_check() -> None:
    with pytest.raises(ValueError, match="too small a problem"):
        verify.assert_not_numerical("backward", {"forward": 3}, 32, 8)
