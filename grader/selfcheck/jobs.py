"""What is asked for and what is answered; the structs are what the database and the API hold."""

from __future__ import annotations

import enum

import msgspec

from grader.errors import GraderError

__all__ = [
    "Allowance",
    "Answer",
    "BlankVerdict",
    "CheckVerdict",
    "Job",
    "LimitReached",
    "Misunderstanding",
    "Outcome",
    "Request",
    "State",
]


class State(enum.Enum):
    """How far a request has come."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


class Outcome(enum.Enum):
    """What is told of a check, and of a blank."""

    PASSED = "passed"
    FAILED = "failed"
    LIMIT = "stopped"  # time, memory, output or processes ran out
    OPEN = "not judged"  # it needs another blank, which is not right yet
    OURS = "grader failed"  # our fault


class Request(msgspec.Struct, frozen=True):
    """
    What a student asks for.

    Args:
        student: as the hub names them.
        assignment: such as "backprop".
        notebook: its name, without the ending.
        key: of this request; the same key is the same request, however often it is sent.
        submission: the notebook, encoded; it is deleted once it is graded.
    """

    student: str
    assignment: str
    notebook: str
    key: str
    submission: bytes


class CheckVerdict(msgspec.Struct, frozen=True):
    """One hidden check: its claim, its outcome, and *note*, a few words of a fixed list (or none)."""

    title: str
    outcome: Outcome
    note: str = ""


class Misunderstanding(msgspec.Struct, frozen=True):
    """A known mistake whose answers are the same as the student's; both texts stand in the catalogue."""

    name: str
    explanation: str


class BlankVerdict(msgspec.Struct, frozen=True):
    """One blank: the outcome of all its checks, each of them, and what is misunderstood in it."""

    blank: str
    outcome: Outcome
    checks: tuple[CheckVerdict, ...]
    misunderstandings: tuple[Misunderstanding, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """
    What a student is told.

    Args:
        blanks: in the order of the notebook; empty where the grader failed.
        stumbles: cells that raised when the notebook ran, a line each.
        failed: whether the grader failed, so that nothing was judged.
    """

    blanks: tuple[BlankVerdict, ...] = ()
    stumbles: tuple[str, ...] = ()
    failed: bool = False

    @property
    def counts(self) -> bool:
        """Whether it is taken from what the student may ask: not where any of it is our fault."""
        return not self.failed and all(blank.outcome is not Outcome.OURS for blank in self.blanks)


class Job(msgspec.Struct, frozen=True):
    """
    A request on its way.

    Args:
        number: counts all requests of the course.
        student: whose.
        assignment: such as "backprop".
        notebook: its name.
        state: how far it is.
        asked: seconds since 1970.
        turn: its round in the queue; see queue.py.
        tries: how often its grading was begun.
        position: 1 is the next; 0 where it does not wait any more.
        answer: None until it is done.
    """

    number: int
    student: str
    assignment: str
    notebook: str
    state: State
    asked: float
    turn: int
    tries: int
    position: int = 0
    answer: Answer | None = None


class Allowance(msgspec.Struct, frozen=True):
    """
    How often a student may still ask in an assignment.

    Args:
        left: so often now.
        limit: so often in the window.
        window_hours: the window.
        free_at: when there is one more, in seconds since 1970; None where all are left.
    """

    left: int
    limit: int
    window_hours: float
    free_at: float | None = None


class LimitReached(GraderError):  # noqa: N818 - an answer, not a malfunction
    """
    The student has asked as often as they may.

    Args:
        allowance: when they may again.
    """

    def __init__(self, allowance: Allowance) -> None:
        super().__init__("The limit of self-checks is reached.")
        self.allowance = allowance
