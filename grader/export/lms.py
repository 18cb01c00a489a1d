"""Which student of the LMS is meant, and which column: what an export for an LMS needs beside the scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from traitlets import Bool, Dict, Enum, Unicode

from grader.errors import ConfigError
from grader.export.cells import is_formula, text
from grader.export.exporter import Column, GradesExporter
from grader.standing import Person

__all__ = ["LmsExporter"]

SHOWN = 20  # students that an error names


class LmsExporter(GradesExporter):
    """An export that an LMS reads: one line a student, one column an assignment."""

    columns = Dict(
        value_trait=Unicode(),
        key_trait=Unicode(),
        help="Name of an assignment → title of its column in the LMS; its own name, where none is given.",
    ).tag(config=True)
    identified_by = Enum(
        ["id", "email", "lms_user_id"],
        default_value="id",
        help="Which field of nbgrader's gradebook the LMS knows a student by.",
    ).tag(config=True)
    leave_out_unidentified = Bool(
        False, help="Whether to leave out students without that field; otherwise they stop the export."
    ).tag(config=True)

    def identified(self, people: Sequence[Person], fits: Callable[[str], bool] = bool) -> dict[str, str]:
        """
        Return student → how the LMS knows them.

        Args:
            people: whom to export.
            fits: whether the LMS can know anybody by that.

        Raises:
            ConfigError: somebody has no such field, or shares it, or it would be run by a spreadsheet.
        """
        known = {person.id: str(getattr(person, self.identified_by)).strip() for person in people}
        count = Counter(known.values())
        unfit = {
            student: _trouble(value, count[value])
            for student, value in known.items()
            if not value or count[value] > 1 or is_formula(value) or not fits(value)
        }
        if unfit and not self.leave_out_unidentified:
            field, kind = self.identified_by, type(self).__name__
            raise ConfigError(
                f"{len(unfit)} of {len(people)} students can't be told to the LMS by their {field}:\n  "
                + "\n  ".join(_named(unfit))
                + "\nSet it by `nbgrader db student add ID --lms-user-id=… --email=…`, choose another field "
                f"by {kind}.identified_by, or leave them out by {kind}.leave_out_unidentified=True."
            )
        if unfit:
            self.log.warning("%d students were left out:\n  %s", len(unfit), "\n  ".join(_named(unfit)))
        return {student: value for student, value in known.items() if student not in unfit}

    def titles(self, columns: Sequence[Column]) -> list[str]:
        """
        Return the title of each assignment's column.

        Raises:
            ConfigError: two assignments have the same, or one is empty or a formula.
        """
        found = [self.columns.get(column.assignment, column.assignment).strip() for column in columns]
        for title in found:
            if not title or is_formula(title) or found.count(title) > 1:
                raise ConfigError(
                    f"{title!r} can't be the title of a column: it must not be empty, begin like a formula, "
                    f"or stand for two assignments. Change {type(self).__name__}.columns."
                )
        return [text(title) for title in found]

    def lines(
        self, people: Sequence[Person], columns: Sequence[Column], known: dict[str, str]
    ) -> list[tuple[Person, list[str]]]:
        """
        Return who gets a line, with their cells; warn of blanks among these.

        Args:
            people: whom to export.
            columns: the assignments.
            known: student → how the LMS knows them; others get no line. Neither does somebody of whom all
                cells are blank: such a line could only take scores away.
        """
        found = []
        for person in people:
            cells = [self.score(column.of(person)) for column in columns] if person.id in known else []
            if any(cells):
                found.append((person, cells))
        self._warn_of_blanks([cells for _, cells in found])
        return found

    def _warn_of_blanks(self, rows: Sequence[Sequence[str]]) -> None:
        """Tell that a blank beside a score takes away the score that the LMS has there."""
        blanks = sum(not cell for cells in rows for cell in cells)
        if blanks:
            self.log.warning(
                "%d cells are blank in lines with scores; the LMS takes them for *no score*, and removes one "
                "that it has. To leave such scores alone, export one assignment at a time.",
                blanks,
            )


def _trouble(value: str, count: int) -> str:
    if not value:
        return "has none"
    if is_formula(value):
        return f"{value!r} begins like a formula"
    return f"{value!r} is {count} students'" if count > 1 else f"{value!r} is not of the kind that it takes"


def _named(unfit: dict[str, str]) -> list[str]:
    lines = [f"{student}: {why}" for student, why in unfit.items()]
    return lines[:SHOWN] + ([f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])
