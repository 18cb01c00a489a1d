"""An IPython shell without a terminal, a history file or colours: cells in, nbformat outputs out."""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from .messages import ErrorOutput, Output
from .outputs import Outputs, TextStream

__all__ = ["CELL", "Shell", "describe", "own_traceback"]

CELL = "cell "  # how the name of a cell begins in a traceback
TEXT = 2_000  # characters of an exception's text
FRAMES = 20  # of a traceback
TRACEBACK = 8_000  # characters of it

OUTPUTS = Outputs()


class _Compiler(CachingCompiler):  # type: ignore[misc]
    label = CELL

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        """Call the code by the cell's place in the notebook."""
        del raw_code, transformed_code, number
        return self.label


class _Hook(DisplayHook):  # type: ignore[misc]
    def write_output_prompt(self) -> None:
        """Write no prompt: the output says its number."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        """Add the result to the cell's outputs."""
        del md_dict
        OUTPUTS.result(format_dict, self.shell.execution_count)

    def quiet(self) -> bool:
        """Stay silent after a semicolon; IPython looks into its history, which is off here."""
        try:
            return bool(self.semicolon_at_end_of_expression(self.shell.source))
        except Exception:  # noqa: BLE001 - a cell that tokenize can't read
            return False


class _Publisher(DisplayPublisher):  # type: ignore[misc]
    def publish(self, data: dict[str, Any], metadata: object = None, **options: object) -> None:
        """Add a rich display to the cell's outputs."""
        del metadata, options
        OUTPUTS.display(data)

    def clear_output(self, wait: bool = False) -> None:
        """Forget what the cell showed so far."""
        del wait
        OUTPUTS.clear()


class _Interactive(InteractiveShell):  # type: ignore[misc]
    source = ""

    # The error is taken from the cell's result and told in our own, shorter words.
    def showtraceback(self, *args: object, **kwargs: object) -> None:
        """Show nothing."""

    def showsyntaxerror(self, *args: object, **kwargs: object) -> None:
        """Show nothing."""

    def showindentationerror(self) -> None:
        """Show nothing."""

    def enable_gui(self, gui: str | None = None) -> None:
        """Do nothing: there is no screen, and %matplotlib inline asks for none."""

    def ask_exit(self) -> None:
        """Do nothing: a notebook that calls exit() goes on with the next cell."""


class Shell:
    """
    The shell of one student's process; made once, before any fork.

    Args:
        pictures: show matplotlib figures inline.
    """

    def __init__(self, pictures: bool) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "NoColor"
        config.InteractiveShell.display_page = True
        self._shell = _Interactive.instance(
            config=config,
            displayhook_class=_Hook,
            display_pub_class=_Publisher,
            compiler_class=_Compiler,
        )
        self._count = 0
        # What %matplotlib inline does; the notebook's own line then changes nothing.
        if pictures:
            self._shell.enable_matplotlib("inline")

    @property
    def names(self) -> dict[str, Any]:
        """The notebook's globals."""
        names: dict[str, Any] = self._shell.user_ns
        return names

    def take_streams(self) -> None:
        """Send what is printed to the cell's outputs."""
        sys.stdout = TextStream(OUTPUTS, "stdout")
        sys.stderr = TextStream(OUTPUTS, "stderr")

    def run(self, source: str, label: str, allowed: int) -> tuple[list[Output], str]:
        """
        Run one cell.

        Args:
            source: the cell's text, magics included.
            label: its name in a traceback.
            allowed: bytes that it may print and draw.

        Returns:
            The outputs, and the error as one line, empty if there was none.
        """
        self._count += 1
        self._shell.execution_count = self._count
        self._shell.source = source
        self._shell.compile.label = label
        OUTPUTS.begin(allowed)
        line = ""
        try:
            result = self._shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
        except BaseException as raised:  # noqa: BLE001 - nothing a cell does may end the process's loop
            error = raised
        if error is not None:
            kind, text = describe(error)
            line = f"{kind}: {text}".partition("\n")[0][:TEXT] if text else kind
            OUTPUTS.error(ErrorOutput(kind, text, own_traceback(error).splitlines()))
        return OUTPUTS.end(), line


def describe(error: BaseException) -> tuple[str, str]:
    """Return an exception's type name and text, capped; the text of a broken exception is empty."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - the student wrote __str__
        text = ""
    return type(error).__name__[:200], text.encode("utf-8", "replace").decode()[:TEXT]


def own_traceback(error: BaseException) -> str:
    """Return the traceback as text: the cells' own frames only, the last ones if there are many."""
    frames = [_entry(*place) for place in _places(error.__traceback__)]
    lines = ["Traceback (most recent call last):", *frames] if frames else []
    if isinstance(error, SyntaxError):
        lines += [line.rstrip("\n") for line in traceback.format_exception_only(type(error), error)]
    else:
        kind, text = describe(error)
        lines.append(f"{kind}: {text}" if text else kind)
    return "\n".join(lines)[-TRACEBACK:].encode("utf-8", "replace").decode()


def _places(at: TracebackType | None) -> Sequence[tuple[str, int, str]]:
    found = []
    while at is not None:
        code = at.tb_frame.f_code
        if code.co_filename.startswith(CELL):
            found.append((code.co_filename, at.tb_lineno, code.co_name))
        at = at.tb_next
    return found[-FRAMES:]


def _entry(file: str, line: int, function: str) -> str:
    place = f"  {file}, line {line}" + (f", in {function}" if function != "<module>" else "")
    source = linecache.getline(file, line).strip()
    return f"{place}\n    {source}" if source else place
