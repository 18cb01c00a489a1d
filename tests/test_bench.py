"""The study of class sizes: contenders grade alike, nothing is measured twice, tables say what was."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import msgspec
import nbformat
import pytest
from rich.console import Console
from typer.testing import CliRunner

from grader.bench import classes, otter_environment
from grader.bench.__main__ import app
from grader.bench.asserts import HIDDEN_TESTS
from grader.bench.columns import column_of
from grader.bench.courses import STOCK, grade_id
from grader.bench.ledger import Ledger, Measurement
from grader.bench.measure import run_measured
from grader.bench.otter_course import as_otter_paper, otter_tests
from grader.bench.students import paper_of, unsolved
from grader.bench.tables import growth_of, sheets
from grader.demo.papers import Book
from grader.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
MEASURED = Measurement(
    assignment="dropout",
    contender="stock",
    students=10,
    notebooks=1,
    workers=1,
    wall_seconds=60.0,
    cpu_seconds=40.0,
    cpu_complete=True,
    peak_bytes=200 * 2**20,
    machine="a processor, 2 of 2 cores",
    versions={"python": "3.11"},
    date="2026-11-22T10:00:00+00:00",
)


@pytest.fixture(scope="module")
def book() -> Book:
    return Book(
        "dropout", "dropout", ROOT / "source/dropout/dropout.ipynb", ROOT / "release/dropout/dropout.ipynb"
    )


@pytest.fixture
def otter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the one name that the test files import, where Otter itself is not installed."""
    module: Any = types.ModuleType("otter.test_files")
    module.test_case = lambda **_: lambda function: function
    monkeypatch.setitem(sys.modules, "otter", types.ModuleType("otter"))
    monkeypatch.setitem(sys.modules, "otter.test_files", module)


def stock_source() -> nbformat.NotebookNode:
    source = nbformat.read(ROOT / "source/dropout/dropout.ipynb", as_version=4)
    STOCK.edit("dropout", source)
    return source


def otter_points(content: bytes, tests: dict[str, str]) -> dict[str, bool]:
    """Run a student's cells and, where Otter would be called, its tests; return which ones passed."""
    passed: dict[str, bool] = {}
    names: dict[str, Any] = {"__name__": "__main__"}

    def check(name: str) -> None:
        test: dict[str, Any] = {}
        exec(tests[name], test)
        try:
            test["test_asserts"](names)
        except (AssertionError, NotImplementedError):
            passed[name] = False
        else:
            passed[name] = True

    for cell in nbformat.reads(content.decode(), as_version=4).cells:
        if "otter.Notebook" in cell.source:
            names["grader"] = types.SimpleNamespace(check=check)
        elif cell.cell_type == "code" and not grade_id(cell).startswith("picture_") and grade_id(cell):
            exec(cell.source, names)
    return passed


@pytest.mark.usefixtures("otter")
def test_otters_tests_hold_for_the_solution_and_fail_for_the_release(book: Book) -> None:
    tests = otter_tests(stock_source())
    assert set(tests) == {f"check_{blank}" for blank in book.blanks}
    right = as_otter_paper(paper_of(book, 0)).content
    empty = as_otter_paper(unsolved(book, 0)).content
    assert right is not None
    assert empty is not None
    assert otter_points(right, tests) == dict.fromkeys(tests, True)
    assert otter_points(empty, tests) == dict.fromkeys(tests, False)


def test_otters_tests_have_the_asserts_that_are_shown_and_those_that_are_hidden(book: Book) -> None:
    text = otter_tests(stock_source())["check_dropout_forward"]
    assert "HIDDEN TESTS" not in text
    for part in ("dropped, or divided by 0.5", "training=False)[0], A)"):
        assert part in text
    assert "BEGIN HIDDEN TESTS" in HIDDEN_TESTS["dropout"]["dropout_forward"]
    content = as_otter_paper(paper_of(book, 0)).content
    assert content is not None
    assert b"dropped, or divided by 0.5" not in content  # or it would be run twice


def test_no_two_students_hand_in_the_same_file(book: Book) -> None:
    assert len({paper_of(book, number).content for number in range(24)}) == 24


def test_every_pin_of_otters_environment_is_a_name_and_a_release() -> None:
    pins = [line for line in otter_environment.CONSTRAINTS.read_text().splitlines() if line[:1] != "#"]
    assert "otter-grader==7.0.0" in pins
    assert [pin for pin in pins if pin.count("==") != 1 or "/" in pin or "@" in pin] == []


def test_a_class_is_graded_by_stock_and_by_this_project_and_not_measured_twice(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "measured.jsonl")
    columns = (column_of("stock"), column_of("this-1"))
    plan = classes.Plan(("dropout",), (1, 2), columns, {"stock": 1, "this": 1}, cores=2, again=False)
    with (tmp_path / "said.txt").open("w") as said:
        classes.run(plan, ROOT, tmp_path, ledger, Console(file=said, width=200))
        first = ledger.read()
        classes.run(plan, ROOT, tmp_path, ledger, Console(file=said, width=200))
    assert set(first) == {("dropout", "stock", 1, 1), ("dropout", "this", 1, 1)}
    assert len(ledger.path.read_bytes().splitlines()) == 2
    assert ledger.read() == first
    for measurement in first.values():
        assert 0 < measurement.wall_seconds < 300
        assert measurement.cpu_seconds > 0
        assert measurement.peak_bytes > 50 * 2**20
    text = (tmp_path / "said.txt").read_text()
    assert "dropout, 2 students: left out for stock" in text
    assert "dropout, 1 students: this-1 is measured" in text


def test_cpu_time_is_counted_of_processes_that_nobody_waits_for(tmp_path: Path) -> None:
    busy = f'{sys.executable} -c \'import time\nwhile time.process_time() < 0.5: pass\nopen("done", "w")\''
    line = f"({busy} &); while [ ! -e done ]; do sleep 0.05; done; sleep 0.1"
    usage = run_measured(["timeout", "60", "sh", "-c", line], tmp_path, tmp_path / "log", cores=2)
    if not usage.cpu_complete:
        pytest.skip("this user may not make control groups")
    assert usage.cpu_seconds > usage.waited_cpu_seconds + 0.4


def test_a_line_of_the_ledger_that_was_cut_off_is_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "measured.jsonl")
    ledger.add(MEASURED)
    with ledger.path.open("ab") as file:
        file.write(b'{"assignment":"drop\n')
    with pytest.raises(
        ConfigError, match=r"Line 2 of .*measured\.jsonl is no measurement .* Remove the line\."
    ):
        ledger.read()


def test_the_latest_measurement_of_a_kind_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "measured.jsonl")
    for seconds in (60.0, 50.0):
        ledger.add(msgspec.structs.replace(MEASURED, wall_seconds=seconds))
    assert [measurement.wall_seconds for measurement in ledger.read().values()] == [50.0]


def test_the_line_through_the_class_sizes_tells_start_up_from_submissions() -> None:
    straight = growth_of({50: 30.0, 100: 55.0, 200: 105.0, 400: 205.0})
    assert straight is not None
    assert straight.start_up == pytest.approx(5.0)
    assert straight.slope == pytest.approx(0.5)
    assert straight.worst_percent == pytest.approx(0.0, abs=1e-6)
    bent = growth_of({50: 30.0, 100: 55.0, 200: 105.0, 400: 410.0})
    assert bent is not None
    assert bent.worst_percent is not None
    assert bent.worst_percent > 20
    two = growth_of({50: 30.0, 100: 55.0})
    assert two is not None
    assert two.worst_percent is None  # two points lie on a line, which proves nothing


def test_the_table_says_where_stock_was_measured_with_a_smaller_class_only() -> None:
    def ours(students: int, workers: int, seconds: float, mebibytes: int) -> Measurement:
        return msgspec.structs.replace(
            MEASURED,
            contender="this",
            students=students,
            workers=workers,
            wall_seconds=seconds,
            peak_bytes=mebibytes * 2**20,
        )

    rows = [MEASURED, ours(10, 1, 10.0, 200), ours(10, 2, 6.0, 450), ours(20, 2, 10.0, 460)]
    costs, growth = sheets({row.key: row for row in rows})
    by_name = {(row[0], row[1]): dict(zip(costs.columns, row, strict=True)) for row in costs.rows}
    two = by_name["this project, 2 workers", "10"]
    assert two["× stock"] == "10.0"
    assert two["efficiency"] == "0.83"
    assert two["MiB a worker more"] == "250"
    assert by_name["this project, 2 workers", "20"]["× stock"] == "≈ 12.0"
    assert by_name["this project, 1 worker", "10"]["efficiency"] == "–"
    assert "| this project, 2 workers | 1.00 | 0.83 | 2.0 | 0.400 | – |" in growth.as_markdown()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--columns", "stock,that"],
            "There is no column 'that'. Known: stock, stock-pictures, otter, this-N",
        ),
        (["--sizes", "2,many"], "--sizes 2,many: write whole numbers with commas between"),
        (["--assignments", "l2"], "asserts are written for backprop, dropout alone"),
    ],
)
def test_a_wrong_option_is_answered_in_one_sentence(flags: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["classes", *flags])
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())
