"""
ClassFacts → one HTML document.

The template escapes whatever it is given, and the page forbids itself all but its own style sheet: names and
messages may come from students. It needs no script and no network.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import itertools
from collections.abc import Iterable
from pathlib import Path

import jinja2
from markupsafe import Markup

from grader.feedback import format_points
from grader.report.checks import CheckLine
from grader.report.facts import ClassFacts
from grader.report.histogram import drawing

__all__ = ["render"]

HERE = Path(__file__).parent


def render(facts: ClassFacts) -> str:
    """Return the report as an HTML document."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_one_line,
    )
    environment.filters |= {"points": format_points, "duration": _duration, "by_blank": _by_blank}
    style = (HERE / "style.css").read_text()
    return environment.get_template("page.html.jinja").render(
        facts=facts,
        name_of=lambda student: _name_of(facts, student),
        drawing=drawing,
        version=importlib.metadata.version("grader"),
        style=Markup(style),  # noqa: S704 - our own file
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def _one_line(value: object) -> object:
    """Return text without what is not seen: control characters, and such as turn the direction of reading."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)


def _name_of(facts: ClassFacts, student: str) -> str:
    person = facts.people[student]
    return person.name if person.name == student else f"{person.name} ({student})"


def _by_blank(lines: Iterable[CheckLine]) -> list[tuple[str, list[CheckLine]]]:
    """Return blank → its checks, in the order in which they come."""
    return [(blank, list(group)) for blank, group in itertools.groupby(lines, key=lambda line: line.blank)]


def _duration(seconds: float) -> str:
    """Return seconds as people say them: 0.4 s, 35 s, 12 min, 3.5 h."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
