"""The self-check on the live hub: from a student's terminal, kernel and browser, graded behind the wall."""

from __future__ import annotations

import stat
from collections.abc import Callable

import nbformat
import pytest
from course_hub import NOTEBOOK, Hub, Person, give, solutions, write_cells
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
    page.goto(f"{hub.address}/services/self-check")
    page.set_input_files("#file", hub.file(cem.account, f"backprop/{NOTEBOOK}.ipynb"))
    assert page.locator("#notebook").input_value() == f"backprop/{NOTEBOOK}"
    page.get_by_role("button", name="Check it").click()
    page.get_by_text("Done: ").wait_for()
    assert page.get_by_text("Your answers are those of a known mistake").count() == 1
    page.close()


def test_a_self_check_leaves_nothing_but_its_answer(hub: Hub, cem: Person) -> None:
    course = hub.layout.course
    assert stat.S_IMODE((course / "selfcheck.db").stat().st_mode) == 0o600
    assert not list(course.glob(f"records/*/{cem.account}/*"))
    assert not (course / "submitted" / cem.account).exists()
