"""The folder of the workers' temporary files, which no killed grader leaves for good."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

__all__ = ["WorkersFolder", "clear_away"]

PREFIX = "grader-workers-"


class WorkersFolder:
    """
    A folder for temporary files of all workers of one run: told to end, they clear nothing away.

    As long as its run is there it is locked, so that another run can tell one that nobody uses any more.
    """

    def __init__(self) -> None:
        self._locks = contextlib.ExitStack()
        while not self._made():
            pass  # another run took it for one that nobody uses, before it was locked

    def close(self) -> None:
        """Remove it with all that is in it; a second time, do nothing."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._locks.close()

    def _made(self) -> bool:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        with contextlib.suppress(OSError):  # it is gone, or the file system knows no locks: nobody removes it
            lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            self._locks.callback(os.close, lock)
            fcntl.flock(lock, fcntl.LOCK_EX)
        return self.path.is_dir()


def clear_away() -> None:
    """Remove the folders of runs that were killed; that of a run that is still there stays."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # it is another user's, or gone
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid != os.geteuid():
                    continue  # root could
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
