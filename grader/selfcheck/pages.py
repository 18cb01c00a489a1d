"""The HTML of the self-check: three pages, each whole without a script."""

from __future__ import annotations

import datetime
import functools
import math
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import jinja2
import msgspec

from grader.selfcheck.course import OpenAssignment
from grader.selfcheck.jobs import Allowance, Job, Outcome, State
from grader.selfcheck.settings import SelfCheck

__all__ = [
    "ERRORS",
    "OTHER_ERROR",
    "STATIC",
    "Offer",
    "check",
    "error",
    "front",
    "limit_line",
    "look_again_seconds",
    "static",
]

HERE = Path(__file__).parent
STATIC = {"style.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}
SIGNS = {
    Outcome.PASSED: ("✓", "passed"),
    Outcome.FAILED: ("✗", "not passed"),
    Outcome.LIMIT: ("✗", "stopped: it took too long, or too much memory"),
    Outcome.OPEN: ("–", "not judged: what it rests on is not right yet"),
    Outcome.OURS: ("!", "could not be judged, through no fault of yours"),
}
ERRORS: dict[int, tuple[str, str]] = {
    HTTPStatus.FORBIDDEN: (
        "This is not open to you.",
        "Self-checks are for this course's students, logged in to the hub. Open the page anew from the hub; "
        "if it stays so, ask your instructor whether you are in the course's group.",
    ),
    HTTPStatus.NOT_FOUND: (
        "There is no such self-check.",
        "It was never asked for by you, or it is so old that it was deleted.",
    ),
}
OTHER_ERROR = ("That did not work.", "Nothing was counted. Go back and try again in a moment.")


class Offer(msgspec.Struct, frozen=True):
    """An assignment that a student may ask for, when it is due for them, and how often they may."""

    assignment: OpenAssignment
    due: datetime.datetime | None
    allowance: Allowance


def front(
    *,
    base: str,
    student: str,
    offers: Sequence[Offer],
    latest: Sequence[Job],
    settings: SelfCheck,
    trouble: str,
    key: str,
    xsrf: bytes,
    now: float,
) -> str:
    """Return the page with the form."""
    return (
        _environment()
        .get_template("front.html.jinja")
        .render(
            base=base,
            student=student,
            offers=offers,
            latest=latest,
            settings=settings,
            trouble=trouble,
            key=key,
            xsrf=xsrf.decode(),
            now=now,
        )
    )


def check(*, base: str, student: str, job: Job, allowance: Allowance, xsrf: bytes, now: float) -> str:
    """Return the page of one request."""
    return (
        _environment()
        .get_template("check.html.jinja")
        .render(
            base=base,
            student=student,
            job=job,
            allowance=allowance,
            xsrf=xsrf.decode(),
            seconds=look_again_seconds(job),
            line=state_line(job),
            now=now,
        )
    )


def error(base: str, status: int) -> str:
    """Return the page that says what is wrong."""
    title, text = ERRORS.get(status, OTHER_ERROR)
    return _environment().get_template("error.html.jinja").render(base=base, title=title, text=text)


def static(name: str) -> bytes:
    """Return the style sheet or the script."""
    return (HERE / name).read_bytes()


def look_again_seconds(job: Job) -> float:
    """Return when to look again: the later it is one's turn, the less often."""
    return float(min(10, 1 + job.position // 10))


def state_line(job: Job) -> str:
    """Return how far a request is, in a sentence."""
    if job.state is State.QUEUED:
        ahead = job.position - 1
        return (
            f"In the queue: {ahead or 'none'} before yours."
            if ahead != 1
            else "In the queue: 1 before yours."
        )
    if job.answer is None:
        return "Being checked now."
    if job.answer.failed:
        return "It could not be checked, through no fault of yours; it does not count."
    passed = sum(blank.outcome is Outcome.PASSED for blank in job.answer.blanks)
    return f"Done: {passed} of {len(job.answer.blanks)} parts passed."


def limit_line(allowance: Allowance, now: float) -> str:
    """Return that the limit is reached, and when there is one more."""
    return (
        f"You have asked {allowance.limit} times in this assignment within {_hours(allowance)}, which is the "
        f"limit. The next one is free {_until(allowance.free_at, now)}."
    )


def _left_line(allowance: Allowance, now: float) -> str:
    """Return how many are left, and when there is one more."""
    left = f"{allowance.left} of {allowance.limit} left within {_hours(allowance)}"
    return left if allowance.free_at is None else f"{left}; one more {_until(allowance.free_at, now)}"


def _hours(allowance: Allowance) -> str:
    return "an hour" if allowance.window_hours == 1 else f"{allowance.window_hours:g} hours"


def _until(free_at: float | None, now: float) -> str:
    minutes = math.ceil(max(0.0, (free_at or now) - now) / 60)
    hours, rest = divmod(minutes, 60)
    wait = f"{hours} h {rest} min" if hours else f"{rest} min"
    return f"in {wait} ({_moment(free_at or now)})"


def _moment(moment: float | datetime.datetime) -> str:
    at = datetime.datetime.fromtimestamp(moment, datetime.UTC) if isinstance(moment, float) else moment
    return at.strftime("%Y-%m-%d %H:%M UTC")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"State": State, "state_line": state_line, "signs": SIGNS}
    environment.filters |= {"moment": _moment, "left": _left_line}
    return environment
