"""
Step 5: Grade → what the student reads, as outputs of the check cells.

The HTML is our own and everything in it is escaped, since messages quote what the student's code said.
Styles stand in the elements: the same output is shown on the feedback page, in the formgrader and in
JupyterLab, on light and on dark. Text takes the page's colour; the accents are of middle lightness and never
carry the meaning alone.
"""

from __future__ import annotations

import html
import itertools
import operator
import re
from collections.abc import Sequence

import nbformat

from grader.harmless import IGNORED_BY_MATHJAX, html_block, output_node, svg_image
from grader.records import CellScore, CheckResult, Grade, Verdict
from grader.score import PREFIX

__all__ = [
    "check_cell_outputs",
    "format_points",
    "manual_score_output",
    "notes_markdown",
    "refusal_markdown",
]

SIGNS = {
    Verdict.PASSED: ("✓", "passed", "#2c9a55"),
    Verdict.FAILED: ("✗", "not passed", "#d2493c"),
    Verdict.LIMIT_HIT: ("✗", "stopped", "#d2493c"),
    Verdict.SKIPPED: ("–", "not counted", "#a8791c"),
    Verdict.GRADER_ERROR: ("!", "not judged", "#8a6fd1"),
}
UNGRADED = (
    "This part could not be graded automatically, through no fault of yours. "
    "Your instructor has been told and will look at it."
)
MANUAL = "#3b7dd8"
NO_WALL = "Graded without isolation, for trying out: these points do not count."

CARD = (
    "max-width:46em;margin:.4em 0 .8em;padding:.1em 0 .1em .95em;border-left:3px solid {color};"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;"
    "color:inherit;white-space:normal;overflow-wrap:anywhere"
)
ROW = "display:flex;gap:.6em;margin:.55em 0"
SIGN = "flex:none;width:1.1em;text-align:center;font-weight:700;color:{color}"
BOX = "margin:.45em 0;padding:.5em .75em;border-radius:6px;background:rgba(128,128,128,.12)"
MUTED = "opacity:.78"
TEXT = "margin:.25em 0;white-space:pre-wrap"


def check_cell_outputs(grade: Grade, score: CellScore) -> list[nbformat.NotebookNode]:
    """
    Return the outputs of one check cell.

    nbgrader reads the points from the cell's one execute_result: its plain text is the number, its HTML what
    a browser shows, its markdown what is shown where there is no HTML. Where a person must look there is no
    execute_result, and so no number.
    """
    results = [result for result in grade.results if result.blank == score.grade_id.removeprefix(PREFIX)]
    mark = NO_WALL if grade.provenance.isolation != "wall" else ""
    text = _plain(score, results, mark)
    shown = {"text/html": _card(score, results, mark), "text/markdown": _fenced(text)}
    if score.points is None:
        return [output_node("display_data", data=shown | {"text/plain": text}, metadata={})]
    number = {"text/plain": repr(float(score.points))}
    return [output_node("execute_result", data=shown | number, metadata={}, execution_count=None)]


def manual_score_output(points: float, max_points: float) -> nbformat.NotebookNode:
    """Return the output that stands above a check cell's own where a person has set its points."""
    given = f"Set by your instructor: {format_points(points)} of {format_points(max_points)} points"
    below = "What the automatic checks found follows; its points are replaced by these."
    shown = f'<p style="margin:.2em 0"><b>{given}</b></p><p style="{TEXT};{MUTED}">{below}</p>'
    card = f'<div style="{CARD.format(color=MANUAL)}">{shown}</div>'
    return output_node(
        "display_data", data={"text/html": card, "text/plain": f"{given}. {below}"}, metadata={}
    )


def notes_markdown(notes: Sequence[str]) -> str:
    """Return the text of a cell that tells the student how the file was read."""
    items = "".join(f"<li>{html.escape(note)}</li>" for note in notes[:20])
    more = f"<p>… and {len(notes) - 20} more.</p>" if len(notes) > 20 else ""
    return _told("How this notebook was read", f"<ul>{items}</ul>{more}")


def refusal_markdown(reason: str) -> str:
    """Return the text of the cell that stands in place of a notebook that can't be read."""
    text = "What you handed in is kept. Hand in a notebook that can be read, or ask your instructor."
    return _told("This notebook could not be read", f"<p>{html.escape(reason)}</p><p>{text}</p>")


def format_points(points: float) -> str:
    """Return points as people write them: two places at most, none where none are needed."""
    return f"{round(points, 2):g}"


def _told(title: str, inner: str) -> str:
    card = CARD.format(color="#a8791c")
    return html_block(
        f'<div class="{IGNORED_BY_MATHJAX}" style="{card}"><p><b>{html.escape(title)}</b></p>{inner}</div>'
    )


def _card(score: CellScore, results: Sequence[CheckResult], mark: str) -> str:
    blank = html.escape(score.grade_id.removeprefix(PREFIX))
    color = _color(score)
    head = f"<b><code>{blank}</code></b> · {_points_line(score)}"
    body = "".join(_row(*pair) for pair in itertools.zip_longest(results, results[1:]))
    if score.points is None:
        body = f'<p style="{TEXT}">{html.escape(UNGRADED)}</p>' + body
    if mark:
        body += f'<p style="{TEXT}"><b>{html.escape(mark)}</b></p>'
    return (
        f'<div class="{IGNORED_BY_MATHJAX}" style="{CARD.format(color=color)}">'
        f'<p style="margin:.2em 0">{head}</p>{body}</div>'
    )


def _row(result: CheckResult, following: CheckResult | None) -> str:
    sign, word, color = SIGNS[result.verdict]
    parts = [f'<div><b>{_line(result.title)}</b> <span style="{MUTED}">({word})</span></div>']
    if not _tells_the_same(result, following):
        parts += _findings(result)
    inner = "".join(parts)
    return (
        f'<div style="{ROW}"><span aria-hidden="true" style="{SIGN.format(color=color)}">{sign}</span>'
        f'<div style="min-width:0">{inner}</div></div>'
    )


def _tells_the_same(result: CheckResult, other: CheckResult | None) -> bool:
    """Whether two checks found the same thing, such as one exception: it is told once, below the last."""
    told = operator.attrgetter(
        "verdict", "message", "hint", "misconception", "explanation", "note", "picture"
    )
    return other is not None and bool(told(result) == told(other))


def _findings(result: CheckResult) -> list[str]:
    if result.verdict is Verdict.GRADER_ERROR:  # its message is for us: it may name our files
        return []
    parts = []
    if result.message:
        parts.append(f'<p style="{TEXT}">{_line(result.message)}</p>')
    if result.picture:
        parts.append(svg_image(result.picture, f"Picture of what was measured. {result.message}"))
    if result.misconception:
        name = f"<b>Your answers are those of a known mistake: {_line(result.misconception)}.</b>"
        parts.append(f'<div style="{BOX}">{name}<p style="{TEXT}">{_line(result.explanation)}</p></div>')
    if result.hint:
        parts.append(f'<p style="{TEXT}"><i>Think about:</i> {_line(result.hint)}</p>')
    if result.note:
        parts.append(f'<p style="{TEXT};{MUTED}">{_line(result.note)}</p>')
    return parts


def _plain(score: CellScore, results: Sequence[CheckResult], mark: str) -> str:
    lines = [f"{score.grade_id.removeprefix(PREFIX)}: {_points_text(score)}"]
    if score.points is None:
        lines.append(UNGRADED)
    for result, following in itertools.zip_longest(results, results[1:]):
        sign, word, _ = SIGNS[result.verdict]
        lines.append(f"{sign} {result.title} ({word})")
        if result.verdict is not Verdict.GRADER_ERROR and not _tells_the_same(result, following):
            misconception = f"{result.misconception}: {result.explanation}" if result.misconception else ""
            found = (result.message, misconception, result.hint, result.note)
            lines += [f"    {line}" for text in found if text for line in text.splitlines()]
    return "\n".join([*lines, mark] if mark else lines)


def _fenced(text: str) -> str:
    """Return *text* as a block of code, fenced by more backticks than it holds: no markup in it is read."""
    runs = re.findall(r"`+", text)
    fence = "`" * (max([2, *map(len, runs)]) + 1)
    return f"{fence}\n{text}\n{fence}"


def _points_line(score: CellScore) -> str:
    return html.escape(_points_text(score))


def _points_text(score: CellScore) -> str:
    if score.points is None:
        return f"to be graded by a person (of {format_points(score.max_points)} points)"
    return f"{format_points(score.points)} of {format_points(score.max_points)} points"


def _color(score: CellScore) -> str:
    if score.points is None:
        return SIGNS[Verdict.GRADER_ERROR][2]
    return SIGNS[Verdict.PASSED if score.points == score.max_points else Verdict.FAILED][2]


def _line(text: str) -> str:
    return html.escape(text)
