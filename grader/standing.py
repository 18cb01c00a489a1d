"""
Where a student stands in an assignment: points, penalty, and what is still open.

The exports and the class report tell it; roll.py reads it. A standing is final where nothing of it is open.
"""

from __future__ import annotations

import datetime
import enum

import msgspec

__all__ = ["WAITS", "Paper", "Person", "Piece", "Standing", "State"]

WAITS = "waits for points by hand"


class State(enum.Enum):
    """How far a submission has come."""

    MISSING = "missing"  # nothing was handed in
    NOT_GRADED = "not graded"  # handed in; the gradebook has nothing of it
    GRADED = "graded"


class Person(msgspec.Struct, frozen=True):
    """A student as the gradebook knows them; what it doesn't know is empty."""

    id: str
    last_name: str = ""
    first_name: str = ""
    email: str = ""
    lms_user_id: str = ""

    @property
    def name(self) -> str:
        """Last name, first name; the id where there is neither."""
        return ", ".join(part for part in (self.last_name, self.first_name) if part) or self.id


class Piece(msgspec.Struct, frozen=True):
    """
    One graded cell of one student.

    Args:
        name: its grade_id.
        max_points: what it is worth.
        auto: points by the checks; None where they gave none.
        manual: points by hand, which count in place of them; None where there are none.
        extra: extra credit by hand.
        waits: whether nbgrader lists it for a person.
    """

    name: str
    max_points: float
    auto: float | None
    manual: float | None
    extra: float
    waits: bool

    @property
    def points(self) -> float:
        """What counts at present, as nbgrader has it."""
        given = self.auto if self.manual is None else self.manual
        return 0.0 if given is None else given + self.extra


class Paper(msgspec.Struct, frozen=True):
    """One notebook of one student: its graded cells, nbgrader's late penalty in points, and its flag."""

    notebook: str
    pieces: tuple[Piece, ...]
    penalty: float = 0.0
    flagged: bool = False

    @property
    def points(self) -> float:
        """Sum of its cells, before any penalty."""
        return sum(piece.points for piece in self.pieces)

    @property
    def waiting(self) -> tuple[str, ...]:
        """Names of the cells that wait for a person."""
        return tuple(piece.name for piece in self.pieces if piece.waits)


class Standing(msgspec.Struct, frozen=True):
    """
    One student in one assignment.

    Args:
        person: the student.
        state: how far it has come; of the rest, only *open* is filled unless it is GRADED.
        papers: one for each notebook.
        timestamp: when it was handed in, UTC; None where nobody noted it.
        seconds_late: after the due date, extensions counted.
        open: why the points are not final, a clause each; empty where they are.
    """

    person: Person
    state: State
    papers: tuple[Paper, ...] = ()
    timestamp: datetime.datetime | None = None
    seconds_late: float = 0.0
    open: tuple[str, ...] = ()

    @property
    def unsettled(self) -> tuple[str, ...]:
        """Why none of the points are final; a notebook that waits for points by hand leaves the others be."""
        return tuple(why for why in self.open if not why.startswith(WAITS))

    @property
    def raw(self) -> float:
        """Points before the late penalty, with those given by hand and extra credit."""
        return sum(paper.points for paper in self.papers)

    @property
    def penalty(self) -> float:
        """The late penalty in points, 0 or more."""
        return sum(paper.penalty for paper in self.papers)

    @property
    def points(self) -> float:
        """Points after the late penalty, never below 0."""
        return max(0.0, self.raw - self.penalty)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The graded cells of all notebooks."""
        return tuple(piece for paper in self.papers for piece in paper.pieces)
