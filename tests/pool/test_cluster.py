"""Grading on real Dask clusters on loopback: the same grades as here, also when parts of it die."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client
from small_class import (
    ASSIGNMENT,
    REPOSITORY,
    Dask,
    Nbgrader,
    graded_here,
    lay_out,
    notebooks,
    slowed,
    submissions,
    timeless,
    wait_for,
)

from grader import pipeline
from grader.config import Config
from grader.pool import clusters
from grader.pool.ahead import Stopped
from grader.pool.cluster import ClusterWorkers
from grader.pool.clusters import open_cluster
from grader.records import Grade

MOST_SECONDS = 120.0  # for any result; far more than it takes


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Dask]:
    """A scheduler, as yet without workers."""
    started = Dask(tmp_path)
    yield started
    started.close()


@pytest.fixture
def workers(dask: Dask, config: Config) -> Iterator[ClusterWorkers]:
    made = connected(dask, config)
    yield made
    made.close()


@pytest.fixture
def other_package(tmp_path: Path) -> Path:
    """A folder with our package, one comment longer."""
    folder = tmp_path / "other"
    shutil.copytree(REPOSITORY / "grader", folder / "grader", ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "grader" / "score.py").open("a") as file:
        file.write("# changed\n")
    return folder


def connected(
    dask: Dask, config: Config, patience: float = MOST_SECONDS, share: float = 0.25
) -> ClusterWorkers:
    return ClusterWorkers(config, open_cluster(dask.address, 0, 1, {}, {}), share, patience)


def graded_there(workers: ClusterWorkers, config: Config) -> dict[str, Grade]:
    futures = {each.student_id: workers.submit(each) for each in submissions(config)}
    return {student: future.result(MOST_SECONDS) for student, future in futures.items()}


def assert_the_same(found: dict[str, Grade], expected: dict[str, Grade]) -> None:
    assert {name: timeless(each) for name, each in found.items()} == {
        name: timeless(each) for name, each in expected.items()
    }


def test_a_cluster_gives_the_grades_of_this_machine_also_when_a_worker_is_killed(
    tmp_path: Path, config: Config, expected: dict[str, Grade]
) -> None:
    slow = lay_out(tmp_path / "course", {"ada": slowed(notebooks()["ada"])})
    shutil.copy(config.course / ".grader_secret", slow.course)
    cluster = open_cluster("local", 2, 2, {}, {})
    workers = ClusterWorkers(config, cluster, 0.25, MOST_SECONDS)
    try:
        assert workers.slots == 2
        assert_the_same(graded_there(workers, config), expected)
        # Now one that takes its time, and the process that grades it is killed.
        victim = workers.submit(submissions(slow)[0])
        pids = cluster.client.run(os.getpid)
        busy = wait_for(lambda: [name for name, keys in cluster.client.processing().items() if keys])
        os.kill(pids[busy[0]], signal.SIGKILL)
        assert_the_same(graded_there(workers, config), expected)
        grade = victim.result(MOST_SECONDS)
        assert timeless(grade) == timeless(graded_here(slow)["ada"])
        assert pids[busy[0]] not in cluster.client.run(os.getpid).values()
    finally:
        workers.close()


def test_a_cluster_on_this_machine_lets_nobody_in_who_has_not_its_keys() -> None:
    cluster = open_cluster("local", 1, 1, {}, {})
    try:
        address = str(cluster.client.scheduler.address)
        profiled = cluster.client.run(lambda dask_worker: "profile" in dask_worker.periodic_callbacks)
        assert set(profiled.values()) == {False}  # it would keep every stack of pytest's that it samples
        assert cluster.client.submit(os.getpid).result(MOST_SECONDS) != os.getpid()
        for stranger in (address, address.replace("tls://", "tcp://")):
            with pytest.raises((OSError, TypeError)):
                Client(stranger, timeout=2, set_as_default=False)
    finally:
        cluster.close()


def test_a_worker_that_joins_late_gets_work(
    dask: Dask, workers: ClusterWorkers, config: Config, expected: dict[str, Grade]
) -> None:
    futures = [workers.submit(each) for each in submissions(config)[:2]]
    assert not any(future.done() for future in futures)
    dask.worker()
    found = [future.result(MOST_SECONDS) for future in futures]
    assert [timeless(each) for each in found] == [timeless(expected[each.student_id]) for each in found]


def test_a_worker_with_another_package_is_not_used_and_says_why(
    dask: Dask,
    config: Config,
    other_package: Path,
    caplog: pytest.LogCaptureFixture,
    expected: dict[str, Grade],
) -> None:
    dask.worker(package=other_package)
    dask.worker()
    workers = connected(dask, config)
    try:
        wait_for(lambda: len(workers._staff.usable) == 2)
        assert_the_same(graded_there(workers, config), expected)
        assert len(workers._staff.usable) == 1
    finally:
        workers.close()
    (line,) = [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]
    mine = pipeline.package_digest().hex()[:12]
    assert "its package grader is 0.1.0 (" in line
    assert f"graded with {mine}" in line
    assert "Install the same package" in line


def test_with_refused_workers_only_the_run_stops(dask: Dask, config: Config) -> None:
    dask.worker(threads=3)
    workers = connected(dask, config)
    try:
        wait_for(lambda: workers._staff.usable)
        future = workers.submit(submissions(config)[0])
        with pytest.raises(Stopped, match=r"None of the 1 workers .* has 3 threads.*--nthreads 1"):
            future.result(MOST_SECONDS)
        with pytest.raises(Stopped):  # and nothing that comes later hangs
            workers.submit(submissions(config)[1]).result(MOST_SECONDS)
    finally:
        workers.close()


def test_a_cluster_without_workers_stops_the_run(dask: Dask, config: Config) -> None:
    workers = connected(dask, config, patience=2.0)
    try:
        with pytest.raises(Stopped, match=rf"no worker for \d+ s. Start some: dask worker {dask.address}"):
            workers.submit(submissions(config)[0]).result(MOST_SECONDS)
    finally:
        workers.close()


def test_a_killed_scheduler_stops_the_run(
    dask: Dask, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "CONNECT_SECONDS", 3.0)
    workers = connected(dask, config)
    try:
        future = workers.submit(submissions(config)[0])
        dask.scheduler.send_signal(signal.SIGKILL)
        with pytest.raises(Stopped, match="can't be reached any more"):
            future.result(MOST_SECONDS)
    finally:
        workers.close()


def test_trainings_go_to_workers_that_declare_a_gpu(
    dask: Dask, config: Config, monkeypatch: pytest.MonkeyPatch, expected: dict[str, Grade]
) -> None:
    dask.worker("--resources", "GPU=0.5", "--name", "with-gpu")
    dask.worker("--name", "without")
    # As if the notebook trained: the workers know better, and grade it as it is.
    monkeypatch.setattr(pipeline, "prefers_gpu", lambda _: True)
    workers = connected(dask, config)
    try:
        wait_for(lambda: len(workers._staff.usable) == 2)
        client = workers._client
        futures = [workers.submit(each) for each in submissions(config)]
        seen: set[str] = set()
        while not all(future.done() for future in futures):
            seen |= {name for name, keys in client.processing().items() if keys}
            time.sleep(0.02)
        info = client.scheduler_info(n_workers=-1)["workers"]
        assert [info[each]["name"] for each in seen] == ["with-gpu"]
        assert [each.result().points for each in futures] == [each.points for each in expected.values()]
    finally:
        workers.close()


def test_nbgrader_stops_with_its_scheduler_and_goes_on_where_it_stopped(dask: Dask, tmp_path: Path) -> None:
    papers = notebooks()
    papers["eve"] = slowed(papers["eve"], "import time\ntime.sleep(9)")  # while it runs, the scheduler goes
    config = lay_out(tmp_path / "course", papers)
    nbgrader = Nbgrader(config.course)
    assert nbgrader.run("generate_assignment", ASSIGNMENT)[0] == 0
    dask.worker()
    run = nbgrader.start(
        "autograde", ASSIGNMENT, f"--GraderPool.scheduler={dask.address}", "--GraderPool.patience=60"
    )
    records = config.course / "records" / ASSIGNMENT
    wait_for(lambda: len(list(records.glob("*/*.json"))) >= 4, MOST_SECONDS)
    dask.scheduler.send_signal(signal.SIGKILL)
    _, said = run.communicate(timeout=MOST_SECONDS)
    assert run.returncode == 1
    assert "can't be reached any more" in said
    assert "the same command goes on where it stopped" in said
    code, said = nbgrader.run("autograde", ASSIGNMENT, "--GraderPool.jobs=1")
    assert code == 0, said
    scores = nbgrader.scores()
    assert {student: sum(points.values()) for student, points in scores.items()} == {
        student: each.points for student, each in graded_here(config).items()
    }
