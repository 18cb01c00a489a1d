"""What a cell prints and draws, collected as nbformat outputs and capped."""

from __future__ import annotations

import base64
import io
from typing import Any, Literal

from .messages import Display, ErrorOutput, Output, Result, Stream

__all__ = ["OUTPUTS", "Outputs", "TextStream"]

OUTPUTS = 1_000  # separate outputs of one cell
OUTPUT_BYTES = 256  # what an output counts beside its text and pictures
ENTRY_BYTES = 64  # what one MIME type of it counts beside its name and content
CUT = "\n... the rest of this cell's output was cut off: it is larger than allowed.\n"


class Outputs:
    """The outputs of the cell at hand; outside a cell (`open` is False) everything is dropped."""

    def __init__(self) -> None:
        self.open = False
        self._left = 0
        self._cut = False
        self._done: list[Output] = []
        self._stream: Literal["stdout", "stderr"] = "stdout"
        self._text: list[str] = []

    def begin(self, allowed: int) -> None:
        """Start a cell that may add *allowed* bytes."""
        self.__init__()  # type: ignore[misc]
        self.open, self._left = True, allowed

    def end(self) -> list[Output]:
        """Finish the cell and return its outputs."""
        self._flush()
        if self._cut:
            self._done.append(Stream("stderr", CUT))
        self.open = False
        return self._done

    def text(self, name: Literal["stdout", "stderr"], text: str) -> None:
        """Add printed text; neighbours of one stream become one output."""
        if not self.open or self._cut or not text:
            return
        if name != self._stream:
            self._flush()
            self._stream = name
        room = max(self._left, 0)
        if not self._take(_bytes(text)):
            text = text.encode()[:room].decode(errors="ignore")
        self._text.append(text)

    def display(self, data: dict[str, Any]) -> None:
        """Add a rich display."""
        self._add(Display(_mime(data)))

    def result(self, data: dict[str, Any], count: int) -> None:
        """Add the value of the last expression."""
        self._add(Result(_mime(data), count))

    def error(self, error: ErrorOutput) -> None:
        """Add the exception that ended the cell; it is short, and so never cut."""
        self._flush()
        self._done.append(error)

    def clear(self) -> None:
        """Forget the cell's outputs so far, as a notebook does."""
        self._text.clear()
        self._done.clear()

    def _add(self, output: Display | Result) -> None:
        if not self.open or self._cut or not output.data:
            return
        size = sum(_bytes(kind) + _bytes(value) + ENTRY_BYTES for kind, value in output.data.items())
        if self._take(size + OUTPUT_BYTES):
            self._flush()
            self._done.append(output)

    def _take(self, size: int) -> bool:
        if size > self._left or len(self._done) >= OUTPUTS:
            self._cut = True
            return False
        self._left -= size
        return True

    def _flush(self) -> None:
        if self._text:
            self._left -= OUTPUT_BYTES
            self._done.append(Stream(self._stream, "".join(self._text)))
            self._text = []


class TextStream(io.TextIOBase):
    """Stands in for sys.stdout and sys.stderr; what is printed outside a cell is dropped."""

    encoding = "utf-8"

    def __init__(self, outputs: Outputs, name: Literal["stdout", "stderr"]) -> None:
        super().__init__()
        self._outputs = outputs
        self._name = name

    def writable(self) -> bool:
        """Return True: that is what it is for."""
        return True

    def write(self, text: str) -> int:
        """Add *text* to the cell's outputs."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._outputs.text(self._name, _clean(text))
        return len(text)


def _clean(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _mime(data: dict[str, Any]) -> dict[str, str]:
    """Keep what is text or bytes: nbformat wants pictures as base64; JSON for widgets has no use here."""
    kept: dict[str, str] = {}
    for kind, value in data.items():
        if isinstance(value, bytes):
            kept[str(kind)] = base64.b64encode(value).decode()
        elif isinstance(value, str):
            kept[str(kind)] = _clean(value)
    return kept
