"""The self-check on the live hub: from a student's terminal, kernel and browser, graded behind the wall."""

from __future__ import annotations

import contextlib
import pwd
import sqlite3
import stat
from collections.abc import Callable

import nbformat
import psutil
import pytest
from course_hub import NOTEBOOK, Hub, Person, give, solutions, until, write_cells
from nbformat.v4 import new_code_cell, new_notebook

People = Callable[[str], Person]
FORGOT_THE_MEAN = ("dz = (p - y) / len(y)", "dz = p - y")


@pytest.fixture(scope="module")
def cem(hub: Hub, person: People) -> Person:
    """A student whose notebook forgets the mean."""
    cem = person("cem")
    cem.terminal("nbgrader fetch_assignment backprop")
    cells = solutions()
    cells["gradients"] = cells["gradients"].replace(*FORGOT_THE_MEAN)
    write_cells(hub.file(cem.account, f"backprop/{NOTEBOOK}.ipynb"), cells)
    return cem


def test_a_terminal_and_a_kernel_ask_for_a_self_check(hub: Hub, cem: Person) -> None:
    told = cem.terminal(f"cd backprop; timeout 50 python -m selfcheck {NOTEBOOK}")
    assert f"Self-check of backprop/{NOTEBOOK}" in told
    assert "✓ sigmoid: passed" in told
    assert "✗ gradients: not passed" in told
    assert "Your answers are those of a known mistake" in told
    assert "9 of 10 self-checks left" in told
    cell = new_code_cell(f"from selfcheck import check\ncheck({NOTEBOOK!r})")
    file = hub.file(cem.account, "backprop/ask.ipynb")
    give(file, nbformat.writes(new_notebook(cells=[cell])), cem.account, hub.layout)
    cem.terminal("cd backprop; timeout 55 jupyter execute --inplace ask.ipynb")
    outputs = nbformat.read(file, 4).cells[0].outputs
    assert "8 of 10 self-checks left" in "".join(output.get("text", "") for output in outputs)


def test_a_browser_asks_for_a_self_check(hub: Hub, cem: Person) -> None:
    page = cem.context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{hub.address}/hub/home")
    page.get_by_text("Services", exact=True).click()
    page.get_by_text("self-check", exact=True).click()
    page.set_input_files("#file", hub.file(cem.account, f"backprop/{NOTEBOOK}.ipynb"))
    assert page.locator("#notebook").input_value() == f"backprop/{NOTEBOOK}"
    cem.shot("self-check", page)
    page.get_by_role("button", name="Check it").click()
    page.get_by_text("Done: ").wait_for()
    cem.shot("self-check-answered", page)
    assert page.get_by_text("Your answers are those of a known mistake").count() == 1
    page.close()


def test_a_self_check_leaves_nothing_but_its_answer(hub: Hub, cem: Person) -> None:
    course = hub.layout.course
    assert stat.S_IMODE((course / "selfcheck.db").stat().st_mode) == 0o600
    assert not list(course.glob(f"records/*/{cem.account}/*"))
    assert not (course / "submitted" / cem.account).exists()


def test_a_service_that_dies_is_started_again_and_loses_no_request(hub: Hub, cem: Person) -> None:
    # Some at once, which are graded one after the other; not before we look, so that some wait when it dies.
    numbers = range(1, 7)
    ask = f"sleep 3; python -m selfcheck {NOTEBOOK} > ~/part.$n 2>&1; mv ~/part.$n ~/told.$n"
    cem.terminal(f"cd backprop; for n in {' '.join(map(str, numbers))}; do ({ask}) & done")
    until(lambda: len(states(hub)) - states(hub).count("done") >= 2, pause=0.1)
    (service,) = service_processes(hub)
    service.kill()
    told = [hub.file(cem.account, f"told.{number}") for number in numbers]
    until(lambda: all(file.exists() for file in told))
    assert ["✗ gradients: not passed" in file.read_text() for file in told] == [True] * len(told)
    assert set(states(hub)) == {"done"}
    assert service_processes(hub) != [service]


def states(hub: Hub) -> list[str]:
    """Return the state of each request, as the service's database has it."""
    with contextlib.closing(
        sqlite3.connect(f"file:{hub.layout.course}/selfcheck.db?mode=ro", uri=True)
    ) as database:
        return [state for (state,) in database.execute("SELECT state FROM jobs")]


def service_processes(hub: Hub) -> list[psutil.Process]:
    """Return the service's own process, without those that grade for it."""
    grader = pwd.getpwnam(hub.layout.grader).pw_uid
    return [
        process
        for process in psutil.process_iter(["uids", "cmdline"])
        if process.info["uids"].real == grader and process.info["cmdline"][-2:] == ["-m", "grader.selfcheck"]
    ]
