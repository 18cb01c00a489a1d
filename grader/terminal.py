"""Text for the terminal that somebody else may have written."""

from __future__ import annotations

from rich.text import Text

__all__ = ["plain", "plain_line"]


def plain(text: str) -> Text:
    """Return *text* for the terminal; a student may have written it, so neither markup nor escapes work."""
    return Text("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text))


def plain_line(text: str) -> Text:
    """Return *text* likewise, in one line."""
    return plain(text.replace("\n", "\N{REPLACEMENT CHARACTER}"))
