"""
Reading a submitted file, which may be anything.

Nothing of the file is trusted: it may be a link, a pipe, a gigabyte, not JSON, or JSON of the wrong shape.
It is decoded into declared types, so that what is not asked for (outputs, widgets, metadata) is skipped and
never becomes an object. Of a cell's metadata only its name, the `grade_id`, is kept.
"""

from __future__ import annotations

import base64
import binascii
import errno
import os
import stat
from pathlib import Path
from typing import TypeVar

import msgspec

from grader.errors import SubmissionError

__all__ = ["Document", "Draft", "is_base64", "parse", "read_bytes", "read_document"]

MAX_CELLS = 1000  # the course's longest notebook has under a hundred; nbgrader takes milliseconds for each
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
Lines = str | list[str] | None
T = TypeVar("T")


class Draft(msgspec.Struct, frozen=True):
    """
    A cell as it was handed in.

    Args:
        kind: "code", "markdown" or "raw".
        source: its text.
        grade_id: the name that it claims; empty if none.
        attachments: file name → MIME type → base64 text, checked; pictures only.
    """

    kind: str
    source: str
    grade_id: str = ""
    attachments: dict[str, dict[str, str]] = {}


class Document(msgspec.Struct, frozen=True):
    """A submitted notebook: its cells, and what student and instructor should know of how it was read."""

    cells: tuple[Draft, ...]
    notes: tuple[str, ...] = ()


class _Cell(msgspec.Struct):
    cell_type: str = "raw"
    source: Lines = ""
    input: Lines = ""  # what `source` was called in format 3
    level: int = 1  # of a heading cell, format 3
    metadata: msgspec.Raw = msgspec.Raw(b"{}")
    attachments: msgspec.Raw = msgspec.Raw(b"{}")


class _Worksheet(msgspec.Struct):
    cells: list[_Cell] = []


class _File(msgspec.Struct):
    nbformat: int
    nbformat_minor: int = 0
    cells: list[_Cell] = []
    worksheets: list[_Worksheet] = []
    metadata: msgspec.Raw = msgspec.Raw(b"{}")


class _Name(msgspec.Struct):
    grade_id: str = ""


class _CellMetadata(msgspec.Struct):
    nbgrader: _Name = msgspec.field(default_factory=_Name)


class _Kernel(msgspec.Struct):
    name: str = ""
    language: str = ""


class _NotebookMetadata(msgspec.Struct):
    kernelspec: _Kernel = msgspec.field(default_factory=_Kernel)
    language_info: _Kernel = msgspec.field(default_factory=_Kernel)


def read_document(path: Path, limit_bytes: int) -> Document:
    """
    Read a submitted notebook.

    Args:
        path: the file.
        limit_bytes: the largest file that is read.

    Raises:
        SubmissionError: it can't be read as a notebook; the message says why and what to do.
    """
    return parse(read_bytes(path, limit_bytes))


def read_bytes(path: Path, limit_bytes: int) -> bytes:
    """
    Read a plain file, and only a plain file.

    Raises:
        SubmissionError: it is a link, a folder, a pipe or a device, too large, or can't be opened.
    """
    # Not followed and not waited for: a link may lead to another student's work, a pipe never answers.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SubmissionError("The file is a link. Hand in the notebook itself.") from None
        raise SubmissionError(f"The file can't be opened: {error.strerror}.") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SubmissionError(
                "It is not a file (but a folder, pipe or device). Hand in the notebook itself."
            )
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(limit_bytes + 1)
    finally:
        os.close(descriptor)
    if len(data) > limit_bytes:
        size = max(status.st_size, len(data)) / 2**20
        raise SubmissionError(
            f"The file is too large: {size:.1f} MiB; at most {limit_bytes / 2**20:.1f} MiB are read. "
            "Clear the outputs (Kernel → Restart Kernel and Clear Outputs), save and hand in again."
        )
    return data


def parse(data: bytes) -> Document:
    """
    Decode the bytes of a notebook file.

    Args:
        data: JSON of notebook format 3 or 4.

    Raises:
        SubmissionError: empty, not JSON, not a notebook, of another format, or of too many cells.
    """
    data = data.removeprefix(BYTE_ORDER_MARK)
    if not data.strip():
        raise SubmissionError("The file is empty. Save the notebook in Jupyter and hand it in again.")
    try:
        file = msgspec.json.decode(data, type=_File)
    except msgspec.ValidationError as error:
        raise SubmissionError(f"The file is not a notebook: {error}. Open and save it in Jupyter.") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise SubmissionError(
            f"The file is damaged: it is not the JSON text that a notebook consists of ({error}). "
            "Open and save it in Jupyter."
        ) from None
    notes = [*_format_notes(file), *_kernel_notes(file)]
    cells = file.cells if file.nbformat == 4 else [cell for sheet in file.worksheets for cell in sheet.cells]
    if len(cells) > MAX_CELLS:
        raise SubmissionError(f"The notebook has {len(cells)} cells; at most {MAX_CELLS} are read.")
    return Document(tuple(_draft(cell) for cell in cells), tuple(notes))


def _format_notes(file: _File) -> list[str]:
    if file.nbformat == 4:
        return []
    if file.nbformat == 3:
        return ["The notebook was saved in the old notebook format 3; it was read all the same."]
    raise SubmissionError(
        f"The notebook is in format {file.nbformat}.{file.nbformat_minor}; formats 3 and 4 can be read. "
        "Open it in Jupyter and save it in format 4."
    )


def _kernel_notes(file: _File) -> list[str]:
    metadata = _decode(file.metadata, _NotebookMetadata)
    language = metadata.kernelspec.language or metadata.language_info.name
    name = metadata.kernelspec.name
    if language.lower() in ("", "python", "ipython") and ("python" in name.lower() or not name or language):
        return []
    shown = (language or name)[:40]
    return [f"The notebook says that it is written for {shown!r}; it was run as Python."]


def _draft(cell: _Cell) -> Draft:
    source = _joined(cell.source) or _joined(cell.input)
    kind = cell.cell_type
    if kind == "heading":
        kind, source = "markdown", "#" * min(max(cell.level, 1), 6) + " " + source
    if kind not in ("code", "markdown"):
        kind = "raw"
    return Draft(
        kind=kind,
        source=source,
        grade_id=_decode(cell.metadata, _CellMetadata).nbgrader.grade_id,
        attachments=_pictures(cell.attachments) if kind == "markdown" else {},
    )


def _pictures(raw: msgspec.Raw) -> dict[str, dict[str, str]]:
    try:
        found = msgspec.json.decode(raw, type=dict[str, dict[str, str]])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return {}
    checked = {
        name: {mime: text for mime, text in by_type.items() if mime in PICTURES and is_base64(text)}
        for name, by_type in found.items()
    }
    return {name: by_type for name, by_type in checked.items() if by_type}


def is_base64(text: str) -> bool:
    """Return whether *text* is base64 and nothing else, so that it can stand inside an attribute."""
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _joined(lines: Lines) -> str:
    return lines if isinstance(lines, str) else "".join(lines or ())


def _decode(raw: msgspec.Raw, shape: type[T]) -> T:
    """
    Decode metadata; what is not of the shape counts as absent, since a student may write anything there.
    """
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return shape()
