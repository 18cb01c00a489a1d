"""The page: for keyboard and screen reader, in light and dark, with and without a script."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_service import REPOSITORY, Service, book, file_of, service_of, set_up

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOTS = REPOSITORY / "build" / "selfcheck-screenshots"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed.")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def papers(tmp_path: Path) -> dict[str, Path]:
    """Files that a student may choose: wrong in all ways that a page has to show, and too large."""
    filled = book()
    _, group = next((n, g) for n, g in filled.checks.misconceptions.items() if g[0].explanation)
    notebook = filled.fill({each.blank: each.source for each in group}, left_empty=filled.blanks[-1:])
    notebook.cells[-1].source = "1 / 0"
    (tmp_path / "papers").mkdir()
    wrong, large = tmp_path / "papers/activations.ipynb", tmp_path / "papers/large.ipynb"
    wrong.write_bytes(file_of(notebook))
    large.write_bytes(b" " * (5 * 2**20))
    return {"wrong": wrong, "large": large}


def logged_in(chromium: Any, hub: str, **settings: Any) -> Any:
    """Return a page of a student who is logged in to the hub."""
    context = chromium.new_context(**settings)
    context.add_cookies([{"name": "who", "value": "bea", "url": hub}])
    page = context.new_page()
    page.set_default_timeout(30_000)
    return page


def violations(page: Any) -> list[tuple[str, str]]:
    found = axe.Axe().run(page)
    return [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(
    chromium: Any, hub: str, service: Service, papers: dict[str, Path], scheme: str
) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page = logged_in(chromium, hub, color_scheme=scheme)
    page.goto(service.address)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    page.set_input_files("#file", papers["wrong"])
    assert violations(page) == []
    page.screenshot(path=SHOTS / f"front-{scheme}.png", full_page=True)
    page.get_by_role("button", name="Check it").click()
    page.locator("section").first.wait_for()
    assert page.get_by_role("status").inner_text().startswith("Done: ")
    assert page.get_by_text("Your answers are those of a known mistake").count() >= 1
    assert page.get_by_text("not written yet").count() >= 1
    assert page.get_by_text("raised").count() >= 1
    assert violations(page) == []
    page.screenshot(path=SHOTS / f"done-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.goto(f"{service.address}checks/999999")
    assert page.get_by_role("heading", name="There is no such self-check.").count() == 1
    assert violations(page) == []
    page.context.close()


def test_the_way_is_walked_by_keyboard_alone_and_the_answer_comes_by_itself(
    chromium: Any, course: Path, hub: str, papers: dict[str, Path]
) -> None:
    with service_of(course, hub, stub=True, BUSY_SECONDS="2.5") as service:
        page = logged_in(chromium, hub)
        page.on("filechooser", lambda _: None)  # from now on; switched on at the key, it may come too late
        page.goto(service.address)
        seen = []
        for _ in range(6):
            page.keyboard.press("Tab")
            seen.append(
                page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
            )
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            if seen[-1] == "file":
                with page.expect_file_chooser() as chooser:
                    page.keyboard.press("Enter")
                chooser.value.set_files(papers["wrong"])
            if seen[-1] == "Check it":
                break
        assert seen == ["Self-check", "file", "notebook", "Check it"]
        page.keyboard.press("Enter")
        state = page.get_by_role("status")
        state.wait_for()
        assert "Being checked now." in state.inner_text() or "In the queue" in state.inner_text()
        assert violations(page) == []
        address = page.url
        page.get_by_text("Done: ").wait_for()
        assert state.inner_text() == f"Done: {len(book().blanks)} of {len(book().blanks)} parts passed."
        assert page.url == address
        assert page.title().startswith("Done: ")
        page.context.close()


def test_without_a_script_the_page_looks_again_by_itself(
    chromium: Any, course: Path, hub: str, papers: dict[str, Path]
) -> None:
    with service_of(course, hub, stub=True, BUSY_SECONDS="1") as service:
        page = logged_in(chromium, hub, java_script_enabled=False)
        page.goto(service.address)
        page.set_input_files("#file", papers["wrong"])
        page.get_by_role("button", name="Check it").click()
        page.get_by_role("heading", name="activations / activations").wait_for()
        page.get_by_text("Done: ").wait_for()
        page.get_by_role("link", name="Ask for another").click()
        assert page.locator("ol li").count() == 1
        page.context.close()


def test_a_file_that_is_too_large_is_told_before_and_after_it_is_sent(
    chromium: Any, course: Path, hub: str, papers: dict[str, Path]
) -> None:
    set_up(course, "c.SelfCheck.limit = 1")
    with service_of(course, hub, stub=True) as service:
        page = logged_in(chromium, hub)
        page.goto(service.address)
        page.set_input_files("#file", papers["large"])
        assert "5.0 MiB" in page.locator("#problem").inner_text()
        page.get_by_role("button", name="Check it").click()
        assert page.url == service.address
        page.context.close()
        plain = logged_in(chromium, hub, java_script_enabled=False)
        plain.goto(service.address)
        plain.set_input_files("#file", papers["large"])
        plain.get_by_role("button", name="Check it").click()
        assert "too large: 5.0 MiB" in plain.get_by_role("alert").first.inner_text()
        for expected in ("status", "alert"):  # the second is one more than the limit
            plain.set_input_files("#file", papers["wrong"])
            plain.get_by_role("button", name="Check it").click()
            plain.get_by_role(expected).first.wait_for()
            plain.goto(service.address) if expected == "status" else None
        assert "which is the limit" in plain.get_by_role("alert").first.inner_text()
        plain.context.close()


def test_a_page_that_is_open_when_the_service_is_restarted_goes_on(
    chromium: Any, course: Path, hub: str, papers: dict[str, Path]
) -> None:
    with service_of(course, hub, stub=True, BUSY_SECONDS="3") as service:
        page = logged_in(chromium, hub)
        page.goto(service.address)
        page.set_input_files("#file", papers["wrong"])
        page.get_by_role("button", name="Check it").click()
        page.get_by_role("status").wait_for()
        service.kill()
        service.start()
        page.get_by_text("Done: ").wait_for()
        page.context.close()


def test_no_script_but_its_own_runs_in_the_page(chromium: Any, hub: str, service: Service) -> None:
    page = logged_in(chromium, hub)
    page.goto(service.address)
    with pytest.raises(playwright.Error, match="Content Security Policy"):
        page.add_script_tag(content="document.title = 'ran'")
    page.context.close()
