"""Files that are there whole or not at all, whatever happens in between."""

from __future__ import annotations

import os
import threading
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """
    Write *data* to *path*, in place of what was there.

    Args:
        path: its folder must be there.
        data: the content.
        mode: of a new file, less the process's umask; by default for its owner alone, as grades are.

    Raises:
        OSError: it can't be written; then *path* is as it was.
    """
    # Two threads, or two processes, may write the same file at the same time.
    scratch = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    scratch.unlink(missing_ok=True)
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
