"""The nodes that a value becomes in a message; values.py turns values into nodes and back."""

from __future__ import annotations

import msgspec

__all__ = [
    "Array",
    "Big",
    "Complex",
    "Dict",
    "Generator",
    "Held",
    "Items",
    "Node",
    "Seed",
    "Tensor",
    "Tuple",
]


class Items(msgspec.Struct, frozen=True, array_like=True, tag="l"):
    """A list."""

    items: list[Node]


class Tuple(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """A tuple."""

    items: list[Node]


class Dict(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    """A dict, in its order; keys and values stand in two lists of one length."""

    keys: list[str | int]
    values: list[Node]


class Array(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    """A NumPy array in C order; its bytes are the next ones of the frame's body."""

    dtype: str
    shape: list[int]


class Tensor(msgspec.Struct, frozen=True, array_like=True, tag="p"):
    """Arrives as a torch.Tensor of this array; goes to the student's side only."""

    array: Array


class Complex(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """A complex number."""

    real: float
    imag: float


class Big(msgspec.Struct, frozen=True, array_like=True, tag="i"):
    """An integer beyond 64 bits, as hexadecimal text."""

    hexadecimal: str


class Held(msgspec.Struct, frozen=True, array_like=True, tag="h"):
    """Something that stays on the student's side, by its number there."""

    id: int
    type_name: str = ""
    callable: bool = False


class Seed(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """Arrives as a new numpy.random.Generator of this seed; goes to the student's side only."""

    seed: int


class Generator(msgspec.Struct, frozen=True, array_like=True, tag="g"):
    """The state of a student's PCG64 generator that it gave to a stand-in; integers as hexadecimal."""

    state: str
    increment: str
    has_uint32: int
    uinteger: int


Node = (
    None
    | bool
    | int
    | float
    | str
    | Items
    | Tuple
    | Dict
    | Array
    | Tensor
    | Complex
    | Big
    | Held
    | Seed
    | Generator
)
