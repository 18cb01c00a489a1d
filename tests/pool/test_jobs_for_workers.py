"""What travels to a cluster's worker, what it must have, and how a cluster that can't be had is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from dask import config as dask_config
from small_class import submissions

from grader import pipeline, secret
from grader.checks.digits import ARRAYS, find_digits
from grader.config import Config
from grader.errors import ConfigError
from grader.pool import clusters, remote
from grader.pool.clusters import Cluster, open_cluster
from grader.pool.settings import GraderPool
from grader.records import Grade


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


def test_a_worker_is_what_its_code_was_when_it_was_read() -> None:
    brought_up_to_date = """
import grader.pool.remote
import importlib.metadata
from pathlib import Path
from grader import pipeline

def refuse(*_):
    raise SystemExit("looked at the installation of now")

importlib.metadata.version = Path.read_bytes = refuse
pipeline.package_digest(), pipeline.versions(), pipeline.versions(("torch",))
"""
    command = [sys.executable, "-c", brought_up_to_date]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


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
