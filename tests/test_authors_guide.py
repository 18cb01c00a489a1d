"""docs/authors.md, followed to the letter: its code blocks make a notebook that can be proved."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# The first words of each file's block, as the guide shows them.
FILES = {
    "__init__.py": '"""Hidden checks of the assignment errors."""',
    "reference_mean_square.py": '"""The notebook mean_square as it should be."""',
    "test_mean_square.py": '"""Hidden checks of the notebook mean_square."""',
    "misconceptions_mean_square.py": '"""What students commonly get wrong in the notebook mean_square."""',
    "styles_mean_square.py": '"""Unusual but right ways to write the notebook mean_square."""',
}
CELLS = """[
    cell("given_imports", IMPORTS),
    cell("mean_squared_error", BLANK, solution=True, locked=False),
    cell("check_mean_squared_error", CHECK, grade=True, points=4),
    cell("picture_parabola", PICTURE),
]"""


def code_blocks() -> list[str]:
    """Return the guide's indented blocks."""
    blocks: list[list[str]] = [[]]
    for line in (ROOT / "docs" / "authors.md").read_text().splitlines():
        if line.startswith("    ") or (blocks[-1] and not line.strip()):
            blocks[-1].append(line[4:])
        elif blocks[-1]:
            blocks.append([])
    return ["\n".join(block).strip() + "\n" for block in blocks]


def block_with(beginning: str) -> str:
    (found,) = [block for block in code_blocks() if block.startswith(beginning)]
    return found


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the guide's notebook in it."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "grader", folder / "grader", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "nbgrader_config.py"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "tools", folder / "tools")
    (folder / "release").mkdir()
    (folder / "source" / "errors").mkdir(parents=True)
    checks = folder / "grader" / "checks" / "errors"
    checks.mkdir()
    for name, beginning in FILES.items():
        (checks / name).write_text(block_with(beginning))
    names = {
        "IMPORTS": block_with("import matplotlib.pyplot"),
        "BLANK": block_with("def mean_squared_error"),
        "CHECK": block_with("assert np.isclose"),
        "PICTURE": block_with("errors = np.linspace"),
    }
    program = block_with("import nbformat").replace("[…]", CELLS)
    given = "".join(f"{name} = {text.strip()!r}\n" for name, text in names.items())
    subprocess.run([sys.executable, "-c", given + program], cwd=folder, check=True)
    return folder


def run_in(course: Path, *command: str) -> str:
    """Run a command that must succeed, with the copy's package in place of the installed one."""
    environment = os.environ | {"PYTHONPATH": str(course)}
    done = subprocess.run(
        [sys.executable, *command], cwd=course, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_guides_code_is_tidy(course: Path) -> None:
    run_in(course, "-m", "ruff", "check", "grader/checks/errors")
    run_in(course, "-m", "ruff", "format", "--check", "grader/checks/errors")


def test_the_guides_notebook_can_be_released_and_proved(course: Path) -> None:
    run_in(course, "tools/make_release.py")
    said = run_in(course, "-m", "grader", "validate", "errors")
    assert "every misconception loses its marks and is named (3)" in said


def test_the_guides_solution_gets_full_marks_by_hand(course: Path) -> None:
    said = run_in(course, "-m", "grader", "check", "source/errors/mean_square.ipynb")
    assert "4 / 4 points" in said
