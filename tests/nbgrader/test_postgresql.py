"""A gradebook in PostgreSQL: the round of an assignment, on a real cluster of the test's own."""

from __future__ import annotations

import contextlib
import csv
import io
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from rich.console import Console
from scratch_course import Course, Marker
from traitlets.config import Config

from grader import pipeline
from grader.errors import ConfigError
from grader.export import PlainExporter
from grader.regrade.command import regrade
from grader.regrade.course import open_settings
from grader.report import class_report
from grader.selfcheck.course import OpenCourse
from grader.selfcheck.settings import SelfCheck

psycopg = pytest.importorskip("psycopg", reason="needs the driver: pip install -e '.[postgres]'")

# Debian keeps the server's programs out of the PATH.
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
INITDB = str(PROGRAMS[-1]) if PROGRAMS else shutil.which("initdb")
ACCOUNT = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
PASSWORD = "of-this-test-alone"  # noqa: S105 - of a cluster that lives for seconds
START_SECONDS = 30.0
WRONG = 0.5  # points that no check gave


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of an empty database; its server ends with the module, and its folder goes."""
    if INITDB is None:
        pytest.skip("needs PostgreSQL: apt install postgresql")
    with tempfile.TemporaryDirectory(prefix="gradebook-") as scratch:  # pytest's own is closed to the account
        folder = Path(scratch)
        folder.chmod(0o755)
        (folder / "password").write_text(PASSWORD)
        (folder / "data").mkdir()
        if ACCOUNT:
            shutil.chown(folder / "data", ACCOUNT)
        make = [INITDB, "-D", folder / "data", "-U", "grader", "-A", "scram-sha-256", "--no-sync"]
        subprocess.run(
            [*make, f"--pwfile={folder}/password"], user=ACCOUNT, cwd=folder, check=True, capture_output=True
        )
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with serving(folder, port):
            yield f"postgresql+psycopg://grader:{PASSWORD}@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def serving(folder: Path, port: int) -> Iterator[None]:
    """Run the server of the cluster in *folder* on a port of the loopback."""
    command = [Path(str(INITDB)).with_name("postgres"), "-D", folder / "data", "-p", str(port), "-F"]
    settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, *(word for each in settings for word in ("-c", each))],
            user=ACCOUNT,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            assert server.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL did not come up"
            time.sleep(0.2)
        yield
    finally:
        server.send_signal(signal.SIGINT)  # its fast shutdown: it waits for nobody
        server.wait(START_SECONDS)


def answers(port: int) -> bool:
    try:
        psycopg.connect(f"host=127.0.0.1 port={port} user=grader password={PASSWORD} dbname=postgres").close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
def term(released_course: Course, cluster: str, tmp_path: Path, marker: Marker) -> Iterator[Course]:
    """A course whose gradebook is in the cluster: anna has 4 + 3 points, bert 4 and half of 3."""
    root = tmp_path / "course"
    shutil.copytree(released_course.root, root, ignore=shutil.ignore_patterns("gradebook.db"))
    settings = root / "nbgrader_config.py"
    lines = (f"c.CourseDirectory.db_url = {cluster!r}", "c.GraderPool.jobs = 1")
    settings.write_text("\n".join([settings.read_text(), *lines, ""]))
    course = Course(root)
    assert course.api().generate_assignment("tiny")["success"]
    for student, half in {"anna": "1/1", "bert": "1/2"}.items():
        course.submit(student, course.solved(half=half))
    result = course.autograde()
    assert result["success"], result
    marker.seen.clear()
    yield course
    with psycopg.connect(cluster.replace("+psycopg", ""), autocommit=True) as database:
        database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def opened(course: Course) -> Gradebook:
    directory = course.api().coursedir
    return Gradebook(directory.db_url, directory.course_id)


def points(course: Course, student: str, cell: str) -> tuple[float | None, float | None, bool]:
    """Return a cell's points by the checks and by hand, and whether a person must look."""
    with opened(course) as gradebook:
        grade = gradebook.find_grade(cell, "numbers", "tiny", student)
        return grade.auto_score, grade.manual_score, grade.needs_manual_grade


def test_points_of_the_checks_and_by_hand_are_kept(term: Course, marker: Marker) -> None:
    assert not (term.root / "gradebook.db").exists()
    assert points(term, "bert", "check_half") == (1.5, None, False)
    with opened(term) as gradebook:
        gradebook.find_grade("check_half", "numbers", "tiny", "bert").manual_score = 2.5
        gradebook.db.commit()
    assert term.autograde(force=True)["success"]
    assert {each.student_id for each in marker.seen} == {"anna", "bert"}
    assert points(term, "bert", "check_half") == (1.5, 2.5, True)


def test_a_regrade_finds_what_differs_and_puts_it_right(
    term: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "submission_seed", lambda *_: b"\0")  # the marker's inputs
    monkeypatch.setattr(pipeline, "imports_of", lambda _: ("numpy",))
    shown = io.StringIO()
    console = Console(file=shown, width=200)
    with opened(term) as gradebook:
        gradebook.find_grade("check_half", "numbers", "tiny", "bert").auto_score = WRONG
        gradebook.db.commit()
    assert regrade(term.root, "tiny", console, agreed=True) == 0
    assert "higher: bert numbers half: 0.5 -> 1.5 / 3" in shown.getvalue()
    assert "1 score of 1 student" in shown.getvalue()
    assert points(term, "bert", "check_half") == (1.5, None, False)


def test_exports_report_and_self_check_read_it(term: Course) -> None:
    path = term.root / "out.csv"
    exporter = PlainExporter(parent=term.api(PlainExporter=Config(to=str(path))))
    exporter.log = logging.getLogger("an export under test")
    with opened(term) as gradebook:
        exporter.export(gradebook)
    with path.open(newline="", encoding="utf-8") as file:
        assert {row["student_id"]: row["score"] for row in csv.DictReader(file)} == {
            "anna": "7",
            "bert": "5.5",
        }
    assert "anna" in class_report(term.root, "tiny")
    course = OpenCourse(open_settings(term.root), SelfCheck())
    assert course.open_to("anna", time.time()) == []  # nothing is in this course's exchange


def test_a_server_that_is_gone_is_named_in_one_line_and_its_password_is_not(term: Course) -> None:
    settings = term.root / "nbgrader_config.py"
    settings.write_text(re.sub(r"@127\.0\.0\.1:\d+", "@127.0.0.1:1", settings.read_text()))
    with pytest.raises(ConfigError) as told:
        open_settings(term.root)
    assert "postgresql+psycopg://grader:***@127.0.0.1:1/postgres can't be opened: " in str(told.value)
    assert "Is its server running" in str(told.value)
    assert PASSWORD not in str(told.value)
    result = term.autograde()
    assert not result["success"]
    assert (
        "Nothing was graded: The gradebook postgresql+psycopg://grader:***@127.0.0.1:1/postgres"
        in result["log"]
    )
    assert "Traceback" not in result["log"]
    assert PASSWORD not in result["log"]
