"""
The file that Moodle imports in Grades → Import → CSV file.

Moodle asks which column tells the students apart ("map from": username, email address, ID number) and which
grade item each other column goes to. One student whom it does not know stops the whole import, and a blank
removes the grade. With the decimal sign of its language or with a point it reads numbers alike, except for
items that it makes anew: those want the point.
"""

from __future__ import annotations

from collections.abc import Sequence

from traitlets import Bool, Enum

from grader.export.cells import csv_text, text
from grader.export.exporter import Column
from grader.export.lms import LmsExporter
from grader.standing import Person

__all__ = ["MoodleExporter"]

NAMES = ("Last name", "First name")


class MoodleExporter(LmsExporter):
    """Writes reports/moodle.csv."""

    identifier = Enum(
        ["Username", "Email address", "ID number"],
        default_value="Username",
        help="The title of the column that students are told apart by.",
    ).tag(config=True)
    decimal_comma = Bool(
        False,
        help="Write 7,5 in place of 7.5, and semicolons between columns, as spreadsheets of such places do.",
    ).tag(config=True)

    file_name = "moodle.csv"

    def table(self, people: Sequence[Person], columns: Sequence[Column]) -> str:
        """Return the file's text."""
        titles = self.titles(columns)
        known = self.identified(people)
        rows = []
        for person, cells in self.lines(people, columns, known):
            shown = [cell.replace(".", ",") for cell in cells] if self.decimal_comma else cells
            rows.append([known[person.id], text(person.last_name), text(person.first_name), *shown])
        header = [self.identifier, *NAMES, *titles]
        return csv_text([header, *rows], ";" if self.decimal_comma else ",")
