"""What nbgrader collects from the exchange: a student's own plain files, and nothing by a trick."""

from __future__ import annotations

import datetime
import os
import pwd
import re
import resource
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from scratch_course import Course

from grader import collect
from grader.collect import CourseCollect

ME = pwd.getpwuid(os.getuid()).pw_name
STAMP = "2026-11-0{day} 10:00:00.000000 UTC"
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can make another user's files")


class Exchange:
    """A course's exchange, into which anybody may put what they like."""

    def __init__(self, course: Course, root: Path) -> None:
        self.course = course
        self.root = root
        self.inbound = root / "deep-learning" / "inbound"
        self.inbound.mkdir(parents=True)
        root.chmod(0o777)

    def hand_in(self, student: str, day: int = 1, owner: str = ME, text: str = "", stamp: str = "") -> Path:
        """Put a folder there as `nbgrader submit` of *owner* does, in the name of *student*."""
        stamp = stamp or STAMP.format(day=day)
        folder = self.inbound / f"{student}+tiny+{stamp}+c2VjcmV0"
        folder.mkdir()
        notebook = self.course.solved()
        notebook.cells[0].source = text
        nbformat.write(notebook, folder / "numbers.ipynb")
        (folder / "timestamp.txt").write_text(stamp)
        user = pwd.getpwnam(owner)
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.pw_uid, user.pw_gid)
        return folder

    def collect(self, **settings: Any) -> str:
        """Collect as the formgrader's button does; return what nbgrader logged."""
        result = self.course.api(Exchange={"root": str(self.root)}, **settings).collect("tiny")
        assert result["success"], result
        return str(result["log"])

    def collected(self, student: str) -> str:
        """Return the first cell of what came in; empty if nothing did."""
        file = self.course.folder(student) / "numbers.ipynb"
        return str(nbformat.read(file, 4).cells[0].source) if file.exists() else ""


@pytest.fixture
def exchange(course: Course, tmp_path: Path) -> Exchange:
    return Exchange(course, tmp_path / "exchange")


def test_the_newest_submission_of_a_student_is_collected(exchange: Exchange) -> None:
    exchange.hand_in(ME, day=1, text="first")
    exchange.hand_in(ME, day=2, text="second")
    exchange.collect()
    assert exchange.collected(ME) == "second"
    exchange.hand_in(ME, day=3, text="third")
    exchange.collect()
    assert exchange.collected(ME) == "third"
    assert (exchange.course.folder(ME) / "timestamp.txt").read_text() == STAMP.format(day=3)


@as_root
def test_a_folder_in_anothers_name_does_not_replace_the_students_own(exchange: Exchange) -> None:
    exchange.hand_in("games", day=1, owner="games", text="my own work")
    exchange.hand_in("games", day=2, owner="daemon", text="put there by somebody else")
    exchange.hand_in("mail", day=1, owner="daemon")
    log = exchange.collect()
    assert exchange.collected("games") == "my own work"
    assert exchange.collected("mail") == ""
    assert "belongs to daemon, not to games" in log


@pytest.mark.parametrize("kind", ["file", "folder", "submission"])
def test_no_link_is_followed(exchange: Exchange, kind: str) -> None:
    solution = exchange.course.root / "source" / "tiny"
    folder = exchange.hand_in(ME, text="honest")
    if kind == "file":
        (folder / "numbers.ipynb").unlink()
        (folder / "numbers.ipynb").symlink_to(solution / "numbers.ipynb")
    elif kind == "folder":
        (folder / "more").symlink_to(solution)
    else:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        folder.symlink_to(solution)
    exchange.collect()
    came_in = sorted(path.name for path in exchange.course.folder(ME).rglob("*"))
    expected = {
        "file": ["timestamp.txt"],
        "folder": ["numbers.ipynb", "timestamp.txt"],
        "submission": [],
    }
    assert came_in == expected[kind]


@pytest.mark.parametrize("change", ["other", "none"])
def test_the_time_in_the_name_counts_and_not_a_file_of_the_students(exchange: Exchange, change: str) -> None:
    folder = exchange.hand_in(ME, day=2)
    (folder / "timestamp.txt").unlink()
    if change == "other":
        (folder / "timestamp.txt").write_text(STAMP.format(day=1))
    exchange.collect()
    assert (exchange.course.folder(ME) / "timestamp.txt").read_text() == STAMP.format(day=2)


def test_a_time_that_would_mean_another_day_tomorrow_is_written_out(exchange: Exchange) -> None:
    exchange.hand_in(ME, stamp="10:00")
    exchange.collect()
    written = (exchange.course.folder(ME) / "timestamp.txt").read_text()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d 10:00:00\.000000 UTC", written)


@as_root
def test_work_that_is_later_than_it_says_is_named(exchange: Exchange) -> None:
    now = datetime.datetime.now(datetime.UTC)
    just_now = f"{now - datetime.timedelta(minutes=2):%Y-%m-%d %H:%M:%S.%f} UTC"
    exchange.hand_in(ME, stamp=just_now)
    assert "it says" not in exchange.collect()
    exchange.hand_in(
        "games", stamp=f"{now - datetime.timedelta(hours=1):%Y-%m-%d %H:%M:%S.%f} UTC", owner="games"
    )
    log = exchange.collect()
    assert "games: handed in" in log
    assert "in the exchange it was last changed" in log


@as_root
def test_of_a_students_folder_only_the_students_files_come_in(exchange: Exchange) -> None:
    folder = exchange.hand_in("games", owner="games", text="honest")
    (folder / "helper.npz").write_bytes(b"of root")
    exchange.collect()
    assert exchange.collected("games") == "honest"
    assert not (exchange.course.folder("games") / "helper.npz").exists()


def test_odd_entries_stop_nobodys_submission(exchange: Exchange) -> None:
    folder = exchange.hand_in(ME, text="honest")
    os.mkfifo(folder / "pipe")
    (folder / "large.bin").write_bytes(b"0" * 3_000_000)
    (folder / "deep").mkdir()
    (folder / "deep" / "notes.txt").write_text("kept")
    overflow = ".999999999999999999999999999999999m1.5."  # decimal.InvalidOperation, in the parser of dates
    for name in (
        f"{ME}+tiny+no date at all+x",
        f"x+tiny+2026 {overflow}+x",
        "+tiny+2026-11-09 10:00:00 UTC+x",
        "..+tiny+2026-11-09+x",
    ):
        (exchange.inbound / name).mkdir()
    log = exchange.collect(CourseDirectory={"max_file_size": 2000})
    assert exchange.collected(ME) == "honest"
    assert (exchange.course.folder(ME) / "deep" / "notes.txt").read_text() == "kept"
    left_out = {"pipe", "large.bin"}
    assert not left_out & {path.name for path in exchange.course.folder(ME).iterdir()}
    assert all(name in log for name in left_out)
    assert not (exchange.course.root / "submitted" / "tiny").exists()


def test_a_submission_without_end_is_taken_up_to_a_limit(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "ENTRIES", 20)
    folder = exchange.hand_in(ME, text="honest")
    (folder / "a hole").touch()
    os.truncate(folder / "a hole", 10**11)  # on the disk it has no blocks
    for n in range(15):
        (folder / "many" / f"{n:02}").mkdir(parents=True)
    for n in range(15):
        (folder / f"z{n:02}").symlink_to("/etc/passwd")
    log = exchange.collect()
    assert exchange.collected(ME) == "honest"
    assert "a hole: it is too large" in log
    assert log.count("more than 20 entries") == 1
    assert log.count("Left out") < 20


def test_a_folder_in_the_place_of_the_time_stops_nobodys_collecting(exchange: Exchange) -> None:
    folder = exchange.hand_in(ME, day=1, text="honest")
    (folder / "timestamp.txt").unlink()
    (folder / "timestamp.txt").mkdir()
    exchange.collect()
    assert (exchange.course.folder(ME) / "timestamp.txt").read_text() == STAMP.format(day=1)
    exchange.hand_in(ME, day=2, text="newer")
    exchange.collect()
    assert exchange.collected(ME) == "newer"


def test_names_do_not_steer_the_terminal_or_forge_lines_of_the_log(exchange: Exchange) -> None:
    folder = exchange.hand_in(ME, text="honest")
    os.mkfifo(folder / "a\n[INFO] all is well \x1b[2J")
    os.mkfifo(os.fsencode(folder) + b"/\xff")
    (exchange.inbound / "\x1b[2J+tiny+no date+x").mkdir()
    (exchange.inbound / "x\n[INFO] all is well \x1b[2J+tiny+2026-11-09 10:00:00 UTC+x").mkdir()
    log = exchange.collect()
    assert exchange.collected(ME) == "honest"
    assert log.count("Left out") == 2
    assert "\x1b" not in log
    assert "\n[INFO] all is well" not in log


def test_a_submission_that_can_not_be_written_is_not_left_there_in_part(exchange: Exchange) -> None:
    folder = exchange.hand_in(ME, text="honest")
    (folder / "large.bin").write_bytes(b"0" * 900_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, before[1]))  # stands for a full disk
    try:
        log = exchange.collect()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "large.bin can't be written: File too large" in log
    assert not exchange.course.folder(ME).exists()
    exchange.collect()
    assert exchange.collected(ME) == "honest"


@as_root
def test_a_submission_that_is_taken_away_meanwhile_stops_nobodys(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange.hand_in(ME, text="honest")
    gone = exchange.hand_in("games", owner="games")
    found = CourseCollect.init_dest

    def take_away(collect: CourseCollect) -> None:
        shutil.rmtree(gone, ignore_errors=True)  # after it was found, before it is copied
        found(collect)

    monkeypatch.setattr(CourseCollect, "init_dest", take_away)
    exchange.collect()
    assert exchange.collected(ME) == "honest"


def test_where_all_share_one_account_the_owner_does_not_count(exchange: Exchange) -> None:
    exchange.hand_in("nobody-of-this-name", text="from a pod")
    exchange.collect(ExchangeCollect={"check_owner": False})
    assert exchange.collected("nobody-of-this-name") == "from a pod"
