"""
Collecting what students handed in, without trusting what stands in the exchange.

Anybody may write into nbgrader's inbound folder, under any name. nbgrader's own collect takes the newest
folder that bears a student's name, whoever made it, and follows links with the rights of the account that
collects: a link to a solution would come in as somebody's work. Here a folder counts only if it is its
student's own, and of it only plain files that are.

When it was handed in stands in the folder's name, which its student chose, and in a file that its student
can change or delete. The name is what counts here; and what was changed long after it is named, since the
file system knows.
"""

from __future__ import annotations

import datetime
import fnmatch
import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbgrader.exchange.default import ExchangeCollect
from nbgrader.utils import parse_utc

from grader.terminal import plain_line

__all__ = ["CourseCollect"]

REFUSED = ""  # stands for the student in the record of a folder that is not taken
KIBIBYTE = 1024
ENTRIES = 1000  # in one submission: files, folders, and what is left out
DEPTH = 8  # of folders in one submission
TIMESTAMP = "timestamp.txt"  # where nbgrader looks when it works out how late a submission is
HANDING_IN = 600.0  # seconds that it may take, from the time in the name to the last file


class CourseCollect(ExchangeCollect):  # type: ignore[misc]
    """Takes a folder of the exchange for a student's submission only if the student made it."""

    src_records: list[dict[str, Any]]
    check_owner: bool
    _counts_owner: bool

    def init_src(self) -> None:
        """Look for submissions; what is not its student's own has been named in the log and is left out."""
        super().init_src()
        self.src_records = [record for record in self.src_records if record["username"] != REFUSED]

    def copy_files(self) -> None:
        """Copy what was found; whose it is, init_src has looked at, and do_copy looks again."""
        # nbgrader's own look at the owner, which only warns, stops for all at a folder that has just gone.
        self._counts_owner = bool(self.check_owner)
        self.check_owner = False
        super().copy_files()

    def _path_to_record(self, path: str) -> dict[str, Any]:
        try:
            record: dict[str, Any] = super()._path_to_record(path)
        except Exception:  # noqa: BLE001 - what the date parser raises on a student's text is not documented
            return self._refused(path, "its name has no date in it")
        try:
            refusal = self._refusal(Path(path), record["username"])
        except OSError as error:  # its student may take it away at any moment
            refusal = f"it can't be looked at ({error.strerror})"
        return self._refused(path, refusal) if refusal else record

    def _refused(self, path: str, why: str) -> dict[str, Any]:
        self.log.warning(
            "Not collected: %s: %s. Somebody may have tried to cheat.", _shown(path), _shown(why)
        )
        oldest = datetime.datetime(1970, 1, 1)  # like nbgrader's, without a zone
        return {"username": REFUSED, "filename": Path(path).name, "timestamp": oldest}

    def _refusal(self, folder: Path, student_id: str) -> str:
        if student_id.startswith("."):
            return f"{student_id!r} is no student"
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            return "it is not a folder"
        if self.check_owner and found.st_uid != _uid(student_id):
            return f"it belongs to {_name(found.st_uid)}, not to {student_id}"
        return ""

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:  # noqa: ARG002 - nbgrader's signature
        """
        Copy a submission's plain files, never through a link; what is left out is named in the log.

        Args:
            src: the folder in the exchange, which its student can still change.
            dest: the folder to make.
            log: not used.
        """
        student_id, _, claimed = Path(src).name.rsplit("+", 3)[:3]
        owner = _uid(student_id) if self._counts_owner else None
        try:
            with _opened(src, os.O_DIRECTORY) as folder:
                if owner is not None and os.fstat(folder).st_uid != owner:
                    raise PermissionError("it is not its student's own any more")
                Path(dest).mkdir(parents=True)
                copy = _Copy(self, owner)
                copy.take(folder, Path(dest), depth=0)
                told = parse_utc(claimed)
                _write(Path(dest, TIMESTAMP), f"{told:%Y-%m-%d %H:%M:%S.%f} UTC".encode())
            self._warn_of_later(student_id, told, copy.changed)
        except OSError as error:  # one student's doing must not stop the others' submissions
            self.log.error("Not collected: %s: %s", _shown(src), error.strerror or error)  # noqa: TRY400 - no fault in our code
        except _CannotWriteError as error:  # half a submission would be graded as if it were whole
            shutil.rmtree(dest, ignore_errors=True)
            self.log.error(  # noqa: TRY400 - no fault in our code
                "Not collected: %s: %s. Nothing of it was kept; make room, and collect again.",
                _shown(src),
                error,
            )

    def _warn_of_later(self, student_id: str, told: datetime.datetime, changed: float) -> None:
        """Name a submission that was changed later than it says it was handed in."""
        if changed - told.replace(tzinfo=datetime.UTC).timestamp() > HANDING_IN:
            found = datetime.datetime.fromtimestamp(changed, datetime.UTC)
            self.log.warning(
                "%s: handed in %s UTC, it says; but in the exchange it was last changed %s UTC. If the "
                "exchange was not moved or restored meanwhile, this may be late work; ask the student.",
                *(student_id, f"{told:%Y-%m-%d %H:%M:%S}", f"{found:%Y-%m-%d %H:%M:%S}"),
            )


class _CannotWriteError(Exception):
    """A fault on our side of the copy, such as a full disk, and not in what was handed in."""


class _Copy:
    """One submission on its way: what it may still bring."""

    def __init__(self, collect: CourseCollect, owner: int | None) -> None:
        self.log = collect.log
        self.owner = owner
        self.ignored = collect.coursedir.ignore
        self.file_bytes = collect.coursedir.max_file_size * KIBIBYTE
        self.bytes_left = collect.coursedir.max_dir_size * KIBIBYTE
        self.entries_left = ENTRIES
        self.changed = 0.0  # when any of it was last changed; by the system's clock, which no student can set

    def take(self, folder: int, target: Path, depth: int) -> None:
        """Copy what stands in the open *folder* to *target*, which is there."""
        self.changed = max(self.changed, os.fstat(folder).st_ctime)
        for name in sorted(os.listdir(folder)):
            if any(fnmatch.fnmatch(name, pattern) for pattern in self.ignored):
                continue
            if depth == 0 and name == TIMESTAMP:
                continue  # ours takes its place; a folder of this name would stop every later collecting
            if not self._may_take(target / name):
                return
            try:
                # No link is followed; and a pipe with nobody at its other end does not hold us up.
                with _opened(name, os.O_NONBLOCK, folder) as entry:
                    self._take_one(entry, target / name, depth)
            except OSError as error:
                self.log.warning("Left out: %s: %s", _shown(target / name), error.strerror or error)

    def _may_take(self, target: Path) -> bool:
        """Count an entry; the one that is too many is named, and nothing is looked at from there on."""
        if self.entries_left == 0:
            self.log.warning(
                "Left out: %s and all that follows: more than %d entries", _shown(target), ENTRIES
            )
        self.entries_left -= 1
        return self.entries_left >= 0

    def _take_one(self, entry: int, target: Path, depth: int) -> None:
        found = os.fstat(entry)
        if self.owner is not None and found.st_uid != self.owner:
            raise PermissionError("it belongs to somebody else")
        if stat.S_ISDIR(found.st_mode) and depth < DEPTH:
            target.mkdir()
            self.take(entry, target, depth + 1)
        elif stat.S_ISREG(found.st_mode):
            self.changed = max(self.changed, found.st_ctime)
            self._take_file(entry, found.st_size, target)
        else:
            raise OSError("it is not a plain file")

    def _take_file(self, entry: int, size: int, target: Path) -> None:
        most = min(self.file_bytes, self.bytes_left)
        content = b""
        if size <= most:  # before it is read: a file of holes takes its student no room, and us seconds
            with os.fdopen(os.dup(entry), "rb") as source:
                content = source.read(most + 1)
        if max(size, len(content)) > most:
            raise OSError("it is too large")
        self.bytes_left -= len(content)
        _write(target, content)


def _write(target: Path, content: bytes) -> None:
    try:
        target.write_bytes(content)
    except OSError as error:
        raise _CannotWriteError(f"{_shown(target)} can't be written: {error.strerror}") from None


@contextmanager
def _opened(path: str, flags: int, folder: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _shown(path: str | Path) -> str:
    """Return a name for the log; a student chose it, and it must not start lines or steer a terminal."""
    return plain_line(str(path)).plain


def _uid(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return -1  # nobody's


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user {uid}"
