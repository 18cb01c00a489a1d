"""
The course's own files beside a notebook: students have them in their folder, so a notebook may read them.

They come from the course's source folder and never from a submission: a student's numpy.py stays outside.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grader.config import MEBIBYTE
from grader.errors import ConfigError
from grader.sandbox.inside.beside import pack

__all__ = ["Released", "contents", "digest", "packed", "released"]

MOST_BYTES = 64 * MEBIBYTE  # copied for each submission, into memory
MOST_FILES = 1000
LEFT_OUT = ("__pycache__",)
LEFT_OUT_ENDS = (".ipynb", ".pyc")

# Relative path, the file here, its size and its time of change: as long as these stay, so does the content.
Released = tuple[tuple[str, Path, int, int], ...]


def released(folder: Path | None) -> Released:
    """
    List the files of *folder* that a notebook finds beside it: no notebooks, no links, nothing hidden.

    Args:
        folder: the assignment's source folder; None, or one that is not there, has none.

    Raises:
        ConfigError: they are too many or too large.
    """
    if folder is None or not folder.is_dir():
        return ()
    files = tuple(sorted(_walk(folder, "")))
    total = sum(size for _, _, size, _ in files)
    if total > MOST_BYTES or len(files) > MOST_FILES:
        raise ConfigError(
            f"{folder} has {len(files)} files of {total / MEBIBYTE:.0f} MiB beside its notebooks. At most "
            f"{MOST_FILES} of {MOST_BYTES // MEBIBYTE} MiB go to grading. What grading does not need can be "
            "in a folder whose name begins with a dot."
        )
    return files


@functools.lru_cache(maxsize=64)
def digest(files: Released) -> bytes:
    """Return the SHA-256 of names and contents."""
    total = hashlib.sha256()
    for name, content in contents(files).items():
        total.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return total.digest()


def packed(files: Released) -> int:
    """Return a descriptor of the packed files, for reading only; the file has no name and goes with it."""
    with tempfile.NamedTemporaryFile(prefix="beside-") as target:
        pack(contents(files), target)  # type: ignore[arg-type]  # it has the methods of its file
        target.flush()
        return os.open(target.name, os.O_RDONLY | os.O_CLOEXEC)


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, Path, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.name.startswith(".") or entry.name in LEFT_OUT or name.endswith(LEFT_OUT_ENDS):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{name}/")
            elif entry.is_file(follow_symlinks=False):
                known = entry.stat(follow_symlinks=False)
                yield name, Path(entry.path), known.st_size, known.st_mtime_ns


def contents(files: Released) -> dict[str, bytes]:
    """
    Read the files: name → content.

    Raises:
        ConfigError: one can't be read.
    """
    try:
        return {name: path.read_bytes() for name, path, _, _ in files}
    except OSError as error:
        raise ConfigError(f"A file beside a notebook can't be read: {error}.") from error
