"""
The pytest plugin: collects a notebook's checks and hands each to the judge.

The pipeline calls `run()`. An author calls pytest itself, and sees pytest's own output:

    pytest grader/checks/backprop/test_shallow_net.py --submission submitted/x/backprop/shallow_net.ipynb
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.checks.catalogue import CheckSet
from grader.checks.digits import Digits, small_part
from grader.checks.judge import Check, Judge
from grader.errors import GraderError
from grader.records import CheckResult, Verdict
from grader.sandbox import Student

__all__ = ["run"]

JUDGE = pytest.StashKey[Judge]()


def run(
    checks: CheckSet,
    student: Student,
    secret: bytes,
    only: str = "",
    digits: Callable[[], Digits] = small_part,
) -> tuple[CheckResult, ...]:
    """
    Run a notebook's hidden checks against *student*, in this process.

    Args:
        checks: the notebook's check module and catalogue.
        student: the submission behind the wall, its notebook run.
        secret: what this submission's inputs are drawn from.
        only: a blank, to judge that one alone; every one, by default.
        digits: gives the course's digits; called only where a check takes them.

    Raises:
        GraderError: pytest could not collect or run the checks.
        KeyboardInterrupt: somebody stopped the run meanwhile.
    """
    judge = Judge(checks, student, secret, digits)
    collected = _Session(judge, only)
    # Else pytest lists every folder above the check module, which costs as much as the rest of collecting.
    here = [f"--rootdir={checks.path.parent}", f"--confcutdir={checks.path.parent}"]
    with _only_our_plugin():
        status = pytest.main([*QUIET, *here, str(checks.path)], plugins=[collected])
    if collected.stopped:
        raise KeyboardInterrupt  # which pytest took, and which was meant for the whole run
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not judge.results:
        trouble = "; ".join(collected.trouble) or f"pytest ended with {status!r}"
        raise GraderError(f"The checks of {checks.assignment}/{checks.notebook} did not run: {trouble}")
    return judge.settled()


# No terminal, cache, capture or conftest: a grading run prints nothing of pytest's, writes no file, and
# loads no code from the folder it happens to stand in.
QUIET = [
    "--noconftest",
    "--import-mode=importlib",
    "--assert=plain",
    "--capture=no",
    "-c",
    os.devnull,
    *(
        part
        for name in ("terminal", "cacheprovider", "junitxml", "doctest", "unittest", "logging", "warnings",
                     "faulthandler", "unraisableexception", "threadexception", "stepwise", "pastebin",
                     "setuponly", "setupplan", "debugging", "nose", "legacypath", "monkeypatch", "tmpdir",
                     "recwarn", "skipping")
        for part in ("-p", f"no:{name}")
    ),
]  # fmt: skip


@contextlib.contextmanager
def _only_our_plugin() -> Iterator[None]:
    """Keep pytest from loading what other packages register, which costs time and may print."""
    changed = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Session:
    """The pipeline's side of one pytest run: gives the judge, keeps what went wrong in collecting."""

    def __init__(self, judge: Judge, only: str) -> None:
        self.judge = judge
        self.only = only
        self.trouble: list[str] = []
        self.stopped = False

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[JUDGE] = self.judge
        if not config.pluginmanager.has_plugin("grader"):
            config.pluginmanager.import_plugin("grader.checks.plugin")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        # A caller is judged in the light of its helpers' verdicts, so the blanks keep the notebook's order.
        blanks = self.judge.checks.spec.blanks
        items.sort(key=lambda item: _position(item, blanks))
        if self.only:
            items[:] = [item for item in items if _blank_of(item) == self.only]

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.stopped = excinfo.type is KeyboardInterrupt  # pytest's own kinds of it mean something else

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.trouble.append(str(report.longrepr))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and report.when != "call":
            self.trouble.append(f"{report.nodeid}: {report.longreprtext}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run by hand."""
    group = parser.getgroup("grader", "hidden checks of a course")
    group.addoption("--submission", metavar="NOTEBOOK", help="run the hidden checks on this notebook")
    group.addoption("--student-id", default="nobody", help="whose inputs to draw (default: %(default)s)")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "check(blank, weight, retry, trains, device): a hidden check of one blank; see grader.checks.check",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Let the judge run a hidden check in place of pytest's plain call."""
    if pyfuncitem.get_closest_marker("check") is None:
        return None
    judge = pyfuncitem.config.stash.get(JUDGE, None) or _judge_by_hand(pyfuncitem)
    if judge.checks.path != pyfuncitem.path:
        pytest.skip(f"the submission is {judge.checks.notebook}; these checks are for another notebook")
    result = judge.judge(_check_of(pyfuncitem, judge.digits))
    if result.verdict is Verdict.SKIPPED:
        pytest.skip(result.message)
    if result.verdict is not Verdict.PASSED:
        pytest.fail(_plain_text(result), pytrace=False)  # our own frames say nothing about the student
    return True


@pytest.fixture
def student() -> None:
    """Stand for the submission behind the wall; the judge puts the real one in its place."""


@pytest.fixture
def rng() -> None:
    """Stand for the generator of the check's inputs; the judge draws it from the secret."""


@pytest.fixture(name="digits")
def stand_for_digits() -> None:
    """Stand for the course's digits; the judge loads them when a check that takes them is judged."""


def _check_of(item: pytest.Function, digits: Callable[[], Digits]) -> Check:
    marker = item.get_closest_marker("check")
    assert marker is not None  # the caller has looked
    arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}

    def body(student: Student, rng: np.random.Generator) -> None:
        given: dict[str, Any] = {"student": student, "rng": rng}
        if "digits" in arguments:
            given["digits"] = digits()
        item.obj(**{name: given.get(name, value) for name, value in arguments.items()})

    paragraph = (item.obj.__doc__ or item.name).strip().split("\n\n")[0]
    return Check(
        name=item.name,
        title=" ".join(paragraph.split()),
        blank=marker.kwargs["blank"],
        weight=marker.kwargs["weight"],
        retry=marker.kwargs["retry"],
        trains=marker.kwargs["trains"],
        body=body,
    )


def _blank_of(item: pytest.Item) -> str:
    marker = item.get_closest_marker("check")
    return str(marker.kwargs["blank"]) if marker else ""


def _position(item: pytest.Item, blanks: tuple[str, ...]) -> int:
    blank = _blank_of(item)
    return blanks.index(blank) if blank in blanks else len(blanks)


def _plain_text(result: CheckResult) -> str:
    parts = [result.message, result.hint, result.note]
    if result.misconception:
        parts.insert(1, f"Misconception: {result.misconception}. {result.explanation}")
    return "\n".join(part for part in parts if part)


def _judge_by_hand(item: pytest.Function) -> Judge:
    """Start the sandbox for `pytest --submission`; closed when the pytest session ends."""
    from grader.pipeline import open_for_checks  # noqa: PLC0415 - the pipeline imports this module

    path = item.config.getoption("--submission")
    if not path:
        pytest.skip("a hidden check needs --submission NOTEBOOK")
    stack = contextlib.ExitStack()
    item.config.add_cleanup(stack.close)
    try:
        judge = stack.enter_context(open_for_checks(Path(path), str(item.config.getoption("--student-id"))))
    except GraderError as error:
        pytest.exit(f"grader: {error}", returncode=2)
    item.config.stash[JUDGE] = judge
    return judge
