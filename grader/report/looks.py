"""Who needs a person's look, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from grader.records import Grade, Verdict
from grader.score import PREFIX
from grader.standing import WAITS, Paper, Person, Piece, Standing

__all__ = ["Look", "looks_of"]

LONGEST = 300  # characters of a message
UNKNOWN = "the record doesn't say why; nbgrader autograde --force grades again"


class Look(msgspec.Struct, frozen=True):
    """Something about a student that is left to a person; *where* is empty where it is all of it."""

    person: Person
    where: str
    why: str


def looks_of(standing: Standing, records: Mapping[str, Grade]) -> list[Look]:
    """
    Return what a student's submission needs.

    Args:
        standing: where it stands.
        records: notebook → its record, as far as there are any.
    """
    found = [Look(standing.person, "", why) for why in standing.unsettled]
    for paper in standing.papers:
        found += [Look(standing.person, *pair) for pair in _of_paper(paper, records.get(paper.notebook))]
    return found


def _of_paper(paper: Paper, record: Grade | None) -> Iterator[tuple[str, str]]:
    cells: dict[str, list[str]] = {}
    for piece in paper.pieces:
        if piece.waits:
            cells.setdefault(_why(piece, record), []).append(piece.name.removeprefix(PREFIX))
    for why, names in cells.items():
        yield f"{paper.notebook}: {', '.join(names)}", why
    if paper.flagged:
        yield paper.notebook, "flagged in the formgrader"


def _why(piece: Piece, record: Grade | None) -> str:
    if piece.manual is not None:
        return "has points by hand and was graded again since: do they still hold?"
    if not piece.name.startswith(PREFIX):
        return WAITS
    blank = piece.name.removeprefix(PREFIX)
    failed = [
        result.message
        for result in (record.results if record else ())
        if result.blank == blank and result.verdict is Verdict.GRADER_ERROR
    ]
    if not failed:
        return UNKNOWN
    message = failed[0] if len(failed[0]) <= LONGEST else f"{failed[0][:LONGEST]}…"
    return f"the grader itself failed: {message}"
