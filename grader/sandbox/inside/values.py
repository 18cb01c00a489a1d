"""Python values to the nodes of a message and back; the same rules on both sides of the wall."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .nodes import Array, Big, Complex, Dict, Generator, Held, Items, Node, Seed, Tensor, Tuple

__all__ = ["Decoder", "Encoder", "NotPlain", "TooLarge"]

# Numbers of at most 16 bytes, by NumPy's type codes: text and objects would carry bytes that nobody checked.
NAMES = {np.dtype(code).num: np.dtype(code).name for code in "?bhilqBHILQefdgFD"}
DTYPES = frozenset(NAMES.values())
PLAIN = frozenset([type(None), bool, float])  # most of what is in a message
DEPTH = 64
BIG_BITS = 4096
NODES = 200_000  # values of one message; beyond that, numbers belong in an array
TEXT_BYTES = 4 * 1024 * 1024  # all text of one message
DIMENSIONS = 32


class NotPlain(Exception):  # noqa: N818 - a verdict on a value
    """A value can't cross; the text completes "forward returned ..."."""


class TooLarge(NotPlain):
    """A value is larger than a frame may be."""


class Encoder:
    """
    Turns values into nodes, and collects the bytes of their arrays.

    Args:
        other: makes the node of a value that is not plain data; raises NotPlain if it must not cross.
        limit: the most bytes of arrays.
        plain: gives the array of a value that stands for one (a tensor), or None; by default, nothing does.
    """

    def __init__(
        self, other: Callable[[Any], Node], limit: int, plain: Callable[[Any], Any] = lambda _: None
    ) -> None:
        self.body: list[memoryview] = []
        self._other = other
        self._plain = plain
        self._left = limit
        self._nodes = NODES
        self._text_left = TEXT_BYTES
        self._path: set[int] = set()

    def encode(self, value: Any) -> Node:
        """
        Return the node of *value*; its arrays' bytes are added to the body.

        Raises:
            NotPlain: it contains itself, is nested too deep, or has keys or a dtype that can't cross.
            TooLarge: it is beyond the limit.
        """
        self._nodes -= 1
        if self._nodes < 0:
            raise TooLarge(f"more than {NODES:,} values")
        kind = type(value)
        if kind in PLAIN:
            plain: Node = value
            return plain
        if kind is np.ndarray:
            return self._array(value)
        if isinstance(value, (np.generic, np.ndarray)):
            return self._numpy(value)
        if isinstance(value, (list, tuple, dict)):
            return self._container(value)
        return self._scalar(value)

    def _scalar(self, value: Any) -> Node:
        if isinstance(value, bool) or value is None:
            return bool(value)
        if isinstance(value, int):
            return self._int(int.__int__(value))
        if isinstance(value, float):
            return float.__float__(value)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, complex):
            return Complex(value.real, value.imag)
        array = self._plain(value)
        return self._other(value) if array is None else self._array(array)

    def tensor(self, array: Any) -> Node:
        """Return the node of an array that arrives as a torch.Tensor."""
        node = self._array(array)
        return Tensor(node)

    def _text(self, value: str) -> str:
        # A lone surrogate is no text that can be sent.
        content = str.encode(value, "utf-8", "replace")
        self._text_left -= len(content)
        if self._text_left < 0:
            raise TooLarge(f"text of {len(value):,} characters")
        return content.decode()

    def _key(self, key: Any) -> str | int:
        if isinstance(key, str):
            return self._text(key)
        if isinstance(key, (int, np.integer)) and abs(int(key)) < 2**63:
            return int(key)
        raise NotPlain(f"a dict with a key of type {type(key).__name__}"[:200])

    def _int(self, value: int) -> Node:
        if -(2**63) <= value < 2**64:
            return value
        if value.bit_length() > BIG_BITS:
            raise NotPlain(f"an integer of {value.bit_length():,} bits")
        return Big(f"{value:x}")

    def _numpy(self, value: Any) -> Node:
        if isinstance(value, np.str_):
            return self._text(str.__str__(value))  # what rng.choice gives of a list of names
        if isinstance(value, (np.float64, np.int64, np.bool_)):
            scalar: bool | int | float = value.item()
            return scalar
        # Other scalars keep their dtype as 0-d arrays; subclasses (matrix) become plain arrays.
        return self._array(np.array(value, subok=False))

    def _array(self, value: Any) -> Array:
        name = NAMES.get(value.dtype.num)
        if name is None:
            raise NotPlain(f"an array of dtype {value.dtype}"[:200])
        if not (value.flags.c_contiguous and value.dtype.isnative):
            value = np.array(value, dtype=value.dtype.newbyteorder("="), order="C", copy=True)
        self._left -= value.nbytes
        if not value.size:
            self._nodes -= _empty(value.shape)
        if self._left < 0 or self._nodes < 0:
            raise TooLarge(f"an array of shape {value.shape}"[:200])
        if value.nbytes:
            self.body.append(memoryview(value.reshape(-1).view(np.uint8)))
        return Array(name, list(value.shape))

    def _container(self, value: Any) -> Node:
        if id(value) in self._path:
            raise NotPlain(f"a {_kind(value)} that contains itself")
        if len(self._path) >= DEPTH:
            raise NotPlain(f"a {_kind(value)} nested more than {DEPTH} deep")
        self._path.add(id(value))
        try:
            if isinstance(value, dict):
                keys = [self._key(key) for key in dict.keys(value)]
                return Dict(keys, [self.encode(each) for each in dict.values(value)])
            if isinstance(value, tuple):
                return Tuple([self.encode(each) for each in tuple.__iter__(value)])
            return Items([self.encode(each) for each in list.__iter__(value)])
        finally:
            self._path.discard(id(value))


def _kind(value: Any) -> str:
    return next(kind.__name__ for kind in (dict, tuple, list) if isinstance(value, kind))


class Decoder:
    """
    Turns nodes into values; arrays are fresh copies of the body's bytes.

    Args:
        body: the frame's body.
        resolve: makes the value of a Held, Seed or Generator; raises NotPlain if it is not welcome here.
        tensor: makes a tensor of an array; None: no tensor is welcome here.
    """

    def __init__(
        self,
        body: bytes,
        resolve: Callable[[Held | Seed | Generator], Any],
        tensor: Callable[[Any], Any] | None = None,
    ) -> None:
        self._body = memoryview(body)
        self._at = 0
        self._resolve = resolve
        self._tensor = tensor
        self._nodes = NODES

    def decode(self, node: Node, depth: int = 0) -> Any:
        """
        Return the value of *node*.

        Raises:
            NotPlain: the node is inconsistent: lengths, sizes, a dtype that is not allowed, nested too deep.
        """
        self._nodes -= 1
        if self._nodes < 0 or depth > DEPTH:
            raise NotPlain("a value nested too deep or of too many parts")
        if isinstance(node, Array):
            return self._array(node)
        if isinstance(node, Items):
            return [self.decode(each, depth + 1) for each in node.items]
        if isinstance(node, Tuple):
            return tuple(self.decode(each, depth + 1) for each in node.items)
        if isinstance(node, Dict):
            if len(node.keys) != len(node.values):
                raise NotPlain("a dict with more keys than values, or fewer")
            values = [self.decode(each, depth + 1) for each in node.values]
            return dict(zip(node.keys, values, strict=True))
        return self._leaf(node)

    def _leaf(self, node: Node) -> Any:
        if isinstance(node, Complex):
            return complex(node.real, node.imag)
        if isinstance(node, Big):
            return _big(node)
        if isinstance(node, (Held, Seed, Generator)):
            return self._resolve(node)
        if isinstance(node, Tensor):
            if self._tensor is None:
                raise NotPlain("a tensor, which comes as an array")
            return self._tensor(self._array(node.array))
        return node

    def _array(self, node: Array) -> Any:
        if node.dtype not in DTYPES:
            raise NotPlain(f"an array of dtype {node.dtype!r}"[:200])
        self._check_shape(node.shape)
        dtype = np.dtype(node.dtype)
        end = self._at + math.prod(node.shape) * dtype.itemsize
        if end > len(self._body):
            raise NotPlain("an array with fewer bytes than its shape says")
        content = np.frombuffer(self._body[self._at : end], dtype=np.uint8)
        self._at = end
        if node.dtype == "bool":
            content = content != 0  # any other byte would be a bool that is neither true nor false
        try:
            array = np.empty(node.shape, dtype)
        except ValueError as error:
            raise NotPlain("an array with an impossible shape") from error
        if content.size:
            array.reshape(-1).view(np.uint8)[:] = content
        return array

    def _check_shape(self, shape: list[int]) -> None:
        if len(shape) > DIMENSIONS or any(not 0 <= length < 2**31 for length in shape):
            raise NotPlain("an array with an impossible shape")
        if 0 in shape:
            self._nodes -= _empty(shape)
            if self._nodes < 0:
                raise NotPlain("an array of no elements with too long an axis")


def _empty(shape: Sequence[int]) -> int:
    """Return what an array without elements counts: it has no bytes, but who takes its rows makes many."""
    return math.prod(max(1, length) for length in shape)


def _big(node: Big) -> int:
    if len(node.hexadecimal) > BIG_BITS:
        raise NotPlain("an integer of too many digits")
    try:
        return int(node.hexadecimal, 16)
    except ValueError as error:
        raise NotPlain("an integer that is none") from error
