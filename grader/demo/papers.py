"""What a simulated student hands in, and how it is made from the released notebook."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import nbformat

from grader.checks import catalogue
from grader.checks.authoring import Variant
from grader.checks.training import goals_of
from grader.errors import ConfigError

__all__ = ["CORE", "Book", "Loss", "Paper", "Student", "written"]


CORE = ("activations", "backprop", "dropout", "l2")  # graded in two minutes


class Loss(enum.Enum):
    """
    What a blank must lose; one that has no loss keeps full marks, exactly.

    How much a misconception costs is worked out on trusted code, in this process: the same checks, with the
    same inputs, but without wall, nbgrader and gradebook. The two must agree to the point.
    """

    SOME = "loses as much as the misconception does on trusted code, and something"
    ALL = "gets nought"
    MAYBE = "loses as much as on trusted code, perhaps nothing"


class Paper(msgspec.Struct, frozen=True):
    """
    One notebook as it is handed in, and what it must be worth.

    Args:
        assignment: such as "backprop".
        notebook: such as "shallow_net".
        content: the file's bytes; None where the file is not handed in.
        lost: blank → what it loses; a blank that is not named keeps full marks.
        finding: what the misconception's name must be in the record; empty where none is expected.
        mistaken: the variants that took their blanks' places.
        beside: further files of the submission folder, by name.
        links: symbolic links of the submission folder, name → target.
        handed_in: time of submission for nbgrader's timestamp file; empty for none.
        by_hand: whether it must be left for a person to grade, with no points from the grader.
    """

    assignment: str
    notebook: str
    content: bytes | None
    lost: Mapping[str, Loss] = {}
    finding: str = ""
    mistaken: tuple[Variant, ...] = ()
    beside: Mapping[str, bytes] = {}
    links: Mapping[str, str] = {}
    handed_in: str = ""
    by_hand: bool = False

    def hand_in(self, folder: Path) -> None:
        """Write it into a student's folder of the assignment, as the exchange would have collected it."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.content is not None:
            (folder / f"{self.notebook}.ipynb").write_bytes(self.content)
        for file, content in self.beside.items():
            (folder / file).write_bytes(content)
        for link, target in self.links.items():
            (folder / link).symlink_to(target)
        if self.handed_in:
            (folder / "timestamp.txt").write_text(self.handed_in)


class Student(msgspec.Struct, frozen=True):
    """
    One student of the simulated class.

    Args:
        name: a slug that says what was done.
        story: one line for people.
        papers: what is handed in.
    """

    name: str
    story: str
    papers: tuple[Paper, ...]


class Book:
    """
    One notebook of the course, from which papers are made.

    Args:
        assignment: such as "backprop".
        notebook: such as "shallow_net".
        source: the instructor's file, with solutions.
        released: the students' file, as nbgrader wrote it.
    """

    def __init__(self, assignment: str, notebook: str, source: Path, released: Path) -> None:
        self.assignment = assignment
        self.notebook = notebook
        self.checks = catalogue.find(assignment, notebook)
        self._solved = {_grade_id(cell): cell.source for cell in nbformat.read(source, as_version=4).cells}
        self._released: nbformat.NotebookNode = nbformat.read(released, as_version=4)

    @property
    def trains(self) -> bool:
        """Whether a check of it trains, which takes seconds."""
        return bool(goals_of(self.assignment, self.notebook))

    @property
    def blanks(self) -> tuple[str, ...]:
        """The notebook's blanks, in its order."""
        return self.checks.spec.blanks

    def solution(self, blank: str) -> str:
        """Return the text of the blank's solution cell."""
        return str(self._solved[blank])

    def signature(self, blank: str) -> str:
        """Return the line that the blank's function begins with."""
        found = re.search(rf"^def {blank}\(.*?\).*?:$", self.solution(blank), re.MULTILINE | re.DOTALL)
        return found.group(0) if found else f"def {blank}(*args, **kwargs):"

    def fill(
        self, replaced: Mapping[str, str] | None = None, left_empty: Iterable[str] = ()
    ) -> nbformat.NotebookNode:
        """
        Fill the released notebook: the solution in every blank, but for those named.

        Args:
            replaced: blank → the text that takes the solution's place.
            left_empty: blanks that stay as they were released.
        """
        answers = {blank: self.solution(blank) for blank in self.blanks if blank not in set(left_empty)}
        answers |= replaced or {}
        notebook: nbformat.NotebookNode = nbformat.from_dict(self._released)
        for cell in notebook.cells:
            if _grade_id(cell) in answers:
                cell.source = answers.pop(_grade_id(cell))
        if answers:
            raise ConfigError(f"{self.notebook} has no cell for {', '.join(answers)}.")
        return notebook

    def paper(
        self, notebook: nbformat.NotebookNode | None = None, lost: Mapping[str, Loss] | None = None
    ) -> Paper:
        """Hand in *notebook* (by default the solved one); *lost* as in `Paper`."""
        content = nbformat.writes(self.fill() if notebook is None else notebook).encode()
        return Paper(self.assignment, self.notebook, content, lost or {})

    def worthless(self, content: bytes | None) -> Paper:
        """Hand in a file that can't be read as a notebook, or none at all: it earns nothing."""
        return Paper(self.assignment, self.notebook, content, dict.fromkeys(self.blanks, Loss.ALL))

    def styled(self, name: str) -> Paper:
        """Hand in the solved notebook with the right but unusual style *name*: it loses nothing."""
        return self.paper(self.fill(_texts(self._group("style", self.checks.styles, name))))

    def mistaken(self, name: str) -> Paper:
        """
        Hand in the solved notebook with the misconception *name*.

        It loses marks on its own blank, and on no other but those that its author lists; its name must be
        found.
        """
        group = self._group("misconception", self.checks.misconceptions, name)
        lost = {blank: Loss.MAYBE for variant in group for blank in (variant.blank, *variant.also)}
        lost |= {variant.blank: Loss.SOME for variant in group if variant.explanation}
        return msgspec.structs.replace(
            self.paper(self.fill(_texts(group)), lost), finding=name, mistaken=tuple(group)
        )

    def _group(self, kind: str, groups: Mapping[str, list[Variant]], name: str) -> list[Variant]:
        if name not in groups:
            raise ConfigError(f"{self.notebook} has no {kind} {name!r}. Known: {', '.join(groups)}.")
        return groups[name]


def written(assignment: str, released: Path, answer: str) -> Paper:
    """Hand in a notebook of written answers, with *answer* to every question; a person must grade it."""
    notebook = nbformat.read(released, as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answer
    return Paper(assignment, released.stem, nbformat.writes(notebook).encode(), by_hand=True)


def _texts(group: Iterable[Variant]) -> dict[str, str]:
    return {variant.blank: variant.source for variant in group}


def _grade_id(cell: nbformat.NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
