"""The simulated class: its expectations bite. `make demo` runs it; here stands what would make it lie."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from grader.checks import catalogue
from grader.demo.marks import Mark, problems
from grader.demo.papers import Book, Loss, Paper, Student
from grader.demo.roster import simulated_class
from grader.errors import ConfigError
from grader.records import CheckResult, Grade, Provenance, Verdict

ROOT = Path(__file__).resolve().parent.parent
PAPER = Paper("backprop", "shallow_net", b"{}", {"fit": Loss.ALL})
FULL = {"loss": 3.0, "fit": 4.0}
EXPECTED = {"loss": 3.0, "fit": 0.0}


def mark(**points: float | None) -> Mark:
    return Mark("somebody", PAPER, EXPECTED | points, FULL)


@pytest.fixture(scope="module")
def books() -> dict[str, Book]:
    paths = [ROOT / "source" / assignment / f"{notebook}.ipynb" for assignment, notebook in catalogue.known()]
    return {
        path.stem: Book(path.parent.name, path.stem, path, ROOT / "release" / path.parent.name / path.name)
        for path in paths
    }


@pytest.fixture(scope="module")
def students(books: dict[str, Book]) -> tuple[Student, ...]:
    return simulated_class(books, ROOT)


def by_hand(points: float | None, *, needs_person: bool = True) -> Mark:
    paper = Paper("ethics", "ethics", b"{}", by_hand=True)
    return Mark("somebody", paper, {"why": points}, {"why": 6.0}, needs_person)


def test_a_written_answer_must_be_left_to_a_person() -> None:
    assert problems(by_hand(None)) == []
    for wrong in (by_hand(6.0), by_hand(0.0), by_hand(None, needs_person=False)):
        assert problems(wrong) == ["its points must be left to a person"]


def test_the_class_answers_in_words(books: dict[str, Book]) -> None:
    released = ROOT / "release/ethics/ethics.ipynb"
    written = [s for s in simulated_class(books, ROOT, [released]) if any(p.by_hand for p in s.papers)]
    assert [paper.notebook for student in written for paper in student.papers] == ["ethics"]
    assert written[0].papers[0].content != released.read_bytes()


def test_marks_as_expected_are_no_problem() -> None:
    assert problems(mark()) == []


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ({"loss": 2.9}, "loss must have 3 of 3 points and has 2.9"),
        ({"fit": 0.1}, "fit must have 0 of 4 points and has 0.1"),
        ({"fit": None}, "fit has no points: the grader itself failed"),
    ],
)
def test_a_difference_says_which_blank_and_what(points: dict[str, float | None], words: str) -> None:
    assert problems(mark(**points)) == [words]


@pytest.mark.parametrize(
    ("name", "points", "words"),
    [
        # The main check fails, so nothing counts.
        ("absolute value instead of ReLU", 0.0, []),
        ("absolute value instead of ReLU", 1.0, ["relu must have 0 of 2 points and has 1"]),
        # Of the weights 3, 1 and 1 only the last one is lost: the argument was changed.
        ("argument overwritten", 1.6, []),
        ("argument overwritten", 0.8, ["relu must have 1.6 of 2 points and has 0.8"]),
        ("argument overwritten", 2.0, ["relu must have 1.6 of 2 points and has 2"]),
    ],
)
def test_a_misconception_costs_exactly_what_it_costs_on_trusted_code(
    books: dict[str, Book], name: str, points: float, words: list[str]
) -> None:
    provenance = Provenance(digest="", seed="00" * 16, isolation="wall", device="cpu", versions={})
    named = CheckResult("test", "title", "relu", 1.0, Verdict.FAILED, misconception=name)
    record = Grade("x", "activations", "activations", (), (named,), (), provenance, 0.0)
    paper = books["activations"].mistaken(name)
    found = problems(Mark("x", paper, {"relu": points}, {"relu": 2.0}, record=record))
    assert found == words


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
