"""The soak and the kills, small: the commands themselves, and that they see what they look for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grader.bench import orphans
from grader.bench.growth import MEBIBYTE, Sample, growth
from grader.bench.mixture import kinds, mix
from grader.bench.outcome import differences
from grader.demo.papers import Book

REPOSITORY = Path(__file__).parents[2]


def run(name: str, *words: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Run one of the commands; return how it ended, and what it wrote."""
    folder = Path(words[words.index("--folder") + 1])
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", f"grader.bench.{name}", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return done, json.loads((folder / "result.json").read_text())


def test_a_small_soak_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    done, result = run("soak", "--students", "12", "--folder", str(tmp_path / "soak"))
    assert done.returncode == 0, done.stdout
    outcomes = [outcome for counts in result["kinds"].values() for outcome in counts.items()]
    assert sum(count for _, count in outcomes) == 12
    assert {outcome for outcome, _ in outcomes} == {"as expected", "flagged"}
    assert "Nothing lost, nothing left behind." in done.stdout


def test_a_run_that_is_killed_twice_over_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    words = ("--times", "2", "--students", "4", "--seed", "7")
    done, result = run("kills", *words, "--folder", str(tmp_path / "kills"))
    assert done.returncode == 0, done.stdout
    assert [trial["victim"] for trial in result["trials"]] == ["nbgrader", "a worker"]
    assert [trial["problems"] for trial in result["trials"]] == [[], []]
    assert all(kill["moment"] >= 0 for trial in result["trials"] for kill in trial["kills"])


@pytest.fixture(scope="module")
def book() -> Book:
    """The notebook that the soak hands in."""
    source, release = (
        REPOSITORY / name / "activations" / "activations.ipynb" for name in ("source", "release")
    )
    return Book("activations", "activations", source, release)


def test_a_class_has_every_kind_and_a_tenth_of_it_is_hostile(book: Book) -> None:
    every = kinds(book, REPOSITORY)
    for students in (1000, 100):
        papers = mix(every, students)
        assert len({each.student for each in papers}) == students
        assert {each.kind.name for each in papers} == {kind.name for kind in every}
        assert sum(each.kind.hostile for each in papers) >= students / 10
    assert [each.kind.name for each in mix(every, 50)] == [each.kind.name for each in mix(every, 50)]


def test_memory_that_grows_is_told_from_memory_that_scatters() -> None:
    def samples(slope: float) -> list[Sample]:
        return [
            Sample(float(n), n, int(1e8 + n * slope + (n % 7) * MEBIBYTE), 0, 0, 20, 3)
            for n in range(0, 1000, 10)
        ]

    for slope in (0.0, 50_000.0):
        found = growth(samples(slope), lambda sample: sample.resident_bytes, 1000)
        assert found is not None
        assert abs(found.per_thousand - 1000 * slope) < 2 * MEBIBYTE
    assert growth(samples(0.0)[:2], lambda sample: sample.resident_bytes, 1000) is None


def test_a_row_that_differs_is_missing_or_too_many_is_named() -> None:
    expected = {"grade": {"1": ("ada", 4.0), "2": ("bob", 1.0)}}
    assert differences(expected, expected) == []
    assert differences({"grade": {"1": ("ada", 4.0), "3": ("bob", 1.0)}}, expected) == [
        "grade 2 is missing",
        "grade 3 is there too many",
    ]
    assert differences({"grade": {"1": ("ada", 4.0), "2": ("bob", 0.0)}}, expected) == [
        "grade 2: /1 is 0.0, not 1.0"
    ]


def test_an_orphan_is_seen_and_can_be_ended() -> None:
    # In a process of its own, since adopting is for good.
    program = (
        "import subprocess, sys\n"
        "from grader.bench import orphans\n"
        "orphans.adopt()\n"
        "subprocess.run(['sh', '-c', 'setsid sleep 60 & '], check=True)\n"
        "found, seconds = orphans.left(0.2)\n"
        "assert 'sleep 60' in orphans.command_of(found[0]), found\n"
        "orphans.end(found)\n"
        "assert orphans.left(5.0)[0] == []\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert os.getpid() not in orphans.below(os.getpid())
