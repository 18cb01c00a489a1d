"""Processes of this machine that grade: the same grades as here, and none of them is left."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from small_class import ASSIGNMENT, alive, below, lay_out, notebooks, slowed, submissions, timeless, wait_for

from grader import archive
from grader.config import Config
from grader.pool.ahead import Ahead, Lost
from grader.pool.local import LocalWorkers
from grader.pool.settings import GraderPool
from grader.records import Grade


@pytest.fixture
def workers(config: Config) -> Iterator[LocalWorkers]:
    made = LocalWorkers(config, 2)
    yield made
    made.close()


def pids_of(workers: LocalWorkers) -> list[int]:
    return list(workers._pool._processes)


def test_processes_grade_as_this_one_does_and_all_are_gone_afterwards(
    workers: LocalWorkers, config: Config, expected: dict[str, Grade]
) -> None:
    before = below(os.getpid())
    ahead = Ahead(workers, iter(submissions(config)), config, lambda _: False)
    for each in submissions(config):
        grade = ahead.take(each)
        assert grade is not None
        assert timeless(grade) == timeless(expected[each.student_id])
        path = archive.record_path(config.course, each.student_id, ASSIGNMENT, ASSIGNMENT)
        wait_for(lambda: archive.load(path) == grade)  # noqa: B023 - it is done at once
    started = below(os.getpid()) - before
    assert len(started) > 4  # two workers, and their walls
    ahead.close()
    wait_for(lambda: not [pid for pid in started if alive(pid) and not _tracks(pid)], 20)


def _tracks(pid: int) -> bool:
    """Say whether it is multiprocessing's own, which ends with this process."""
    with contextlib.suppress(OSError):
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def test_a_killed_process_costs_no_grade(
    workers: LocalWorkers, config: Config, expected: dict[str, Grade]
) -> None:
    ahead = Ahead(workers, iter(submissions(config)), config, lambda _: False)
    first, *others = submissions(config)
    assert ahead.take(first) is not None
    os.kill(pids_of(workers)[0], signal.SIGKILL)
    for each in others:
        grade = ahead.take(each)
        assert grade is not None
        assert timeless(grade) == timeless(expected[each.student_id])
    ahead.close()


def test_workers_that_die_before_much_was_read_hold_nobody_up(workers: LocalWorkers, config: Config) -> None:
    """Pythons up to 3.11.4 wait for ever where the pipe to the workers is full; none may come to that."""
    large = msgspec.structs.replace(submissions(config)[0], student_id="x" * 1_000_000)
    workers.submit(submissions(config)[0]).result(60)  # they are up
    pids = pids_of(workers)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    futures = [workers.submit(large) for _ in range(6)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for future in futures:
        with pytest.raises(Lost):
            future.result(20)
    closing = threading.Thread(target=workers._pool.shutdown)
    closing.start()
    closing.join(20)
    assert not closing.is_alive()


def test_a_worker_in_the_middle_of_a_submission_ends_when_told(tmp_path: Path) -> None:
    slow = lay_out(tmp_path / "course", {"ada": slowed(notebooks()["ada"], "import time\ntime.sleep(25)")})
    before = below(os.getpid())
    workers = LocalWorkers(slow, 1)
    workers.submit(submissions(slow)[0])
    wait_for(lambda: len(below(os.getpid()) - before) > 3)
    started = below(os.getpid()) - before
    workers.close()
    wait_for(lambda: not [pid for pid in started if alive(pid) and not _tracks(pid)], 10)


def test_a_killed_runs_temporary_files_go_with_the_next_run(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed = tmp_path / "grader-workers-killed"
    killed.mkdir()
    (killed / "beside-x").write_text("of a submission")
    somebody_elses = tmp_path / ("grader-workers-of-another-user" if os.geteuid() == 0 else "others")
    somebody_elses.mkdir()
    if os.geteuid() == 0:
        os.chown(somebody_elses, 65534, -1)
    running = LocalWorkers(config, 2)
    assert GraderPool().workers(config, 1) is None  # it has nothing to do, and clears away all the same
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == 2
    assert killed.name not in left
    running.close()
    running.close()
    assert list(tmp_path.iterdir()) == [somebody_elses]
