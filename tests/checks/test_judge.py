"""The judge: which road a verdict takes, and that each failure is charged to whoever made it."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.checks.authoring import Notebook, Variant
from grader.checks.catalogue import CheckSet
from grader.checks.judge import Check, Judge, seed_of
from grader.checks.local import LocalStudent
from grader.errors import CheckFailure, LimitHit
from grader.records import Verdict

REFERENCE = """
def double(x):
    return 2 * x

def quadruple(x):
    return double(double(x))

def make(x):
    return x, {"x": x}

def use(cache):
    return cache["x"]
"""


def check_set(misconceptions: dict[str, list[Variant]] | None = None) -> CheckSet:
    reference = types.ModuleType("reference_arithmetic")
    exec(REFERENCE, reference.__dict__)
    return CheckSet(
        assignment="arithmetic",
        notebook="arithmetic",
        spec=Notebook(
            blanks=("double", "quadruple", "make", "use"),
            helpers={"quadruple": ("double",)},
            needs={"use": ("make",)},
        ),
        path=Path("test_arithmetic.py"),
        reference=reference,
        misconceptions=misconceptions or {},
        styles={},
    )


def student_with(checks: CheckSet, source: str = "") -> LocalStudent:
    names = checks.namespace()
    exec(source, names)
    return LocalStudent(names)


def values_check(name: str, factor: float, *, retry: bool = False) -> Check:
    def body(student: Any, rng: np.random.Generator) -> None:
        x = rng.normal(size=3)
        if not np.allclose(student.call(name, x), factor * x):
            raise CheckFailure(f"{name} is off.")

    return Check(name=f"test_{name}", title=name, blank=name, weight=1, retry=retry, body=body)


def judged(source: str, *bodies: Check, checks: CheckSet | None = None) -> list[Any]:
    checks = checks or check_set()
    judge = Judge(checks, student_with(checks, source), b"secret")  # type: ignore[arg-type]
    return [judge.judge(check) for check in bodies]


def test_a_right_answer_passes_without_a_note() -> None:
    (result,) = judged("", values_check("double", 2))
    assert (result.verdict, result.note) == (Verdict.PASSED, "")


def test_a_wrong_helper_costs_its_own_marks_and_the_caller_keeps_its() -> None:
    double, quadruple = judged(
        "def double(x): return 3 * x", values_check("double", 2), values_check("quadruple", 4)
    )
    assert double.verdict is Verdict.FAILED
    assert quadruple.verdict is Verdict.PASSED
    assert "standing in for double" in quadruple.note


def test_a_helper_that_is_not_written_does_not_make_its_caller_not_written() -> None:
    source = "def double(x): raise NotImplementedError"
    double, quadruple = judged(source, values_check("double", 2), values_check("quadruple", 4))
    assert double.message == "double is not written yet."
    assert quadruple.verdict is Verdict.PASSED


def test_a_wrong_caller_fails_also_with_the_reference_standing_in() -> None:
    source = "def double(x): return 3 * x\ndef quadruple(x): return double(x)"
    _, quadruple = judged(source, values_check("double", 2), values_check("quadruple", 4))
    assert quadruple.verdict is Verdict.FAILED
    assert "standing in" in quadruple.note


def test_a_right_helper_gives_its_wrong_caller_no_second_chance() -> None:
    _, quadruple = judged(
        "def quadruple(x): return double(x)", values_check("double", 2), values_check("quadruple", 4)
    )
    assert (quadruple.verdict, quadruple.note) == (Verdict.FAILED, "")


def test_a_blank_whose_argument_another_one_makes_is_skipped_when_that_is_not_written() -> None:
    def body(student: Any, rng: np.random.Generator) -> None:
        _, cache = student.call("make", float(rng.normal()), opaque=(1,))
        student.call("use", cache)

    check = Check(name="test_use", title="use", blank="use", weight=1, retry=False, body=body)
    (result,) = judged("def make(x): raise NotImplementedError", check)
    assert result.verdict is Verdict.SKIPPED
    assert result.message == "use takes what make returns, and: make is not written yet."


@pytest.mark.parametrize(("retry", "verdict"), [(True, Verdict.PASSED), (False, Verdict.FAILED)])
def test_a_check_with_retry_is_judged_once_more_on_new_inputs(retry: bool, verdict: Verdict) -> None:
    tries: list[float] = []

    def body(_: Any, rng: np.random.Generator) -> None:
        tries.append(rng.normal())
        if len(tries) == 1:
            raise CheckFailure("bad luck")

    (result,) = judged("", Check("test_luck", "luck", "double", 1, retry, body))
    assert result.verdict is verdict
    assert len(set(tries)) == len(tries) == (2 if retry else 1)


def test_a_limit_is_not_retried_and_two_time_outs_end_the_blank() -> None:
    tries: list[int] = []

    def body(_: Any, __: np.random.Generator) -> None:
        tries.append(1)
        raise LimitHit("double ran longer than 10 s.", "time")

    checks = [Check(f"test_{i}", "t", "double", 1, True, body) for i in range(4)]
    results = judged("", *checks)
    assert [r.verdict for r in results] == [Verdict.LIMIT_HIT] * 4
    assert len(tries) == 2
    assert "2 times before" in results[-1].message


@pytest.mark.parametrize("error", [ValueError("broken"), AssertionError()])
def test_a_broken_check_is_the_graders_fault(error: Exception) -> None:
    def body(_: Any, __: np.random.Generator) -> None:
        raise error

    (result,) = judged("", Check("test_broken", "t", "double", 1, False, body))
    assert result.verdict is Verdict.GRADER_ERROR
    assert type(error).__name__ in result.message
    assert "(test_judge.py, line " in result.message


def test_an_assertion_with_a_message_fails_the_check_with_that_message() -> None:
    def body(_: Any, __: np.random.Generator) -> None:
        raise AssertionError("double must return something.")

    (result,) = judged("", Check("test_assert", "t", "double", 1, False, body))
    assert (result.verdict, result.message) == (Verdict.FAILED, "double must return something.")


TRIPLED = Variant("misconception", "tripled", "double", "def double(x): return 3 * x\n", "Two, not three.")
HALVED = Variant("misconception", "halved", "double", "def double(x): return x / 2\n", "Two, not half.")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("def double(x): return x + x + x", "tripled"),
        ("def double(x): return 0.5 * x", "halved"),
        ("def double(x): return -x", ""),
    ],
)
def test_a_failing_answer_is_told_the_misconception_with_the_same_answers(source: str, name: str) -> None:
    checks = check_set({"tripled": [TRIPLED], "halved": [HALVED]})
    (result,) = judged(source, values_check("double", 2), checks=checks)
    assert result.misconception == name
    assert bool(result.explanation) == bool(name)


def test_inputs_depend_on_every_name_and_on_the_secret() -> None:
    seeds = {
        seed_of(b"a" * 32, "x", "y"),
        seed_of(b"b" * 32, "x", "y"),
        seed_of(b"a" * 32, "xy", ""),
        seed_of(b"a" * 32, "y", "x"),
    }
    assert len(seeds) == 4
    assert seed_of(b"a" * 32, "x", "y") == seed_of(b"a" * 32, "x", "y")
    assert all(seed.bit_length() <= 128 for seed in seeds)


def judged_and_settled(main: Verdict, *, weight: float = 2.0) -> list[Any]:
    def main_body(_: Any, __: np.random.Generator) -> None:
        if main is Verdict.FAILED:
            raise CheckFailure("wrong")
        if main is Verdict.LIMIT_HIT:
            raise LimitHit("died", "died")
        if main is Verdict.GRADER_ERROR:
            raise ValueError

    checks = check_set()
    judge = Judge(checks, student_with(checks), b"secret")  # type: ignore[arg-type]
    judge.judge(Check("test_values", "It gives the values", "double", weight, False, main_body))
    judge.judge(Check("test_shape", "It keeps the shape", "double", 1.0, False, lambda *_: None))
    return list(judge.settled())


@pytest.mark.parametrize("main", [Verdict.FAILED, Verdict.LIMIT_HIT])
def test_a_right_shape_earns_nothing_where_the_main_check_did_not_pass(main: Verdict) -> None:
    shape = judged_and_settled(main)[1]
    assert shape.verdict is Verdict.SKIPPED
    assert "counts once this passes: It gives the values" in shape.message


@pytest.mark.parametrize("main", [Verdict.PASSED, Verdict.GRADER_ERROR])
def test_a_right_shape_counts_where_the_main_check_passed_or_could_not_be_carried_out(main: Verdict) -> None:
    assert judged_and_settled(main)[1].verdict is Verdict.PASSED


def test_checks_of_one_weight_are_all_main_checks() -> None:
    assert judged_and_settled(Verdict.FAILED, weight=1.0)[1].verdict is Verdict.PASSED


def test_a_helper_that_hangs_costs_its_caller_neither_time_nor_marks() -> None:
    class Hanging(LocalStudent):
        """Its `double` runs out of time, whoever calls it, until a reference stands in."""

        plain_calls = 0

        def call(self, name: Any, *args: Any, **kwargs: Any) -> Any:
            if self.functions["double"] is hang:
                Hanging.plain_calls += 1
                raise LimitHit(f"{name} ran longer than 10 s.", "time")
            return super().call(name, *args, **kwargs)

    def hang(x: Any) -> Any:
        return x

    checks = check_set()
    judge = Judge(checks, Hanging(checks.namespace() | {"double": hang}), b"secret")  # type: ignore[arg-type]
    results = [judge.judge(values_check("double", 2)) for _ in range(3)]
    results += [judge.judge(values_check("quadruple", 4)) for _ in range(3)]
    assert [r.verdict for r in results] == [Verdict.LIMIT_HIT] * 3 + [Verdict.PASSED] * 3
    assert Hanging.plain_calls == 2


def test_a_need_that_only_lacked_a_helper_is_met_by_the_reference_standing_in() -> None:
    def body(student: Any, rng: np.random.Generator) -> None:
        x = float(rng.normal())
        student.call("double", x)

    def caller(student: Any, rng: np.random.Generator) -> None:
        x = float(rng.normal())
        _, cache = student.call("make", x, opaque=(1,))
        if student.call("use", cache) != x:
            raise CheckFailure("use is off.")

    checks = check_set()
    spec = Notebook(checks.spec.blanks, helpers={"use": ("double",)}, needs={"use": ("make",)})
    checks = CheckSet(
        checks.assignment, checks.notebook, spec, checks.path, checks.reference, checks.misconceptions, {}
    )
    source = "def double(x): raise NotImplementedError\ndef make(x): double(x); return x, {'x': x}"
    double = Check("test_double", "t", "double", 1, False, body)
    _, use = judged(source, double, Check("test_use", "t", "use", 1, False, caller), checks=checks)
    assert use.verdict is Verdict.PASSED
