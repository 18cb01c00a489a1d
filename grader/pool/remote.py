"""
Grading on another machine: what is sent there, what is done there, what comes back.

There is no course folder and no secret on the other machine: a job has this submission's own seed. Code and
checks are there by installation, digits too; the files beside the notebook travel once to each worker.
"""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
import threading
import traceback
from pathlib import Path

import msgspec
from dask import config as dask_config
from distributed import get_worker

from grader import pipeline
from grader.checks.digits import mnist_folder, small_part
from grader.config import Config, Limits
from grader.errors import ConfigError, GraderError, WallError
from grader.records import Grade, Submission
from grader.sandbox import Sandbox, released

__all__ = ["DIGITS", "Failed", "Graded", "Job", "Lacking", "Refused", "Reply", "grade_remotely", "job_of"]

DIGITS = "grader.digits"  # in Dask's configuration of a worker: where it has the digits; DASK_GRADER__DIGITS


class Job(msgspec.Struct, frozen=True):
    """
    One submission, and all that its grade hangs on beside the installed package.

    Args:
        submission: the notebook.
        seed: what its inputs are drawn from; the course's secret can't be worked out from it.
        limits: what the notebook may use.
        isolation: as in Config.
        device: as in Config: which is there is the worker's to find out.
        digits: the name of the digits that its checks draw from; empty where they draw from none.
        versions: of the libraries, as they must be.
        files_digest: SHA-256 of the course's files beside the notebook.
        files: these files, relative path → content; None: the worker has them, or says that it lacks them.
    """

    submission: Submission
    seed: bytes
    limits: Limits
    isolation: str
    device: str
    digits: str
    versions: dict[str, str]
    files_digest: bytes
    files: dict[str, bytes] | None = None


class Graded(msgspec.Struct, frozen=True, tag=True):
    """The grade."""

    grade: Grade


class Lacking(msgspec.Struct, frozen=True, tag=True):
    """The worker has not met the files beside this notebook: send them."""


class Refused(msgspec.Struct, frozen=True, tag=True):
    """A worker can't grade for this course; *reason* says why and what to do."""

    worker: str
    reason: str


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The grader failed on this submission; *trace* is the traceback of a bug."""

    worker: str
    message: str
    trace: str = ""


Reply = Graded | Lacking | Refused | Failed


def job_of(submission: Submission, config: Config, *, with_files: bool) -> Job:
    """
    Return what goes to a worker.

    Raises:
        ConfigError: as pipeline.grade, as far as it shows beforehand.
    """
    files = pipeline.files_beside(submission, config)
    return Job(
        submission=submission,
        seed=pipeline.submission_seed(submission, config),
        limits=config.limits,
        isolation=config.isolation,
        device=config.device,
        digits=pipeline.digits_name(submission, config),
        versions=pipeline.versions(pipeline.imports_of(submission)),
        files_digest=released.digest(files),
        files=released.contents(files) if with_files or not files else None,
    )


def grade_remotely(package: bytes, job: bytes) -> bytes:
    """
    Grade on a worker of a Dask cluster; in bytes, so that nothing is pickled that could mean two things.

    Args:
        package: the digest of the package that sends the job; looked at before the job is.
        job: a Job as MessagePack.

    Returns:
        A Reply as MessagePack.
    """
    with _at_work, contextlib.redirect_stdout(None):
        return msgspec.msgpack.encode(_answer(package, job))


def _answer(package: bytes, encoded: bytes) -> Reply:
    worker = get_worker()
    try:
        _demand_the_same_package(package)
        job = msgspec.msgpack.decode(encoded, type=Job)
        _demand_one_thread(worker.state.nthreads)
        _demand_the_same_versions(job.versions)
        config = _course.config(job, Path(worker.local_directory))
        if config is None:
            return Lacking()
        config = _with_digits(job, config)
        sandbox = _course.sandbox(config)
    except (_Unfit, ConfigError, WallError) as error:
        return Refused(worker.address, str(error))
    try:
        return Graded(pipeline.grade(job.submission, config, sandbox, job.seed))
    except WallError as error:
        return Refused(worker.address, str(error))
    except GraderError as error:
        return Failed(worker.address, str(error))
    except Exception as error:  # noqa: BLE001 - a bug of ours: it is told where the gradebook is
        return Failed(worker.address, f"{type(error).__name__}: {error}", traceback.format_exc())


class _Unfit(Exception):  # noqa: N818 - what is wrong with this worker
    """Why this worker can't grade for this course."""


def _demand_the_same_package(wanted: bytes) -> None:
    here = pipeline.package_digest()
    if here != wanted:
        number = pipeline.versions()["grader"]
        raise _Unfit(
            f"its package grader is {number} ({here.hex()[:12]}), and the course is graded with "
            f"{wanted.hex()[:12]}: other checks could give other points. Install the same package on both "
            "sides, and start the worker anew."
        )


def _demand_one_thread(threads: int) -> None:
    if threads > 1:
        raise _Unfit(
            f"it has {threads} threads, and a process grades one submission at a time. Start it with "
            "--nthreads 1, and with --nworkers for as many processes."
        )


def _demand_the_same_versions(wanted: dict[str, str]) -> None:
    names = tuple(name for name in ("torch",) if name in wanted)
    try:
        here = pipeline.versions(names)
    except ImportError as error:
        raise _Unfit(f"a package is missing: {error}. Install the same environment on both sides.") from None
    wrong = [
        f"{name} {here.get(name)} (wanted: {wanted[name]})"
        for name in wanted
        if here.get(name) != wanted[name]
    ]
    if wrong:
        raise _Unfit(
            f"it has {', '.join(wrong)}: a result may depend on that. Install the same environment on both "
            "sides, and start the worker anew."
        )


def _with_digits(job: Job, config: Config) -> Config:
    """Return the course with the digits that this machine has, which must be the ones that are wanted."""
    if job.digits in ("", small_part().name):
        return config
    where = Path(str(dask_config.get(DIGITS, ""))).expanduser()
    if where == Path():
        raise _Unfit(
            f"it does not know where the digits {job.digits!r} are. Put their files on its machine and name "
            "the place in its environment: DASK_GRADER__DIGITS=/path/of/the/digits"
        )
    if job.digits.startswith("own-"):
        config = msgspec.structs.replace(config, digits=str(where.absolute()))
    else:
        mnist = mnist_folder(config.course)
        mnist.parent.mkdir(exist_ok=True)
        mnist.unlink(missing_ok=True)
        mnist.symlink_to(where.absolute())
    name = pipeline.digits_of(config)().name
    if name != job.digits:
        raise _Unfit(
            f"its digits in {where} are {name!r}, and the course draws from {job.digits!r}. Put the same "
            "files there."
        )
    return config


class _Course:
    """What a worker keeps between two jobs: a standing wall, and the files beside notebooks."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._kind: tuple[Limits, str, str] | None = None
        self._sandbox: Sandbox | None = None

    def config(self, job: Job, scratch: Path) -> Config | None:
        """Return the course as it is here, its files under *scratch*; None where they are lacking."""
        if self._folder is None or not self._folder.is_dir():
            scratch.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="course-", dir=scratch))
        course = self._folder / job.files_digest.hex()[:16]
        source = course / "source" / job.submission.assignment
        if not source.is_dir():
            if job.files is None:
                return None
            unfinished = Path(tempfile.mkdtemp(dir=self._folder))
            for name, content in job.files.items():
                (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
                (unfinished / name).write_bytes(content)
            source.parent.mkdir(parents=True, exist_ok=True)
            unfinished.rename(source)
        return Config(course, limits=job.limits, isolation=job.isolation, device=job.device)

    def sandbox(self, config: Config) -> Sandbox:
        """
        Return a standing wall that has proved itself.

        Raises:
            ConfigError: the GPU that is asked for is not there.
            WallError: there is no wall here.
        """
        kind = (config.limits, config.isolation, config.device)
        if self._sandbox is None or kind != self._kind:
            self._take_down()
            sandbox = pipeline.sandbox_of(config)
            try:
                sandbox.self_test()
            except BaseException:
                sandbox.close()
                raise
            self._sandbox, self._kind = sandbox, kind
        return self._sandbox

    def close(self) -> None:
        """Leave nothing behind."""
        self._take_down()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _take_down(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None


_course = _Course()
# Both are kept from their first call on. That is now, as this code is read: a worker that stood idle while
# its installation was brought up to date has the old code in memory, and must not pass for the new one.
pipeline.package_digest()
with contextlib.suppress(ImportError):  # no PyTorch here; a job that wants it is refused
    pipeline.versions(("torch",))
pipeline.versions()
_at_work = threading.Lock()  # pytest, which runs the checks, is one for a process
atexit.register(_course.close)
