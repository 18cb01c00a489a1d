"""The small call from a notebook: what it prints, and what it says when it can't."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_service import REPOSITORY, Service, book, file_of

MODULE = REPOSITORY / "deploy" / "student" / "selfcheck.py"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A student's folder with a notebook that was just saved: one blank is wrong, its outputs are large."""
    papers = book()
    _, group = next((n, g) for n, g in papers.checks.misconceptions.items() if g[0].explanation)
    notebook = papers.fill({each.blank: each.source for each in group})
    notebook.cells[-1].outputs = [{"output_type": "stream", "name": "stdout", "text": "x" * 5_000_000}]
    home = tmp_path / "activations"
    home.mkdir()
    (home / "activations.ipynb").write_bytes(file_of(notebook))
    return home


def call(home: Path, service: Service | None, code: str, who: str = "of-cal") -> tuple[str, str]:
    """Run *code* as a kernel of the student would, without this package; return what it printed."""
    environment = {"PYTHONPATH": str(MODULE.parent), "PATH": os.defpath, "LANG": "C.UTF-8"}
    if service:
        environment |= {"SELFCHECK_URL": service.address, "JUPYTERHUB_API_TOKEN": who}
    done = subprocess.run(
        [sys.executable, "-c", f"from selfcheck import check, SelfCheckError\n{code}"],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout, done.stderr


def test_the_call_prints_which_checks_pass_and_what_is_misunderstood(home: Path, service: Service) -> None:
    printed, trouble = call(home, service, "check('activations')", "of-calla")
    assert trouble == ""
    assert "Self-check of activations/activations" in printed
    assert "✗" in printed
    assert "✓" in printed
    assert "| Your answers are those of a known mistake" in printed
    assert "2 of 3 self-checks left in this assignment." in printed


def test_in_a_terminal_the_same_is_a_command(home: Path, service: Service) -> None:
    printed = subprocess.run(
        [sys.executable, MODULE, "nothing"],
        cwd=home,
        env={"SELFCHECK_URL": service.address, "JUPYTERHUB_API_TOKEN": "of-cora", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert printed.returncode == 1
    assert printed.stderr.startswith("Self-check: nothing.ipynb can't be read")
    assert "activations" in printed.stderr


def test_a_notebook_that_was_saved_long_ago_is_sent_only_when_it_is_meant(
    home: Path, service: Service
) -> None:
    old = time.time() - 15 * 60
    os.utime(home / "activations.ipynb", (old, old))
    ask = "try: check('activations'{})\nexcept SelfCheckError as error: print(error)"
    printed, _ = call(home, service, ask.format(""), "of-cleo")
    assert printed.startswith("activations.ipynb was saved 15 min ago")
    assert "Ctrl+S" in printed
    printed, _ = call(home, service, ask.format(", as_saved=True"), "of-cleo")
    assert "2 of 3 self-checks left" in printed


@pytest.mark.parametrize(
    ("code", "token", "said"),
    [
        ("check('other')", "of-cy", "other.ipynb can't be read (No such file or directory). Notebooks in"),
        (
            "check('activations', 'l2')",
            "of-cy",
            "l2/activations is not open to self-checks. Open to you: act",
        ),
        ("check('activations')", "guest-cy", "This is not open to you."),
    ],
)
def test_a_mistake_says_what_to_do(home: Path, service: Service, code: str, token: str, said: str) -> None:
    printed, _ = call(home, service, f"try: {code}\nexcept SelfCheckError as error: print(error)", token)
    assert printed.startswith(said)


def test_off_the_hub_it_says_so_without_a_traceback_in_a_notebook(home: Path) -> None:
    shell = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "InteractiveShell.instance().run_cell(\"check('activations')\")"
    )
    printed, trouble = call(home, None, f"import builtins; builtins.check = check\n{shell}")
    assert "Self-check: This works on the course's hub only: open the notebook there." in printed
    assert "Traceback" not in printed + trouble


def test_when_the_limit_is_reached_it_tells_when_the_next_is_free(home: Path, service: Service) -> None:
    data = file_of(book().fill(left_empty=book().blanks))
    for _ in range(3):
        assert service.ask("of-coco", data)[0] == 202
    printed, _ = call(
        home, service, "try: check('activations')\nexcept SelfCheckError as error: print(error)", "of-coco"
    )
    assert "which is the limit. The next one is free in 23 h" in printed.replace("24 h 0", "23 h 59")
