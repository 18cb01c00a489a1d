"""The vocabulary of a check module: a notebook, its checks, its misconceptions, its styles."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, Literal, ParamSpec, TypeVar

import msgspec
import pytest

__all__ = ["Notebook", "Variant", "check", "misconception", "style", "style_text", "variants"]

MOST_TRAINING = 60.0  # seconds; on 2 CPU cores a notebook's honest trainings end within half of it

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])


class Notebook(msgspec.Struct, frozen=True):
    """
    What the grader must know of a notebook beside its checks.

    Args:
        blanks: every blank, in the order of the notebook; a helper stands before its callers.
        helpers: blank → the blanks of the same notebook that it may call. Where one of them is wrong, the
            caller is judged again with the reference standing in for all of them.
        needs: blank → blanks without which it can't be judged at all, since only they make its arguments
            (a backward needs the cache of its forward).
        imports: top-level packages that the notebook may import, beside the standard library.
    """

    blanks: tuple[str, ...]
    helpers: Mapping[str, tuple[str, ...]] = {}
    needs: Mapping[str, tuple[str, ...]] = {}
    imports: tuple[str, ...] = ("numpy", "matplotlib")


def check(
    blank: str,
    *,
    weight: float = 1.0,
    retry: bool = False,
    trains: float = 0.0,
    device: Literal["cpu", "gpu"] = "cpu",
) -> Callable[[F], F]:
    """
    Mark a test function as a hidden check of *blank*.

    The function's docstring is the line that the student reads: a claim in the present tense, such as
    "forward gives one probability for each row". It takes the fixtures `student` and `rng`.

    Args:
        blank: the function that is judged; its check cell has the grade_id `check_<blank>`.
        weight: share of the cell's points, relative to the cell's other checks.
        retry: judge again, once, on new inputs before failing (kinks in a numerical gradient, the luck of
            a training run). The second try's verdict counts.
        trains: wall time of all its calls together, in seconds, for a check that trains models; it is always
            tried again, with another seed, before it fails. 0: it trains nothing.
        device: "gpu" where the training gains by a GPU; it runs on the CPU where there is none.

    Raises:
        ValueError: too large a budget: a class must be gradable on a laptop.
    """
    if not 0 <= trains <= MOST_TRAINING:
        raise ValueError(f"A check may train for at most {MOST_TRAINING:g} s, not {trains:g}.")

    def mark(function: F) -> F:
        marked: F = pytest.mark.check(
            blank=blank, weight=weight, retry=retry or trains > 0, trains=trains, device=device
        )(function)
        return marked

    return mark


class Variant(msgspec.Struct, frozen=True):
    """
    One way to write a blank: a misconception or an unusual right style.

    Args:
        kind: "misconception" or "style".
        name: short, in plain words; several variants of the same name belong together.
        blank: the blank that it replaces.
        source: Python source that defines *blank*; may use `np`, and the notebook's other names.
        explanation: what a student with this misconception reads; empty for a style.
        also: other blanks that rightly lose marks with this misconception.
    """

    kind: str
    name: str
    blank: str
    source: str
    explanation: str = ""
    also: tuple[str, ...] = ()


def misconception(
    blank: str, name: str, explanation: str, *, also: tuple[str, ...] = ()
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """
    Mark a function as a known wrong way to write *blank*.

    The function is taken by its source, renamed to *blank* and run among the notebook's own functions: it
    may use `np` and the names of the notebook (its blanks and what the notebook gives), nothing else of
    its module.

    Args:
        blank: the blank that it replaces.
        name: short, in plain words; functions that share a name are one misconception.
        explanation: two or three sentences for the student, that point to the idea and not to the code.
        also: other blanks that rightly lose marks with it.
    """
    text = " ".join(explanation.split())
    return _attach(lambda source: Variant("misconception", name, blank, source, text, also), blank)


def style(name: str, blank: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a function as an unusual but right way to write *blank*; taken by its source, as above."""
    return _attach(lambda source: Variant("style", name, blank, source), blank)


def style_text(name: str, blank: str, source: str) -> Variant:
    """Give an unusual right way as text, for what is not a function definition (`tanh = np.tanh`)."""
    return Variant("style", name, blank, textwrap.dedent(source).strip() + "\n")


def variants(module: object, kind: str) -> dict[str, list[Variant]]:
    """Collect a module's variants of *kind* by name, in the order of the module."""
    found: dict[str, list[Variant]] = {}
    for value in vars(module).values():
        variant = value if isinstance(value, Variant) else getattr(value, "__variant__", None)
        if isinstance(variant, Variant) and variant.kind == kind:
            found.setdefault(variant.name, []).append(variant)
    return found


def _attach(make: Callable[[str], Variant], blank: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    def mark(function: Callable[P, R]) -> Callable[P, R]:
        function.__variant__ = make(_source_as(function, blank))  # type: ignore[attr-defined]
        return function

    return mark


def _source_as(function: Callable[..., object], name: str) -> str:
    """Return the source of *function*, named *name*, without its decorators and annotations."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise TypeError(f"{name}: a variant must be a plain function; use style_text for other code.")
    definition.name = name
    definition.decorator_list = []
    # The module's types have no names in a notebook, and an inner function's annotations are evaluated too.
    for node in ast.walk(definition):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(tree) + "\n"
