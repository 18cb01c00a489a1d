"""
The cells of a CSV file, harmless in a spreadsheet.

Spreadsheets run a cell that begins with an equals sign, plus, minus or at sign as a formula, and students
choose their names. Such a text gets an apostrophe in front; numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

__all__ = ["csv_text", "is_formula", "number", "text"]

# Spreadsheets take the full-width signs of East Asian keyboards for the plain ones.
SIGNS = r"[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]"
FORMULA = re.compile(rf"\s*{SIGNS}")
# Where the semicolon parts columns, as in much of Europe, a cell begins behind it, whatever is quoted here.
FORMULA_BEHIND = re.compile(rf";(?=[\s\"']*{SIGNS})")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
CENT = Decimal("0.01")


def is_formula(value: str) -> bool:
    """Whether a spreadsheet would take *value* for a formula."""
    return bool(FORMULA.match(value)) and not NUMBER.fullmatch(value)


def text(value: str) -> str:
    """Return *value* as one line that no spreadsheet runs."""
    line = FORMULA_BEHIND.sub(";'", "".join(c if c.isprintable() else " " for c in value))
    return f"'{line}" if is_formula(line) else line


def number(value: float) -> str:
    """Return *value* rounded to two decimals, halves away from zero: 2.675 is 2.68, and 7.5 is 7.5."""
    # Nine decimals first: a sum of thirds is a hair below the half that it means.
    rounded = Decimal(f"{value:.9f}").quantize(CENT, ROUND_HALF_UP)
    return f"{rounded.normalize():f}" if rounded else "0"


def csv_text(rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    """Return rows as CSV; a cell is quoted where it has to be."""
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return file.getvalue()
