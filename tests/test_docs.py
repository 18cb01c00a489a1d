"""The pages for people: what they quote (commands, options, settings, files) is there, and called so."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from nbgrader.apps.nbgraderapp import NbGraderApp
from traitlets.config import Application, Configurable

from grader.__main__ import app as grader_app

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)
NO_COMMAND = "grader error"  # a verdict
TOOLS = ("grader", "nbgrader", "make", "pytest", "python")
# What may stand before a command in a line of a terminal.
LEADING = re.compile(r"^(?:[A-Z_]+=\S+ |sudo |(?:\.venv/bin|/srv/dl-course/staff/bin)/)+")

# Where our settings live, by the names that a course's nbgrader_config.py calls them.
OURS = {
    "CourseExporter": "grader.converter",
    "GraderPool": "grader.pool.settings",
    "SelfCheck": "grader.selfcheck.settings",
    "GradesExporter": "grader.export.exporter",
    "LmsExporter": "grader.export.lms",
    "CanvasExporter": "grader.export",
    "MoodleExporter": "grader.export",
    "JupyterHub": "jupyterhub.app",
}


class Quote(NamedTuple):
    """A command as a page quotes it; *whole* where it stands in a line of its own, to be typed."""

    page: str
    text: str
    whole: bool


def quotes() -> list[Quote]:
    """Return every command of one of the tools that a page quotes."""
    found = []
    for page in PAGES:
        text = page.read_text()
        lines = re.findall(r"^ {4,}(\S.*(?:\\\n.*)*)$", text, re.MULTILINE)
        prose = re.sub(r"^ {4,}\S.*$", "", text, flags=re.MULTILINE)
        spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]
        for whole, quoted in ((True, lines), (False, spans)):
            parts = [part for line in quoted for part in re.split(r" && |; | \| ", line)]
            bare = [LEADING.sub("", part.strip().replace("\\\n", " ")) for part in parts]
            found += [Quote(page.name, each, whole) for each in bare if each.split()[:1] and is_command(each)]
    return found


def is_command(text: str) -> bool:
    if text == NO_COMMAND:
        return False
    tool, _, rest = text.partition(" ")
    return tool in TOOLS and bool(rest) and not re.match(r"[=/(]", rest)


def quotes_of(tool: str) -> list[Any]:
    """Return the tool's quotes as cases of a test."""
    every = dict.fromkeys(quote for quote in quotes() if quote.text.startswith(f"{tool} "))
    return [pytest.param(quote, id=f"{quote.page}: {quote.text[:60]}") for quote in every]


def words_of(text: str) -> list[str]:
    """Return the words after the tool's name, as a shell would take them apart."""
    return [word for word in shlex.split(text.replace("…", ""), comments=True)[1:] if word]


@pytest.mark.parametrize("quote", quotes_of("grader"))
def test_a_quoted_grader_command_has_these_options(quote: Quote) -> None:
    group: Any = typer.main.get_command(grader_app)
    name, *words = words_of(quote.text)
    assert name in group.commands
    command = group.commands[name]
    if quote.whole:
        command.make_context(name, words)  # takes the words apart, and runs nothing
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("-")} <= known


def subcommands_of(application: type[Application]) -> dict[str, Any]:
    """Return name → (class or its name, help); none where traitlets' own declaration stands."""
    found: Any = application.subcommands
    return found if isinstance(found, dict) else {}


def nbgrader_parts(words: list[str]) -> tuple[type[Application], list[str]]:
    """Return the application that *words* call, and what is left for it."""
    application: type[Application] = NbGraderApp
    while words and words[0] in subcommands_of(application):
        kind: Any = subcommands_of(application)[words[0]][0]
        if isinstance(kind, str):
            module, _, name = kind.rpartition(".")
            kind = getattr(importlib.import_module(module), name)
        application, words = kind, words[1:]
    return application, words


@pytest.mark.parametrize("quote", quotes_of("nbgrader"))
def test_a_quoted_nbgrader_command_has_these_options(quote: Quote) -> None:
    application, words = nbgrader_parts(words_of(quote.text))
    assert not subcommands_of(application), "there is no such subcommand"
    instance = application()
    known = {*instance.aliases, *instance.flags}
    for word in words:
        option = word.lstrip("-").partition("=")[0]
        if word.startswith("--") and "." in option:
            holder_of(*option.split("."))
        elif word.startswith("-"):
            assert option in known


@pytest.mark.parametrize("quote", quotes_of("make"))
def test_a_quoted_make_target_is_in_the_makefile(quote: Quote) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = [word for word in words_of(quote.text) if "=" not in word]
    assert named
    assert set(named) <= targets


@pytest.mark.parametrize("quote", quotes_of("pytest"))
def test_a_quoted_pytest_command_has_these_options(quote: Quote, pytestconfig: pytest.Config) -> None:
    for word in words_of(quote.text):
        if word.startswith("--"):
            assert hasattr(pytestconfig.option, word.lstrip("-").replace("-", "_"))


@pytest.mark.parametrize("quote", quotes_of("python"))
def test_a_quoted_module_is_there(quote: Quote) -> None:
    _, module, *_ = words_of(quote.text)
    on_the_hub = ROOT / "deploy" / "student" / f"{module}.py"
    assert on_the_hub.exists() or importlib.util.find_spec(module)


@cache
def configurables() -> dict[str, list[type[Configurable]]]:
    """Return every class with settings that nbgrader, the hub and this package bring, by its name."""
    for module in OURS.values():
        importlib.import_module(module)
    found: dict[str, list[type[Configurable]]] = {}
    waiting: list[type[Configurable]] = [Configurable]
    while waiting:
        kind = waiting.pop()
        found.setdefault(kind.__name__, []).append(kind)
        waiting += kind.__subclasses__()
    return found


def holder_of(kind: str, setting: str) -> type[Configurable]:
    """Return the class *kind* that has *setting*; some names stand for several classes."""
    assert kind in configurables(), f"nothing is called {kind}"
    holders = [each for each in configurables()[kind] if setting in each.class_trait_names(config=True)]
    assert holders, f"{kind} has no setting {setting}"
    return holders[0]


def settings() -> list[Any]:
    """Return page, class and setting wherever a page names one."""
    found = {
        (page.name, kind, setting)
        for page in PAGES
        for kind, setting in re.findall(r"\bc\.([A-Z]\w+)\.(\w+)", page.read_text())
        + re.findall(rf"`({'|'.join(OURS)})\.(\w+)", page.read_text())
    }
    return [pytest.param(*each, id=" ".join(each)) for each in sorted(found)]


@pytest.mark.parametrize(("page", "kind", "setting"), settings())
def test_a_setting_that_a_page_names_is_one(page: str, kind: str, setting: str) -> None:
    assert holder_of(kind, setting), page


def rows_of(page: Path) -> list[dict[str, str]]:
    """Return the rows of a page's tables, by the words of the table's head; *first* is the first cell."""
    rows: list[dict[str, str]] = []
    head: list[str] = []
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and head and not set(cells[0]) <= {"-", ":"}:
            rows.append(dict(zip(head, cells, strict=True)) | {"first": cells[0]})
        head = (head or cells) if cells else []
    return rows


def defaults() -> list[Any]:
    """Return class, setting and default as the pages' tables have them."""
    found = [
        (*match.groups(), row["default"])
        for page in PAGES
        for row in rows_of(page)
        if "default" in row and (match := re.fullmatch(r"`c\.(\w+)\.(\w+)`", row["first"]))
    ]
    return [pytest.param(*each, id=f"{each[0]}.{each[1]}") for each in found]


@pytest.mark.parametrize(("kind", "setting", "told"), defaults())
def test_a_settings_default_is_the_one_that_the_table_tells(kind: str, setting: str, told: str) -> None:
    assert getattr(holder_of(kind, setting)(), setting) == ast.literal_eval(told.strip("`"))


def test_the_hubs_variables_and_their_defaults_are_those_of_its_configuration() -> None:
    rows = [row for row in rows_of(ROOT / "docs" / "operators.md") if row["first"].startswith("`HUB_")]
    files = [ROOT / "deploy" / "jupyterhub_config.py", *sorted((ROOT / "grader" / "hub").glob("*.py"))]
    source = "".join(file.read_text() for file in files)
    assert len(rows) >= 10
    for row in rows:
        told = [*re.findall(r"`(HUB_\w+)`", row["first"]), *re.findall(r"`([^`]+)`", row["default"])]
        assert [each for each in told if each not in source] == []


def anchors_of(page: Path) -> set[str]:
    """Return what a page's headings can be linked by, as GitHub makes it."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_pages_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not target.startswith(("http:", "https:")):
            name, _, anchor = target.partition("#")
            goal = page.parent / name if name else page
            assert goal.exists(), target
            assert not anchor or anchor in anchors_of(goal), target
