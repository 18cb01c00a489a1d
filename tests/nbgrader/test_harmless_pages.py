"""Nothing that a student writes runs, loads or takes over a page, in a real browser."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert.filters import markdown2html
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from nbgrader.api import Gradebook
from scratch_course import Course, Marker, by_id, served

from grader.harmless import clean_markdown

playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
RUN = "document.documentElement.dataset.ran=1"
SCRIPT = f"<script>{RUN}</script>"

MARKDOWN = [
    SCRIPT,
    f"<img src=x onerror='{RUN}'>",
    f"<svg onload='{RUN}'></svg>",
    f"<svg><script>{RUN}</script></svg>",
    f"text <b onmouseover='{RUN}'>bold</b> text",
    f"<details open ontoggle='{RUN}'><summary>x</summary></details>",
    f"<style>@keyframes x{{}}</style><p style='animation-name:x' onanimationstart='{RUN}'>x</p>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<object data='data:text/html,{SCRIPT}'></object><embed src='data:text/html,{SCRIPT}'>",
    f"<form action='javascript:{RUN}'><button id=go>go</button></form>",
    f"[a link](javascript:{RUN})",
    f"[a link](JaVa&#x73;cript&colon;{RUN})",
    f"[a link](java\tscript:{RUN})",
    f"[a link](<  javascript:{RUN}>)",
    f"[by name]\n\n[by name]: javascript:{RUN}",
    f"<javascript:{RUN}>",
    f"<a href='data:text/html,{SCRIPT}'>data</a> [data](data:text/html;base64,PHNjcmlwdD4=)",
    f"![x](x \"y' onerror='{RUN}\")",
    f'![a"onerror="{RUN}](x)',
    f"```mermaid\n</pre>{SCRIPT}\n```",
    f"```html\n</code></pre>{SCRIPT}\n```",
    f"```<img/src=x/onerror={RUN}>\nx\n```",
    f"$$</p>{SCRIPT}$$ $<img src=x onerror={RUN}>$",
    f"\\begin{{a}}{SCRIPT}\\end{{a}}",
    f"$\\href{{javascript:{RUN}}}{{x}}$ $\\require{{html}}\\style{{position:fixed}}{{x}}$",
    "<math><mtext><table><mglyph><style><!--</style>"
    f'<img title="--&gt;&lt;img src=1 onerror={RUN}&gt;"></table></mtext></math>',
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'></noscript>",
    f"<div>\n\n<!-- -->{SCRIPT}\n\n</div>",
    f"# <img src=x onerror={RUN}>",
    f"| a |\n|---|\n| {SCRIPT} |",
    f"[^1]\n\n[^1]: {SCRIPT}",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"</div></div></div></body>{SCRIPT}",
    "<base href='https://example.org/'><meta http-equiv=refresh content='0;url=about:blank'>",
    "<div class='navbar-fixed-top' id='check_double' style='position:fixed;inset:0'>over all</div>",
    "# check_double\n\n# check\\_half",
    "![](attachment:missing.png)",
]
OUTPUTS: list[dict[str, Any]] = [
    {"text/html": SCRIPT + f"<img src=x onerror='{RUN}'><b>kept</b>"},
    {"text/html": [f"<a href='javascript:{RUN}'>x</a>", f"<svg/onload={RUN}>"]},
    {"application/javascript": RUN},
    {"image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg' onload='{RUN}'><script>{RUN}</script></svg>"},
    {"image/png": f'" onerror="{RUN}'},
    {"image/gif": f'" onerror="{RUN}'},
    {"text/markdown": SCRIPT + f"[x](javascript:{RUN})"},
    {"text/latex": f"$\\href{{javascript:{RUN}}}{{x}}$ {SCRIPT}"},
    {"text/vnd.mermaid": f"</pre>{SCRIPT}"},
    {"application/pdf": f'" onload="{RUN}'},
    {"application/vnd.jupyter.widget-view+json": {"model_id": "</script>" + SCRIPT}},
    {"text/plain": SCRIPT},
    {"text/html": {"not": "text"}},
    {7: [SCRIPT]},
]


def hostile_notebook(course: Course) -> nbformat.NotebookNode:
    """Return a solved notebook with every payload in every place that takes one."""
    notebook = course.solved(double="1/2")
    notebook.cells += [new_markdown_cell(text) for text in MARKDOWN]
    notebook.cells += [new_raw_cell(SCRIPT), new_raw_cell(SCRIPT, metadata={"raw_mimetype": "text/html"})]
    notebook.cells.append(new_code_cell(f"%%html\n{SCRIPT}", metadata={"magics_language": f'"{SCRIPT}'}))
    notebook.cells.append(
        new_markdown_cell(
            "![](attachment:a.svg) ![](attachment:b.png)",
            attachments={
                "a.svg": {"image/svg+xml": f'" onerror="{RUN}'},
                "b.png": {"image/png": f'" onerror="{RUN}'},
            },
        )
    )
    by_id(notebook, "why").source = f"My answer {SCRIPT}"
    notebook.metadata["title"] = f"</title>{SCRIPT}"
    notebook.metadata["kernelspec"] = {"name": SCRIPT, "display_name": SCRIPT, "language": SCRIPT}
    notebook.metadata["language_info"] = {"name": SCRIPT, "pygments_lexer": SCRIPT, "file_extension": SCRIPT}
    notebook.metadata["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {"state": "</script>" + SCRIPT}
    }
    return notebook


def hostile_outputs() -> tuple[dict[str, object], ...]:
    """Return what student code may put out."""
    shown: list[dict[str, object]] = [
        {"output_type": kind, "data": data, "metadata": {"image/png": {"width": f'"{SCRIPT}'}}}
        for data in OUTPUTS
        for kind in ("display_data", "execute_result")
    ]
    return (
        *shown,
        {
            "output_type": "stream",
            "name": f"stdout'{SCRIPT}",
            "text": f"\x1b[31m{SCRIPT}\x1b]8;;javascript:{RUN}\x07",
        },
        {"output_type": "error", "ename": SCRIPT, "evalue": SCRIPT, "traceback": [f"\x1b[0;31m{SCRIPT}"]},
        {"output_type": SCRIPT},
        {},
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt install chromium")
    profile = str(tmp_path_factory.mktemp("profile"))
    with playwright.sync_playwright() as tool:
        context = tool.chromium.launch_persistent_context(profile, executable_path=CHROMIUM, args=FLAGS)
        # Nothing beyond this machine is asked for; a request that leaves it is a finding.
        context.foreign = []
        context.route("**/*", lambda route: _only_local(route, context.foreign))
        yield context
        context.close()


def _only_local(route: Any, foreign: list[str]) -> None:
    if route.request.url.startswith(("file:", "data:", "blob:", "about:", "http://127.0.0.1:")):
        route.continue_()
    else:
        foreign.append(route.request.url)
        route.abort()


TOUCH_ALL = """() => {
    for (const e of document.querySelectorAll('body *')) {
        e.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));
        if ((e.getAttribute('href') || '').match(/script:/i) || e.id === 'go') e.click();
    }
}"""


def what_ran(browser: Any, addresses: list[str]) -> list[str]:
    """
    Open pages side by side, hover and click what a student may have put there.

    Returns:
        The addresses of those on which a script of the student's ran, or that were left for another.
    """
    page = browser.new_page()
    try:
        # From a page of the same origin, or a browser would not let a file into the frame.
        page.goto(addresses[0])
        page.set_content("".join(f"<iframe name='{i}' src='{a}'></iframe>" for i, a in enumerate(addresses)))
        page.wait_for_timeout(700)
        for number in range(len(addresses)):
            with contextlib.suppress(playwright.Error):  # a page that is left in the middle of it
                page.frame(str(number)).evaluate(TOUCH_ALL)
        page.wait_for_timeout(700)
        return [a for number, a in enumerate(addresses) if _ran_or_left(page.frame(str(number)), a)]
    finally:
        page.close()


def _ran_or_left(frame: Any, address: str) -> bool:
    return frame.url != address or bool(frame.evaluate("() => 'ran' in document.documentElement.dataset"))


def controls(browser: Any, address: str) -> dict[str, int]:
    """Count what could cover or impersonate a page's own controls."""
    page = browser.new_page()
    try:
        page.goto(address, wait_until="load")
        counted: dict[str, int] = page.evaluate(
            """() => ({
                ids: document.querySelectorAll('[id="check_double"], [id="check_half"]').length,
                overlays: document.querySelectorAll('#notebook-container .navbar-fixed-top').length,
                frames: document.querySelectorAll('iframe, object, embed, form, base').length,
            })"""
        )
        return counted
    finally:
        page.close()


def test_no_single_text_runs(browser: Any, tmp_path: Path) -> None:
    """One at a time, since a payload may work only where no other disturbs it; and most do run uncleaned."""
    pages: dict[str, list[str]] = {"cleaned": [], "not cleaned": []}
    for number, text in enumerate(MARKDOWN):
        for kind, source in (("cleaned", clean_markdown(text)), ("not cleaned", text)):
            page = tmp_path / f"{number}-{kind.replace(' ', '-')}.html"
            page.write_text(f"<!doctype html><meta charset=utf-8><body>{rendered(source)}")
            pages[kind].append(page.as_uri())
    assert what_ran(browser, pages["cleaned"]) == []
    live = what_ran(browser, pages["not cleaned"])
    assert len(live) >= 18, live


def rendered(source: str) -> str:
    """Return what nbgrader's pages make of a markdown cell."""
    if "attachment:" in source:
        return ""  # nbconvert gives up on a missing attachment
    html: str = markdown2html(source)
    return html


def test_nothing_runs_on_the_feedback_page(course: Course, marker: Marker, browser: Any) -> None:
    marker.outputs = hostile_outputs()
    marker.message = (
        f"double raised ValueError: {SCRIPT}<img src=x onerror='{RUN}'> $\\href{{javascript:{RUN}}}{{x}}$"
    )
    course.submit("mallory", hostile_notebook(course))
    result = course.autograde()
    assert result["success"], result
    page = course.feedback("mallory")
    address = (course.folder("mallory", "feedback") / "numbers.html").as_uri()
    browser.foreign.clear()
    assert what_ran(browser, [address]) == []
    assert [url for url in browser.foreign if "mathjax" not in url.lower()] == []
    assert "<b>kept</b>" in page
    assert controls(browser, address) == {"ids": 0, "overlays": 0, "frames": 0}


@pytest.fixture
def formgrader(course: Course) -> Iterator[str]:
    """Give the address of a Jupyter server with nbgrader's formgrader on the course."""
    with served(course.root) as address:
        yield address


def test_nothing_runs_in_the_formgrader(
    course: Course, marker: Marker, browser: Any, formgrader: str
) -> None:
    marker.outputs = hostile_outputs()
    folder = course.submit("mallory", hostile_notebook(course)).parent
    (folder / "page.html").write_text(SCRIPT)
    assert course.autograde()["success"]
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        submission = gradebook.find_submission_notebook("numbers", "tiny", "mallory").id
    address = f"{formgrader}/formgrader/submissions/{submission}/"
    browser.foreign.clear()
    assert what_ran(browser, [address]) == []
    assert [url for url in browser.foreign if "mathjax" not in url.lower()] == []
    assert controls(browser, address) == {"ids": 2, "overlays": 0, "frames": 0}  # the two fields for points
    page = browser.new_page()
    assert page.goto(f"{address}page.html").status == 404
    page.goto(address, wait_until="load")
    page.wait_for_timeout(500)
    assert page.input_value("#check_double") == ""  # no manual points
    assert page.get_attribute("#check_double", "placeholder") == "2"
    page.close()


def test_a_graded_notebook_is_valid_and_carries_no_script(course: Course, marker: Marker) -> None:
    marker.outputs = hostile_outputs()
    course.submit("mallory", hostile_notebook(course))
    course.autograde()
    notebook = course.autograded("mallory")
    nbformat.validate(notebook)
    assert notebook.metadata.language_info == {"name": "python"}
    shown = [output.data for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    assert {mime for data in shown for mime in data} <= {
        "text/plain",
        "text/html",
        "text/markdown",
        "image/png",
    }
    for data in shown:
        assert "<script" not in data.get("text/html", "")
    assert json.dumps(notebook.metadata).isascii()
