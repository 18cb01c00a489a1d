"""
A friendly refusal of imports that are not on the notebook's list.

This is manners, not the wall: what is not on the list is not there at all, since only the listed
distributions and what they need are bound into the file system.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType

__all__ = ["Gate"]

DERIVES = frozenset({"torch", "jax", "autograd", "tensorflow", "keras", "theano", "casadi", "sympy"})
SHELL = frozenset({"IPython", "matplotlib_inline", "__main__"})


class Gate(MetaPathFinder):
    """
    Refuses a cell's import of a top-level name that is not allowed.

    Args:
        imports: what the notebook's list says, for the message.
        allowed: every top-level name of the listed distributions.
    """

    def __init__(self, imports: Sequence[str], allowed: Sequence[str]) -> None:
        self._imports = tuple(imports)
        self._allowed = frozenset(allowed) | sys.stdlib_module_names | SHELL

    def let_in(self, names: Iterable[str]) -> None:
        """Allow the course's modules beside the notebook too."""
        self._allowed |= frozenset(names)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise ModuleNotFoundError for what is not allowed; never find anything."""
        del target
        if path is not None or fullname in self._allowed or not _asked_by_a_cell(sys._getframe(1)):
            return None
        raise ModuleNotFoundError(self._message(fullname), name=fullname)

    def _message(self, name: str) -> str:
        may = ", ".join(self._imports)
        text = f"{name!r} is not available in this notebook; it may import: {may} and the standard library."
        if name in DERIVES and name not in self._imports:
            text += " Derivatives are yours to write."
        return text


def _asked_by_a_cell(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib._bootstrap"):
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__") == "__main__"
