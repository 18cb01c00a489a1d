"""
Small pictures for feedback, as SVG text built by hand: self-contained, no script, readable in light and dark.

Colours are dark on a light panel of their own, so that the page's colour scheme does not matter; tensors
differ by shape as well as by colour. No axis carries numbers of hidden data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from grader.verify.values import FloatArray

__all__ = ["gradient_picture", "learning_curve_picture"]

WIDTH, HEIGHT = 360, 260
LEFT, RIGHT, TOP, BOTTOM = 46, 346, 30, 222
PANEL, INK, FAINT = "#f6f5f1", "#26323a", "#9aa3a7"
COLOURS = (
    "#0b5fa5",
    "#b3541e",
    "#3b7a3b",
    "#7a3b8f",
    "#8a6d00",
    "#a52a4a",
)  # each at least 4.5:1 on the panel
MAX_POINTS = 400  # of a picture, so that a page stays small


def gradient_picture(claimed: Mapping[str, FloatArray], numerical: Mapping[str, FloatArray]) -> str:
    """
    Draw every entry of a gradient against its numerical value: right entries lie on the diagonal.

    Args:
        claimed: tensor name → the student's gradient; finite.
        numerical: the same names → the gradient it is compared with, same shapes; finite.

    Returns:
        An SVG document. Both axes are in units of the largest numerical entry, without numbers.
    """
    top = max((float(np.max(np.abs(value), initial=0.0)) for value in numerical.values()), default=0.0) or 1.0
    marks = [_line(LEFT, BOTTOM, RIGHT, TOP, FAINT, dash=True)]
    share = max(1, sum(value.size for value in numerical.values()) // MAX_POINTS)
    for number, (name, right) in enumerate(numerical.items()):
        # Beyond 1.2 times the largest entry a mark stays at the rim: a factor of 1000 still shows the rest.
        with np.errstate(over="ignore"):
            x = np.clip(right.ravel()[::share] / top, -1.2, 1.2)
            y = np.clip(claimed[name].ravel()[::share] / top, -1.2, 1.2)
        marks += [_mark(number, _x(a, -1.2, 1.2), _y(b, -1.2, 1.2)) for a, b in zip(x, y, strict=True)]
    marks += _legend(list(numerical))
    return _document(
        "Your gradient against the numerical one",
        "Each mark is one entry of a gradient: to the right its numerical value, upwards yours. "
        "Right entries lie on the dashed diagonal.",
        marks,
        ("numerical gradient", "your gradient"),
    )


def learning_curve_picture(losses: Sequence[float] | FloatArray, label: str = "loss") -> str:
    """
    Draw the loss against the step; a NaN or infinity ends the curve with a cross.

    Args:
        losses: one number a step; need not be finite.
        label: what the vertical axis shows.

    Returns:
        An SVG document.
    """
    values = np.asarray(losses, dtype=np.float64)[:1_000_000]
    finite = np.abs(values) < 1e300  # beyond that the span between two losses overflows
    end = int(np.argmin(finite)) if values.size and not finite.all() else values.size
    shown = values[:end]
    steps = (
        np.unique(np.linspace(0, max(end - 1, 0), min(end, MAX_POINTS)).astype(int))
        if end
        else np.array([], int)
    )
    low, high = (float(shown.min()), float(shown.max())) if end else (0.0, 1.0)
    # A curve is drawn from nought, as long as that does not squeeze it flat.
    low = min(low, 0.0) if low > 0 and low < 0.5 * high else low
    span = (high - low) or 1.0
    points = [
        (_x(float(step), 0, max(values.size - 1, 1)), _y((shown[step] - low) / span, 0, 1)) for step in steps
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks = [f'<polyline points="{path}" fill="none" stroke="{COLOURS[0]}" stroke-width="2"/>']
    if end < values.size:
        x, y = points[-1] if points else (float(LEFT), float(TOP))
        marks += [
            _line(x - 5, y - 5, x + 5, y + 5, COLOURS[1]),
            _line(x - 5, y + 5, x + 5, y - 5, COLOURS[1]),
        ]
    marks += [_text(LEFT - 5, TOP + 4, f"{high:.3g}", "end"), _text(LEFT - 5, BOTTOM, f"{low:.3g}", "end")]
    return _document(
        "Learning curve",
        f"The {label} over {values.size} steps"
        + (", until it is no longer finite." if end < values.size else "."),
        marks,
        (f"step 1 to {values.size}", label),
    )


def _document(title: str, description: str, marks: Sequence[str], axes: tuple[str, str]) -> str:
    size = f'width="{RIGHT - LEFT}" height="{BOTTOM - TOP}"'
    frame = f'<rect x="{LEFT}" y="{TOP}" {size} fill="none" stroke="{FAINT}"/>'
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" role="img" aria-label="{escape(title + ". " + description)}">',
            f"<title>{escape(title)}</title><desc>{escape(description)}</desc>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{PANEL}"/>',
            _text(WIDTH // 2, 18, title, "middle", size=13),
            frame,
            *marks,
            _text((LEFT + RIGHT) // 2, BOTTOM + 26, axes[0], "middle"),
            f'<text x="14" y="{(TOP + BOTTOM) // 2}" font-family="sans-serif" font-size="11" fill="{INK}" '
            f'text-anchor="middle" transform="rotate(-90 14 {(TOP + BOTTOM) // 2})">{escape(axes[1])}</text>',
            "</svg>",
        ]
    )


def _legend(names: Sequence[str]) -> list[str]:
    parts: list[str] = []
    for number, name in enumerate(names[: len(COLOURS)]):
        y = TOP + 14 + 15 * number
        parts += [_mark(number, LEFT + 12, y - 4), _text(LEFT + 22, y, name[:16], "start")]
    return parts


def _mark(number: int, x: float, y: float) -> str:
    """Draw one point; the shape goes with the colour, for readers who don't tell colours apart."""
    colour = COLOURS[number % len(COLOURS)]
    style = f'fill="none" stroke="{colour}" stroke-width="1.5"'
    shape = number % 3
    if shape == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" {style}/>'
    if shape == 1:
        return f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" {style}/>'
    return f'<path d="M{x:.1f} {y - 4:.1f}l4 7h-8z" {style}/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dash: bool = False) -> str:
    dashes = ' stroke-dasharray="5 4"' if dash else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="1.5"{dashes}/>'


def _text(x: float, y: float, words: str, anchor: str, *, size: int = 11) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-family="sans-serif" font-size="{size}" fill="{INK}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )


def _x(value: float | npt.NDArray[np.float64], low: float, high: float) -> float:
    return float(LEFT + (RIGHT - LEFT) * (value - low) / (high - low))


def _y(value: float | npt.NDArray[np.float64], low: float, high: float) -> float:
    return float(BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low))
