"""
The whole way of a submission, in a browser: from the list of assignments to the feedback, and once more.

The tests are the steps of one story and run in their order; a step after one that failed is passed over.
Each leaves screenshots in build/hub-screenshots/.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable
from typing import Any

import pytest
from course_hub import BEACON, NOTEBOOK, SECONDS, Hub, Person, solutions, until, write_cells
from nbformat.v4 import new_code_cell, new_markdown_cell

People = Callable[[str], Person]

RUN = f"fetch('{BEACON}')"
PAYLOADS = [
    f"<script>{RUN}</script>",
    f'<img src="x" onerror="{RUN}">',
    f'<svg onload="{RUN}"></svg>',
    f'<details open ontoggle="{RUN}"><summary>more</summary></details>',
    f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
]
FORGOT_THE_MEAN = ("dz = (p - y) / len(y)", "dz = p - y")
done: list[str] = []


@pytest.fixture(autouse=True)
def _in_order(request: pytest.FixtureRequest) -> None:
    steps = [item.name for item in request.session.items if item.path == request.path]
    before = steps[: steps.index(request.node.name)]
    if before and before[-1] not in done:
        pytest.skip(f"the step before it, {before[-1]}, did not succeed")


def step(test: Callable[..., None]) -> Callable[..., None]:
    """Note that a test has succeeded, for the one that comes after it."""

    @functools.wraps(test)
    def noted(**fixtures: Any) -> None:
        test(**fixtures)
        done.append(test.__name__)

    return noted


@step
def test_a_student_logs_in_and_fetches_the_assignment(hub: Hub, person: People) -> None:
    ada = person("ada")
    ada.lab()
    ada.assignments()
    ada.shot("assignment-list")
    ada.page.click("#released_assignments_list button:has-text('Fetch')")
    ada.show_notebooks()
    ada.shot("fetched")
    assert {file.stem for file in hub.file(ada.account, "backprop").glob("*.ipynb")} >= {NOTEBOOK}


@step
def test_a_blank_is_filled_and_run_in_jupyterlab(hub: Hub, person: People) -> None:
    ada = person("ada")
    # All but one blank were written before, and one of them forgets the mean.
    cells = solutions()
    first = cells.pop("sigmoid")
    assert FORGOT_THE_MEAN[0] in cells["gradients"]
    cells["gradients"] = cells["gradients"].replace(*FORGOT_THE_MEAN)
    write_cells(hub.file(ada.account, f"backprop/{NOTEBOOK}.ipynb"), cells)
    ada.page.click(f"#fetched_assignments_list >> text={NOTEBOOK}")
    blank = ada.page.locator(".jp-CodeCell", has_text="def sigmoid(z)").first
    blank.locator(".cm-content").click()
    ada.shot("notebook-opened")
    ada.page.keyboard.press("Control+a")
    ada.page.keyboard.insert_text(first)
    ada.wait_for_kernel()
    ada.page.click(".lm-MenuBar-item >> text=Run")
    ada.page.click(".lm-Menu-item >> text=Run All Above Selected Cell")
    blank.locator(".cm-content").click()
    for _ in ("the blank", "its check cell", "its picture"):
        ada.page.keyboard.press("Shift+Enter")
    picture = ada.page.locator(".jp-CodeCell", has_text="sigmoid_drawn = np").first
    picture.locator(".jp-OutputArea img").wait_for()
    check = ada.page.locator(".jp-CodeCell", has_text="scores = np.array").first
    assert check.locator(".jp-OutputArea-output").count() == 0  # it has nothing to complain of
    ada.shot("blank-filled-and-run")
    ada.page.keyboard.press("Control+s")
    until(lambda: "np.exp(-np.abs(z))" in hub.file(ada.account, f"backprop/{NOTEBOOK}.ipynb").read_text())


@step
def test_validation_shows_the_check_cell_that_fails(person: People) -> None:
    said = person("ada").validate()
    assert "dw of the three tomatoes" in said
    assert "scores = np.array" not in said  # the check cell of the blank that was filled


@step
def test_the_student_submits(hub: Hub, person: People) -> None:
    ada = person("ada")
    submit(ada)
    handed_in = list((hub.layout.exchange / "deep-learning/inbound").iterdir())
    assert [folder.name.split("+")[0] for folder in handed_in] == [ada.account]


def submit(student: Person) -> None:
    """Press Submit in the list of assignments, and see it among those submitted."""
    student.lab()
    student.assignments()
    button = student.page.locator("#fetched_assignments_list button:has-text('Submit')")
    button.click()
    student.page.locator("#submitted_assignments_list >> text=backprop").first.wait_for()
    until(lambda: button.inner_text() == "Submit")
    student.shot("submitted")


@step
def test_another_student_submits_scripts_from_a_terminal(hub: Hub, person: People) -> None:
    ben = person("ben")
    said = ben.terminal("nbgrader fetch_assignment backprop")
    assert "Fetched as" in said, said
    shown = f"from IPython.display import HTML, display\ndisplay(HTML({''.join(PAYLOADS)!r}))"
    more = (*(new_markdown_cell(payload) for payload in PAYLOADS), new_code_cell(shown))
    cells = solutions()
    cells["update"] = f"def update(w, b, dw, db, learning_rate):\n    raise ValueError({PAYLOADS[1]!r})"
    write_cells(hub.file(ben.account, f"backprop/{NOTEBOOK}.ipynb"), cells, more)
    said = ben.terminal("nbgrader submit backprop")
    ben.shot("submitted-from-a-terminal")
    assert "Submitted as" in said, said


@step
def test_the_formgrader_is_the_instructors_alone(hub: Hub, person: People) -> None:
    for name, status in (("ada", 403), ("instructor", 200)):
        someone = person(name)
        answer = someone.page.goto(f"{hub.service}/formgrader/manage_assignments")
        assert answer.status == status, name
        someone.page.wait_for_load_state()
        someone.shot("formgrader")


@step
def test_the_instructor_collects_by_the_button(hub: Hub, person: People) -> None:
    instructor = person("instructor")
    said = instructor.press("backprop", "name", "collect")
    assert "Collecting submission: dlt-ada backprop" in said
    instructor.row("backprop", "name").locator("td.num-submissions[data-order='2']").wait_for()
    assert (hub.layout.course / "submitted/dlt-ben/backprop").is_dir()


@step
def test_the_instructor_autogrades_by_the_button(hub: Hub, person: People) -> None:
    instructor = person("instructor")
    instructor.page.goto(f"{hub.service}/formgrader/manage_submissions/backprop")
    for student in ("dlt-ada", "dlt-ben"):
        said = instructor.press(student, "student-id", "autograde")
        assert f"Successfully autograded 'backprop' for student '{student}'" in said, said
        status = instructor.row(student, "student-id").locator("td.status")
        until(lambda status=status: status.inner_text().strip() == "graded")
    instructor.shot("autograded")
    assert points(hub, "dlt-ada") == {"check_gradients": 0.0} | full_marks_but("check_gradients")
    assert points(hub, "dlt-ben")["check_update"] == 0.0


@step
def test_the_button_for_the_whole_class_tells_that_it_is_done(hub: Hub, person: People) -> None:
    instructor = person("instructor")
    instructor.page.goto(f"{hub.service}/formgrader/manage_submissions/backprop")
    instructor.page.click("#class-start")
    instructor.page.locator("#class-state", has_text="Done").wait_for()
    instructor.shot("class-graded")


def points(hub: Hub, student: str) -> dict[str, float]:
    """Return the check cells' points in the story's notebook, those given by hand first."""
    return dict(
        hub.rows(
            "SELECT base_cell.name, coalesce(grade.manual_score, grade.auto_score) FROM grade"
            " JOIN base_cell ON base_cell.id = grade.cell_id"
            " JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id"
            " JOIN notebook ON notebook.id = submitted_notebook.notebook_id"
            " JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id"
            " WHERE notebook.name = ? AND submitted_assignment.student_id = ?",
            NOTEBOOK,
            student,
        )
    )


def full_marks_but(*lost: str) -> dict[str, float]:
    """Return check cell → its points, without those that lost some."""
    full = {"sigmoid": 2, "predict": 2, "loss": 3, "gradients": 6, "update": 2, "fit": 5}
    return {f"check_{name}": float(most) for name, most in full.items() if f"check_{name}" not in lost}


@step
def test_the_graded_notebook_says_why_and_takes_a_score_by_hand(hub: Hub, person: People) -> None:
    instructor = person("instructor")
    open_graded(hub, instructor, "dlt-ada")
    shown = instructor.page.inner_text("#notebook-container, body")
    assert "the factor is the number of rows" in shown
    field = instructor.page.locator("#check_gradients")
    field.scroll_into_view_if_needed()
    instructor.shot("graded-notebook")
    field.fill("2.5")
    field.press("Tab")
    until(lambda: points(hub, "dlt-ada")["check_gradients"] == 2.5)
    instructor.shot("score-by-hand")


def open_graded(hub: Hub, instructor: Person, student: str) -> None:
    """Open a student's graded notebook in the formgrader."""
    (found,) = hub.rows(
        "SELECT submitted_notebook.id FROM submitted_notebook"
        " JOIN notebook ON notebook.id = submitted_notebook.notebook_id"
        " JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id"
        " WHERE notebook.name = ? AND submitted_assignment.student_id = ?",
        NOTEBOOK,
        student,
    )
    instructor.page.goto(f"{hub.service}/formgrader/submissions/{found[0]}/")
    instructor.page.locator("#check_gradients").wait_for()


@step
def test_no_script_of_a_student_runs_in_the_instructors_browser(hub: Hub, person: People) -> None:
    instructor = person("instructor")
    hub.beacons.clear()
    open_graded(hub, instructor, "dlt-ben")
    touch_all(instructor)
    instructor.shot("notebook-with-scripts")
    assert hub.beacons == []
    # The same, where nothing cleans it: the page's own rules don't stop it, and we would hear of it.
    instructor.page.set_content("".join(PAYLOADS))
    until(lambda: len(hub.beacons) >= 3, seconds=20)
    hub.beacons.clear()


def touch_all(someone: Person) -> None:
    """Move over and click what could be waiting for it, in each frame, and give it time to run."""
    for frame in someone.page.frames:
        frame.evaluate(
            """() => { for (const e of document.querySelectorAll('body *')) {
                e.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));
                if ((e.getAttribute('href') || '').match(/script:/i)) e.click(); } }"""
        )
    someone.page.wait_for_timeout(1500)


@step
def test_feedback_is_generated_and_released_by_the_buttons(hub: Hub, person: People) -> None:
    instructor = person("instructor")
    instructor.page.goto(f"{hub.service}/formgrader/manage_assignments")
    instructor.press("backprop", "name", "generate-feedback")
    said = instructor.press("backprop", "name", "release-feedback")
    assert "Success" in said, said
    assert len(list((hub.layout.exchange / "deep-learning/feedback").glob("*.html"))) == 6


@step
def test_the_student_reads_the_explanation_and_sees_the_picture(person: People) -> None:
    ada = person("ada")
    page = fetch_feedback(ada)
    said = page.locator("body").inner_text()
    assert "2.5 / 6" in said.replace(".0", "")  # what was given by hand
    assert "the factor is the number of rows" in said
    picture = page.locator("img[src^='data:image/svg']").first
    picture.scroll_into_view_if_needed()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 100")
    ada.shot("feedback")


def fetch_feedback(student: Person) -> Any:
    """Fetch the feedback by the button, open it in JupyterLab, and return the frame that shows it."""
    student.lab()
    student.assignments()
    student.page.click("#submitted_assignments_list button:has-text('Fetch Feedback')")
    link = student.page.locator("#submitted_assignments_list a:has-text('view feedback')")
    link.first.wait_for()
    student.shot("feedback-fetched")
    link.first.click()
    student.page.locator(f".jp-DirListing-item:has-text('{NOTEBOOK}.html')").dblclick()
    student.page.locator(".jp-HTMLViewer iframe").wait_for()
    frame = student.page.locator(".jp-HTMLViewer iframe").element_handle().content_frame()
    frame.wait_for_selector("text=check_gradients")
    return frame


@step
def test_no_script_of_a_student_runs_in_a_students_browser(hub: Hub, person: People) -> None:
    ben = person("ben")
    hub.beacons.clear()
    fetch_feedback(ben)
    touch_all(ben)
    (file,) = hub.file(ben.account, "backprop/feedback").rglob(f"{NOTEBOOK}.html")
    ben.page.set_content(file.read_text())  # with no frame around it that would hold a script back
    touch_all(ben)
    ben.shot("feedback-with-scripts")
    assert "check_update" in ben.page.content()
    assert hub.beacons == []


@step
def test_a_late_resubmission_is_graded_anew_and_counts_as_late(hub: Hub, person: People) -> None:
    instructor, ada = person("instructor"), person("ada")
    due = datetime.datetime.now(datetime.UTC).replace(tzinfo=None, microsecond=0)
    set_due_date(hub, instructor, due)
    write_cells(hub.file(ada.account, f"backprop/{NOTEBOOK}.ipynb"), solutions())
    ada.lab(f"/tree/backprop/{NOTEBOOK}.ipynb")
    assert "Success! Your notebook passes all the tests." in ada.validate()
    submit(ada)
    instructor.page.goto(f"{hub.service}/formgrader/manage_assignments")
    assert "Updating submission: dlt-ada backprop" in instructor.press("backprop", "name", "collect")
    instructor.page.goto(f"{hub.service}/formgrader/manage_submissions/backprop")
    instructor.press("dlt-ada", "student-id", "autograde")
    until(lambda: points(hub, "dlt-ada")["check_fit"] == 5.0)
    instructor.shot("resubmission-graded")
    ((stamp,),) = hub.rows("SELECT timestamp FROM submitted_assignment WHERE student_id = 'dlt-ada'")
    ((stored,),) = hub.rows("SELECT duedate FROM assignment WHERE name = 'backprop'")
    assert datetime.datetime.fromisoformat(stored) == due
    assert 0 < (datetime.datetime.fromisoformat(stamp) - due).total_seconds() < 10 * SECONDS
    # What was given by hand stays, as it does in any nbgrader course.
    assert points(hub, "dlt-ada") == {"check_gradients": 2.5} | full_marks_but("check_gradients")


def set_due_date(hub: Hub, instructor: Person, due: datetime.datetime) -> None:
    """Set the date by the formgrader's dialog."""
    instructor.page.goto(f"{hub.service}/formgrader/manage_assignments")
    instructor.row("backprop", "name").locator("td.edit a").click()
    dialog = instructor.page.locator(".modal-dialog:visible")
    dialog.locator(".modal-duedate").fill(due.isoformat())
    dialog.locator(".modal-timezone").fill("+0000")
    instructor.page.wait_for_timeout(400)
    instructor.shot("due-date")
    dialog.locator("button.save").click()
    instructor.page.locator(".modal-backdrop").wait_for(state="detached")
    until(lambda: hub.rows("SELECT duedate FROM assignment WHERE name = 'backprop'")[0][0] is not None)
