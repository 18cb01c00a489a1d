"""release/ is what source/ generates, and the notebooks do with `nbgrader validate` what they must."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.release import generate

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "source").glob("*/*.ipynb"))
ASSIGNMENTS = sorted({path.parent.name for path in SOURCES})


def content(path: Path) -> object:
    """Return a notebook as data, so that only what it says counts, and any other file as bytes."""
    return json.loads(path.read_text()) if path.suffix == ".ipynb" else path.read_bytes()


def files_in(folder: Path) -> dict[str, object]:
    return {str(p.relative_to(folder)): content(p) for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_release_equals_what_the_sources_generate(assignment: str, tmp_path: Path) -> None:
    generated = files_in(generate(ROOT, assignment, tmp_path))
    committed = files_in(ROOT / "release" / assignment)
    differing = [name for name in generated | committed if generated.get(name) != committed.get(name)]
    assert not differing, f"release/{assignment} is out of step in {differing}. Run: make release"


def test_nothing_is_released_that_has_no_source() -> None:
    assert sorted(path.name for path in (ROOT / "release").iterdir() if path.is_dir()) == ASSIGNMENTS


def nbgrader_validate(notebook: Path, scratch: Path) -> str:
    """Run `nbgrader validate` as a student would, in a copy of the notebook's folder."""
    folder = scratch / notebook.parent.name
    shutil.copytree(notebook.parent, folder)
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "validate", notebook.name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_solved_notebook_passes_nbgrader_validate(source: Path, tmp_path: Path) -> None:
    said = nbgrader_validate(source, tmp_path)
    assert "Success! Your notebook passes all the tests." in said, said


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_released_notebook_fails_nbgrader_validate(source: Path, tmp_path: Path) -> None:
    said = nbgrader_validate(ROOT / "release" / source.parent.name / source.name, tmp_path)
    assert "VALIDATION FAILED" in said, said
