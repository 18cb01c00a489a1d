"""Where the checks of a notebook stand, and what is in them."""

from __future__ import annotations

import functools
import importlib
import inspect
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import msgspec

from grader.checks.authoring import Notebook, Variant, variants
from grader.errors import ConfigError

__all__ = ["CheckSet", "check_names", "find", "known"]

FOLDER = Path(__file__).parent


class CheckSet(msgspec.Struct, frozen=True):
    """
    Everything that the trusted side knows of one notebook.

    Args:
        assignment: such as "backprop".
        notebook: such as "shallow_net".
        spec: blanks, helpers, needs and imports.
        path: the pytest file with the hidden checks.
        reference: the module with the right answers.
        misconceptions: name → the variants of that name, in the order of their module.
        styles: likewise.
        takes_digits: whether a check draws from the course's digits.
        prefers_gpu: whether a check's training gains by a GPU.
    """

    assignment: str
    notebook: str
    spec: Notebook
    path: Path
    reference: ModuleType
    misconceptions: dict[str, list[Variant]]
    styles: dict[str, list[Variant]]
    takes_digits: bool = False
    prefers_gpu: bool = False

    def namespace(self, replaced: list[Variant] | None = None) -> dict[str, Any]:
        """
        Return the reference's names as one namespace in which *replaced* have taken their blanks' places.

        The reference's functions are bound to the new namespace, so a caller finds a replaced helper: the
        same composition as in a notebook.
        """
        names: dict[str, Any] = dict(vars(self.reference))
        for name, value in vars(self.reference).items():
            if isinstance(value, FunctionType) and value.__module__ == self.reference.__name__:
                copy = FunctionType(value.__code__, names, name, value.__defaults__, value.__closure__)
                copy.__kwdefaults__ = value.__kwdefaults__
                names[name] = copy
        for variant in replaced or []:
            # Our own catalogue's text, not a student's.
            exec(compile(variant.source, f"<{variant.name}>", "exec"), names)  # noqa: S102
        return names


def known() -> list[tuple[str, str]]:
    """Return (assignment, notebook) of every check module, sorted."""
    return sorted((path.parent.name, path.stem.removeprefix("test_")) for path in FOLDER.glob("*/test_*.py"))


@functools.cache
def find(assignment: str, notebook: str) -> CheckSet:
    """
    Load the checks of one notebook.

    Raises:
        ConfigError: there are none of that name, or a neighbour of the check module is missing.
    """
    if (assignment, notebook) not in known():
        names = ", ".join("/".join(pair) for pair in known())
        raise ConfigError(
            f"No checks for {assignment}/{notebook}: "
            f"{FOLDER / assignment / f'test_{notebook}.py'} is missing. Known: {names}. "
            f"Create it (docs/authors.md) or fix the name."
        )
    tests = _load(assignment, f"test_{notebook}")
    spec = getattr(tests, "NOTEBOOK", None)
    if not isinstance(spec, Notebook):
        raise ConfigError(f"{tests.__file__} must define NOTEBOOK = Notebook(blanks=…).")
    return CheckSet(
        assignment=assignment,
        notebook=notebook,
        spec=spec,
        path=FOLDER / assignment / f"test_{notebook}.py",
        reference=_load(assignment, f"reference_{notebook}"),
        misconceptions=variants(_load(assignment, f"misconceptions_{notebook}"), "misconception"),
        styles=variants(_load(assignment, f"styles_{notebook}"), "style"),
        takes_digits=any(map(_takes_digits, vars(tests).values())),
        prefers_gpu=any(map(_prefers_gpu, vars(tests).values())),
    )


def check_names(assignment: str, notebook: str) -> list[str]:
    """Return the names of a notebook's checks, in the order of their module; none where it has no checks."""
    if (assignment, notebook) not in known():
        return []
    tests = vars(_load(assignment, f"test_{notebook}"))
    return [name for name in tests if name.startswith("test_") and hasattr(tests[name], "pytestmark")]


def _takes_digits(value: Any) -> bool:
    """Whether *value* is a check with that argument."""
    return hasattr(value, "pytestmark") and "digits" in inspect.signature(value).parameters


def _prefers_gpu(value: Any) -> bool:
    """Whether *value* is a check that is marked so."""
    return any(mark.kwargs.get("device") == "gpu" for mark in getattr(value, "pytestmark", ()))


def _load(assignment: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(f"grader.checks.{assignment}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"grader.checks.{assignment}.{name}":
            raise
        path = FOLDER / assignment / f"{name}.py"
        raise ConfigError(f"{path} is missing; docs/authors.md says what stands in it.") from None
