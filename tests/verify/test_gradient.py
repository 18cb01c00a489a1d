"""Right gradients pass by either road, without a false alarm; wrong ones fail by both, and are told how."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from grader import verify
from grader.errors import CheckFailure

BUGS: dict[str, Callable] = {
    "no 1/m": lambda g, net: {key: value * len(net.y) for key, value in g.items()},
    "wrong sign": lambda g, _: {key: -value for key, value in g.items()},
    "all zeros": lambda g, _: {key: 0 * value for key, value in g.items()},
    "dW1 zero": lambda g, _: {**g, "dW1": 0 * g["dW1"]},
    "db2 averaged": lambda g, net: {**g, "db2": g["db2"] / len(net.y)},
    "db1 doubled": lambda g, _: {**g, "db1": 2 * g["db1"]},
    "no slope of the activation": lambda g, net: {**g, **without_slope(net)},
    "one hidden unit dropped": lambda g, _: {**g, "dW1": g["dW1"] * (np.arange(5) != 2)[:, None]},
    "one entry zeroed": lambda g, _: {**g, "dW1": g["dW1"] * (np.arange(15) != 7).reshape(5, 3)},
    "one entry of dW2 off by a tenth": lambda g, _: {
        **g,
        "dW2": g["dW2"] * (1 + 0.1 * (np.arange(5) == 1)),
    },
    "dW2 times 1.001": lambda g, _: {**g, "dW2": 1.001 * g["dW2"]},
    "two entries swapped": lambda g, _: {**g, "dW1": g["dW1"][[1, 0, 2, 3, 4]]},
    "weight decay added": lambda g, net: {**g, "dW1": g["dW1"] + 0.1 * net.theta["W1"]},
}
SMOOTH_OR_KINKED = pytest.mark.parametrize("relu", [False, True], ids=["tanh", "ReLU"])


def without_slope(net: object) -> dict[str, np.ndarray]:
    p = net.forward(net.theta)[1]
    dZ = ((p - net.y) / len(net.y))[:, None] @ net.theta["W2"]
    return {"dW1": dZ.T @ net.X, "db1": dZ.sum(0)}


@SMOOTH_OR_KINKED
def test_a_right_gradient_always_fits_its_own_forward(draw_net: Callable, relu: bool) -> None:
    """No false alarm in 1 000 nets each, without any retry: the 95 % bound of the rate is 3e-3."""
    for seed in range(1000):
        net = draw_net(seed, relu=relu)
        # A hidden unit that is off at every row leaves its weights without effect; that is no farming.
        verify.assert_gradients(net.backward(), net.theta, rng=np.random.default_rng(seed), own_loss=net.loss)


@SMOOTH_OR_KINKED
def test_a_float32_backward_is_right_by_both_roads(draw_net: Callable, relu: bool) -> None:
    for seed in range(300):
        net = draw_net(seed, relu=relu)
        single, rng = net.backward(dtype=np.float32), np.random.default_rng(seed)
        verify.assert_gradients(single, net.theta, rng=rng, true=net.backward())
        verify.assert_gradients(single, net.theta, rng=rng, own_loss=net.loss)


@SMOOTH_OR_KINKED
@pytest.mark.parametrize("bug", BUGS)
def test_a_wrong_gradient_fails_by_both_roads(draw_net: Callable, relu: bool, bug: str) -> None:
    caught = {"true": 0, "own": 0}
    tried = 0
    for seed in range(60):
        net = draw_net(seed, relu=relu)
        right, rng = net.backward(), np.random.default_rng(seed)
        wrong = BUGS[bug](right, net)
        if all(np.allclose(wrong[key], right[key], rtol=0, atol=1e-4) for key in right):
            continue  # a unit that is off anyway
        tried += 1
        for road, how in (("true", {"true": right}), ("own", {"own_loss": net.loss})):
            try:
                verify.assert_gradients(wrong, net.theta, rng=rng, **how)
            except CheckFailure:
                caught[road] += 1
    assert tried > 30
    assert caught == {"true": tried, "own": tried}


def test_a_wrong_forward_keeps_the_marks_of_a_backward_that_fits_it(draw_net: Callable) -> None:
    """The forward forgot its activation; the backward is right for that, and only the own road can say so."""
    for seed in range(100):
        net, rng = draw_net(seed), np.random.default_rng(seed)
        t = net.theta

        def own(theta: dict, net: object = net) -> float:
            z = ((net.X @ theta["W1"].T + theta["b1"]) @ theta["W2"].T + theta["b2"])[:, 0]
            return float(np.mean(np.logaddexp(0, z) - net.y * z))

        A = net.X @ t["W1"].T + t["b1"]
        z = (A @ t["W2"].T + t["b2"])[:, 0]
        dz = ((1 / (1 + np.exp(-z)) - net.y) / len(net.y))[:, None]
        fits = {
            "dW1": (dz @ t["W2"]).T @ net.X,
            "db1": (dz @ t["W2"]).sum(0),
            "dW2": dz.T @ A,
            "db2": dz.sum(0),
        }
        verify.assert_gradients(fits, t, rng=rng, true=net.backward(), own_loss=own)
        with pytest.raises(CheckFailure):
            verify.assert_gradients(fits, t, rng=rng, true=net.backward(), own_loss=net.loss)


FARMS: dict[str, Callable] = {
    "a constant": lambda _: 0.6931,
    "a constant of rounding": lambda theta: 0.6931 + 1e-15 * float(theta["W1"][0, 0]),
    "blind to W1 and b1": lambda theta: float(np.sum(theta["W2"] ** 2) + theta["b2"][0] ** 2) / 2,
    "one entry of each": lambda theta: sum(float(value.flat[0]) for value in theta.values()),
    "not finite": lambda _: float("nan"),
    "huge": lambda theta: 1e308 * float(theta["W1"][0, 0]) * 1e10,
}


@pytest.mark.parametrize("farm", FARMS)
def test_a_degenerate_forward_makes_no_backward_right(draw_net: Callable, farm: str) -> None:
    for seed in range(20):
        net = draw_net(seed)
        gradients = {
            "a constant": {key: 0 * value for key, value in net.backward().items()},
            "blind to W1 and b1": {
                "dW1": np.zeros((5, 3)),
                "db1": np.zeros(5),
                "dW2": net.theta["W2"],
                "db2": net.theta["b2"],
            },
            "one entry of each": {
                "d" + key: 1.0 * (np.arange(v.size) == 0).reshape(v.shape) for key, v in net.theta.items()
            },
        }
        claimed = gradients.get(farm, gradients["a constant"])
        with pytest.raises(CheckFailure):
            verify.assert_gradients(claimed, net.theta, rng=np.random.default_rng(seed), own_loss=FARMS[farm])


def test_a_weighted_sum_of_all_numbers_opens_no_road(draw_net: Callable) -> None:
    """It depends on every tensor and on the inputs, and its gradient is one line: no backpropagation."""
    for seed in range(20):
        net = draw_net(seed)
        rng = np.random.default_rng(seed)
        weights = {key: rng.normal(size=value.shape) for key, value in net.theta.items()}

        def toy(theta: dict, shift: float, weights: dict = weights) -> float:
            z = 0.1 * sum(float(np.sum(weights[key] * theta[key])) for key in weights) + shift
            return float(np.log1p(np.exp(z)))

        def toy_here(theta: dict, toy: Callable = toy) -> float:
            return toy(theta, 0.3)

        def toy_there(theta: dict, toy: Callable = toy) -> float:
            return toy(theta, -0.4)

        slope = 0.1 * (1 - np.exp(-toy_here(net.theta)))
        claimed = {"d" + key: slope * value for key, value in weights.items()}
        verify.assert_gradients(claimed, net.theta, rng=rng, own_loss=toy_here)  # it is its gradient, yes
        with pytest.raises(CheckFailure):
            verify.assert_gradients(claimed, net.theta, rng=rng, own_loss=toy_here, other_loss=toy_there)


def test_a_forward_that_ignores_its_inputs_opens_no_road(draw_net: Callable) -> None:
    """The sum of all squares depends on every tensor; only other inputs unmask it."""

    def squares(theta: dict) -> float:
        return sum(float(np.sum(value**2)) for value in theta.values()) / 2

    net = draw_net(1)
    claimed = {"d" + key: value for key, value in net.theta.items()}
    verify.assert_gradients(claimed, net.theta, rng=np.random.default_rng(1), own_loss=squares)
    with pytest.raises(CheckFailure):
        verify.assert_gradients(
            claimed, net.theta, rng=np.random.default_rng(1), own_loss=squares, other_loss=squares
        )


def test_a_forward_in_float32_is_differentiated_with_a_larger_step(draw_net: Callable) -> None:
    """The road stays open, and gross mistakes are still seen."""
    passed, caught = 0, 0
    for seed in range(100):
        net, rng = draw_net(seed), np.random.default_rng(seed)

        def single(theta: dict, net: object = net) -> float:
            return net.loss(theta, np.float32)

        try:
            verify.assert_gradients(net.backward(dtype=np.float32), net.theta, rng=rng, own_loss=single)
            passed += 1
        except CheckFailure:
            pass
        with pytest.raises(CheckFailure):
            verify.assert_gradients(
                {**net.backward(), "dW1": 1.5 * net.backward()["dW1"]}, net.theta, rng=rng, own_loss=single
            )
        caught += 1
    assert passed == caught == 100


def test_a_forward_that_raises_only_closes_its_road(draw_net: Callable) -> None:
    net = draw_net(3)

    def broken(_: dict) -> float:
        raise CheckFailure("forward raised ValueError: shapes (8,3) and (5,3) not aligned")

    verify.assert_gradients(
        net.backward(), net.theta, rng=np.random.default_rng(0), true=net.backward(), own_loss=broken
    )
    with pytest.raises(CheckFailure, match="dW1 is 8 times the true gradient"):
        verify.assert_gradients(
            BUGS["no 1/m"](net.backward(), net),
            net.theta,
            rng=np.random.default_rng(0),
            true=net.backward(),
            own_loss=broken,
        )


def test_the_message_goes_tensor_by_tensor_and_brings_a_picture(draw_net: Callable) -> None:
    net = draw_net(4)
    wrong = {**net.backward(), "dW1": 8 * net.backward()["dW1"], "db2": -net.backward()["db2"]}
    with pytest.raises(CheckFailure) as caught:
        verify.assert_gradients(
            wrong, net.theta, rng=np.random.default_rng(0), true=net.backward(), facts={"rows": 8}
        )
    assert caught.value.message == (
        "backward: dW1 is 8 times the true gradient at every entry: the factor is the number of rows. "
        "db2 has the wrong sign. Right: db1, dW2."
    )
    assert "1/m" in caught.value.hint
    assert caught.value.picture.startswith("<svg")


def test_what_is_no_gradient_at_all_is_named(draw_net: Callable) -> None:
    net = draw_net(5)
    for claimed, words in (
        (None, "backward: the result must be a dict with the keys 'dW1', 'db1', 'dW2', 'db2'"),
        ({"dW1": 1}, "lacks 'db1', 'dW2', 'db2'"),
        ({**net.backward(), "dW1": net.backward()["dW1"].T}, "dW1 has shape"),
        ({**net.backward(), "dW1": np.full((5, 3), np.nan)}, "dW1 is not finite in 15 of 15"),
    ):
        with pytest.raises(CheckFailure, match=words):
            verify.assert_gradients(claimed, net.theta, rng=np.random.default_rng(0), true=net.backward())
    with pytest.raises(ValueError, match="needs the true gradients"):
        verify.assert_gradients(net.backward(), net.theta, rng=np.random.default_rng(0))


def test_a_layer_is_judged_by_its_projected_loss() -> None:
    rng = np.random.default_rng(0)
    theta = {
        "A_prev": rng.standard_normal((4, 3)),
        "W": rng.standard_normal((2, 3)),
        "b": rng.standard_normal(2),
    }
    dZ = rng.standard_normal((4, 2))
    own = verify.projected_loss(lambda t: (t["A_prev"] @ t["W"].T + t["b"]).tolist(), dZ, "Z")
    right = {"dA_prev": dZ @ theta["W"], "dW": dZ.T @ theta["A_prev"], "db": dZ.sum(0)}
    verify.assert_gradients(right, theta, rng=rng, own_loss=own, name="linear_backward")
    with pytest.raises(CheckFailure, match=r"db is 0\.25 times the numerical gradient of your own forward"):
        verify.assert_gradients(
            {**right, "db": dZ.mean(0)}, theta, rng=rng, own_loss=own, name="linear_backward"
        )


def test_differences_have_the_error_that_theory_gives() -> None:
    """A central difference at h = 1e-5 errs by 1e-10; the direction's length does not matter."""
    theta = np.random.default_rng(0).standard_normal((3, 4))
    gradient = verify.central_difference(lambda t: float(np.sum(np.sin(t))), theta)
    assert np.max(np.abs(gradient - np.cos(theta))) < 5e-10
    u = {"W": np.ones((3, 4))}
    for scale in (1.0, 1e3):
        slope = verify.directional_difference(
            lambda t: float(np.sum(np.sin(t["W"]))), {"W": theta}, {"W": scale * u["W"]}, 1e-5
        )
        assert slope == pytest.approx(scale * float(np.sum(np.cos(theta))), rel=1e-8)
