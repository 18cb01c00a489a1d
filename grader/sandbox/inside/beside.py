"""The course's files beside a notebook: packed outside, unpacked into a fork's scratch before any cell."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import msgspec

__all__ = ["Beside", "pack"]

LENGTH = struct.Struct("<Q")
PIECE_BYTES = 1024 * 1024
PAGE_BYTES = 4096
READ_ONLY = 0o444  # a reminder, not a wall: they are the student's own copies


def pack(files: Mapping[str, bytes], target: BinaryIO) -> None:
    """Write *files*, relative path → content, one after another, behind a list of their names and sizes."""
    header = msgspec.msgpack.encode([(name, len(content)) for name, content in files.items()])
    target.write(LENGTH.pack(len(header)) + header)
    for content in files.values():
        target.write(content)


class Beside:
    """
    The packed files, seen from a fork.

    Args:
        descriptor: of the packed files. All forks share it, so it is read by position and never moved.
    """

    def __init__(self, descriptor: int) -> None:
        (length,) = LENGTH.unpack(os.pread(descriptor, LENGTH.size, 0))
        header = os.pread(descriptor, length, LENGTH.size)
        self._descriptor = descriptor
        self._start = LENGTH.size + length
        self._files = msgspec.msgpack.decode(header, type=list[tuple[str, int]])

    @property
    def bytes(self) -> int:
        """What they take in a tmpfs."""
        return sum(-(-size // PAGE_BYTES) * PAGE_BYTES for _, size in self._files)

    @property
    def inodes(self) -> int:
        """How many files and folders they are, at most."""
        return sum(len(PurePosixPath(name).parts) for name, _ in self._files)

    @property
    def modules(self) -> frozenset[str]:
        """The top-level names that can be imported of them."""
        code = [PurePosixPath(name) for name, _ in self._files if name.endswith(".py")]
        return frozenset(path.parts[0].removesuffix(".py") for path in code)

    def unpack(self, folder: Path) -> None:
        """Write them into *folder*, and let go of the packed ones."""
        at = self._start
        for name, size in self._files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for begin in range(at, at + size, PIECE_BYTES):
                    file.write(os.pread(self._descriptor, min(PIECE_BYTES, at + size - begin), begin))
            path.chmod(READ_ONLY)
            at += size
        os.close(self._descriptor)
