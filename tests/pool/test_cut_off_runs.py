"""The real nbgrader, stopped and killed: what was graded stays, nothing runs on, a second run completes."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
from pathlib import Path

import pytest
from small_class import (
    ASSIGNMENT,
    Nbgrader,
    alive,
    below,
    graded_here,
    lay_out,
    notebooks,
    slowed,
    submit,
    wait_for,
)

from grader.checks import catalogue, plugin
from grader.checks.local import LocalStudent
from grader.config import Config
from grader.report import class_report

MOST_SECONDS = 120.0


@pytest.fixture(params=[2])
def nbgrader(tmp_path: Path, request: pytest.FixtureRequest) -> Nbgrader:
    """A class of six in a course of its own, released; the last one's notebook takes its time."""
    papers = notebooks()
    papers["fay"] = slowed(papers["ada"])
    config = lay_out(tmp_path / "course", papers)
    nbgrader = Nbgrader(config.course, f"--GraderPool.jobs={request.param}")
    code, said = nbgrader.run("generate_assignment", ASSIGNMENT)
    assert code == 0, said
    return nbgrader


def points(nbgrader: Nbgrader) -> dict[str, float]:
    return {
        student: sum(value or 0.0 for value in cells.values()) for student, cells in nbgrader.scores().items()
    }


def expected_points(nbgrader: Nbgrader) -> dict[str, float | None]:
    return {student: grade.points for student, grade in graded_here(Config(nbgrader.root)).items()}


def records(nbgrader: Nbgrader) -> int:
    return len(list((nbgrader.root / "records" / ASSIGNMENT).glob("*/*.json")))


@pytest.mark.parametrize("nbgrader", [1, 2], indirect=True)
def test_ctrl_c_leaves_a_summary_no_process_and_the_rest_to_a_second_run(nbgrader: Nbgrader) -> None:
    run = nbgrader.start("autograde", ASSIGNMENT)
    wait_for(lambda: records(nbgrader) >= 1, MOST_SECONDS)
    started = below(run.pid)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, said = run.communicate(timeout=MOST_SECONDS)
    assert run.returncode != 0
    assert "Stopped: " in said
    assert "needs a person" not in said
    assert "of 6 notebooks graded" in said
    assert "the same command goes on where it stopped" in said
    wait_for(lambda: not [pid for pid in started if alive(pid)], 20)
    code, said = nbgrader.run("autograde", ASSIGNMENT)
    assert code == 0, said
    assert points(nbgrader) == expected_points(nbgrader)


def test_a_run_that_is_killed_at_any_moment_is_made_good_by_a_second_one(nbgrader: Nbgrader) -> None:
    rng = random.Random(7)
    for _ in range(3):
        begun = records(nbgrader)
        run = nbgrader.start("autograde", ASSIGNMENT)
        wait_for(lambda: len(below(run.pid)) > 2 or run.poll() is not None, MOST_SECONDS)  # noqa: B023
        with contextlib.suppress(AssertionError):
            wait_for(lambda: records(nbgrader) > begun or run.poll() is not None, rng.uniform(0.5, 6.0))  # noqa: B023
        started = below(run.pid)
        run.kill()
        run.communicate(timeout=MOST_SECONDS)
        wait_for(lambda: not [pid for pid in started if alive(pid)], 20)  # noqa: B023
    code, said = nbgrader.run("autograde", ASSIGNMENT)
    assert code == 0, said
    assert points(nbgrader) == expected_points(nbgrader)
    assert not list(nbgrader.root.glob("records/*/*/.unfinished"))


def test_a_file_handed_in_while_it_waits_is_graded_as_it_is_at_its_turn(nbgrader: Nbgrader) -> None:
    submit(nbgrader.root, "ada", slowed(notebooks()["ada"]))  # the first; meanwhile the others are read
    run = nbgrader.start("autograde", ASSIGNMENT)
    wait_for((nbgrader.root / "records" / ASSIGNMENT / "dot" / f"{ASSIGNMENT}.json").exists, MOST_SECONDS)
    path = submit(nbgrader.root, "dot", notebooks()["ada"])  # was empty; now it is solved
    _, said = run.communicate(timeout=MOST_SECONDS)
    assert run.returncode == 0, said
    assert path.exists()
    assert points(nbgrader)["dot"] == expected_points(nbgrader)["dot"] == 30.0


def test_a_ctrl_c_in_the_middle_of_a_check_is_one_of_the_run() -> None:
    class Interrupted(LocalStudent):
        def call(self, *_: object, **__: object) -> object:
            raise KeyboardInterrupt

    checks = catalogue.find(ASSIGNMENT, ASSIGNMENT)
    with pytest.raises(KeyboardInterrupt):
        plugin.run(checks, Interrupted(checks.namespace()), b"x" * 16)


def test_a_folder_whose_name_is_no_text_costs_nobody_else(nbgrader: Nbgrader) -> None:
    expected = expected_points(nbgrader)
    submitted = nbgrader.root / "submitted"
    latin = os.fsdecode(b"b\xe9a")  # as some zip files have it
    shutil.copytree(submitted / "ada", submitted / latin)
    code, said = nbgrader.run("autograde", ASSIGNMENT)
    assert code == 1
    assert points(nbgrader) == expected
    assert f"b\\udce9a/{ASSIGNMENT}: was not graded: the name of its folder is not UTF-8" in said
    assert "Traceback" not in said
    assert class_report(nbgrader.root, ASSIGNMENT).encode()  # the page can be written
