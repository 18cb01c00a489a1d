"""The simulated class: its expectations bite. `make demo` runs it; here stands what would make it lie."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from grader.demo.marks import Mark, problems
from grader.demo.papers import Book, Loss, Paper, Student
from grader.demo.roster import simulated_class
from grader.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
PAPER = Paper(
    "backprop", "shallow_net", b"{}", {"forward": Loss.SOME, "fit": Loss.ALL, "predict": Loss.MAYBE}
)
FULL = {"loss": 3.0, "forward": 5.0, "fit": 4.0, "predict": 2.0}
EXPECTED = {"loss": 3.0, "forward": 2.5, "fit": 0.0, "predict": 1.0}


def mark(**points: float | None) -> Mark:
    return Mark("somebody", PAPER, EXPECTED | points, FULL)


@pytest.fixture(scope="module")
def books() -> dict[str, Book]:
    paths = sorted((ROOT / "source").glob("*/*.ipynb"))
    return {
        path.stem: Book(path.parent.name, path.stem, path, ROOT / "release" / path.parent.name / path.name)
        for path in paths
    }


@pytest.fixture(scope="module")
def students(books: dict[str, Book]) -> tuple[Student, ...]:
    return simulated_class(books, ROOT)


def test_marks_as_expected_are_no_problem() -> None:
    assert problems(mark()) == []


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ({"loss": 2.9}, "loss must have full marks and has 2.9 of 3"),
        ({"forward": 5.0}, "forward must lose marks and has all 5"),
        ({"fit": 0.1}, "fit must have nought and has 0.1 of 4"),
        ({"predict": None}, "predict has no points: the grader itself failed"),
    ],
)
def test_a_difference_says_which_blank_and_what(points: dict[str, float | None], words: str) -> None:
    assert problems(mark(**points)) == [words]


def test_an_unnamed_misconception_is_a_problem() -> None:
    paper = msgspec.structs.replace(PAPER, finding="sign flipped")
    unnamed = msgspec.structs.replace(mark(), paper=paper)
    assert problems(unnamed) == ["the feedback does not name 'sign flipped'"]


def test_a_penalty_for_a_paper_in_time_is_a_problem() -> None:
    punished = msgspec.structs.replace(mark(), penalty=3.0)
    assert problems(punished) == ["the penalty for lateness is 3"]


def test_the_class_is_large_and_everybody_has_a_name_of_their_own(students: tuple[Student, ...]) -> None:
    assert len(students) >= 24
    assert len({student.name for student in students}) == len(students)


def test_every_blank_has_a_student_who_misunderstood_it(
    students: tuple[Student, ...], books: dict[str, Book]
) -> None:
    papers = [paper for student in students for paper in student.papers if paper.finding]
    lost = {(p.notebook, blank) for p in papers for blank, loss in p.lost.items() if loss is Loss.SOME}
    assert lost >= {(book.notebook, blank) for book in books.values() for blank in book.blanks}


def test_a_misconception_that_does_not_exist_is_named_with_those_that_do(books: dict[str, Book]) -> None:
    with pytest.raises(ConfigError, match=r"shallow_net has no misconception 'no such thing'\. Known: "):
        books["shallow_net"].mistaken("no such thing")


def system_packages(*packages: str) -> subprocess.CompletedProcess[str]:
    """Ask for packages as an ordinary user."""
    return subprocess.run(
        ["bash", "-s", *packages],
        input=(ROOT / "tools" / "system_packages").read_text(),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user="nobody" if os.geteuid() == 0 else None,
    )


def test_missing_system_packages_are_named_in_one_message_to_an_ordinary_user() -> None:
    done = system_packages("no-such-package", "bubblewrap", "nor-this-one")
    assert done.returncode == 1
    assert "Missing system packages: no-such-package nor-this-one" in done.stderr
    assert "sudo apt-get install no-such-package nor-this-one" in done.stderr


def test_a_package_that_is_only_wanted_is_named_and_the_run_goes_on() -> None:
    done = system_packages("bubblewrap", "--", "no-such-package")
    assert done.returncode == 0
    assert "Going on without: no-such-package" in done.stderr


def test_an_old_python_is_refused_with_the_way_out(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.1\nexit 1\n')
    old.chmod(0o755)
    command = ["bash", str(ROOT / "tools" / "make_venv"), str(old), str(tmp_path / "venv"), "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Python 3.11 or later is needed" in done.stderr
    assert "make PYTHON=python3.11" in done.stderr
