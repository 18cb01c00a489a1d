"""Answers to a student's calls of a stand-in: trusted functions, given arguments that nobody trusts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from grader.sandbox.inside.messages import Answer, AnswerError, Asked
from grader.sandbox.inside.nodes import Generator, Held, Node, Seed
from grader.sandbox.inside.values import Decoder, Encoder, NotPlain

__all__ = ["Refused", "StandIns"]

# What a hostile argument could make a reference do: sizes and step counts are integers, the rest is arrays.
INTEGERS_SUM = 6_000
ARRAY_ELEMENTS = 4_000_000
SIZES = 64  # a longer vector of integers is labels or indices, and no shape
CALLS = 200_000
# What a reference raises for a bad argument, and a student's `except` may rightly name.
PLAIN_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)


class Refused(Exception):  # noqa: N818 - a verdict on arguments
    """The arguments are beyond what a stand-in takes."""


class StandIns:
    """
    The trusted functions that stand in for the student's own, and their guard.

    Args:
        functions: the student's name → the trusted function.
        frame_bytes: the largest body of an answer.
    """

    def __init__(self, functions: Mapping[str, Callable[..., Any]], frame_bytes: int) -> None:
        self.functions = dict(functions)
        self._frame_bytes = frame_bytes
        self._calls = 0

    def begin(self) -> None:
        """Count from nought: a call of the student's function begins."""
        self._calls = 0

    def answer(
        self, asked: Asked, body: bytes, deadline: float
    ) -> tuple[Answer | AnswerError, list[memoryview]]:
        """Answer one call; whatever is wrong with it becomes an exception on the student's side."""
        self._calls += 1
        generators: list[np.random.Generator] = []
        encoder = Encoder(_nothing_else, self._frame_bytes)
        try:
            function = self._function(asked.name, deadline)
            decoder = Decoder(body, lambda node: _generator(node, generators))
            args = [decoder.decode(node) for node in asked.args]
            kwargs = {name: decoder.decode(node) for name, node in asked.kwargs.items()}
            _guard([*args, *kwargs.values()])
            with np.errstate(all="ignore"):
                value = function(*args, **kwargs)
            return Answer(encoder.encode(value), [_state(each) for each in generators]), encoder.body
        except (Refused, NotPlain) as error:
            return AnswerError("ValueError", f"{asked.name} was given {error}"), []
        except PLAIN_ERRORS as error:
            # The name of a built-in type and the text; nothing else of a trusted exception goes over.
            kind = next(each.__name__ for each in type(error).__mro__ if each.__module__ == "builtins")
            return AnswerError(kind, str(error)[:500]), []

    def _function(self, name: str, deadline: float) -> Callable[..., Any]:
        if self._calls > CALLS:
            raise Refused(f"more than {CALLS:,} calls")
        if time.monotonic() > deadline:
            raise Refused("no more time")
        if name not in self.functions:
            raise Refused("a call after its check")
        return self.functions[name]


def _guard(values: Iterable[Any]) -> None:
    """Refuse arguments that would make a reference work for minutes or fill the memory."""
    total = 0
    todo = list(values)
    while todo:
        value = todo.pop()
        if isinstance(value, (list, tuple)):
            todo += value
        elif isinstance(value, dict):
            todo += value.values()
        elif isinstance(value, np.ndarray):
            total += _size(value)
        elif isinstance(value, int):
            total += abs(value)
        if total > INTEGERS_SUM:
            raise Refused(f"whole numbers whose sum is beyond {INTEGERS_SUM:,}")


def _size(array: np.ndarray) -> int:
    if array.size > ARRAY_ELEMENTS:
        raise Refused(f"an array of more than {ARRAY_ELEMENTS:,} elements")
    if array.dtype.kind in "iu" and array.size <= SIZES:
        return sum(abs(int(each)) for each in array.reshape(-1))
    return 0


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
    raise RuntimeError(f"A stand-in returned a {type(value).__name__}, which can't cross the wall.")
