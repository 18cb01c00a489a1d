"""What the student reads below a check cell."""

from __future__ import annotations

import base64
import re

import msgspec
import pytest

from grader.feedback import check_cell_outputs, format_points, notes_markdown, refusal_markdown
from grader.records import CellScore, CheckResult, Grade, Provenance, Verdict

SVG = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
FAILED = CheckResult(
    name="test_secret_name",
    title="forward gives one probability for each row.",
    blank="forward",
    weight=1,
    verdict=Verdict.FAILED,
    message="p is 2.0 times <what> it should be",
    hint="Is it a mean?",
    misconception="the sum in place of the mean",
    explanation="A mean divides by the rows.",
    note="Judged with the reference standing in.",
    picture=SVG,
)


def shown(*results: CheckResult, points: float | None = 1.5, isolation: str = "wall") -> dict[str, str]:
    grade = Grade(
        student_id="anna",
        assignment="backprop",
        notebook="shallow_net",
        scores=(),
        results=results,
        runs=(),
        provenance=Provenance("d" * 64, "5eed", isolation, "cpu", {}),
        seconds=1.0,
    )
    (output,) = check_cell_outputs(grade, CellScore("check_forward", points, 4.0))
    assert output.output_type == ("display_data" if points is None else "execute_result")
    data: dict[str, str] = output.data
    return data


def test_a_failed_check_tells_all_that_was_found() -> None:
    data = shown(FAILED)
    for text in (FAILED.title, FAILED.hint, FAILED.misconception, FAILED.explanation, FAILED.note):
        assert text in data["text/html"]
        assert text in data["text/markdown"]
    assert "1.5 of 4 points" in data["text/html"]
    assert "not passed" in data["text/html"]


@pytest.mark.parametrize("points", [0.0, 1 / 3, 4.0, 1e-17, 2.675])
def test_the_plain_text_is_the_number_to_its_last_bit(points: float) -> None:
    assert float(shown(FAILED, points=points)["text/plain"]) == points


def test_without_points_there_is_no_number_to_read() -> None:
    with pytest.raises(ValueError, match="could not convert"):
        float(shown(FAILED, points=None)["text/plain"])


def test_what_is_quoted_is_escaped() -> None:
    data = shown(msgspec.structs.replace(FAILED, message='<img src=x onerror="a">', title="<b>"))
    assert "<img src=x" not in data["text/html"]
    assert "&lt;img src=x" in data["text/html"]


def test_a_fence_in_a_message_does_not_end_the_markdown_block() -> None:
    text = shown(msgspec.structs.replace(FAILED, message="```\n# heading\n````"))["text/markdown"]
    assert text.startswith("`````\n")
    assert text.endswith("\n`````")


def test_a_picture_is_an_image_in_which_no_script_runs() -> None:
    page = shown(FAILED)["text/html"]
    found = re.search(r'<img alt="([^"]+)" src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert found
    assert found[1].startswith("Picture of what was measured.")
    assert base64.b64decode(found[2]).decode() == SVG
    assert "<script" not in page


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert not re.search(r"https?:|url\(|@import", shown(FAILED)["text/html"])


def test_neither_test_names_nor_seeds_are_shown() -> None:
    data = shown(FAILED)
    for secret in ("test_secret_name", "5eed", "d" * 64):
        assert not any(secret in text for text in data.values())


def test_a_fault_of_ours_is_not_explained_to_the_student() -> None:
    broken = CheckResult(
        "test_x",
        "forward is pure",
        "forward",
        1,
        Verdict.GRADER_ERROR,
        message="KeyError in /course/test_x.py",
    )
    data = shown(broken, points=None)
    for text in data.values():
        assert "KeyError" not in text
        assert "through no fault of yours" in text


def test_one_finding_of_several_checks_is_told_once() -> None:
    raised = [
        CheckResult(
            f"test_{i}", f"claim {i}", "forward", 1, Verdict.FAILED, message="forward raised ValueError"
        )
        for i in range(3)
    ]
    data = shown(*raised)
    assert data["text/html"].count("forward raised ValueError") == 1
    assert data["text/markdown"].count("forward raised ValueError") == 1
    assert all(f"claim {i}" in data["text/html"] for i in range(3))


def test_a_result_without_a_wall_says_so() -> None:
    assert "Graded without isolation" in shown(FAILED, isolation="none")["text/html"]
    assert "Graded without isolation" not in shown(FAILED)["text/html"]


def test_mathematics_in_a_message_is_left_alone() -> None:
    assert 'class="tex2jax_ignore mathjax_ignore"' in shown(FAILED)["text/html"]


@pytest.mark.parametrize(("points", "text"), [(4.0, "4"), (4 / 3, "1.33"), (0.5, "0.5"), (0.0, "0")])
def test_points_are_written_as_people_write_them(points: float, text: str) -> None:
    assert format_points(points) == text


def test_cells_about_the_file_are_one_line_and_escaped() -> None:
    for text in (notes_markdown(["<b>\n\n# x"] * 30), refusal_markdown("<b>\n\n# x")):
        assert "\n" not in text
        assert "<b>\n" not in text
        assert "&lt;b&gt;" in text
