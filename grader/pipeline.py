"""
The straight line from a submission to its grade. Read this first.

nbgrader's preprocessor, `grader check`, `grader validate` and pytest by hand all come in here.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from grader import archive, score, secret
from grader.checks import Notebook, catalogue, plugin
from grader.checks.catalogue import CheckSet
from grader.checks.digits import Digits, find_digits
from grader.checks.judge import Judge, seed_of
from grader.config import Config
from grader.records import Grade, Provenance, Submission
from grader.sandbox import Sandbox, Student, released
from grader.sandbox.devices import Gpu, find_gpu
from grader.submission import read_submission

__all__ = [
    "checks_of",
    "digest",
    "digits_name",
    "digits_of",
    "files_beside",
    "grade",
    "imports_of",
    "open_for_checks",
    "package_digest",
    "prefers_gpu",
    "recorded",
    "sandbox_of",
    "start",
    "submission_seed",
    "try_course",
    "versions",
]

WRITTEN = Notebook(blanks=())  # of a notebook of written answers: what its code cells may import


def grade(submission: Submission, config: Config, sandbox: Sandbox, seed: bytes | None = None) -> Grade:
    """
    Grade one notebook of one student.

    A notebook without check cells, such as one of written answers, is run for its outputs and scores nothing:
    its points are nbgrader's, by hand.

    Args:
        submission: the notebook, its locked cells put back.
        config: the course and its limits.
        sandbox: a standing wall; used for one submission at a time.
        seed: what the inputs are drawn from, where the course's secret is not at hand: on a cluster's worker.

    Raises:
        ConfigError: the notebook has check cells and no checks, or the secret can't be used.
        WallError: the wall does not stand.
    """
    started = time.perf_counter()
    checks = checks_of(submission)
    seed = submission_seed(submission, config) if seed is None else seed
    with start(submission, config, sandbox) as student:
        results = plugin.run(checks, student, seed, digits=digits_of(config)) if checks else ()
        runs, restarts = student.runs, student.restarts
    return Grade(
        student_id=submission.student_id,
        assignment=submission.assignment,
        notebook=submission.notebook,
        scores=score.total(submission.cells, results),
        results=results,
        runs=runs,
        provenance=provenance(submission, config, seed),
        seconds=time.perf_counter() - started,
        restarts=restarts,
    )


def try_course(config: Config, assignment: str, notebooks: Iterable[str]) -> None:
    """
    Try what every grading of an assignment needs of the course, its secret and its digits.

    Raises:
        ConfigError: one of them can't be used.
    """
    secret.read_or_create(config.course)
    known = catalogue.known()
    found = [catalogue.find(assignment, name) for name in notebooks if (assignment, name) in known]
    if any(checks.takes_digits for checks in found):
        digits_of(config)()


def checks_of(submission: Submission) -> CheckSet | None:
    """
    Return the notebook's checks; None where it has neither check cells nor checks.

    Raises:
        ConfigError: it has check cells and no checks, which must never look like a notebook graded by hand.
    """
    name = (submission.assignment, submission.notebook)
    if name not in catalogue.known() and not any(cell.is_check for cell in submission.cells):
        return None
    return catalogue.find(*name)


def start(submission: Submission, config: Config, sandbox: Sandbox) -> Student:
    """Stand a submission up behind the wall: its cells run, the course's files are in its folder."""
    beside = _source_folder(submission, config)
    return sandbox.start(submission, imports_of(submission), beside=beside, on_gpu=prefers_gpu(submission))


def imports_of(submission: Submission) -> tuple[str, ...]:
    """Return what the notebook may import, beside the standard library."""
    checks = checks_of(submission)
    return (checks.spec if checks else WRITTEN).imports


def prefers_gpu(submission: Submission) -> bool:
    """Whether a training of the notebook's checks gains by a GPU."""
    checks = checks_of(submission)
    return checks is not None and checks.prefers_gpu


def sandbox_of(config: Config) -> Sandbox:
    """
    Make the sandbox of a course, with the GPU that its trainings may use.

    Raises:
        ConfigError: a GPU is asked for, and there is none.
    """
    return Sandbox(config.limits, config.isolation, _gpu(config.device))


def device_of(submission: Submission, config: Config) -> str:
    """Return what the notebook's trainings run on: "cpu", or the GPU's name."""
    gpu = _gpu(config.device) if prefers_gpu(submission) else None
    return gpu.name if gpu else "cpu"


@functools.cache
def _gpu(choice: str) -> Gpu | None:
    return find_gpu(choice)  # asks the loader, which takes a while


def submission_seed(submission: Submission, config: Config) -> bytes:
    """
    Return what the inputs of this notebook's checks are drawn from: 16 bytes, the same at each regrade.

    The notebook's text has a part in it: a function could send its inputs home in an exception's text, which
    the feedback shows, and another version of the notebook must not meet them again.
    """
    text = msgspec.json.encode([cell.source for cell in submission.cells if cell.runs])
    digest = hashlib.sha256(text).hexdigest()
    names = (submission.student_id, submission.assignment, submission.notebook, digest)
    return seed_of(secret.read_or_create(config.course), *names).to_bytes(16, "big")


def digits_of(config: Config) -> Callable[[], Digits]:
    """Return what loads the course's digits; they are loaded only where a check takes them."""
    return functools.partial(find_digits, config.course, config.digits)


def digest(
    submission: Submission, config: Config, seed: bytes | None = None, device: str | None = None
) -> str:
    """
    Return what the result hangs on, as SHA-256.

    That is the notebook, the files beside it, the seed, the digits, the limits, the device, this package, its
    libraries. *seed* and *device*: where they are not this machine's to say.
    """
    device = device_of(submission, config) if device is None else device
    parts = [
        msgspec.json.encode(submission),
        released.digest(files_beside(submission, config)),
        submission_seed(submission, config) if seed is None else seed,
        digits_name(submission, config).encode(),
        msgspec.json.encode([config.limits, config.isolation, device]),
        package_digest(),
        msgspec.json.encode(versions(imports_of(submission))),
    ]
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()


def recorded(submission: Submission, config: Config) -> Grade | None:
    """Return the record of this very submission; None if it is of another, or a person must look."""
    names = submission.student_id, submission.assignment, submission.notebook
    grade = archive.load(archive.record_path(config.course, *names))
    if grade is None or grade.points is None:
        return None
    device = grade.provenance.device
    if device != "cpu" and config.device != "cpu":
        wanted = digest(submission, config, device=device)  # a cluster's worker may have a GPU, and we none
    else:
        wanted = digest(submission, config)
    return grade if grade.provenance.digest == wanted else None


def provenance(submission: Submission, config: Config, seed: bytes | None = None) -> Provenance:
    """Return where the result comes from, for the record; *seed* as for `grade`."""
    seed = submission_seed(submission, config) if seed is None else seed
    return Provenance(
        digest=digest(submission, config, seed),
        seed=seed.hex(),
        isolation=config.isolation,
        device=device_of(submission, config),
        versions=versions(imports_of(submission)),
        digits=digits_name(submission, config),
    )


def files_beside(submission: Submission, config: Config) -> released.Released:
    """List the course's files that the notebook finds beside it."""
    return released.released(_source_folder(submission, config))


def _source_folder(submission: Submission, config: Config) -> Path:
    return config.course / "source" / submission.assignment


def digits_name(submission: Submission, config: Config) -> str:
    """Return which digits the notebook's checks draw from; empty where none takes any."""
    checks = checks_of(submission)
    return digits_of(config)().name if checks and checks.takes_digits else ""


def versions(imports: tuple[str, ...] = ()) -> dict[str, str]:
    """
    Return the versions of what a result may depend on; PyTorch's where the notebook may import it.

    They are those at the first call in this process, as `package_digest` is.
    """
    return dict(_versions(with_torch="torch" in imports))


@functools.cache
def _versions(*, with_torch: bool) -> dict[str, str]:
    names = ["grader", "ipython", "matplotlib", "nbgrader", "numpy", "pytest"]
    names += ["torch"] if with_torch else []
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in names}


@functools.cache
def package_digest() -> bytes:
    """Hash every file of this package: a changed check, tolerance or wall is another result."""
    total = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in {".pyc"}:
            total.update(str(path.relative_to(folder)).encode() + b"\0")
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.digest()


@contextlib.contextmanager
def open_for_checks(notebook: Path, student_id: str, config: Config | None = None) -> Iterator[Judge]:
    """Stand a submission up behind the wall and give its judge, for pytest by hand."""
    config = config or Config(course=course_of(notebook))
    submission = read_submission(notebook, student_id, config)
    checks = catalogue.find(submission.assignment, submission.notebook)
    with sandbox_of(config) as sandbox:
        sandbox.self_test()
        with start(submission, config, sandbox) as student:
            yield Judge(checks, student, submission_seed(submission, config), digits_of(config))


def course_of(path: Path) -> Path:
    """Return the course folder that *path* lies in: the nearest above with an nbgrader_config.py."""
    for folder in (path.resolve(), *path.resolve().parents):
        if (folder / "nbgrader_config.py").is_file():
            return folder
    return Path.cwd()
