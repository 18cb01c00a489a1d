"""What an instructor types by hand, and what a mistake in it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOLVED = ROOT / "source" / "l2" / "l2.ipynb"
CHECKS = "grader/checks/l2/test_l2.py"
KNOWN = "Known: activations/activations, backprop/deep_net,"


def run(*command: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=os.environ | {"PATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_notebook_is_graded_as_a_table() -> None:
    done = run("grader", "check", str(SOLVED), "--student", "anna")
    assert done.returncode == 0, done.stderr
    assert "l2/l2, inputs of anna" in done.stdout
    assert "20 / 20 points" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "absent/l2.ipynb"], "absent/l2.ipynb: The file can't be opened: No such file"),
        (["check", "source"], "source: It is not a file"),
        (["check", "README.md"], "README.md: The file is damaged"),
        (["check", "{other}"], f"other.ipynb: the course has no notebook of this name. {KNOWN}"),
        (["check", str(SOLVED), "--course", "docs"], "docs is no course: source/ has no notebook."),
        (["validate", "nosuch"], "No checks for the assignment 'nosuch'. Known: activations, backprop,"),
    ],
)
def test_a_mistake_is_told_in_one_line(arguments: list[str], words: str, tmp_path: Path) -> None:
    other = tmp_path / "other.ipynb"
    other.write_bytes(SOLVED.read_bytes())
    done = run("grader", *(argument.format(other=other) for argument in arguments))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_without_bubblewrap_the_package_to_install_is_named() -> None:
    done = run("grader", "check", str(SOLVED), path=str(Path(sys.executable).parent))
    assert done.returncode == 2
    assert done.stderr == (
        "grader: The wall needs bubblewrap, and bwrap is not there: apt-get install bubblewrap\n"
    )


def test_pytest_by_hand_says_what_was_found_and_shows_no_code_of_ours() -> None:
    released = ROOT / "release" / "l2" / "l2.ipynb"
    done = run("pytest", "-p", "no:cacheprovider", CHECKS, "--submission", str(released))
    assert done.returncode == 1
    assert "l2_penalty is not written yet." in done.stdout
    assert "pytest_pyfunc_call" not in done.stdout


def test_pytest_by_hand_ends_at_once_where_the_notebook_cannot_be_read() -> None:
    done = run("pytest", "-p", "no:cacheprovider", CHECKS, "--submission", "README.md")
    assert done.returncode == 2
    assert "grader: README.md: The file is damaged" in done.stdout
