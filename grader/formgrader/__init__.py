"""
The formgrader's missing button: grade everybody who is due, in one run, on all cores.

nbgrader's own page can only grade one student after the other, and sends the instructor to the command line
for more. This extension of the Jupyter server puts a button there, which starts just that command line; see
docs/instructors.md.
"""

from __future__ import annotations

from grader.formgrader.handlers import load

__all__: list[str] = []


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "grader.formgrader"}]


_load_jupyter_server_extension = load
