"""Records → how often each check passed, which mistakes were recognised, and what grading took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from grader.records import Grade, Verdict

__all__ = [
    "CheckLine",
    "Mistake",
    "Slow",
    "check_lines",
    "mistakes",
    "provenance_lines",
    "slowest",
    "was_read",
]

UNREAD = "read"  # the name of the result in a record of a file that can't be read
UNJUDGED = "grade"  # and of one on which the grader itself failed


class CheckLine(msgspec.Struct, frozen=True):
    """One check of a notebook: how many of its submissions came to each verdict."""

    blank: str
    title: str
    counts: dict[Verdict, int]

    def count(self, verdict: str) -> int:
        """Return how many came to a verdict, by its name, such as "limit hit"."""
        return self.counts.get(Verdict(verdict), 0)

    @property
    def judged(self) -> int:
        """How many were judged: all but the grader's own errors."""
        return sum(self.counts.values()) - self.count("grader error")

    @property
    def percent(self) -> int | None:
        """Share that passed; 100 where all did, 0 where none did, None where none was judged."""
        passed = self.count("passed")
        if self.judged == 0:
            return None
        if passed in {0, self.judged}:
            return 100 if passed else 0
        return min(99, max(1, round(100 * passed / self.judged)))


class Mistake(msgspec.Struct, frozen=True):
    """A known misconception, and how many students' answers are the same."""

    name: str
    explanation: str
    notebook: str
    blank: str
    students: int


class Slow(msgspec.Struct, frozen=True):
    """One notebook that took long to grade."""

    student_id: str
    notebook: str
    seconds: float
    restarts: int
    device: str


def was_read(grade: Grade) -> bool:
    """Whether the notebook could be read at all."""
    return not any(result.name == UNREAD for result in grade.results)


def check_lines(grades: Sequence[Grade]) -> list[CheckLine]:
    """
    Return the checks of one notebook, in its order.

    Files that could not be read and submissions on which the grader failed as a whole have no checks of their
    own, and are not among them.
    """
    counts: dict[tuple[str, str], Counter[Verdict]] = {}
    titles: dict[tuple[str, str], str] = {}
    # The longest first: a record of a course that has changed since may lack some checks.
    for grade in sorted(grades, key=lambda grade: -len(grade.results)):
        for result in grade.results:
            if result.name not in {UNREAD, UNJUDGED}:
                key = (result.blank, result.name)
                counts.setdefault(key, Counter())[result.verdict] += 1
                titles.setdefault(key, result.title)
    order = _order(grades)
    keys = sorted(counts, key=lambda key: order.get(key[0], len(order)))
    return [CheckLine(key[0], titles[key], dict(counts[key])) for key in keys]


def mistakes(grades: Iterable[Grade]) -> list[Mistake]:
    """Return the misconceptions that were recognised, the most frequent first."""
    students: dict[tuple[str, str, str], set[str]] = {}
    texts: dict[tuple[str, str, str], str] = {}
    for grade in grades:
        for result in grade.results:
            if result.misconception:
                key = (grade.notebook, result.blank, result.misconception)
                students.setdefault(key, set()).add(grade.student_id)
                texts.setdefault(key, result.explanation)
    found = [Mistake(k[2], texts[k], k[0], k[1], len(who)) for k, who in students.items()]
    return sorted(found, key=lambda m: (-m.students, m.notebook, m.blank, m.name))


def slowest(grades: Iterable[Grade], count: int) -> list[Slow]:
    """Return the *count* notebooks that took longest."""
    longest = sorted(grades, key=lambda g: (-g.seconds, g.student_id, g.notebook))[:count]
    return [Slow(g.student_id, g.notebook, g.seconds, g.restarts, g.provenance.device) for g in longest]


def provenance_lines(grades: Iterable[Grade]) -> list[tuple[str, str, int]]:
    """Return what the results hang on: what, which, and of how many notebooks."""
    counts: Counter[tuple[str, str]] = Counter()
    for grade in grades:
        origin = grade.provenance
        facts = {"isolation": origin.isolation, "device": origin.device, "digits": origin.digits}
        counts.update((what, which) for what, which in (facts | origin.versions).items() if which)
    return [(what, which, count) for (what, which), count in sorted(counts.items())]


def _order(grades: Sequence[Grade]) -> dict[str, int]:
    """Return blank → its place in the notebook, by the check cells of its longest record."""
    scores = max((grade.scores for grade in grades), key=len, default=())
    return {score.grade_id.removeprefix("check_"): place for place, score in enumerate(scores)}
