"""
The formgrader's missing buttons: grade everybody who is due, in one run, on all cores; see the class report.

nbgrader's own page can only grade one student after the other, and sends the instructor to the command line
for more. This extension of the Jupyter server puts a button there, which starts just that command line, and
one for the page that `grader report` writes; see docs/instructors.md.
"""

from __future__ import annotations

from grader.formgrader.handlers import load

__all__: list[str] = []


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "grader.formgrader"}]


_load_jupyter_server_extension = load
