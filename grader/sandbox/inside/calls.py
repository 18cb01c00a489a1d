"""Calls of the student's functions: find the name, build the arguments, call, and make the reply."""

from __future__ import annotations

import builtins
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .messages import (
    Answer,
    AnswerError,
    Asked,
    Call,
    Failed,
    Reply,
    Returned,
    Unplain,
)
from .nodes import Generator, Held, Node, Seed
from .shell import CELL, describe, own_traceback
from .tensors import array_of, tensor_of, tensors_of
from .values import Decoder, Encoder, NotPlain, TooLarge

__all__ = ["Calls"]

Ask = Callable[[Reply, list[memoryview]], tuple[Any, bytes]]
Parts = tuple[Reply, list[memoryview]]
ALL = -1  # as an index of `opaque`


class Calls:
    """
    Everything that lives between two calls: held objects and stand-ins.

    Args:
        ask: sends a stand-in's call to the trusted side and returns the answer.
        names: the notebook's globals.
        frame_bytes: the largest body of a reply.
    """

    def __init__(self, ask: Ask, names: dict[str, Any], frame_bytes: int) -> None:
        self._ask = ask
        self._names = names
        self._frame_bytes = frame_bytes
        self._held: dict[int, Any] = {}
        self._next = 1
        self._replaced: dict[str, Any] = {}
        self._home = os.getpid()

    def answer(self, request: Call, body: bytes) -> Iterator[Parts]:
        """Make the calls of *request* and yield the reply of each; a failure ends them."""
        for number in request.release:
            self._held.pop(number, None)
        function, kind = self._find(request)
        if kind:
            yield Failed(request.number, kind, "", ""), []
            return
        decoder = Decoder(body, self._resolve, tensor_of)
        kwargs = {name: decoder.decode(node) for name, node in request.kwargs.items()}
        for nodes in request.batch:
            args = [decoder.decode(node) for node in nodes]
            reply, parts = self._one(request, nodes, function, args, kwargs)
            yield reply, parts
            if not isinstance(reply, Returned):
                return

    def _find(self, request: Call) -> tuple[Any, str]:
        if request.handle is not None:
            function = self._held.get(request.handle)
            if request.method:
                function = getattr(function, request.method, None)
        elif not request.name:
            function = _same  # to hold a value that only this side can make
        elif request.name in self._names:
            function = self._names[request.name]
        else:
            return None, "missing"
        return function, "" if callable(function) else "not callable"

    def _one(
        self, request: Call, nodes: list[Node], function: Any, args: list[Any], kwargs: dict[str, Any]
    ) -> Parts:
        counts = dict.fromkeys(request.count, 0)
        restore = self._count(counts)
        function = self._names[request.name] if request.name else function  # it may be counted itself
        try:
            value = function(*args, **kwargs)
            restore()
            return self._returned(request, value, _to_look_at(nodes, args), kwargs, counts)
        except TooLarge as error:
            return Unplain(request.number, str(error), too_large=True), []
        except NotPlain as error:
            return Unplain(request.number, str(error)), []
        except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are the student's too
            return self._failed(request.number, error), []
        finally:
            restore()

    def _returned(
        self, request: Call, value: Any, args: list[Any], kwargs: dict[str, Any], counts: dict[str, int]
    ) -> Parts:
        encoder = Encoder(self._hold, self._frame_bytes, array_of)
        node = self._value(encoder, value, request.opaque)
        if not request.observe:
            return Returned(request.number, node), encoder.body
        after = [encoder.encode(each) for each in args]
        named = {name: encoder.encode(each) for name, each in kwargs.items()}
        return Returned(request.number, node, after, named, counts), encoder.body

    def _value(self, encoder: Encoder, value: Any, opaque: list[int]) -> Node:
        if not opaque:
            return encoder.encode(value)
        if ALL in opaque:
            return self._hold(value)
        if not isinstance(value, (tuple, list)):
            return encoder.encode(value)
        # Held first, so that the encoder sees handles in their places and the rest as it is.
        parts = [_Kept(self._hold(each)) if at in opaque else each for at, each in enumerate(value)]
        return encoder.encode(tuple(parts) if isinstance(value, tuple) else parts)

    def _hold(self, value: Any) -> Node:
        if isinstance(value, _Kept):
            return value.node
        number = self._next
        self._next += 1
        self._held[number] = value
        return Held(number, type(value).__name__[:200], callable(value))

    def _resolve(self, node: Held | Seed | Generator) -> Any:
        if isinstance(node, Held):
            return self._held[node.id]
        if isinstance(node, Seed):
            return np.random.default_rng(node.seed)
        raise NotPlain("a generator from the wrong side")

    def _failed(self, number: int, error: BaseException) -> Failed:
        kind, text = describe(error)
        unwritten = isinstance(error, NotImplementedError)
        return Failed(number, kind, text, own_traceback(error), unwritten, _raised_in(error))

    def _count(self, counts: dict[str, int]) -> Callable[[], None]:
        """Wrap the counted names; return what takes the wrappers away again."""
        wrapped: dict[str, tuple[Any, Any]] = {}
        for name in counts:
            original = self._names.get(name)
            if callable(original):
                self._names[name] = _counted(original, name, counts)
                wrapped[name] = (original, self._names[name])

        def restore() -> None:
            for name, (original, wrapper) in wrapped.items():
                if self._names.get(name) is wrapper:
                    self._names[name] = original

        return restore

    def stand_in(self, names: list[str]) -> None:
        """Put proxies in the place of *names*, and the student's own back in all other places."""
        for name, original in self._replaced.items():
            if original is _Kept:
                self._names.pop(name, None)
            else:
                self._names[name] = original
        self._replaced = {name: self._names.get(name, _Kept) for name in names}
        for name in names:
            self._names[name] = self._proxy(name)

    def _proxy(self, name: str) -> Callable[..., Any]:
        def proxy(*args: Any, **kwargs: Any) -> Any:
            if os.getpid() != self._home or name not in self._replaced:
                raise RuntimeError(f"{name} can only be called while the check runs, and from its process")
            generators: list[Any] = []
            tensors: list[Any] = []
            encoder = Encoder(
                functools.partial(_plain_only, name, generators),
                self._frame_bytes,
                functools.partial(_array_of, tensors),
            )
            try:
                asked = Asked(
                    name,
                    [encoder.encode(each) for each in args],
                    {key: encoder.encode(each) for key, each in kwargs.items()},
                )
            except NotPlain as error:
                raise TypeError(f"{name} was given {error}") from None
            answer, body = self._ask(asked, encoder.body)
            value = self._taken(answer, body, generators)
            return tensors_of(value) if tensors else value  # who gives tensors is answered in tensors

        proxy.__name__ = proxy.__qualname__ = name
        return proxy

    def _taken(self, answer: Any, body: bytes, generators: list[Any]) -> Any:
        if isinstance(answer, AnswerError):
            kind = getattr(builtins, answer.kind, RuntimeError)
            raise kind(answer.text)
        if not isinstance(answer, Answer):
            raise TypeError("an answer was expected")
        for generator, state in zip(generators, answer.generators, strict=True):
            generator.bit_generator.state = {
                "bit_generator": "PCG64",
                "state": {"state": int(state.state, 16), "inc": int(state.increment, 16)},
                "has_uint32": state.has_uint32,
                "uinteger": state.uinteger,
            }
        return Decoder(body, self._resolve).decode(answer.value)


class _Kept:
    """Wraps the node of an opaque part, so that the encoder passes it on; as a class: "nothing was there"."""

    def __init__(self, node: Node) -> None:
        self.node = node


def _same(value: Any) -> Any:
    return value


def _to_look_at(nodes: list[Node], args: list[Any]) -> list[Any]:
    """Return the arguments without those that the other side has a handle to: caches are opaque."""
    return [None if isinstance(node, (Held, Seed)) else each for node, each in zip(nodes, args, strict=True)]


def _plain_only(name: str, generators: list[Any], value: Any) -> Node:
    """Let a PCG64 generator through by its state; refuse everything else that is not plain."""
    if isinstance(value, np.random.Generator) and value.bit_generator.state["bit_generator"] == "PCG64":
        generators.append(value)
        state = value.bit_generator.state
        numbers = state["state"]
        return Generator(
            f"{numbers['state']:x}", f"{numbers['inc']:x}", state["has_uint32"], state["uinteger"]
        )
    raise NotPlain(f"an object of type {type(value).__name__}; {name} takes plain data here")


def _array_of(tensors: list[Any], value: Any) -> Any:
    """Return a tensor's array, and note that there was a tensor; None for everything else."""
    array = array_of(value)
    if array is not None:
        tensors.append(value)
    return array


def _counted(function: Any, name: str, counts: dict[str, int]) -> Any:
    @functools.wraps(function, updated=())
    def counted(*args: Any, **kwargs: Any) -> Any:
        counts[name] += 1
        return function(*args, **kwargs)

    return counted


def _raised_in(error: BaseException) -> str:
    """Return the name of the last of the student's functions in the traceback."""
    name, at = "", error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename.startswith(CELL):
            name = at.tb_frame.f_code.co_name
        at = at.tb_next
    return name[:200]
