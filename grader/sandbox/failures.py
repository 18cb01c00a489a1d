"""What the student reads when a call gives no value."""

from __future__ import annotations

from typing import Any

from grader.config import MEBIBYTE
from grader.errors import CheckFailure, LimitHit, NotWritten, StudentRaised, UnreadableReply
from grader.sandbox.inside.messages import Failed, Unplain
from grader.sandbox.notebook import RunningNotebook, ending
from grader.sandbox.process import BadFrame, Ended, Late

__all__ = ["failure_of", "lost"]

TEXT = 600  # characters of a student's exception in a message
LIMIT_OF = {"memory": "memory", "processes": "processes"}


def failure_of(reply: Any, name: str, number: int, notebook: RunningNotebook) -> CheckFailure | None:
    """
    Return the failure that a reply tells, or None if it is no answer to request *number*.

    Args:
        reply: a decoded message.
        name: what was called, for the message.
        number: of the request.
        notebook: knows which cells raised, and the limits.
    """
    if isinstance(reply, Failed) and reply.number == number:
        return _failed(reply, name, notebook)
    if isinstance(reply, Unplain) and reply.number == number:
        what = reply.what[:TEXT]
        if reply.too_large:
            allowed = notebook.limits.frame_bytes / MEBIBYTE
            return LimitHit(
                f"{name} returned {what}: more than the {allowed:g} MiB that can be read.", "output"
            )
        return UnreadableReply(f"{name} returned {what}.")
    return None


def lost(
    name: str, problem: Ended | Late | BadFrame, notebook: RunningNotebook, seconds: float
) -> LimitHit | UnreadableReply:
    """Return the failure of a call whose process hung or ended."""
    if isinstance(problem, BadFrame):
        return UnreadableReply(f"What {name} sent back could not be read.")
    if isinstance(problem, Late):
        if notebook.seconds_left <= 0:
            return LimitHit(
                f"The notebook has used all of its {notebook.limits.notebook_seconds:g} s.", "time"
            )
        return LimitHit(f"{name} was stopped after {seconds:.3g} s.", "time", "Does a loop never end?")
    limit = LIMIT_OF.get(problem.cause, "died")
    return LimitHit(f"{name} was stopped{ending(problem, notebook.limits, seconds)}.", limit)


def _failed(reply: Failed, name: str, notebook: RunningNotebook) -> CheckFailure:
    if reply.kind == "missing":
        return _missing(name, notebook)
    if reply.kind == "not callable":
        return NotWritten(f"{name} is not a function.")
    if reply.unwritten:
        if reply.where in ("", name, "<lambda>"):
            return NotWritten(f"{name} is not written yet.")
        return NotWritten(f"{name} stops in {reply.where}, which is not written yet.")
    if reply.kind == "MemoryError":
        allowed = notebook.limits.memory_bytes / MEBIBYTE
        return LimitHit(
            f"{name} asked for more than the {allowed:g} MiB of memory that it may use.", "memory"
        )
    text = f": {reply.text[:TEXT]}" if reply.text else ""
    return StudentRaised(
        f"{name} raised {reply.kind[:200]}{text}", reply.kind[:200], reply.traceback[:10_000]
    )


def _missing(name: str, notebook: RunningNotebook) -> NotWritten:
    """Say why *name* is not defined: by its own cell's error, or by the notebook's first one."""
    errors = [(index, run.error) for index, run in sorted(notebook.runs.items()) if run.error]
    own = next((error for index, error in errors if notebook.grade_id(index) == name), "")
    if own:
        verb = "was" if own.startswith("stopped") else "raised"
        return NotWritten(f"{name} is not defined: its cell {verb} {own[:TEXT]}")
    hint = f"The first cell with an error is cell {errors[0][0] + 1}: {errors[0][1][:TEXT]}" if errors else ""
    return NotWritten(f"{name} is not defined.", hint)
