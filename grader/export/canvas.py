"""
The file that Canvas imports in Gradebook → Import.

Its first five columns, their order and the line "Points Possible" are what Canvas's importer looks for. It
finds a student by ID, else by SIS User ID, else by SIS Login ID; an assignment by the number in brackets at
the end of the title, else by the title; what it does not find, it offers to make. Dots and commas are both
decimal signs to it; it compares scores by two decimals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from traitlets import Enum

from grader.errors import ConfigError
from grader.export.cells import csv_text, number, text
from grader.export.exporter import Column
from grader.export.lms import LmsExporter
from grader.standing import Person

__all__ = ["CanvasExporter"]

ABOUT = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
POINTS_POSSIBLE = "Points Possible"
# Canvas passes over a column whose title contains one of these: they are sums that it works out itself.
TOTALS = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")
RESERVED = {*ABOUT, "LastName", "FirstName", "Integration ID", "Root Account"}


class CanvasExporter(LmsExporter):
    """Writes reports/canvas.csv."""

    identifier = Enum(
        ["SIS Login ID", "SIS User ID", "ID"],
        default_value="SIS Login ID",
        help="The column that Canvas shall find students by; ID is Canvas's own number of a user.",
    ).tag(config=True)

    file_name = "canvas.csv"

    def table(self, people: Sequence[Person], columns: Sequence[Column]) -> str:
        """Return the file's text."""
        titles = self._titles(columns)
        known = self.identified(people, str.isdecimal if self.identifier == "ID" else bool)
        place = ABOUT.index(self.identifier)
        rows = []
        for person, cells in self.lines(people, columns, known):
            about = [_name(person), *[""] * (len(ABOUT) - 1)]
            about[place] = known[person.id]
            rows.append(about + cells)
        possible = [f"    {POINTS_POSSIBLE}", "", "", "", "", *(number(c.max_points) for c in columns)]
        return csv_text([[*ABOUT, *titles], possible, *rows])

    def _titles(self, columns: Sequence[Column]) -> list[str]:
        titles = self.titles(columns)
        for title in titles:
            if title in RESERVED or TOTALS.search(title):
                raise ConfigError(
                    f"Canvas takes a column {title!r} for one of its own. Change CanvasExporter.columns."
                )
        new = [column.assignment for column in columns if column.assignment not in self.columns]
        if new:
            self.log.warning(
                "CanvasExporter.columns has no title for %s: where Canvas has no assignment of that very "
                "name, it offers to make one.",
                ", ".join(new),
            )
        return titles


def _name(person: Person) -> str:
    """Return the name for people's eyes; one that Canvas takes for its line of points is not written."""
    return text(person.name) if POINTS_POSSIBLE not in person.name else ""
