"""The class report: it tells what gradebook and records hold, to anybody's eyes, and runs nothing."""

from __future__ import annotations

import datetime
import html
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from scratch_course import Course
from small_term import FORMULA, opened

from grader import archive, unfinished
from grader.errors import ConfigError
from grader.records import CheckResult, Grade, Verdict
from grader.report import class_report, write_report
from grader.report.checks import check_lines
from grader.report.facts import ClassFacts, NotebookFacts
from grader.report.figures import distribution, summary
from grader.report.looks import Look
from grader.report.page import render
from grader.standing import Person, State

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
RUN = "document.documentElement.dataset.ran=1"
HOSTILE = f"</td></svg></style></title><script>{RUN}</script><img src=x onerror='{RUN}'>\u202e{{{{7*7}}}}"


def text_of(page: str) -> str:
    """Return what a page says, its tags and white space gone."""
    body = re.sub(r"<style>.*?</style>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def rows(page: str, caption: str) -> list[list[str]]:
    """Return the cells of the table with this caption."""
    table = page.split(f"<caption>{caption}", 1)[1].split("</table>", 1)[0]
    found = re.findall(r"<tr.*?</tr>", table, re.DOTALL)
    return [[text_of(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in found]


def test_the_page_counts_what_the_gradebook_holds(term: Course) -> None:
    page = class_report(term.root, "tiny")
    key = dict(re.findall(r"<div><dt>(.*?)</dt><dd>(.*?)</dd></div>", page))
    assert key == {
        "students": "7",
        "handed in": "6",
        "graded": "5",
        "late": "0",
        "need a person": "3",
        "median of 9 points": "5.5",
    }
    assert "Final points of 3 students, after late penalties. Of 2 students they are not final" in text_of(
        page
    )
    _, assignment, notebook = rows(page, "Five numbers and the mean")
    assert assignment == ["the assignment", "9", "3", "4.33", "4.92", "5.5", "6.25", "7", "5.61", "2"]
    assert notebook[:6] == ["numbers", "9", "3", "4.33", "5.67", "7"]
    bars = dict(rows(page, "Students by their share of the points of the assignment")[1:])
    assert {label: count for label, count in bars.items() if count != "0"} == {
        "40–50 %": "1",
        "60–70 %": "1",
        "70–80 %": "1",
    }


def test_the_page_tells_each_checks_share_in_the_order_of_the_notebook(term: Course) -> None:
    page = class_report(term.root, "tiny")
    assert rows(page, "Checks of numbers")[1:] == [
        ["double"],
        ["double gives the right values", "4 of 4", "100 %", "", "0", "0", "0", "0"],
        ["double works for one row", "0 of 1", "0 %", "", "1", "0", "0", "0"],
        ["half"],
        ["half gives the right values", "4 of 4", "100 %", "", "0", "0", "0", "0"],
    ]
    assert rows(page, "The most frequent first")[1] == [
        "1",
        "the sum in place of the mean A mean divides by the number of rows.",
        "numbers: double",
    ]


def test_the_page_names_who_needs_a_person_and_why(term: Course) -> None:
    with opened(term) as gradebook:
        grade = gradebook.find_grade("check_half", "numbers", "tiny", "ada")
        grade.manual_score, grade.needs_manual_grade = 3.0, True
        gradebook.find_submission_notebook("numbers", "tiny", "fay").flagged = True
        gradebook.db.commit()
    page = class_report(term.root, "tiny")
    assert [row[1:] for row in rows(page, "5 students, by name")[1:]] == [
        ["numbers", "flagged in the formgrader"],
        ["all of it", "handed in and not graded: nbgrader autograde"],
        ["numbers: double, half", "the grader itself failed: ValueError: the disk is <full>"],
        ["numbers: half", "has points by hand and was graded again since: do they still hold?"],
        ["numbers: why", "waits for points by hand"],
    ]
    assert rows(page, "5 students, by name")[1][0] == f"{FORMULA}, +Fay (fay)"


def test_points_that_are_not_final_are_in_no_average_of_a_notebook_either(term: Course) -> None:
    unfinished.marker_of(term.root, "ada", "tiny").touch()
    (term.folder("fay") / "timestamp.txt").write_text("9999-12-31 23:59 -1400")  # past the last year there is
    _, assignment, notebook = rows(class_report(term.root, "tiny"), "Five numbers and the mean")
    assert assignment[2] == notebook[2] == "2"


def test_what_has_no_record_is_told_and_not_made_up(term: Course) -> None:
    shutil.rmtree(term.root / "records/tiny/ada")
    said = text_of(class_report(term.root, "tiny"))
    assert "5 handed in. 1 without a record, so not counted here" in said
    shutil.rmtree(term.root / "records")
    said = text_of(class_report(term.root, "tiny"))
    for words in ("5 without a record", "No record tells of it.", "There are no records."):
        assert words in said
    assert "the record doesn't say why" in said


def test_an_assignment_that_nobody_has_handed_in_has_a_page(released_course: Course, tmp_path: Path) -> None:
    shutil.copytree(released_course.root, tmp_path / "course")
    said = text_of(class_report(tmp_path / "course", "tiny"))
    assert "Nothing of this assignment has been graded yet." in said
    assert "Who needs a person Nobody." in said


def result(name: str, verdict: Verdict) -> CheckResult:
    return CheckResult(name, f"{name} holds", "double", 1.0, verdict)


def test_a_share_is_whole_only_where_all_passed_and_leaves_our_own_errors_out(term: Course) -> None:
    grade = archive.load(archive.record_path(term.root, "ada", "tiny", "numbers"))
    assert grade is not None

    def shares(*verdicts: Verdict) -> tuple[int | None, int]:
        grades = [msgspec.structs.replace(grade, results=(result("test_a", v),)) for v in verdicts]
        (line,) = check_lines(grades)
        return line.percent, line.judged

    passed, failed, error = Verdict.PASSED, Verdict.FAILED, Verdict.GRADER_ERROR
    assert shares(*[passed] * 999, failed) == (99, 1000)
    assert shares(*[failed] * 999, passed) == (1, 1000)
    assert shares(passed, Verdict.SKIPPED, Verdict.LIMIT_HIT, error) == (33, 3)
    assert shares(error) == (None, 0)
    unread = msgspec.structs.replace(grade, results=(result("read", failed),))
    assert check_lines([unread]) == []


def test_bars_hold_their_lower_bound_and_full_marks_stand_apart() -> None:
    found = distribution([0, 0.9, 1, 29.99, 30, 30.5, 10 / 3 * 0.9], 30)
    assert {bar.label: bar.count for bar in found.bars if bar.count} == {
        "0–10 %": 3,
        "10–20 %": 1,
        "90–100 %": 1,
        "full": 1,
        "more": 1,
    }
    assert [bar.label for bar in distribution([3], 30).bars][-1] == "full"
    assert distribution([], 0).bars == ()
    assert summary([]) is None


# --- in a browser -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt install chromium")
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def hostile(term: Course) -> str:
    """The report of a class in which every text that a student has a part in is an attack."""
    with opened(term) as gradebook:
        for student in gradebook.students:
            student.first_name = student.last_name = HOSTILE
        gradebook.find_submission_notebook("numbers", "tiny", "ada").flagged = True
        gradebook.db.commit()
    for path in (term.root / "records/tiny").glob("*/numbers.json"):
        grade = archive.load(path)
        assert grade is not None
        archive.save(spoilt(grade), term.root)
    return class_report(term.root, "tiny")


def spoilt(grade: Grade) -> Grade:
    results = tuple(
        msgspec.structs.replace(
            r, title=HOSTILE, message=HOSTILE, misconception=HOSTILE, explanation=HOSTILE, hint=HOSTILE
        )
        for r in grade.results
    )
    origin = msgspec.structs.replace(grade.provenance, versions={HOSTILE: HOSTILE}, device=HOSTILE)
    return msgspec.structs.replace(grade, results=results, provenance=origin)


def test_nothing_in_the_page_runs_or_asks_for_anything(chromium: Any, hostile: str, tmp_path: Path) -> None:
    assert hostile.count(html.escape(f"<script>{RUN}</script>")) >= 5
    assert "\u202e" not in hostile
    assert "{{7*7}}" in hostile
    path = tmp_path / "report.html"
    path.write_text(hostile)
    page = chromium.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_timeout(300)
    assert asked == [path.as_uri()]
    assert page.evaluate("'ran' in document.documentElement.dataset") is False
    assert page.locator("script, img, iframe, form, [onerror], [style]").count() == 0
    # The page's own policy holds where the escaping would not.
    with pytest.raises(playwright.Error, match="Content Security Policy"):
        page.add_script_tag(content=RUN)
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_page(chromium: Any, hostile: str, tmp_path: Path, scheme: str) -> None:
    path = tmp_path / "report.html"
    path.write_text(hostile)
    page = chromium.new_page(color_scheme=scheme)
    page.goto(path.as_uri())
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = axe.Axe().run(page)
    assert [(v["id"], v["nodes"][0]["html"]) for v in found.response["violations"]] == []
    assert page.locator("svg[role=img]").count() == page.locator("svg > title + desc").count() == 1
    assert page.locator("table").count() == page.locator("table > caption").count()
    page.close()


def test_the_page_fits_a_phone_and_a_sheet_of_paper(chromium: Any, hostile: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(hostile)
    page = chromium.new_page(viewport={"width": 360, "height": 700}, color_scheme="dark")
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.set_viewport_size({"width": 700, "height": 1000})
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    assert page.locator("nav").is_hidden()
    page.close()


def test_the_page_of_a_thousand_students_is_still_a_page() -> None:
    people = {f"s{k:04}": Person(f"s{k:04}", "Last", f"First {k}") for k in range(1000)}
    points = distribution([k % 10 for k in range(1000)], 9)
    book = NotebookFacts("numbers", points, 0, 1000, 1000, 0, (), summary([1.0] * 1000), 1000.0)
    facts = ClassFacts(
        assignment="tiny",
        course_id="",
        when=datetime.datetime.now(datetime.UTC),
        people=people,
        states=dict.fromkeys(State, 0) | {State.GRADED: 1000},
        late=0,
        points=points,
        not_final=0,
        notebooks=(book,),
        mistakes=(),
        slow=(),
        looks=tuple(Look(person, "numbers: why", "waits for points by hand") for person in people.values()),
        provenance=(),
    )
    page = render(facts)
    assert page.count("waits for points by hand") == 1000
    assert len(page) < 500_000


# --- as a file --------------------------------------------------------------------------------------


def test_the_command_writes_the_page_for_its_owner_alone(term: Course) -> None:
    command = [sys.executable, "-m", "grader", "report", "tiny", "--course", str(term.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    path = term.root / "reports/tiny.html"
    assert (done.returncode, done.stdout) == (0, f"Written: {path}\n"), done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["tiny.html"]
    assert path.read_text().startswith("<!doctype html>")


def test_the_page_goes_where_it_is_told_to(term: Course, tmp_path: Path) -> None:
    assert write_report(term.root, "tiny", tmp_path / "page.html") == tmp_path / "page.html"
    assert not (term.root / "reports").exists()


def test_a_mistake_says_what_to_do(term: Course, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no assignment 'tinny'\. Known: tiny\."):
        write_report(term.root, "tinny")
    with pytest.raises(ConfigError, match=r"nowhere/page\.html can't be written.*--output"):
        write_report(term.root, "tiny", tmp_path / "nowhere/page.html")
    with pytest.raises(ConfigError, match="is no course folder"):
        write_report(tmp_path, "tiny")
