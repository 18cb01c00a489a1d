"""The hub as a browser sees it: people who log in, look and click, and what they leave on the screen."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import time
from pathlib import Path
from typing import Any

import nbformat

from grader.hub.layout import CHECKOUT, Layout

SCREENSHOTS = CHECKOUT / "build" / "hub-screenshots"
NOTEBOOK = "logistic_regression"
SECONDS = 60  # the longest that anything on a page may take
BEACON = "/ran-by-a-student"


class Hub:
    """The running hub: its address, its accounts, its folders."""

    def __init__(self, address: str, layout: Layout, passwords: dict[str, str]) -> None:
        self.address = address
        self.layout = layout
        self.passwords = passwords
        self.service = f"{address}/services/{layout.course_id}"
        self.beacons: list[str] = []

    def file(self, account: str, name: str) -> Path:
        """Return the path of a file in the home folder of *account*."""
        return self.layout.home(account) / name

    def rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """Ask the gradebook, without a right to change it."""
        gradebook = sqlite3.connect(f"file:{self.layout.course}/gradebook.db?mode=ro", uri=True)
        try:
            return gradebook.execute(query, values).fetchall()
        finally:
            gradebook.close()


class Person:
    """Somebody at a browser of their own, logged in to the hub."""

    def __init__(self, hub: Hub, browser: Any, account: str) -> None:
        self.hub = hub
        self.account = account
        self.context = browser.new_context(viewport={"width": 1400, "height": 900})
        self.context.on("request", lambda request: self._note(request.url))
        self.page = self.context.new_page()
        self.page.set_default_timeout(SECONDS * 1000)

    def _note(self, address: str) -> None:
        if BEACON in address:
            self.hub.beacons.append(address)

    def log_in(self, path: str) -> None:
        """Ask for *path*, be asked for name and password, and come out there, or at one's own server."""
        self.page.goto(self.hub.address + path)
        self.page.fill("#username_input", self.account)
        self.page.fill("#password_input", self.hub.passwords[self.account])
        self.shot("login")
        self.page.click("#login_submit")

    def lab(self, path: str = "") -> None:
        """Open one's own JupyterLab anew, with nothing else open in it than *path*, once it is ready."""
        self.page.goto(f"{self.hub.address}/user/{self.account}/lab{path}?reset")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")
        self.page.wait_for_selector(".jp-LauncherCard >> nth=0" if not path else ".jp-NotebookPanel")

    def shot(self, name: str, page: Any = None) -> None:
        """Keep what is on the screen, or on another page; the files sort in the order of their making."""
        number = len(list(SCREENSHOTS.glob("*.png"))) + 1
        who = self.account.split("-", 1)[1]
        (page or self.page).screenshot(path=SCREENSHOTS / f"{number:02d}-{who}-{name}.png")

    def assignments(self) -> None:
        """Open nbgrader's list of assignments by the menu."""
        self.page.click(".lm-MenuBar-item >> text=Nbgrader")
        self.page.click(".lm-Menu-item >> text=Assignment List")
        self.page.wait_for_selector("#released_assignments_list_loading", state="hidden")

    def show_notebooks(self) -> None:
        """Unfold the assignment among those fetched."""
        rows = self.page.locator("#fetched_assignments_list .nested_list_item")
        title = self.page.locator("#fetched_assignments_list a.assignment-notebooks-link")
        title.wait_for()
        until(lambda: rows.count() > 0 and rows.first.is_visible(), title.click)

    def wait_for_kernel(self) -> None:
        """Wait until the notebook's kernel has answered; the sign above the notebook is green before."""
        self.page.locator("#jp-main-statusbar", has_text="(ipykernel) | Idle").wait_for()

    def run_all(self) -> None:
        """Run all cells of the open notebook by the menu."""
        self.wait_for_kernel()
        self.page.click(".lm-MenuBar-item >> text=Run")
        self.page.click(".lm-Menu-item >> text=/^Run All Cells$/")
        self.page.locator(".jp-CodeCell .jp-InputPrompt", has_text=re.compile(r"\[[*\d]")).first.wait_for()
        self.shot("run")

    def validate(self) -> str:
        """Press Validate in the open notebook and return what it says."""
        self.page.locator(".jp-NotebookPanel-toolbar:visible").get_by_text("Validate").click()
        dialog = self.page.locator(".jp-Dialog")
        dialog.wait_for()
        said = str(dialog.inner_text())
        self.shot("validated")
        dialog.locator("button").last.click()
        return said

    def terminal(self, command: str) -> str:
        """Type a shell command into a terminal in JupyterLab and return what it put out."""
        self.lab()
        self.page.locator(".jp-LauncherCard[title*=terminal i]").first.click()
        self.page.locator(".jp-Terminal .xterm-screen").click()
        self.page.wait_for_timeout(1500)  # until the shell listens; its prompt is painted on a canvas
        said = self.hub.file(self.account, "said.txt")
        said.unlink(missing_ok=True)
        self.page.keyboard.type(f"({command}\n) > said.part 2>&1; mv said.part said.txt")
        self.page.keyboard.press("Enter")
        until(said.exists)
        return said.read_text()

    def row(self, of: str, column: str) -> Any:
        """Find the row of a table in the formgrader that has *of* in the column named by a class."""
        return self.page.locator(f"tr:has(td.{column}[data-order='{of}'])")

    def press(self, of: str, column: str, button: str) -> str:
        """Press a button in such a row, and return what the dialog then says."""
        self.row(of, column).locator(f"td.{button} a").click()
        title = self.page.locator(".modal-dialog:visible .modal-title", has_text=re.compile("Success|Error"))
        title.wait_for()
        self.page.wait_for_timeout(400)  # until it has slid in
        said = str(self.page.locator(".modal-dialog:visible").inner_text())
        self.shot(button)
        self.page.locator(".modal-dialog:visible button").last.click()
        self.page.locator(".modal-backdrop").wait_for(state="detached")
        return said


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def until(true: Any, again: Any = None, seconds: float = SECONDS, pause: float = 1.0) -> None:
    """Wait until *true()*, looking every *pause* seconds; before each look but the first, do *again()*."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        if again is not None:
            again()
        time.sleep(pause)


def solutions() -> dict[str, str]:
    """Return blank → the right cell, from the course's source."""
    source = nbformat.read(CHECKOUT / "source" / "backprop" / f"{NOTEBOOK}.ipynb", 4)
    return {
        cell.metadata.nbgrader.grade_id: re.sub(r"    ### (BEGIN|END) SOLUTION\n?", "", cell.source).rstrip()
        for cell in source.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def write_cells(file: Path, cells: dict[str, str], more: tuple[nbformat.NotebookNode, ...] = ()) -> None:
    """Put *cells* into a fetched notebook, and *more* at its end; the file stays its owner's."""
    notebook = nbformat.read(file, 4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = cells.get(name, cell.source)
    notebook.cells += more
    file.write_text(nbformat.writes(notebook))


def give(file: Path, text: str, account: str, layout: Layout) -> None:
    """Put a file into somebody's home folder, as if they had uploaded it."""
    file.write_text(text)
    home = layout.home(account).stat()
    os.chown(file, home.st_uid, home.st_gid)
