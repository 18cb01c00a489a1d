"""What crosses the wall besides plain data: handles and seeds; and what an observed call gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from grader.errors import CheckFailure

__all__ = ["Call", "Handle", "Observation", "Rng", "Shown", "Tensor", "Value"]

Value: TypeAlias = Any  # None, bool, int, float, complex, str, list, tuple, dict, numpy.ndarray, Handle


class Rng(msgspec.Struct, frozen=True):
    """As an argument: a new numpy.random.Generator of this seed on the student's side, at each call."""

    seed: int


class Tensor:
    """
    As an argument: an array that arrives as a torch.Tensor on the CPU, a fresh one at each call.

    Args:
        array: numbers of any shape. float64 becomes float32 and whole numbers int64, as PyTorch's models and
            losses take them; uint8 (images) and booleans stay what they are.
    """

    __slots__ = ("array",)

    def __init__(self, array: npt.ArrayLike) -> None:
        given = np.asarray(array)
        kind = np.float32 if given.dtype.kind == "f" else np.int64
        self.array = given if given.dtype in (np.uint8, np.bool_) else given.astype(kind)


class Handle:
    """
    Something that stays on the student's side: a cache, a model, a function that a function returned.

    It can be passed back as an argument, and called in place of a name where it is callable.

    Args:
        id: its number there.
        type_name: the name of its type there; for messages.
        callable: whether it can be called.
        fork: which of the student's processes it lives in.
        released: is told the number when nobody here holds the handle any more.
    """

    __slots__ = ("_fork", "_id", "_released", "callable", "type_name")

    def __init__(self, id: int, type_name: str, callable: bool, fork: int, released: list[int]) -> None:  # noqa: A002 - as in the message
        self._id = id
        self.type_name = type_name
        self.callable = callable
        self._fork = fork
        self._released = released

    def __repr__(self) -> str:
        return f"<{self.type_name} on the student's side>"

    def __del__(self) -> None:
        self._released.append(self._id)

    def number_in(self, fork: int) -> int | None:
        """Return its number in that process, or None if it lived in an earlier one."""
        return self._id if fork == self._fork else None


class Observation(NamedTuple):
    """
    A call, and what it did beside returning.

    Args:
        value: what it returned.
        args_after: the positional arguments as they are afterwards; a Handle or Rng as it was given.
        kwargs_after: the keyword arguments likewise.
        calls: counted name → calls meanwhile.
        seconds: wall time, the way through the wall included.
    """

    value: Value
    args_after: tuple[Value, ...]
    kwargs_after: Mapping[str, Value]
    calls: Mapping[str, int]
    seconds: float


class Shown(NamedTuple):
    """
    What a check shows the student although it passed: how far a training came.

    Args:
        message: the figure, in words.
        picture: an SVG document, or empty.
    """

    message: str = ""
    picture: str = ""


class Call(NamedTuple):
    """One entry of a student's log: what was called and what came of it."""

    name: str
    outcome: Value | CheckFailure
