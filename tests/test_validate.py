"""`grader validate` finds each kind of fault in a course: every proof can fail."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from grader import validate as validating
from grader.__main__ import app
from grader.checks import catalogue
from grader.checks.authoring import Notebook, Variant
from grader.config import Config
from grader.sandbox import Sandbox
from grader.validate import Finding

COURSE = Path(__file__).parent.parent
RIGHT_RELU = "def relu(z):\n    return np.where(z > 0, z, 0.0)\n"
WRONG_RELU = "def relu(z):\n    return np.abs(z)\n"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of one assignment of the course, to spoil."""
    for step in ("source", "release"):
        shutil.copytree(COURSE / step / "activations", tmp_path / step / "activations")
    shutil.copy(COURSE / "nbgrader_config.py", tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Config(course=COURSE).limits) as standing:
        yield standing


@pytest.fixture
def bench(course: Path, sandbox: Sandbox) -> validating._Bench:
    return validating._Bench(catalogue.find("activations", "activations"), Config(course=course), sandbox)


def spoil(path: Path, grade_id: str, source: str) -> None:
    """Write *source* into the cell of that name."""
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id:
            cell["source"] = source
    path.write_text(json.dumps(notebook))


def with_misconceptions(bench: validating._Bench, *variants: Variant) -> None:
    bench.checks = msgspec.structs.replace(bench.checks, misconceptions={v.name: [v] for v in variants})


def test_a_solution_that_is_wrong_is_found(course: Path, bench: validating._Bench) -> None:
    spoil(course / "source/activations/activations.ipynb", "relu", WRONG_RELU)
    fresh = validating._Bench(bench.checks, bench.config, bench.sandbox)
    problems = validating._solution(fresh).problems
    assert problems
    assert all("relu" in problem for problem in problems)


def test_examples_that_fail_by_chance_are_found(course: Path, bench: validating._Bench) -> None:
    now_and_then = "assert np.random.default_rng().random() > 0.1, 'out of luck'\n"
    spoil(course / "source/activations/activations.ipynb", "check_relu", now_and_then)
    fresh = validating._Bench(bench.checks, bench.config, bench.sandbox)
    told = [text for text in validating._examples(fresh).problems if "check_relu fails in" in text]
    assert len(told) == 1
    assert "of 300 runs: AssertionError('out of luck')" in told[0]


def test_a_stub_that_earns_is_found(course: Path, bench: validating._Bench) -> None:
    spoil(course / "release/activations/activations.ipynb", "relu", RIGHT_RELU)
    assert validating._stub(bench).problems == ("check_relu gives 2.0 points to an empty blank",)


def test_a_release_that_is_not_the_sources_or_shows_a_solution_is_found(
    course: Path, bench: validating._Bench
) -> None:
    source = next(
        cell.source
        for cell in bench.source.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "relu"
    )
    spoil(course / "release/activations/activations.ipynb", "relu", source)
    problems = " ".join(validating._release(bench).problems)
    assert "contains a line of its solution" in problems
    assert "BEGIN SOLUTION" in problems
    assert "release/ differs" in problems


def test_a_misconception_that_survives_is_found(bench: validating._Bench) -> None:
    with_misconceptions(bench, Variant("misconception", "no mistake", "relu", RIGHT_RELU, "Nothing."))
    assert validating._misconceptions(bench).problems == ("'no mistake': relu keeps all its marks",)


def test_a_misconception_that_is_told_by_another_name_is_found(bench: validating._Bench) -> None:
    with_misconceptions(bench, Variant("misconception", "unheard of", "relu", WRONG_RELU, "It folds."))
    (problem,) = validating._misconceptions(bench).problems
    assert problem.startswith("'unheard of': the feedback names ")


def test_a_misconception_that_costs_another_blank_its_marks_is_found(bench: validating._Bench) -> None:
    both = "def relu(z):\n    return np.abs(z)\ndef softmax(z):\n    return 0 * z\n"
    with_misconceptions(bench, Variant("misconception", "spreads", "relu", both, "It folds."))
    # softmax has a cell of its own further down, which would mend it; this one replaces it for good.
    bench.source.cells = [
        cell
        for cell in bench.source.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") not in {"softmax"}
    ]
    problems = validating._misconceptions(bench).problems
    assert any("softmax loses marks that are not its own" in problem for problem in problems)


def test_a_right_style_that_loses_marks_is_found(bench: validating._Bench) -> None:
    bench.checks = msgspec.structs.replace(
        bench.checks, styles={"folded": [Variant("style", "folded", "relu", WRONG_RELU)]}
    )
    problems = validating._styles(bench).problems
    assert problems
    assert all(problem.startswith("'folded': test_relu") for problem in problems)


def test_a_blank_without_checks_or_misconceptions_is_found(bench: validating._Bench) -> None:
    spec = bench.checks.spec
    bench.checks = msgspec.structs.replace(
        bench.checks, spec=Notebook(blanks=(*spec.blanks, "swish"), helpers=spec.helpers)
    )
    problems = validating._coverage(bench).problems
    assert "swish has no check cell check_swish" in problems
    assert "swish has 0 misconceptions, fewer than 3" in problems


def test_a_trivial_answer_that_earns_is_found(
    bench: validating._Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.checks = msgspec.structs.replace(bench.checks, spec=Notebook(blanks=("relu",)))
    monkeypatch.setattr(
        validating, "TRIVIAL", {"the right answer": "def {blank}(z):\n    return z * (z > 0)\n"}
    )
    problems = validating._trivial(bench).problems
    assert problems
    assert all(problem.endswith("with the right answer") for problem in problems)


def test_verdicts_that_change_from_run_to_run_are_found(
    bench: validating._Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    grades = iter([bench.grade(bench.source), bench.grade(bench.released()), bench.grade(bench.source)])
    monkeypatch.setattr(bench, "grade", lambda _: next(grades))
    assert validating._repeatable(bench).problems == ("three gradings of one submission differ",)


@pytest.mark.parametrize(("problems", "status"), [((), 0), (("relu keeps all its marks",), 1)])
def test_the_exit_code_says_whether_anything_was_wrong(
    problems: tuple[str, ...], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Finding("activations/activations", "every misconception loses its marks", 3, problems)
    monkeypatch.setattr("grader.__main__.validate", lambda *_: iter([found]))
    done = CliRunner().invoke(app, ["validate", "activations"])
    assert done.exit_code == status
    assert all(problem in done.output for problem in problems)
