"""
What all exports share: who and what is exported, what counts, what stays blank, and writing it.

The score of a student in an assignment is

    max(0, points by checks or by hand + extra credit - late penalty),

as nbgrader has it, rounded once, to two decimals. It is blank where it is not final.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from nbgrader.api import Assignment, Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import ExportPlugin
from traitlets import Bool, Enum

from grader.errors import ConfigError, GraderError
from grader.export.cells import number
from grader.roll import assignment_named, standings_of
from grader.standing import Person, Standing, State
from grader.whole import write_whole

__all__ = ["Column", "GradesExporter"]

FOLDER = "reports"  # of the course; git ignores it
SHOWN = 20  # lines of a list in the log


class Column(msgspec.Struct, frozen=True):
    """One assignment of the export: its name, what it is worth, and student → standing."""

    assignment: str
    max_points: float
    standings: dict[str, Standing]

    def of(self, person: Person) -> Standing:
        """Return where somebody stands; MISSING for those of whom only another assignment has seen a file."""
        return self.standings.get(person.id) or Standing(person, State.MISSING)


class GradesExporter(ExportPlugin):  # type: ignore[misc]
    """A plugin of `nbgrader export`; a subclass says what the file looks like."""

    late_penalty = Bool(True, help="Whether scores are less the late penalty.").tag(config=True)
    missing = Enum(
        ["blank", "zero"],
        default_value="blank",
        help="What stands for a student who handed nothing in.",
    ).tag(config=True)
    unfinished = Bool(
        False,
        help="Whether to write scores that are not final, such as those that wait for points by hand.",
    ).tag(config=True)

    file_name = "grades.csv"
    encoding = "utf-8"

    def export(self, gradebook: Gradebook) -> None:
        """Write the file; a mistake of the user is a line in nbgrader's log and exit status 1."""
        try:
            self._export(gradebook)
        except GraderError as error:
            if self.parent is None:  # called by a program, not by `nbgrader export`
                raise
            self.log.error("%s Nothing was written.", error)  # noqa: TRY400 - no fault in our code
            sys.exit(1)

    def table(self, people: Sequence[Person], columns: Sequence[Column]) -> str:
        """
        Return the file's text.

        Raises:
            ConfigError: it can't be written as it is asked for.
        """
        raise NotImplementedError

    def score(self, standing: Standing) -> str:
        """Return the cell of a score: blank where there is none, or none that is final."""
        if standing.state is State.MISSING:
            return "0" if self.missing == "zero" else ""
        if standing.state is State.NOT_GRADED or (standing.open and not self.unfinished):
            return ""
        return number(standing.points if self.late_penalty else max(0.0, standing.raw))

    def _export(self, gradebook: Gradebook) -> None:
        coursedir: CourseDirectory | None = getattr(self.parent, "coursedir", None)
        columns = [
            Column(
                a.name, float(a.max_score), {s.person.id: s for s in standings_of(gradebook, a, coursedir)}
            )
            for a in self._assignments(gradebook)
        ]
        people = self._people(columns)
        path = self._path(coursedir)
        _write(path, self.table(people, columns).encode(self.encoding), own_folder=not self.to)
        self._tell_what_is_open(people, columns)
        self.log.info("Written: %s (%d students, %d assignments)", path, len(people), len(columns))

    def _assignments(self, gradebook: Gradebook) -> list[Assignment]:
        """Return the assignments that are named; none named: those of which something was graded."""
        if self.assignment:
            return [assignment_named(gradebook, str(name)) for name in self.assignment]
        graded = [assignment for assignment in gradebook.assignments if assignment.num_submissions]
        if not graded:
            raise ConfigError("The gradebook has no grades yet: nbgrader autograde comes first.")
        return sorted(graded, key=lambda assignment: str(assignment.name))

    def _people(self, columns: Sequence[Column]) -> list[Person]:
        everyone = {s.person.id: s.person for column in columns for s in column.standings.values()}
        asked = [str(student) for student in self.student]
        unknown = [student for student in asked if student not in everyone]
        if unknown:
            raise ConfigError(f"The gradebook knows no student {_listed(unknown)}.")
        chosen = [everyone[student] for student in asked] if asked else list(everyone.values())
        return sorted(chosen, key=lambda person: (person.name.casefold(), person.id))

    def _path(self, coursedir: CourseDirectory | None) -> Path:
        if self.to:
            return Path(self.to)
        return Path(coursedir.root if coursedir else "") / FOLDER / self.file_name

    def _tell_what_is_open(self, people: Iterable[Person], columns: Iterable[Column]) -> None:
        found = [
            f"{person.id}, {column.assignment}: {'; '.join(column.of(person).open)}"
            for person in people
            for column in columns
            if column.of(person).open
        ]
        if found:
            written = "written all the same, as far as they are known" if self.unfinished else "left blank"
            self.log.warning("%d scores are not final and were %s:\n  %s", len(found), written, _lines(found))


def _write(path: Path, data: bytes, *, own_folder: bool) -> None:
    if not path.name:
        raise ConfigError(f"{path} is a folder. Name a file by --to.")
    try:
        if own_folder:
            path.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror}. Name another file by --to.") from None


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(repr(name) for name in names[:SHOWN]) + more


def _lines(found: Sequence[str]) -> str:
    more = [f"… and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "\n  ".join([*found[:SHOWN], *more])
