"""
One check, judged: tried on the student, tried again where fairness asks for it, explained when it fails.

A verdict can come by four roads, in this order: the plain one; on new inputs (`retry`); with the reference
standing in for the blanks that this one calls, where one of those is wrong; and only then the failure is
compared with the catalogue of misconceptions.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import numpy as np

from grader.checks.catalogue import CheckSet
from grader.checks.diagnosis import Diagnosis, diagnose
from grader.checks.digits import Digits, small_part
from grader.checks.settling import main_results, settled
from grader.errors import CheckFailure, LimitHit, NotWritten
from grader.records import CheckResult, Verdict
from grader.sandbox import Call, Shown, Student

__all__ = ["Check", "Judge", "seed_of"]

# The diagnosis runs the check again on each suspect. A training as long as this is not worth it: what its
# misconceptions get wrong shows in the quick checks of the same blank, too.
LONGEST_REPLAY = 15.0  # seconds
LONGEST_MESSAGE = 2000  # characters
MAX_TIMEOUTS = 2  # after so many, the blank's other checks are not run: other blanks need the time too


class Check(msgspec.Struct, frozen=True):
    """One collected check: *name* and *title* from the test function, the rest from its marker."""

    name: str
    title: str
    blank: str
    weight: float
    retry: bool
    body: Callable[[Student, np.random.Generator], None]
    trains: float = 0.0


class Attempt(msgspec.Struct, frozen=True):
    """How one try went: *failure* is None where it passed; *calls* is its log, *seconds* its wall time."""

    number: int
    failure: CheckFailure | None
    calls: list[Call]
    seconds: float = 0.0


def seed_of(secret: bytes, *names: str) -> int:
    """Return a seed of 128 bits that nobody without the course's *secret* can work out from *names*."""
    digest = hashlib.blake2b(digest_size=16, key=secret[:64])
    for name in names:
        encoded = name.encode()
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return int.from_bytes(digest.digest(), "big")


class Judge:
    """
    Judges a submission's checks one by one, in the order of the notebook's blanks.

    Args:
        checks: the notebook's spec, reference and misconceptions.
        student: the submission's process behind the wall.
        secret: what this submission's inputs are drawn from.
        digits: gives the course's digits, to the checks that take them.
    """

    def __init__(
        self,
        checks: CheckSet,
        student: Student,
        secret: bytes,
        digits: Callable[[], Digits] = small_part,
    ) -> None:
        self.checks = checks
        self.digits = digits
        self.student = student
        self.secret = secret
        self.results: list[CheckResult] = []
        self._timeouts: dict[str, int] = {}

    def judge(self, check: Check) -> CheckResult:
        """Judge one check and keep its result; any exception but a CheckFailure is the grader's own fault."""
        started = time.perf_counter()
        try:
            result = self._result_of(check)
        except Exception as error:  # noqa: BLE001 - a broken check must not cost the student anything
            result = self.broken(check, error)
        result = msgspec.structs.replace(result, seconds=time.perf_counter() - started)
        self.results.append(result)
        return result

    def settled(self) -> tuple[CheckResult, ...]:
        """Return the results as they count; see grader.checks.settling."""
        return settled(self.results)

    def broken(self, check: Check, error: BaseException) -> CheckResult:
        """
        Return the result of a check that failed by our fault: it scores nothing, and a person looks.

        The message is for that person; students are not shown it.
        """
        return msgspec.structs.replace(
            _blank_result(check),
            verdict=Verdict.GRADER_ERROR,
            message=f"{type(error).__name__}: {_cut(str(error))} ({_place_of(error, self.checks.path)})",
        )

    def _result_of(self, check: Check) -> CheckResult:
        if self._timeouts.get(check.blank, 0) >= MAX_TIMEOUTS:
            return msgspec.structs.replace(
                _blank_result(check),
                verdict=Verdict.LIMIT_HIT,
                message=f"Not run: {check.blank} ran out of time {MAX_TIMEOUTS} times before.",
            )
        helpers = self._wrong_helpers(check.blank)
        attempt, note = None, ""
        if not self._hang(helpers):
            attempt = self._attempts(check, retry=check.retry and not helpers)
            note = "It passed on the second try, on new inputs." if attempt.number else ""
        if helpers and (attempt is None or attempt.failure is not None):
            attempt = self._attempts(check, retry=check.retry, stand_in=True)
            note = f"Judged with the reference standing in for {_listing(helpers)}, which did not pass."
        if attempt is None or attempt.failure is None:
            shown = self.student.shown
            return msgspec.structs.replace(
                _blank_result(check), note=note, message=shown.message, picture=shown.picture
            )
        missing = self._missing_need(check, attempt)
        if missing:
            return msgspec.structs.replace(
                _blank_result(check), verdict=Verdict.SKIPPED, message=missing, hint="Write that one first."
            )
        told = helpers and not isinstance(attempt.failure, NotWritten)
        return self._failed(check, attempt, note if told else "")

    def _attempts(self, check: Check, *, retry: bool, stand_in: bool = False) -> Attempt:
        attempt = self._attempt(check, 0, stand_in=stand_in)
        if attempt.failure is None or not retry or isinstance(attempt.failure, LimitHit | NotWritten):
            return attempt
        return self._attempt(check, 1, stand_in=stand_in)

    def _attempt(self, check: Check, number: int, *, stand_in: bool = False) -> Attempt:
        references: Mapping[str, Callable[..., object]] = {}
        if stand_in:
            names = self.checks.namespace()
            references = {helper: names[helper] for helper in self.checks.spec.helpers[check.blank]}
        self.student.shown = Shown()
        self.student.log.clear()  # it keeps values and handles alive, on both sides
        failed = {result.blank for result in self.results if result.verdict is not Verdict.PASSED}
        self.student.flawless = frozenset(result.blank for result in self.results) - failed
        self.student.right = frozenset(
            blank
            for blank, own in main_results(self.results).items()
            if all(result.verdict is Verdict.PASSED for result in own)
        )
        failure: CheckFailure | None = None
        began = time.perf_counter()
        budget = self.student.within(check.trains) if check.trains else contextlib.nullcontext()
        try:
            self.student.seed(self._seed(check, number))
            with self.student.standing_in(references), budget:
                check.body(self.student, self._generator(check, number))
        except CheckFailure as error:
            failure = error
        except AssertionError as error:
            if not error.args:
                raise
            failure = CheckFailure(str(error.args[0]))
        own = stand_in or not self._wrong_helpers(check.blank)
        if own and isinstance(failure, LimitHit) and failure.limit == "time":
            self._timeouts[check.blank] = self._timeouts.get(check.blank, 0) + 1
        return Attempt(number, failure, list(self.student.log), time.perf_counter() - began)

    def _generator(self, check: Check, attempt: int) -> np.random.Generator:
        return np.random.default_rng(seed_of(self.secret, check.name, str(attempt)))

    def _wrong_helpers(self, blank: str) -> list[str]:
        """Return the helpers of *blank* that did not pass all their checks so far."""
        helpers = self.checks.spec.helpers.get(blank, ())
        wrong = {result.blank for result in self.results if result.verdict is not Verdict.PASSED}
        return [helper for helper in helpers if helper in wrong]

    def _hang(self, helpers: list[str]) -> bool:
        """Whether one of *helpers* ran out of time, so that trying its callers with it is a waste of time."""
        return any(self._timeouts.get(helper, 0) for helper in helpers)

    def _missing_need(self, check: Check, attempt: Attempt) -> str:
        """Return why the blank can't be judged, when another one that makes its arguments failed to."""
        calls = attempt.calls
        if not calls or calls[-1].name == check.blank:
            return ""
        outcome = calls[-1].outcome
        if isinstance(outcome, CheckFailure) and calls[-1].name in self.checks.spec.needs.get(
            check.blank, ()
        ):
            return f"{check.blank} takes what {calls[-1].name} returns, and: {outcome.message}"
        return ""

    def _failed(self, check: Check, attempt: Attempt, note: str) -> CheckResult:
        failure = attempt.failure
        if failure is None:
            raise ValueError(f"{check.name} passed; there is nothing to explain.")
        found = Diagnosis()
        if not isinstance(failure, LimitHit | NotWritten) and attempt.seconds < LONGEST_REPLAY:
            found = diagnose(
                self.checks, check.blank, lambda local: self._replay(check, attempt, local), attempt.calls
            )
        hint = failure.hint
        if check.trains and isinstance(failure, LimitHit) and failure.limit == "time":
            hint = (
                f"All trainings of this check together may take {check.trains:g} s, several times what they "
                "need: is something computed row by row, or more often than asked for?"
            )
        return msgspec.structs.replace(
            _blank_result(check),
            verdict=Verdict.LIMIT_HIT if isinstance(failure, LimitHit) else Verdict.FAILED,
            message=_cut(failure.message),
            hint=_cut(hint),
            picture=failure.picture,
            misconception=found.name,
            explanation=found.explanation,
            note=note,
        )

    def _seed(self, check: Check, attempt: int) -> int:
        """Return what unseeded draws begin with, so that each check stands alone."""
        return seed_of(self.secret, check.name, str(attempt), "unseeded draws") % 2**32

    def _replay(self, check: Check, attempt: Attempt, local: Student) -> None:
        local.flawless = self.student.flawless  # a check may excuse a blank by those it calls
        local.seed(self._seed(check, attempt.number))
        check.body(local, self._generator(check, attempt.number))


def _blank_result(check: Check) -> CheckResult:
    return CheckResult(
        name=check.name, title=check.title, blank=check.blank, weight=check.weight, verdict=Verdict.PASSED
    )


def _cut(text: str) -> str:
    """Return *text*, or its beginning: a student's value may have a part in how long it is."""
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]} …"


def _place_of(error: BaseException, checks: Path) -> str:
    """Return the line of the check module, or else the last one, that *error* came through."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = [*frames, *(frame for frame in frames if frame.filename == str(checks))][-1]
    return f"{Path(frame.filename).name}, line {frame.lineno}"


def _listing(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
