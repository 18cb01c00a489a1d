"""
Everything that can go wrong, and whose fault it is.

    GraderError
    ├── ConfigError            the course or a setting is wrong: an instructor reads it
    ├── WallError              the wall can't be built or doesn't hold: nothing is graded
    ├── SubmissionError        a submitted file can't be graded at all: both read it
    └── CheckFailure           a check did not pass: the student reads it
        ├── NotWritten         the blank is still empty, or its name is gone
        ├── StudentRaised      the student's function raised an exception
        ├── UnreadableReply    what came back is not plain data, or is not what was asked for
        └── LimitHit           time, memory, output or processes ran out, or the process died

Any other exception that escapes from a check is a fault of the grader: no score is written and a person
looks at it.
"""

from __future__ import annotations

__all__ = [
    "CheckFailure",
    "ConfigError",
    "GraderError",
    "LimitHit",
    "NotWritten",
    "StudentRaised",
    "SubmissionError",
    "UnreadableReply",
    "WallError",
]


class GraderError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigError(GraderError):
    """The course folder, a check module or a setting is not as it must be."""


class WallError(GraderError):
    """The wall could not be built, or its self-test found a hole."""


class SubmissionError(GraderError):
    """A submitted file cannot be graded: not a notebook, too large, or not this course's."""


class CheckFailure(GraderError):  # noqa: N818 - a verdict, not a malfunction
    """
    A check did not pass; the message is what the student reads.

    Args:
        message: what was measured, in numbers; never a hidden input or an expected value.
        hint: what to think about next; may be empty.
        picture: an SVG document as text, where a picture says it better; may be empty.
    """

    def __init__(self, message: str, hint: str = "", picture: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.picture = picture


class NotWritten(CheckFailure):
    """The blank raises NotImplementedError, or nothing callable of that name exists."""


class StudentRaised(CheckFailure):
    """
    The student's function raised.

    Args:
        message: one sentence with the function's name, the exception's type and its text.
        kind: the exception's type name, such as "ValueError".
        traceback: the student's own frames, as text.
    """

    def __init__(self, message: str, kind: str, traceback: str = "", hint: str = "") -> None:
        super().__init__(message, hint)
        self.kind = kind
        self.traceback = traceback


class UnreadableReply(CheckFailure):
    """What came back through the wall could not be read as the plain data that the contract asks for."""


class LimitHit(CheckFailure):
    """
    The student's process ran into a limit or died.

    Args:
        message: one sentence: which limit, and how much was allowed.
        limit: "time", "memory", "output", "processes" or "died".
    """

    def __init__(self, message: str, limit: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.limit = limit
