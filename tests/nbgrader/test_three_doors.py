"""The real wall and the real checks, through each of nbgrader's ways in, on a notebook of the course."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from scratch_course import REPOSITORY, Course, by_id, served

from grader import archive

ASSIGNMENT = "activations"


@pytest.fixture(scope="module")
def real_course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A scratch copy of one of the course's assignments, released by the command line."""
    root = tmp_path_factory.mktemp("real") / "course"
    shutil.copytree(REPOSITORY / "source" / ASSIGNMENT, root / "source" / ASSIGNMENT)
    shutil.copy(REPOSITORY / "nbgrader_config.py", root)
    done = nbgrader(root, "generate_assignment", ASSIGNMENT)
    assert done.returncode == 0, done.stderr
    return Course(root)


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(command, check=False, cwd=root, capture_output=True, text=True, timeout=300)


def nbgrader(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(root, "-m", "nbgrader", *words)


def hand_in(course: Course, student: str) -> None:
    """Hand in a solved notebook with one mistake, beside files that would shadow what the grader imports."""
    notebook = nbformat.read(course.root / f"source/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", as_version=4)
    by_id(notebook, "relu").source = "def relu(z):\n    return abs(z)\n"
    folder = course.root / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{ASSIGNMENT}.ipynb")
    for name in (
        "numpy",
        "pytest",
        "conftest",
        "sitecustomize",
        "usercustomize",
        "grader",
        "nbgrader_config",
    ):
        (folder / f"{name}.py").write_text("import os\nos._exit(7)\n")


def points(course: Course, student: str) -> dict[str, tuple[float | None, bool]]:
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        notebook = gradebook.find_submission_notebook(ASSIGNMENT, ASSIGNMENT, student)
        return {grade.name: (grade.auto_score, grade.needs_manual_grade) for grade in notebook.grades}


def test_command_line_interface_and_formgrader_grade_alike(real_course: Course) -> None:
    for student in ("by_command", "by_api", "by_button"):
        hand_in(real_course, student)

    done = nbgrader(real_course.root, "autograde", ASSIGNMENT, "--student", "by_command")
    assert done.returncode == 0, done.stderr

    result = real_course.api().autograde(ASSIGNMENT, "by_api")
    assert result["success"], result

    with served(real_course.root) as address:
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{address}/formgrader/api/submission/{ASSIGNMENT}/by_button/autograde", method="POST"
        )
        with urllib.request.urlopen(request, timeout=120) as reply:  # noqa: S310 - our own server
            answer = json.load(reply)
    assert answer["success"], answer

    by_command = points(real_course, "by_command")
    assert by_command == points(real_course, "by_api") == points(real_course, "by_button")
    assert not any(flagged for _, flagged in by_command.values())
    lost = {name for name, (earned, _) in by_command.items() if earned != max_points(real_course, name)}
    assert lost == {"check_relu"}
    grade = archive.load(archive.record_path(real_course.root, "by_button", ASSIGNMENT, ASSIGNMENT))
    assert grade is not None
    assert grade.provenance.isolation == "wall"
    assert not [run.error for run in grade.runs if run.error]


def test_one_button_of_the_formgrader_grades_everyone_who_is_due(real_course: Course) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    everyone = ("ada", "ben", "cem")
    for student in everyone:
        hand_in(real_course, student)
    with served(real_course.root) as address, playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"{address}/formgrader/manage_submissions/{ASSIGNMENT}")
        page.get_by_role("button", name="Autograde all").click()
        page.get_by_text("Done: ").wait_for(timeout=180_000)
        for student in everyone:
            page.locator("#main-table tr", has_text=student).get_by_text("graded", exact=True).wait_for()
        folder = REPOSITORY / "build" / "screenshots"
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / "autograde-all.png", full_page=True)

        with page.expect_popup() as opened:
            page.get_by_role("link", name="Class report").click()
        report = opened.value
        report.get_by_role("heading", level=1).wait_for()
        assert "relu" in report.locator("main, body").first.inner_text()
        report.screenshot(path=folder / "class-report-by-button.png")
        nowhere = page.goto(f"{address}/formgrader/class_report/nowhere")
        assert nowhere is not None
        assert nowhere.status == 404
        assert "knows no assignment 'nowhere'" in page.inner_text("[role=status]")

        with pytest.raises(urllib.error.HTTPError) as unknown:
            button(address, "nowhere")
        assert "does not know the assignment 'nowhere'" in json.load(unknown.value)["message"]
        browser.close()
    assert points(real_course, "ada") == points(real_course, "ben") == points(real_course, "cem")
    assert points(real_course, "ada")["check_relu"][0] == 0.0


def button(address: str, assignment: str) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{address}/formgrader/api/class/{assignment}/autograde", method="POST"
    )
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 - our own server


def max_points(course: Course, name: str) -> float:
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        return float(gradebook.find_grade_cell(name, ASSIGNMENT, ASSIGNMENT).max_score)


def test_a_missing_package_stops_nbgrader_before_any_code_runs(real_course: Course, tmp_path: Path) -> None:
    """Nbgrader alone would pass over a configuration that fails, and run students' code without a wall."""
    root = tmp_path / "course"
    shutil.copytree(real_course.root, root)
    folder = root / "submitted/mallory" / ASSIGNMENT
    folder.mkdir(parents=True)
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(f"open({str(tmp_path / 'ran')!r}, 'w')")]
    )
    nbformat.write(notebook, folder / f"{ASSIGNMENT}.ipynb")
    without_package = (
        "import sys; sys.modules['grader'] = None; from nbgrader.apps import NbGraderApp; "
        f"NbGraderApp.launch_instance(['autograde', '{ASSIGNMENT}', '--student', 'mallory'])"
    )
    done = run(root, "-c", without_package)
    assert done.returncode != 0
    assert "'grader.collect.CourseCollect' could not be imported" in done.stderr  # the first class it names
    assert not (tmp_path / "ran").exists()
    assert not (root / "autograded/mallory").exists()


def test_nothing_is_left_running(real_course: Course) -> None:
    mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in mine if Path(f"/proc/{pid}").exists()]
    assert "bwrap" not in names
    assert real_course.root.is_dir()
