"""Exports for an LMS: names and totals as it expects them, and nothing provisional as if it were final."""

from __future__ import annotations

import csv
import logging
import stat
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nbgrader.api import Gradebook
from nbgrader.plugins import CsvExportPlugin
from scratch_course import Course
from small_term import FORMULA, PEOPLE, WORTH, opened
from traitlets.config import Config

from grader import archive, unfinished
from grader.errors import ConfigError
from grader.export import CanvasExporter, MoodleExporter, PlainExporter
from grader.export.cells import csv_text, is_formula, number, text
from grader.export.exporter import GradesExporter
from grader.export.plain import COLUMNS
from grader.scratch import environment, nbgrader_command

LOG = logging.getLogger("exports under test")
FINAL = {"ada": "7", "bob": "4.33", "fay": "5.5"}


def export(course: Course, kind: type[GradesExporter], **settings: Any) -> list[list[str]]:
    """Export as `nbgrader export` does, and return the rows that a CSV reader finds."""
    return rows_of(exported(course, kind, **settings), ";" if settings.get("decimal_comma") else ",")


def exported(course: Course, kind: type[GradesExporter], **settings: Any) -> Path:
    path = course.root / "out.csv"
    api = course.api(**{kind.__name__: Config({"to": str(path)} | settings)})
    exporter = kind(parent=api)
    exporter.log = LOG
    with opened(course) as gradebook:
        exporter.export(gradebook)
    return path


def rows_of(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file, delimiter=delimiter))


def refused(course: Course, kind: type[GradesExporter], caplog: Any, **settings: Any) -> str:
    """Return what a refused export says; what an earlier one has written must still be there."""
    (course.root / "out.csv").write_text("of yesterday\n")
    caplog.clear()
    with pytest.raises(SystemExit) as exit_, caplog.at_level(logging.WARNING, LOG.name):
        exported(course, kind, **settings)
    assert exit_.value.code == 1
    assert (course.root / "out.csv").read_text() == "of yesterday\n"
    return str(caplog.records[-1].getMessage())


def test_canvas_finds_its_columns_its_line_of_points_and_the_final_scores(term: Course, caplog: Any) -> None:
    with caplog.at_level(logging.INFO, LOG.name):
        header, possible, *lines = export(term, CanvasExporter, columns={"tiny": "Tiny nets (4711)"})
    about = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert header == [*about, "Tiny nets (4711)"]
    assert possible == ["    Points Possible", "", "", "", "", "9"]
    assert {line[3]: line[5] for line in lines} == FINAL
    assert ['Bobson, Jr., Bob "B"', "", "", "bob", "", "4.33"] in lines
    for words in ("cyd, tiny: waits for points by hand: numbers/why", "eve, tiny: handed in and not graded"):
        assert words in caplog.text
    assert "gus, tiny: waits for points by hand: numbers/check_double, numbers/check_half" in caplog.text


@pytest.mark.parametrize(
    ("identifier", "field", "place"),
    [("ID", "lms_user_id", 1), ("SIS User ID", "lms_user_id", 2), ("SIS Login ID", "email", 3)],
)
def test_canvas_is_told_a_student_by_the_column_that_was_chosen(
    term: Course, identifier: str, field: str, place: int
) -> None:
    _, _, *lines = export(term, CanvasExporter, identifier=identifier, identified_by=field)
    known = {"lms_user_id": 3, "email": 2}[field]
    assert {line[place] for line in lines} == {PEOPLE[student][known] for student in FINAL}
    assert all(not cell for line in lines for cell in (line[1:place] + line[place + 1 : 5]))


def test_moodle_gets_one_line_a_student_and_the_decimal_sign_that_it_was_asked_for(term: Course) -> None:
    header, *lines = export(term, MoodleExporter, identifier="Email address", identified_by="email")
    assert header == ["Email address", "Last name", "First name", "tiny"]
    assert {line[0]: line[3] for line in lines} == {PEOPLE[s][2]: points for s, points in FINAL.items()}
    _, *lines = export(term, MoodleExporter, decimal_comma=True)
    assert {line[0]: line[3] for line in lines} == {"ada": "7", "bob": "4,33", "fay": "5,5"}


def test_the_plain_file_has_everybody_and_what_each_score_is_made_of(term: Course) -> None:
    with opened(term) as gradebook:
        grade = gradebook.find_grade("check_double", "numbers", "tiny", "ada")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 1.0, 0.25, False
        gradebook.db.commit()
    header, *lines = export(term, PlainExporter)
    assert tuple(header) == COLUMNS
    found = {line[1]: dict(zip(header, line, strict=True)) for line in lines}
    assert list(found) == ["fay", "bob", "dee", "eve", "gus", "ada", "cyd"]  # by name
    ada = found["ada"]
    assert [ada[name] for name in ("auto_score", "manual_score", "extra_credit", "raw_score", "score")] == [
        *("7", "1", "0.25", "4.25", "4.25")
    ]
    assert (found["fay"]["raw_score"], found["fay"]["late_penalty"], found["fay"]["score"]) == (
        "7",
        "1.5",
        "5.5",
    )
    states = {student: line["state"] for student, line in found.items()}
    assert states == dict.fromkeys(PEOPLE, "graded") | {"dee": "missing", "eve": "not graded"}
    assert (found["cyd"]["needs_manual_grade"], found["cyd"]["raw_score"], found["cyd"]["score"]) == (
        "yes",
        "7",
        "",
    )
    assert found["gus"]["score"] == ""
    assert {line["max_score"] for line in found.values()} == {number(WORTH)}


def test_final_totals_are_those_of_nbgraders_own_export(term: Course) -> None:
    header, *lines = export(term, PlainExporter)
    ours = {line[1]: line[header.index("score")] for line in lines}
    stock = CsvExportPlugin(to=str(term.root / "stock.csv"))
    with opened(term) as gradebook:
        for student in gradebook.students:  # nbgrader's own does not quote them
            student.last_name = student.first_name = ""
        stock.export(gradebook)
    with (term.root / "stock.csv").open() as file:
        theirs = {line["student_id"]: float(line["score"]) for line in csv.DictReader(file)}
    assert {student: float(score) for student, score in ours.items() if score} == {
        student: pytest.approx(theirs[student], abs=0.005) for student in FINAL
    }


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"missing": "zero"}, FINAL | {"dee": "0"}),
        ({"late_penalty": False}, FINAL | {"fay": "7"}),
        ({"unfinished": True}, FINAL | {"cyd": "7", "gus": "0"}),
        ({"student": ["ada", "dee"]}, {"ada": "7"}),
    ],
)
def test_each_setting_does_what_it_says(
    term: Course, settings: dict[str, Any], expected: dict[str, str]
) -> None:
    _, *lines = export(term, MoodleExporter, **settings)
    assert {line[0]: line[3] for line in lines} == expected


def handed_in_again(course: Course) -> None:
    (course.folder("ada") / "timestamp.txt").write_text("2099-01-01 00:00:00 UTC")


def cut_off(course: Course) -> None:
    unfinished.marker_of(course.root, "ada", "tiny").touch()


def without_a_wall(course: Course) -> None:
    grade = archive.load(archive.record_path(course.root, "ada", "tiny", "numbers"))
    assert grade is not None
    origin = msgspec.structs.replace(grade.provenance, isolation="none")
    archive.save(msgspec.structs.replace(grade, provenance=origin), course.root)


@pytest.mark.parametrize("change", [handed_in_again, cut_off, without_a_wall])
def test_a_score_that_will_not_stay_is_not_final(term: Course, change: Any) -> None:
    change(term)
    _, *lines = export(term, MoodleExporter)
    assert {line[0] for line in lines} == {"bob", "fay"}


def test_a_name_that_a_spreadsheet_would_run_is_text_and_a_number_stays_one(term: Course) -> None:
    _, *lines = export(term, MoodleExporter)
    assert ["fay", f"'{FORMULA}", "'+Fay", "5.5"] in lines
    every = [cell for kind in (PlainExporter, CanvasExporter) for row in export(term, kind) for cell in row]
    assert not [cell for cell in every if is_formula(cell)]
    assert (text("-1.5"), text("+49123"), text("-1+2"), text("a\r\n=b")) == (
        "-1.5",
        "+49123",
        "'-1+2",
        "a  =b",
    )
    assert text("\t@SUM(1)") == "' @SUM(1)"
    # Read with semicolons between the columns, a name has two cells, and the second one is no formula either.
    for name in ("A;=1+1", 'A; "=1+1', "A;'\u3000\uff1d1+1"):
        ((_, *cells),) = csv.reader([csv_text([["ada", text(name)]]).strip()], delimiter=";")
        assert cells
        assert not [cell for cell in cells if is_formula(cell.replace('"', ""))]
    assert text("Ada; - and Bob") == "Ada;' - and Bob"
    assert text("\uff1d1+1") == "'\uff1d1+1"


@pytest.mark.parametrize(
    ("points", "written"),
    [(2.675, "2.68"), (1.005, "1.01"), (4 / 3, "1.33"), (0.1 + 0.2, "0.3"), (100.0, "100"), (-0.001, "0")],
)
def test_scores_are_rounded_to_two_decimals_and_halves_go_up(points: float, written: str) -> None:
    assert number(points) == written


def test_students_whom_the_lms_cannot_know_stop_the_export_and_are_named(term: Course, caplog: Any) -> None:
    with opened(term) as gradebook:
        for student, known in {"ada": None, "bob": "=1+1", "cyd": "107"}.items():
            gradebook.find_student(student).lms_user_id = known
        gradebook.db.commit()
    settings = {"identifier": "ID", "identified_by": "lms_user_id"}
    said = refused(term, CanvasExporter, caplog, **settings)
    assert "4 of 7 students" in said
    for line in ("ada: has none", "bob: '=1+1' begins like", "cyd: '107' is 2 students'", "gus: '107'"):
        assert line in said
    _, _, *lines = export(term, CanvasExporter, leave_out_unidentified=True, **settings)
    assert [line[1] for line in lines] == ["106"]


def test_canvas_numbers_of_users_are_numbers(term: Course, caplog: Any) -> None:
    said = refused(term, CanvasExporter, caplog, identifier="ID", identified_by="email")
    assert "'ada@example.org' is not of the kind" in said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"assignment": ["tinny"]}, "no assignment 'tinny'. Known: tiny."),
        ({"student": ["ada", "nobody"]}, "no student 'nobody'."),
        ({"columns": {"tiny": "Final Score"}}, "Canvas takes a column 'Final Score' for one of its own"),
        ({"columns": {"tiny": "=tiny"}}, "'=tiny' can't be the title"),
        ({"columns": {"tiny": " "}}, "'' can't be the title"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(
    term: Course, caplog: Any, settings: dict[str, Any], words: str
) -> None:
    assert words in refused(term, CanvasExporter, caplog, **settings)


def test_a_student_cannot_pose_as_canvas_line_of_points(term: Course) -> None:
    with opened(term) as gradebook:
        gradebook.find_student("ada").last_name = "Points Possible"
        gradebook.db.commit()
    rows = export(term, CanvasExporter)
    assert sum("Points Possible" in row[0] for row in rows) == 1
    assert ["", "", "", "ada", "", "7"] in rows


def test_a_blank_beside_a_score_is_warned_of(term: Course, caplog: Any) -> None:
    with opened(term) as gradebook:
        gradebook.update_or_create_assignment("other")
        gradebook.add_submission("other", "dee")
    with caplog.at_level(logging.WARNING, LOG.name):
        header, _, *lines = export(term, CanvasExporter)
    assert header[5:] == ["other", "tiny"]
    assert ["Dee, Dee", "", "", "dee", "", "0", ""] in lines
    assert "4 cells are blank in lines with scores" in caplog.text


def test_nbgrader_export_writes_for_its_owner_alone_and_a_mistake_is_a_line(term: Course) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            nbgrader_command(term.root, "export", *arguments),
            cwd=term.root,
            env=environment(term.root),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    done = run("--exporter=grader.export.CanvasExporter")
    path = term.root / "reports/canvas.csv"
    assert done.returncode == 0, done.stderr
    assert {row[3] for row in rows_of(path)[2:]} == set(FINAL)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["canvas.csv"]
    done = run("--exporter=grader.export.PlainExporter", "--to=nowhere/grades.csv")
    assert done.returncode == 1
    assert "nowhere/grades.csv can't be written: No such file or directory." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_program_that_exports_gets_the_error_itself(term: Course) -> None:
    with opened(term) as gradebook, pytest.raises(ConfigError, match="no assignment"):
        PlainExporter(assignment=["tinny"]).export(gradebook)


def test_a_gradebook_without_grades_says_so(tmp_path: Path) -> None:
    gradebook = Gradebook(f"sqlite:///{tmp_path}/gradebook.db")
    with gradebook, pytest.raises(ConfigError, match="no grades yet"):
        PlainExporter().export(gradebook)
