"""
Writing hidden checks: what an author imports.

A notebook's checks are `grader/checks/<assignment>/test_<notebook>.py`, with three neighbours:
`reference_<notebook>.py` (right answers), `misconceptions_<notebook>.py` (wrong ones, explained) and
`styles_<notebook>.py` (unusual right ones). docs/authors.md walks through a whole example.
"""

from grader.checks.authoring import Notebook, check, misconception, style, style_text

__all__ = ["Notebook", "check", "misconception", "style", "style_text"]
