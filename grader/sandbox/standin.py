"""Answers to a student's calls of a stand-in: trusted functions, given arguments that nobody trusts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from grader.sandbox.bounds import Bounds, OutOfTime
from grader.sandbox.inside.messages import Answer, AnswerError, Asked
from grader.sandbox.inside.nodes import Generator, Held, Node, Seed
from grader.sandbox.inside.values import Decoder, Encoder, NotPlain

__all__ = ["Refused", "StandIns", "Unasked"]

# What a hostile argument could make a reference do: sizes and step counts are integers, the rest is arrays.
INTEGERS_SUM = 6_000
ARRAY_ELEMENTS = 4_000_000
# The largest axis times the sum of all axes: a product or a broadcast of two arguments has no more elements,
# and neither have the layers of a net together. 2,200 rows with labels and 1,000 steps come to half of it.
OUTER_ELEMENTS = 20_000_000
MATRIX = 2  # axes
SIZES = 64  # a longer vector of integers is labels or indices, and no shape
CALLS = 200_000
INSISTED = 1_000  # calls beyond those, each of which raised, before the process is ended


class Refused(Exception):  # noqa: N818 - a verdict on arguments
    """The arguments are beyond what a stand-in takes."""


class Unasked(Exception):  # noqa: N818 - a verdict on a process
    """No honest process sends this call: the process is to be ended."""


class StandIns:
    """
    The trusted functions that stand in for the student's own, and their guard.

    The guard refuses what is plainly too large, before the function is called; Bounds, which ends the
    function by the clock and by its memory, is for what no guard foresees.

    Args:
        functions: the student's name → the trusted function.
        frame_bytes: the largest body of an answer.
    """

    def __init__(self, functions: Mapping[str, Callable[..., Any]], frame_bytes: int) -> None:
        self.functions = dict(functions)
        self._frame_bytes = frame_bytes
        self._calls = 0
        self._bounds: Bounds | None = None

    def begin(self) -> None:
        """Count from nought: a call of the student's function begins."""
        self._calls = 0

    def end(self) -> None:
        """Stop the clock: no more calls come."""
        if self._bounds is not None:
            self._bounds.close()
            self._bounds = None

    def answer(
        self, asked: Asked, body: bytes, deadline: float
    ) -> tuple[Answer | AnswerError, list[memoryview]]:
        """
        Answer one call; whatever is wrong with it becomes an exception on the student's side.

        Args:
            asked: the call.
            body: the bytes of its arrays.
            deadline: on the monotonic clock; the function is ended then.

        Raises:
            Unasked: there is no stand-in, or the process went on asking after it was refused.
        """
        self._calls += 1
        if not self.functions or self._calls > CALLS + INSISTED:
            raise Unasked("a call of a stand-in that nobody placed, or one too many")
        generators: list[np.random.Generator] = []
        encoder = Encoder(_nothing_else, self._frame_bytes)
        try:
            function = self._function(asked.name)
            decoder = Decoder(body, lambda node: _generator(node, generators))
            args = [decoder.decode(node) for node in asked.args]
            kwargs = {name: decoder.decode(node) for name, node in asked.kwargs.items()}
            _guard([*args, *kwargs.values()])
            if self._bounds is None:
                self._bounds = Bounds(deadline)
            with np.errstate(all="ignore"):
                value = self._bounds.run(function, args, kwargs)
            return Answer(encoder.encode(value), [_state(each) for each in generators]), encoder.body
        except OutOfTime:
            return AnswerError("TimeoutError", f"{asked.name} was given more than it can do in time"), []
        except (Refused, NotPlain) as error:
            return AnswerError("ValueError", f"{asked.name} was given {error}"), []
        except Exception as error:  # noqa: BLE001 - on arguments of a student's, any error is the student's
            # The name of a built-in type and the text; nothing else of a trusted exception goes over.
            kind = next(each.__name__ for each in type(error).__mro__ if each.__module__ == "builtins")
            return AnswerError(kind, str(error)[:500]), []

    def _function(self, name: str) -> Callable[..., Any]:
        if self._calls > CALLS:
            raise Refused(f"more than {CALLS:,} calls")
        if name not in self.functions:
            raise Refused("a call after its check")
        return self.functions[name]


def _guard(values: Sequence[Any]) -> None:
    """Refuse arguments that would make a reference work for minutes or fill the memory."""
    sizes = _Sizes()
    todo = list(values)
    while todo:
        value = todo.pop()
        if isinstance(value, (list, tuple)):
            sizes.axis(len(value))  # NumPy takes a list for an array
            todo += value
        elif isinstance(value, dict):
            todo += value.values()
        elif isinstance(value, np.ndarray):
            sizes.array(value)
        elif isinstance(value, int):
            sizes.integer(value)


class _Sizes:
    """Adds up what the arguments of one call could become: axes of results, and steps."""

    def __init__(self) -> None:
        self._integers = 0
        self._largest = 0
        self._sum = 0

    def axis(self, length: int) -> None:
        """Count one axis."""
        self._sum += length
        self._largest = max(self._largest, length)
        if self._largest * self._sum > OUTER_ELEMENTS:
            raise Refused(f"arrays whose product could have more than {OUTER_ELEMENTS:,} elements")

    def integer(self, value: int) -> None:
        """Count a whole number, which may be the size of an axis or a number of steps."""
        self._integers += abs(value)
        if self._integers > INTEGERS_SUM:
            raise Refused(f"whole numbers whose sum is beyond {INTEGERS_SUM:,}")
        self.axis(abs(value))

    def array(self, array: np.ndarray) -> None:
        """Count an array's axes, and its values where they may be sizes."""
        if array.size > ARRAY_ELEMENTS:
            raise Refused(f"an array of more than {ARRAY_ELEMENTS:,} elements")
        if array.ndim > MATRIX:
            self.axis(array.size)  # products of stacks of matrices multiply their stacks
        for length in array.shape:
            self.axis(length)
        if array.dtype.kind in "iu" and array.size <= SIZES:
            for each in array.reshape(-1):
                self.integer(int(each))
        elif array.dtype.kind in "iu":
            self.axis(max(abs(int(array.min())), abs(int(array.max()))))  # a label, which numbers a class


def _generator(node: Held | Seed | Generator, found: list[np.random.Generator]) -> np.random.Generator:
    """Rebuild a student's generator from its state."""
    if not isinstance(node, Generator):
        raise NotPlain("something that is not plain data")
    bits = np.random.PCG64()
    try:
        bits.state = {
            "bit_generator": "PCG64",
            "state": {"state": int(node.state[:40], 16), "inc": int(node.increment[:40], 16)},
            "has_uint32": node.has_uint32,
            "uinteger": node.uinteger,
        }
    except (ValueError, TypeError, OverflowError) as error:
        raise NotPlain("a generator in an impossible state") from error
    found.append(np.random.Generator(bits))
    return found[-1]


def _state(generator: np.random.Generator) -> Generator:
    state: Any = generator.bit_generator.state
    numbers = state["state"]
    return Generator(f"{numbers['state']:x}", f"{numbers['inc']:x}", state["has_uint32"], state["uinteger"])


def _nothing_else(value: Any) -> Node:
    # Only what the student gave can make a reference return it: a generator in the place of an array.
    raise NotPlain(f"what makes it return a {type(value).__name__}, which can't cross the wall")
