"""Check results → points: a check cell's points times the passed share of its checks' weight."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from grader.records import Cell, CellScore, CheckResult, Verdict

__all__ = ["blank_of", "score", "total"]

PREFIX = "check_"


def blank_of(cell: Cell) -> str:
    """Return the blank that a check cell scores."""
    return cell.grade_id.removeprefix(PREFIX)


def score(cell: Cell, results: Sequence[CheckResult]) -> CellScore:
    """
    Score one check cell.

    Returns:
        points = cell.points × passed weight / total weight, rounded once; None where the grader itself
        failed in one of the cell's checks, or where the cell has no checks: a person must look.
    """
    own = [result for result in results if result.blank == blank_of(cell)]
    if not own or any(result.verdict is Verdict.GRADER_ERROR for result in own):
        return CellScore(cell.grade_id, None, cell.points)
    # Fractions, since a third of three points is one point, not 0.9999999.
    passed = sum((Fraction(r.weight) for r in own if r.verdict is Verdict.PASSED), Fraction(0))
    weight = sum((Fraction(r.weight) for r in own), Fraction(0))
    return CellScore(cell.grade_id, float(Fraction(cell.points) * passed / weight), cell.points)


def total(cells: Sequence[Cell], results: Sequence[CheckResult]) -> tuple[CellScore, ...]:
    """Score every check cell of a notebook, in its order."""
    return tuple(score(cell, results) for cell in cells if cell.is_check)
