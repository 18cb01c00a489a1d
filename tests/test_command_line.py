"""The command line: what students wrote is text there, and a user's mistake is one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

COURSE = Path(__file__).parent.parent
HOSTILE = r"""
def sigmoid(z):
    raise ValueError("\\[/] [bold]x[/bold] [link=http://localhost]y[/link] \x1b[2J \x07")
"""


def grader(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "grader", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=COURSE, check=False, timeout=120)


def test_what_a_student_wrote_is_printed_as_plain_text(tmp_path: Path) -> None:
    notebook = nbformat.read(COURSE / "source/activations/activations.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "sigmoid":
            cell.source = HOSTILE
    path = tmp_path / "activations" / "activations.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook, path)
    done = grader("check", str(path), "--course", str(COURSE), "--student", "[red]x[/]")
    assert done.returncode == 0, done.stderr
    assert "[red]x[/]" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert "26 / 30" in done.stdout  # sigmoid's 4 points, and no one else's


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "nowhere.ipynb"), "nowhere.ipynb"),
        (("check", "README.md"), "README.md"),
        (("validate", "nosuch"), "Known: activations, backprop, dropout, "),
        (("regrade", "nosuch", "--course", "docs"), "docs is no course folder"),
    ],
)
def test_a_mistake_of_the_user_is_one_line_and_status_2(arguments: tuple[str, ...], words: str) -> None:
    done = grader(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("grader: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
