"""What the students of a measured class hand in: right, unusual and wrong, no two files alike."""

from __future__ import annotations

import random
from collections.abc import Iterable

import msgspec
import nbformat

from grader.demo.papers import Book, Paper

__all__ = ["is_solved", "name_of", "paper_of", "unsolved"]


def name_of(number: int) -> str:
    """Return the student's id."""
    return f"student-{number:04}"


def is_solved(number: int) -> bool:
    """Tell whether the student hands in the solution, which every contender must give all points."""
    return number % 3 == 0


def paper_of(book: Book, number: int) -> Paper:
    """One in three hands in the solution, one an unusual right style, one a misconception; each signs it."""
    styles, mistakes = _mixed(book.checks.styles), _mixed(book.checks.misconceptions)
    if is_solved(number):
        return _signed(book.paper(), book.blanks, number)
    if number % 3 == 1:
        return _signed(book.styled(styles[number // 3 % len(styles)]), book.blanks, number)
    return _signed(book.mistaken(mistakes[number // 3 % len(mistakes)]), book.blanks, number)


def unsolved(book: Book, number: int) -> Paper:
    """Hand in the notebook as it was released: no contender may give it a point."""
    return _signed(book.paper(book.fill(left_empty=book.blanks)), book.blanks, number)


def _mixed(names: Iterable[str]) -> list[str]:
    """Shuffle, always alike: so a small class has of everything what a large one has, and costs as much."""
    found = sorted(names)
    random.Random(0).shuffle(found)
    return found


def _signed(paper: Paper, blanks: tuple[str, ...], number: int) -> Paper:
    """Write the student's id into every answer, so that no contender can know a file from another student."""
    notebook = nbformat.reads(paper.content, as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") in blanks:
            cell.source = f"{cell.source}\n# {name_of(number)}"
    return msgspec.structs.replace(paper, content=nbformat.writes(notebook).encode())
