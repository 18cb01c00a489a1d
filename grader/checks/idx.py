"""IDX, the format of MNIST's files: a magic number, the sizes as big-endian words, then the array's bytes."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from grader.errors import ConfigError

__all__ = ["find", "parse", "unpacked"]

UNSIGNED_BYTES = 0x0800  # the magic number's code of the type; the number of axes is added to it


def find(folder: Path, name: str) -> Path | None:
    """Return the file *name* of *folder*, or *name*.gz, or None where neither is there."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def unpacked(path: Path) -> bytes:
    """
    Return what *path* holds, unpacked if its name ends in .gz.

    Raises:
        ConfigError: it can't be read or unpacked.
    """
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{path} can't be read: {error}. Get the file again.") from error


def parse(content: bytes, axes: int, path: Path) -> npt.NDArray[np.uint8]:
    """
    Return the array of an IDX file of unsigned bytes; it shares *content*, and so is not writable.

    Args:
        content: the unpacked file.
        axes: how many the array must have: 3 for images, 1 for labels.
        path: for the messages.

    Raises:
        ConfigError: it is no such file, or not all of it.
    """
    start = 4 + 4 * axes
    if len(content) < start or int.from_bytes(content[:4], "big") != UNSIGNED_BYTES + axes:
        raise ConfigError(
            f"{path} is no IDX file with {axes} axes of unsigned bytes: it must begin with "
            f"{(UNSIGNED_BYTES + axes).to_bytes(4, 'big').hex(' ')} and begins with "
            f"{content[:4].hex(' ') or 'nothing'}. Put the right file in its place."
        )
    shape = struct.unpack(f">{axes}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise ConfigError(
            f"{path} announces {' x '.join(map(str, shape))} bytes and holds {len(content) - start}: "
            "it is cut off, or damaged. Get it again."
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
