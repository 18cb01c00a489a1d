"""What holds for the whole repository: the package map, settings, pins, and what no file may name."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from grader.config import Config, Limits

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "grader"

# The data's path; `pipeline` joins the stages, records, errors and config belong to none.
PATH = ["submission", "sandbox", "verify", "checks", "score", "feedback", "preprocessors"]


def imported_stages(stage: str) -> set[str]:
    """Return the stages that the module or package *stage* imports, from its syntax alone."""
    folder = PACKAGE / stage
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{stage}.py"]
    names: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name.split(".")[1] for name in names if name.startswith("grader.")} & set(PATH)


def tracked_files() -> list[Path]:
    """Return the files that are committed, or would be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


@pytest.mark.parametrize("stage", PATH)
def test_a_stage_never_imports_a_later_stage(stage: str) -> None:
    assert not imported_stages(stage) & set(PATH[PATH.index(stage) + 1 :])


@pytest.mark.parametrize("field", [*Config.__struct_fields__, *Limits.__struct_fields__])
def test_every_setting_is_read_by_some_module(field: str) -> None:
    source = "".join(p.read_text() for p in PACKAGE.rglob("*.py") if p.name != "config.py")
    assert f".{field}" in source


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {re.split(r"[<>=!~\[; ]", requirement)[0].lower() for requirement in wanted}
    assert names <= {pin.split("==")[0].lower() for pin in pins()}


def test_a_pin_is_a_name_and_a_release_and_nothing_else() -> None:
    odd = [pin for pin in pins() if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*", pin)]
    assert odd == []


def pins() -> list[str]:
    """Return the lines of constraints.txt that are not comments."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_no_file_names_a_private_path() -> None:
    # Put together here, or this file would find itself.
    private = ["/" + "work/", "/" + "Users/", "file" + ":///", "/" + "tmp/team", str(ROOT) + "/"]
    patterns = re.compile("|".join(re.escape(text) for text in private))
    named = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if patterns.search(path.read_bytes().decode("utf-8", "ignore"))
    ]
    assert named == []


def test_what_grading_writes_is_not_committed() -> None:
    committed = {path.relative_to(ROOT).as_posix() for path in tracked_files()}
    assert not {name for name in committed if name.startswith(("submitted/", "feedback/", "gradebook.db"))}
    assert {name for name in committed if name.startswith("autograded/")} <= {"autograded/README.md"}


def test_ci_runs_what_a_developer_runs() -> None:
    assert "exec make test" in (ROOT / ".ci" / "run").read_text()
