"""The plain CSV: one line for each student and assignment, with all that the gradebook knows of it."""

from __future__ import annotations

from collections.abc import Sequence

from grader.export.cells import csv_text, number, text
from grader.export.exporter import Column, GradesExporter
from grader.standing import Person, Standing, State

__all__ = ["COLUMNS", "PlainExporter"]

COLUMNS = (
    *("assignment", "student_id", "last_name", "first_name", "email", "lms_user_id", "state"),
    *("timestamp", "seconds_late", "auto_score", "manual_score", "extra_credit", "raw_score"),
    *("late_penalty", "score", "max_score", "needs_manual_grade", "open"),
)


class PlainExporter(GradesExporter):
    """Writes reports/grades.csv."""

    file_name = "grades.csv"

    def table(self, people: Sequence[Person], columns: Sequence[Column]) -> str:
        """Return the file's text."""
        rows = [self._row(column, column.of(person)) for column in columns for person in people]
        return csv_text([list(COLUMNS), *rows])

    def _row(self, column: Column, standing: Standing) -> list[str]:
        who = standing.person
        names = (column.assignment, who.id, who.last_name, who.first_name, who.email, who.lms_user_id)
        return [
            *(text(name) for name in names),
            standing.state.value,
            *_facts(standing),
            self.score(standing),
            number(column.max_points),
            "yes" if any(paper.waiting for paper in standing.papers) else "no",
            text("; ".join(standing.open)),
        ]


def _facts(standing: Standing) -> list[str]:
    """Return timestamp to late_penalty; blank where nothing was graded."""
    if standing.state is not State.GRADED:
        return [""] * 7
    when = standing.timestamp
    pieces = standing.pieces
    return [
        f"{when:%Y-%m-%dT%H:%M:%SZ}" if when else "",
        number(standing.seconds_late),
        _sum([piece.auto for piece in pieces]),
        _sum([piece.manual for piece in pieces]),
        number(sum(piece.extra for piece in pieces)),
        number(standing.raw),
        number(standing.penalty),
    ]


def _sum(points: Sequence[float | None]) -> str:
    """Return the sum of what is there; blank where nothing is."""
    given = [value for value in points if value is not None]
    return number(sum(given)) if given else ""
