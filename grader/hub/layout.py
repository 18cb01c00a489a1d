"""Where a hub stands and what its accounts are called; everything else follows from these few settings."""

from __future__ import annotations

from pathlib import Path

import msgspec

__all__ = ["CHECKOUT", "Layout"]

CHECKOUT = Path(__file__).resolve().parents[2]


class Layout(msgspec.Struct, frozen=True):
    """
    The settings of a hub and the names that follow from them.

    Args:
        root: the hub's folder; whatever is made outside it is a system user or group.
        prefix: what the names of its system users and groups begin with.
        students: the names, without the prefix, of those who are there to try the hub out; without them
            there is no such instructor either, and the hub is ready for people of its own.
        assignments: what is released at the start.
        account: empty with system users; else the one account that everything runs as, without root.
    """

    root: Path
    prefix: str = "dl-"
    students: tuple[str, ...] = ()
    assignments: tuple[str, ...] = ("backprop",)
    account: str = ""
    course_id: str = "deep-learning"

    @property
    def grader(self) -> str:
        """The account that owns the course folder and grades; nobody logs in to it."""
        return self.account or f"{self.prefix}grader"

    @property
    def instructor(self) -> str:
        """The account that the instructor logs in with."""
        return self.account or f"{self.prefix}instructor"

    @property
    def student_accounts(self) -> tuple[str, ...]:
        """The accounts that the students log in with."""
        return (self.account,) if self.account else tuple(self.prefix + name for name in self.students)

    @property
    def instructors_group(self) -> str:
        """The system group that may use the formgrader and the course's tools."""
        return f"{self.prefix}instructors"

    @property
    def students_group(self) -> str:
        """The system group of the students."""
        return f"{self.prefix}students"

    @property
    def course(self) -> Path:
        """The course folder, with the gradebook; the grading account alone reads it."""
        return self.root / "course"

    @property
    def exchange(self) -> Path:
        """The exchange, through which nbgrader hands assignments out and takes them in."""
        return self.root / "exchange"

    @property
    def staff(self) -> Path:
        """The virtual environment of the hub, the instructors and the formgrader; it has the checks."""
        return self.root / "staff"

    @property
    def student(self) -> Path:
        """The virtual environment of the students, which has no package grader."""
        return self.root / "student"

    @property
    def proxy(self) -> Path:
        """The folder that npm installs the proxy in."""
        return self.root / "proxy"

    @property
    def state(self) -> Path:
        """The hub's own database, secrets and log."""
        return self.root / "state"

    def home(self, account: str) -> Path:
        """Return the home folder of *account*."""
        return self.root / "home" / account
