"""Grading on real Dask clusters on loopback: the same grades as here, also when parts of it die."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from dask import config as dask_config
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

from grader import pipeline, secret
from grader.checks.digits import ARRAYS, find_digits
from grader.config import Config
from grader.errors import ConfigError
from grader.pool import clusters, remote
from grader.pool.ahead import Stopped
from grader.pool.cluster import ClusterWorkers
from grader.pool.clusters import Cluster, open_cluster
from grader.pool.settings import GraderPool
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
    monkeypatch.setattr(pipeline, "imports_of", lambda _: ("matplotlib", "numpy", "torch"))
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


def test_the_course_secret_stays_here(config: Config, expected: dict[str, Grade]) -> None:
    assert expected
    submission = submissions(config)[0]
    kept = secret.read_or_create(config.course)
    job = remote.job_of(submission, config, with_files=True)
    sent = msgspec.msgpack.encode(job) + pipeline.package_digest()
    for hidden in (kept, kept.hex().encode(), str(config.course).encode()):
        assert hidden not in sent
    assert job.seed == pipeline.submission_seed(submission, config)
    other = remote.job_of(msgspec.structs.replace(submission, student_id="zoe"), config, with_files=True)
    assert other.seed != job.seed


def test_a_record_of_a_worker_with_a_gpu_is_known_on_a_machine_without(
    config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    submission = submissions(config)[0]
    there = msgspec.structs.replace(config, course=tmp_path / "worker")
    monkeypatch.setattr(pipeline, "imports_of", lambda _: ("matplotlib", "numpy", "torch"))
    seed = pipeline.submission_seed(submission, config)
    made = pipeline.digest(submission, there, seed, "NVIDIA H100")
    assert made != pipeline.digest(submission, config)
    assert made == pipeline.digest(submission, config, device="NVIDIA H100")
    assert not (there.course / ".grader_secret").exists()


def test_a_worker_must_have_the_digits_that_the_course_draws_from(
    config: Config, expected: dict[str, Grade], tmp_path: Path
) -> None:
    assert expected
    rng = np.random.default_rng(0)
    for name, count in (("mine", 3000), ("others", 3001)):
        held_out = rng.integers(0, 255, (1000, 28, 28), np.uint8), np.arange(1000) % 10
        images, labels = rng.integers(0, 255, (count, 28, 28), np.uint8), np.arange(count) % 10
        arrays = dict(zip(ARRAYS, (images, labels, *held_out), strict=True))
        np.savez_compressed(tmp_path / f"{name}.npz", **arrays)
    wanted = find_digits(tmp_path, "mine.npz").name
    plain = remote.job_of(submissions(config)[0], config, with_files=True)
    job = msgspec.structs.replace(plain, digits=wanted)
    there = Config(tmp_path / "there")
    assert remote._with_digits(plain, there) == there
    with pytest.raises(remote._Unfit, match="DASK_GRADER__DIGITS="):
        remote._with_digits(job, there)
    others = {remote.DIGITS: str(tmp_path / "others.npz")}
    with dask_config.set(others), pytest.raises(remote._Unfit, match=f"draws from '{wanted}'. Put the same"):
        remote._with_digits(job, there)
    with dask_config.set({remote.DIGITS: str(tmp_path / "mine.npz")}):
        assert pipeline.digits_of(remote._with_digits(job, there))().name == wanted


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scheduler": "host:8786"}, 'may be empty, "local", "slurm", "gateway"'),
        ({"scheduler": "tcp://127.0.0.1:9"}, "can't be reached.*dask scheduler"),
        ({"scheduler": "slurm"}, "GraderPool.jobs"),
        ({"scheduler": "slurm", "jobs": 2}, "pip install dask-jobqueue"),
        ({"scheduler": "gateway", "jobs": 2}, "pip install dask-gateway"),
    ],
)
def test_a_cluster_that_is_not_there_is_told_with_what_to_do(
    settings: dict[str, object], message: str, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "CONNECT_SECONDS", 1.0)
    for name in ("dask_jobqueue", "dask_gateway"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=message):
        GraderPool(**settings).workers(config, 5)


def test_without_dask_a_scheduler_is_told_what_to_install(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "grader.pool.cluster", None)
    with pytest.raises(ConfigError, match=r"pip install -c constraints.txt -e '\.\[cluster\]'"):
        GraderPool(scheduler="local").workers(config, 5)


def test_slurm_is_asked_for_one_thread_in_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    class SLURMCluster:
        scheduler_address = "tcp://127.0.0.1:9"

        def __init__(self, **arguments: object) -> None:
            asked.update(arguments)

        def scale(self, size: int) -> None:
            asked["size"] = size

    monkeypatch.setitem(sys.modules, "dask_jobqueue", sys)  # a module that can be given a name
    monkeypatch.setattr(sys, "SLURMCluster", SLURMCluster, raising=False)
    monkeypatch.setattr(clusters, "Client", lambda *_, **__: None)
    cluster = open_cluster("slurm", 6, 1, {"cores": 4, "memory": "16GiB", "queue": "short"}, {})
    assert asked == {"cores": 4, "processes": 4, "memory": "16GiB", "queue": "short", "size": 6}
    assert isinstance(cluster, Cluster)
    assert cluster.size == 6


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
