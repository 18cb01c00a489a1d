"""How the checks of tuning call a student's functions, and what they read out of the answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader import verify
from grader.checks import nets
from grader.checks.tuning.inputs_tuning import Fractions
from grader.errors import CheckFailure
from grader.sandbox import Handle, Rng, Student, Tensor

__all__ = [
    "ALL_SPLIT",
    "PARTS",
    "Part",
    "Tuned",
    "as_settings",
    "assert_one_of",
    "logits_of_model",
    "plain",
    "split_of",
    "tuned",
    "tuned_by",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_PARTS = 1000  # of one value; each is looked at by itself
MOST_LAYERS, MOST_UNITS = 12, 10_000  # of a tuned net that is followed here; nobody tunes larger ones
PARTS = ("train", "val", "test")
ALL_SPLIT = "split (X_train, y_train, X_val, y_val, X_test, y_test)"


class Part(NamedTuple):
    """One part of a split: X (k, n_x), y (k,), and which rows of the data these are."""

    X: FloatArray
    y: IntArray
    rows: IntArray


def split_of(
    student: Student, X: FloatArray, y: IntArray, fractions: Fractions, seed: int
) -> dict[str, Part]:
    """Call the student's split; fail unless its parts consist of rows of X, numbered by its first column."""
    reply = student.call("split", Tensor(X), Tensor(y), fractions, Rng(seed))
    values = verify.as_tuple(reply, 6, ALL_SPLIT)
    known = {row.tobytes(): number for number, row in enumerate(np.ascontiguousarray(X))}
    parts = {}
    for name, rows, labels in zip(PARTS, values[0::2], values[1::2], strict=True):
        size = len(verify.as_list(labels, None, f"y_{name}"))
        y_part = verify.as_array(labels, (size,), f"y_{name}", kind="whole")
        X_part = np.ascontiguousarray(verify.as_array(rows, (size, X.shape[1]), f"X_{name}"))
        numbers = [known.get(row.tobytes(), -1) for row in X_part]
        strange = numbers.count(-1)
        if strange:
            raise CheckFailure(f"{strange} of the {size} rows of X_{name} are not rows of X.")
        parts[name] = Part(X_part, y_part, np.array(numbers, dtype=np.int64))
    return parts


def plain(value: object, name: str) -> Any:
    """
    Return the value of a setting in a form that compares: numbers as floats, lists and dicts as tuples.

    Raises:
        CheckFailure: it holds what no setting does, or far more than any has.
    """
    return _plain(value, name, iter(range(MOST_PARTS)))


def _plain(value: object, name: str, room: Iterator[int]) -> Any:
    size = value.size if isinstance(value, np.ndarray) else 1
    if size > MOST_PARTS or next(room, None) is None:
        raise CheckFailure(f"{name} has more than {MOST_PARTS} parts; the value of a setting has few.")
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict):
        return tuple((str(key), _plain(value[key], name, room)) for key in sorted(value, key=str))
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        return tuple(_plain(each, name, room) for each in verify.as_list(value, None, name))
    return verify.as_number(value, name)


def as_settings(value: object, names: Sequence[str], name: str) -> dict[str, Any]:
    """Check that a dict came back with exactly these names; its values in the form of `plain`."""
    if not isinstance(value, dict):
        raise CheckFailure(f"{name} must be a dict: the name of each setting, and its value.")
    missing, extra = [each for each in names if each not in value], len(set(value) - set(names))
    if missing or extra:
        raise CheckFailure(
            f"{name} has {extra} names too many, and lacks {len(missing)} of the {len(names)} names of the "
            "space."
        )
    return {each: plain(value[each], f"{name}: {each}") for each in names}


def assert_one_of(actual: object, right: Sequence[FloatArray], name: str, *, rtol: float) -> None:
    """Fail unless a returned array equals one of several right ones; the message compares with the first."""
    for candidate in right[1:]:
        try:
            verify.assert_close(actual, candidate, name, rtol=rtol)
        except CheckFailure:
            continue
        return
    verify.assert_close(actual, right[0], name, rtol=rtol)


class Tuned(NamedTuple):
    """What tune returned: the best settings with their accuracy, its model, and the history."""

    best: Mapping[str, Any]
    model: Handle
    history: list[dict[str, Any]]

    @property
    def accuracies(self) -> list[float]:
        """val_accuracy of each training."""
        return [entry["val_accuracy"] for entry in self.history]


def tuned_by(
    student: Student, X: FloatArray, y: IntArray, budget: int, seed: int, seconds: float | None = None
) -> Tuned:
    """Call the student's tune."""
    return tuned(student.call("tune", Tensor(X), Tensor(y), budget, seed, seconds=seconds))


def tuned(value: object) -> Tuned:
    """Read what tune returned; fail unless it has the form that is asked for."""
    best, history = verify.as_tuple(value, 2, "tune (best, history)")
    entries = [
        _entry(each, f"history[{number}]")
        for number, each in enumerate(verify.as_list(history, None, "history"))
    ]
    if not entries:
        raise CheckFailure("tune: history is empty; it has an entry for each training.")
    model = best.get("model") if isinstance(best, dict) else None
    if not isinstance(model, Handle) or not model.callable:
        raise CheckFailure(
            "tune: best must be a dict with the key 'model': the trained torch.nn.Module itself.",
            hint="best is the winner's entry of the history, and its model.",
        )
    return Tuned(_entry(best, "best"), model, entries)


def _entry(value: object, name: str) -> dict[str, Any]:
    """Read one training: its settings in the form of `plain`, and its accuracy."""
    if not isinstance(value, dict) or "val_accuracy" not in value:
        raise CheckFailure(f"tune: {name} must be a dict with the key 'val_accuracy'.")
    entry = {}
    for key, each in value.items():
        if key != "model" and not isinstance(each, Handle):
            entry[str(key)] = plain(each, f"{name}[{str(key)[:20]!r}]")
    accuracy = entry["val_accuracy"] = verify.as_number(value["val_accuracy"], f"{name}['val_accuracy']")
    if not 0 <= accuracy <= 1:
        raise CheckFailure(f"tune: {name}['val_accuracy'] is {accuracy:.3g}; an accuracy is between 0 and 1.")
    if len(entry) == 1:
        raise CheckFailure(f"tune: {name} does not say which hyperparameters the training had.")
    return entry


def logits_of_model(student: Student, model: Handle, X: FloatArray) -> FloatArray:
    """
    Return what a tuned model gives for the rows of X: shape (m, 10).

    Where build_model is right, from the model's parameters, on this side of the wall: it must be such a net
    as build_model makes, with any activation. Who lost the marks of build_model has paid for it: there the
    model itself is asked.
    """
    if "build_model" not in student.right:
        student.call(model, method="eval")
        return verify.as_array(student.call(model, Tensor(X)), (len(X), 10), "tune: the model's logits")
    sizes = _sizes(student.call(model, method="state_dict"), X.shape[1])
    for activation in nets.ACTIVATIONS:
        try:
            layers = nets.layers_of(student, model, sizes, activation, X[:50], "tune")
        except CheckFailure:
            continue
        return nets.logits_of(layers, X, activation)
    raise CheckFailure(
        "tune: best['model'] is not a net of the kind that build_model makes: its outputs are not those of "
        "its weights and biases, with one of the three activations between the layers.",
        hint="Train what build_model returns, on the rows as they are: the model is asked about rows like X.",
    )


def _sizes(state: object, n_x: int) -> list[int]:
    """Follow the weights of a net from its input to its output, by their shapes."""
    shapes = (
        [each.shape for each in state.values() if isinstance(each, np.ndarray)]
        if isinstance(state, dict)
        else []
    )
    rows = not any(len(shape) == 1 for shape in shapes)  # biases of shape (1, n), each behind its weight
    sizes, bias_due = [n_x], False
    for shape in shapes:
        if len(shape) != 2 or sizes[-1] not in shape:
            continue
        if rows and bias_due and 1 in shape:
            bias_due = False
            continue
        sizes.append(int(shape[0] if shape[1] == sizes[-1] else shape[1]))
        bias_due = True
    if len(sizes) > MOST_LAYERS + 1 or max(sizes) > MOST_UNITS:
        raise CheckFailure(
            f"tune: best['model'] has more than {MOST_LAYERS} layers, or one of more than {MOST_UNITS} units."
        )
    return sizes
