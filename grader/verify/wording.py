"""Numbers and positions as students read them: short, rounded, with a name where a number has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

__all__ = [
    "MAX_POSITIONS",
    "in_digits",
    "in_percent",
    "is_round",
    "listed",
    "name_of_factor",
    "position",
    "sentence",
    "share_of",
]

MAX_POSITIONS = 4  # rows, columns or entries named in a message


def name_of_factor(factor: float, facts: Mapping[str, float]) -> tuple[str, str]:
    """Return what a factor equals among the *facts*, and a hint; a fact in the plural is a count."""
    for noun, value in facts.items():
        if value in (0.0, 1.0):
            continue
        hint = (
            "The loss is a mean over the rows: is the 1/m there, and there only once?"
            if noun == "rows"
            else ""
        )
        sign = "minus " if factor < 0 else ""
        fact = f"the number of {noun}" if noun.endswith("s") else f"the {noun}"
        if abs(abs(factor) / value - 1.0) < 1e-3:
            return f": the factor is {sign}{fact}", hint
        if abs(abs(factor) * value - 1.0) < 1e-3:
            return f": the factor is {sign}one over {fact}", hint
    return "", ""


def is_round(factor: float) -> bool:
    """Whether a factor is one of those that a slip makes: -1, 2, 1/2 and the like."""
    return any(abs(abs(factor) / nice - 1.0) < 1e-4 for nice in (1.0, 2.0, 0.5, 4.0, 0.25))


def in_digits(value: float) -> str:
    """Four digits; whole where it is, and not too large to read."""
    whole = abs(value) < 1e6 and abs(value - round(value)) < 5e-5 * max(1.0, abs(value))
    return str(round(value)) if whole else f"{value:.4g}"


def in_percent(ratio: float) -> str:
    """Say a ratio as a percentage, as a power of ten where it is tiny, as a multiple where it is large."""
    if ratio < 1e-3:
        return f"{ratio:.0e}"
    return f"{100 * ratio:.3g} %" if ratio < 10.0 else f"{ratio:.3g} times"


def share_of(mask: npt.NDArray[np.bool_]) -> str:
    """Say how many entries a mask marks: "3 of 12 entries"."""
    return f"{int(mask.sum())} of {mask.size} entries"


def position(index: Sequence[int]) -> str:
    """Say where an entry stands: "[2, 0]", counted from 0."""
    return "[" + ", ".join(str(int(i)) for i in index) + "]"


def listed(items: Sequence[str], noun: str, total: int | None = None) -> str:
    """List a few of *total* items after their noun: "rows 1, 3, 4, 7 and 2 more"."""
    total = len(items) if total is None else total
    plural = {"entry": "entries"}.get(noun, noun + "s") if total > 1 else noun
    more = f" and {total - MAX_POSITIONS} more" if total > MAX_POSITIONS else ""
    return f"{plural} {', '.join(items[:MAX_POSITIONS])}{more}"


def sentence(text: str) -> str:
    """End a sentence that was put together from parts, some of them empty."""
    return text.strip().replace(" :", ":").replace(" ;", ";") + "."
