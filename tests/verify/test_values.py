"""Whatever a student returns, a check gets an array of the right shape or a sentence on what is wrong."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from grader import verify
from grader.errors import CheckFailure
from grader.verify.arguments import assert_unchanged


class Stranger:
    """Stands for a Handle: it resists being read as data."""

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise RuntimeError("nobody may ask a handle for an array")

    def __float__(self) -> float:
        raise RuntimeError("nor for a number")

    __len__ = __iter__ = __bool__ = __eq__ = __float__  # type: ignore[assignment]
    __hash__ = object.__hash__


def nested(depth: int) -> object:
    value: object = 1.0
    for _ in range(depth):
        value = [value]
    return value


HOSTILE = {
    "None": None,
    "text": "0.5",
    "bytes": b"0.5",
    "a dict": {"p": 1.0},
    "an empty list": [],
    "an empty tuple": (),
    "an empty array": np.zeros((0, 3)),
    "a ragged list": [[1.0, 2.0], [3.0]],
    "a ragged list of arrays": [np.zeros(2), np.zeros(3)],
    "text in a list": [1.0, "2", 3.0],
    "None in a list": [1.0, None, 3.0],
    "a dict in a list": [1.0, {}, 3.0],
    "a hundred lists in each other": nested(100),
    "a hundred thousand lists in each other": nested(100_000),
    "an integer without end": 10**5000,
    "such integers in a list": [10**400, 1, 2],
    "a complex number": 1j,
    "complex numbers": np.array([1j, 0, 0]),
    "complex numbers in a list": [1j, 0, 0],
    "objects": np.array([None, 1, 2], dtype=object),
    "text in an array": np.array(["a", "b", "c"]),
    "dates": np.array(["2020-01-01"] * 3, dtype="datetime64[D]"),
    "records": np.zeros(3, dtype=[("a" * 500, "f8")]),
    "raw bytes": np.zeros(3, dtype="V8"),
    "NaN": np.array([1.0, np.nan, 3.0]),
    "infinity": [1.0, np.inf, 3.0],
    "beyond float64": np.array([1e4000, 1, 2], dtype=np.longdouble),
    "64 axes": np.zeros((1,) * 62 + (2, 2)),
    "a handle": Stranger(),
    "handles in a list": [Stranger(), Stranger(), Stranger()],
    "a function": len,
    "a set": {1.0, 2.0, 3.0},
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("kind", ["float", "int", "bool-or-int", "whole"])
def test_nothing_but_a_check_failure_comes_of_a_hostile_value(
    value: object, kind: verify.values.Kind
) -> None:
    with pytest.raises(CheckFailure) as caught:
        verify.as_array(value, (3,), "p", kind=kind)
    assert caught.value.message.startswith("p ")
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_every_reader_survives_a_hostile_value(value: object) -> None:
    for read in (
        lambda: verify.as_number(value, "loss"),
        lambda: verify.as_params(value, {"W1": (2, 3)}, "params"),
        lambda: verify.as_params({"W1": value}, {"W1": (2, 3)}, "params"),
        lambda: verify.as_tuple(value, 7, "forward"),
        lambda: verify.as_list(value, 7, "losses"),
        lambda: verify.as_losses([value], 1),
        lambda: verify.assert_close(value, np.ones(3), "p"),
        lambda: verify.assert_between(value, np.zeros(3), np.ones(3), "g"),
        lambda: verify.accuracy(value, np.array([0, 1, 1])),
        lambda: verify.assert_inverted_scale(value, np.ones(3), 0.5),
        lambda: verify.assert_no_quotient_noise(value, "tanh_grad"),
        lambda: verify.assert_reaches(0.1, 0.9, losses=value),
    ):
        with pytest.raises(CheckFailure):
            read()


LARGEST = np.finfo(np.float64).max


@pytest.mark.parametrize(
    "value",
    [
        np.array([LARGEST, -LARGEST, LARGEST]),
        np.array([LARGEST, 1.0, 5e-324]),
        [1e200, -1e200, 1e-200],
        [1e12, 2e12, 3e12],
        [5e-324, 0.0, -0.0],
        np.array([2**63, 2**64 - 1, 0], dtype=np.uint64),
    ],
    ids=str,
)
def test_numbers_at_the_edge_of_float64_raise_nothing_but_check_failures(value: object) -> None:
    """Warnings are errors here, so that an overflow would show."""
    right, rng = np.array([1.0, 2.0, 3.0]), np.random.default_rng(0)
    probe = np.resize(np.asarray(value, dtype=np.float64), 144)

    def squares(theta: dict) -> float:
        return float(np.sum(theta["W"] ** 2)) / 2

    for judge in (
        lambda: verify.assert_close(value, right, "p"),
        lambda: verify.assert_close(value, -right, "p", facts={"rows": 8}),
        lambda: verify.assert_close([value, value], np.ones((2, 3)), "p"),
        lambda: verify.assert_between(value, right, right + 1, "p"),
        lambda: verify.assert_gradients({"dW": value}, {"W": right}, rng=rng, true={"dW": right}),
        lambda: verify.assert_gradients({"dW": value}, {"W": right}, rng=rng, own_loss=squares),
        lambda: verify.assert_inverted_scale(value, right, 0.5),
    ):
        with pytest.raises(CheckFailure) as caught:
            judge()
        assert len(caught.value.message) < 300
    with contextlib.suppress(CheckFailure):
        verify.assert_no_difference_quotient({"dW": value}, {"dW": np.array([1.0, 1e-13, 1e-13])})
    for curve in (value, probe):
        with pytest.raises(CheckFailure):
            verify.assert_reaches(0.1, 0.9, losses=curve)
    with contextlib.suppress(CheckFailure):
        verify.assert_no_quotient_noise(probe, "g")


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (np.ones((4, 1)), (4,)),
        (np.ones((1, 4)), (4,)),
        (np.ones(4), (4, 1)),
        (np.float32(2), (1,)),
        (2.5, (1,)),
        (True, ()),
        (np.array([[2.5]]), ()),
        ([[1, 2], [3, 4]], (2, 2)),
        ((np.ones(3), [1.0, 2.0, 3.0]), (2, 3)),
        ([np.float32(1.0), 2, True], (3,)),
        (np.ones((2, 1, 3)), (2, 3)),
        (np.zeros((0, 3)), (0, 3)),
    ],
)
def test_axes_of_length_one_may_be_missing_or_too_many(value: object, shape: tuple[int, ...]) -> None:
    array = verify.as_array(value, shape, "p")
    assert array.shape == shape
    assert array.dtype == np.float64


def test_a_column_is_not_a_row() -> None:
    with pytest.raises(CheckFailure, match=r"dW2 has shape \(3, 1\), expected \(1, 3\): it is transposed"):
        verify.as_array(np.ones((3, 1)), (1, 3), "dW2")


def test_the_shape_message_names_both_shapes() -> None:
    with pytest.raises(CheckFailure, match=r"forward: p has shape \(4, 1, 3\), expected \(3, 4\)\."):
        verify.as_array(np.ones((4, 1, 3)), (3, 4), "forward: p")


def test_a_nan_is_counted() -> None:
    with pytest.raises(CheckFailure, match=r"p is not finite in 2 of 5 entries \(NaN\)\."):
        verify.as_array([0.1, np.nan, np.inf, 0.2, 0.3], (5,), "p")


def test_labels_may_be_asked_for_in_three_strengths() -> None:
    booleans, floats, halves = np.array([True, False]), np.array([1.0, 0.0]), np.array([0.5, 1.0])
    assert verify.as_array(booleans, (2,), "labels", kind="bool-or-int").dtype == np.int64
    assert verify.as_array(floats, (2,), "labels", kind="whole").tolist() == [1, 0]
    for value, kind in ((booleans, "int"), (floats, "int"), (floats, "bool-or-int"), (halves, "whole")):
        with pytest.raises(CheckFailure, match="labels must hold"):
            verify.as_array(value, (2,), "labels", kind=kind)


def test_missing_keys_are_named_and_further_ones_left_out() -> None:
    shapes = {"dW1": (2, 3), "db1": (2,)}
    given = {"dW1": np.ones((2, 3)), "db1": [1, 2], "dZ1": "scratch", 7: None}
    assert list(verify.as_params(given, shapes, "grads")) == ["dW1", "db1"]
    with pytest.raises(CheckFailure, match=r"grads lacks 'dW1', 'db1' \(it has 'W1', 'b1' instead\)\."):
        verify.as_params({"W1": 0, "b1": 0}, shapes, "grads")


def test_a_flood_of_keys_is_cut_short() -> None:
    with pytest.raises(CheckFailure) as caught:
        verify.as_params({"k" * 10_000 + str(i): 0 for i in range(1000)}, {"W1": (1,)}, "params")
    assert len(caught.value.message) < 300


def test_a_tuple_of_the_wrong_length_is_named() -> None:
    assert verify.as_tuple([1, 2], 2, "forward (p, cache)") == (1, 2)
    with pytest.raises(CheckFailure, match=r"forward \(p, cache\) must return 2 values; it returned 3\."):
        verify.as_tuple((1, 2, 3), 2, "forward (p, cache)")
    with pytest.raises(CheckFailure, match=r"it returned an array of shape \(4,\)"):
        verify.as_tuple(np.ones(4), 2, "forward (p, cache)")


def test_losses_may_be_an_array_and_may_blow_up() -> None:
    assert verify.as_losses(np.array([1.0, np.nan]), 2)[0] == 1.0
    assert np.isnan(verify.as_losses([[1.0], float("nan"), np.float32("inf")], 3)[1])
    with pytest.raises(CheckFailure, match="losses must have 3 entries; it has 2"):
        verify.as_losses([1.0, 2.0], 3)


class Seen:
    """An observation with the arguments that are given."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        self.args_after, self.kwargs_after = args, kwargs


def test_a_changed_argument_is_named_with_its_count() -> None:
    X, params = np.ones((2, 3)), {"W1": np.zeros((2, 2)), "b1": np.zeros(2)}
    assert_unchanged(Seen(X.copy(), {key: value.copy() for key, value in params.items()}), (X, params))
    worked_on = X.copy()
    worked_on[0] += 1e-12
    with pytest.raises(CheckFailure, match="changes its argument X: 3 of 6 entries differ after the call"):
        assert_unchanged(Seen(worked_on, params), (X, params), names=("X", "params"))
    with pytest.raises(CheckFailure, match=r"argument params\['W1'\]: 4 of 4"):
        assert_unchanged(Seen(X, {**params, "W1": params["W1"] + 1}), (X, params), names=("X", "params"))


def test_an_argument_is_compared_bit_for_bit_and_by_dtype() -> None:
    X = np.array([0.0, np.nan])
    assert_unchanged(Seen(X.copy()), (X,))
    with pytest.raises(CheckFailure, match="1 of 2 entries"):
        assert_unchanged(Seen(np.array([-0.0, np.nan])), (X,))
    with pytest.raises(CheckFailure, match="shape or dtype"):
        assert_unchanged(Seen(X.astype(np.float32)), (X,))


@pytest.mark.parametrize("left", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_arguments_after_the_call_are_a_change_and_no_crash(left: object) -> None:
    for sent in (np.ones(3), {"W": np.ones(3)}, [np.ones(3), np.ones(3)], 7.25, "no such text"):
        with pytest.raises(CheckFailure, match="changes its argument"):
            assert_unchanged(Seen(left), (sent,))
    with pytest.raises(CheckFailure, match=r"argument lams\[0\]"):
        assert_unchanged(Seen([np.zeros(2), 0.1]), ([0.3, 0.1],), names=("lams",))
    with pytest.raises(CheckFailure, match=r"keep_mask"):
        assert_unchanged(Seen(keep_mask=left), (), {"keep_mask": np.ones(3)})
    assert_unchanged(Seen(left), (Stranger(),))  # a handle's inside is the student's own affair


def test_importing_verify_takes_no_scipy() -> None:
    import subprocess
    import sys

    code = "import sys, grader.verify as v; v.threshold(0.9, 0.01, 30); print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("value", [1e101, [1.0, -1e200], {"W": 1}])
def test_what_diverged_is_told_so_before_its_square_overflows(value: object) -> None:
    with pytest.raises(CheckFailure):
        verify.as_array(value, np.shape(np.asarray(value)) if not isinstance(value, dict) else (), "W1")
    with pytest.raises(CheckFailure, match="W1 has entries beyond 1e\\+100: it diverged"):
        verify.as_params({"W1": [1.0, -1e200]}, {"W1": (2,)}, "params")


def test_a_list_without_contents_is_refused_by_its_length() -> None:
    """An array of no columns crosses the wall in a few bytes, whatever its number of rows."""
    empty = np.zeros((2**31, 0))
    with pytest.raises(CheckFailure, match="must have 3 entries; it has 2147483648"):
        verify.as_list(empty, 3, "losses")
    with pytest.raises(CheckFailure, match="more than 100000"):
        verify.as_list(empty, None, "losses")
