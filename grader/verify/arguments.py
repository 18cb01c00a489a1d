"""Are the arguments of a call what they were before it? Pure functions leave them alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from grader.errors import CheckFailure
from grader.sandbox.values import Tensor

__all__ = ["Observed", "assert_unchanged"]


class Observed(Protocol):
    """What `assert_unchanged` reads of an Observation (grader.sandbox)."""

    @property
    def args_after(self) -> tuple[Any, ...]:
        """The positional arguments as they are after the call."""

    @property
    def kwargs_after(self) -> Mapping[str, Any]:
        """The keyword arguments as they are after the call."""


def assert_unchanged(
    observation: Observed,
    args: Sequence[object],
    kwargs: Mapping[str, object] | None = None,
    names: Sequence[str] = (),
) -> None:
    """
    Fail if the call changed one of its arguments: arrays are compared bit for bit, containers entry by entry.

    What is neither data nor a container of it (a handle, a generator) may change as it likes.

    Args:
        observation: what `student.observe` returned.
        args: the positional arguments as they were sent.
        kwargs: the keyword arguments as they were sent.
        names: the positional arguments' names, for the message.

    Raises:
        CheckFailure: an argument is not what it was.
    """
    labels = [*names, *(f"argument {i + 1}" for i in range(len(names), len(args)))]
    before = [*zip(labels, args, strict=False), *(kwargs or {}).items()]
    after = [*observation.args_after, *((observation.kwargs_after or {}).get(key) for key in kwargs or {})]
    for (label, sent), left in zip(before, after, strict=False):
        changed = _changed(sent, left, label)
        if changed:
            raise CheckFailure(
                f"The function changes its argument {changed}.",
                hint="`a += …`, `a[…] = …` and `out=` write into the caller's array; compute a new one.",
            )


def _changed(sent: object, left: object, label: str) -> str:
    """Return which part of an argument changed, in words; empty where nothing did."""
    if isinstance(sent, Tensor):
        sent = sent.array
    if isinstance(sent, np.ndarray):
        return _changed_array(sent, left, label)
    if isinstance(sent, Mapping):
        if not isinstance(left, Mapping) or set(map(str, left)) != set(map(str, sent)):
            return f"{label} (its keys are not the same after the call)"
        return _first(_changed(sent[key], left.get(key), f"{label}[{key!r}]") for key in sent)
    if isinstance(sent, (list, tuple)):
        if not isinstance(left, (list, tuple)) or len(left) != len(sent):
            return f"{label} (its length is not the same after the call)"
        parts = zip(sent, left, strict=True)
        return _first(_changed(a, b, f"{label}[{i}]") for i, (a, b) in enumerate(parts))
    # In a list that was sorted, say. An array in its place would answer with an array.
    another = isinstance(sent, (int, float, str)) and (
        not isinstance(left, (int, float, str, np.generic)) or bool(left != sent)
    )
    return f"{label} (its value is not the same after the call)" if another else ""


def _changed_array(sent: npt.NDArray[Any], left: object, label: str) -> str:
    if not isinstance(left, np.ndarray) or left.shape != sent.shape or left.dtype != sent.dtype:
        return f"{label} (its shape or dtype is not the same after the call)"
    if sent.tobytes() == left.tobytes():
        return ""
    width = sent.dtype.itemsize
    old = np.frombuffer(sent.tobytes(), np.uint8).reshape(-1, width)
    new = np.frombuffer(left.tobytes(), np.uint8).reshape(-1, width)
    return f"{label}: {int((old != new).any(axis=1).sum())} of {sent.size} entries differ after the call"


def _first(found: Iterable[str]) -> str:
    return next((words for words in found if words), "")
