"""The course secret: what the hidden inputs are drawn from, so that nobody can work them out beforehand."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from grader.errors import ConfigError

__all__ = ["read_or_create"]

FILE_NAME = ".grader_secret"
SIZE_BYTES = 32


def read_or_create(course: Path) -> bytes:
    """
    Return the secret of the course, made at the first call and readable by its owner alone.

    Losing it loses no grade, but a regrade then draws other inputs: keep it in the course's backup.

    Raises:
        ConfigError: the file is damaged, can't be read or made, or everybody may read it.
    """
    path = course / FILE_NAME
    try:
        return _read_or_create(path)
    except OSError as error:
        raise ConfigError(f"{path}, the course's secret, can't be used: {error.strerror}.") from None


def _read_or_create(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(SIZE_BYTES) + "\n")
    return _read(path)


def _read(path: Path) -> bytes:
    if path.stat().st_mode & 0o007:
        raise ConfigError(f"{path} can be read by everybody: inputs are not hidden. Run: chmod 600 {path}")
    try:
        secret = bytes.fromhex(path.read_text().strip())
    except ValueError:
        secret = b""
    if len(secret) != SIZE_BYTES:
        raise ConfigError(f"{path} is damaged: it must hold {2 * SIZE_BYTES} hexadecimal digits. Restore it.")
    return secret
