"""What a notebook can make the trusted side keep, store and clean: outputs and returned values."""

from __future__ import annotations

import time

import msgspec
import nbformat
import numpy as np
import pytest
from boxed import TIGHT

from grader.config import MEBIBYTE
from grader.errors import LimitHit, UnreadableReply
from grader.harmless import clean_html, clean_markdown, clean_outputs, is_coloured

FORGED = """
import inside.shell as shell
from inside.messages import Display, ErrorOutput, Stream
"""
ROOMY = msgspec.structs.replace(TIGHT, frame_bytes=64 * MEBIBYTE, memory_bytes=512 * MEBIBYTE)


def test_outputs_without_a_byte_are_counted(start):
    student = start(*[FORGED + 'shell.OUTPUTS._done += [Stream("stdout", "")] * 100_000'] * 4)
    assert sum(len(run.outputs) for run in student.runs) <= 2000
    assert "beyond 2,000 outputs" in str(student.runs[1].outputs)


@pytest.mark.parametrize(
    "outputs",
    ['[Display({"k" * (3 << 20): ""})]', '[ErrorOutput("E", "", [""] * 200_000)]', "[Display({})] * 900"],
)
def test_the_names_and_the_number_of_pieces_are_counted(start, outputs):
    student = start(*[f"{FORGED}shell.OUTPUTS._done += {outputs}"] * 8)
    assert len(msgspec.json.encode(student.runs)) < 2 * TIGHT.output_bytes
    assert ("dropped" in str(student.runs[0].outputs)) == ("* 900" not in outputs)


def test_many_small_honest_outputs_are_cut_with_a_note_and_not_dropped(start):
    student = start("for i in range(900): display(i)", *["for i in range(9999): display(i)"] * 3)
    assert len(student.runs[0].outputs) == 900
    assert "cut off" in str(student.runs[1].outputs)
    assert "dropped" not in str(student.runs)


@pytest.mark.parametrize("piece", ["<div>", "<li><ul>", "<p><b>"])
def test_deeply_nested_html_is_shown_as_text(piece):
    began = time.monotonic()
    hostile = piece * 30_000
    shown = clean_outputs(({"output_type": "display_data", "data": {"text/html": hostile}},))
    assert "too many tags" in shown[0]["data"]["text/html"]
    assert piece not in clean_html(hostile)
    assert "&lt;blockquote" not in clean_markdown("> a <b>quote</b>")
    clean_markdown(">" * 19_000 + "<b")
    # Python refuses to read a number of so many digits, also where it stands for a character.
    assert "<script" not in clean_markdown(f"&#{'1' * 5000}; <script>x</script>")
    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("fence", ["```", "~~~~", "> ```", "- ~~~  "])
def test_code_is_never_coloured_as_the_student_asks(fence):
    # This language's lexer needs 2^40 steps for the line; without a name there is no lexer.
    closing = fence.lstrip("> -").rstrip()
    hostile = f"{fence}inform6\nproperty long{' ' * 40}1\n{closing}"
    for source in (hostile, f"<b>x</b>\n\n{hostile}"):
        shown = clean_markdown(source)
        assert shown.startswith("<div>")
        assert "property long" in shown
    assert clean_markdown("```\nx = 1\n```") == "```\nx = 1\n```"


def test_blanks_without_end_are_not_coloured():
    def is_one_coloured(source):
        return is_coloured(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]))

    assert is_one_coloured("def f(x):\n    return x" + "\n" * 50)
    assert not is_one_coloured(" \n" * 1_000_000 + "x")
    assert not is_one_coloured("x = 1\n" * 40_000)


def test_a_large_table_stays_a_table():
    row = "<tr>" + "<td>1</td>" * 21 + "</tr>"
    assert "<table>" in clean_html(f"<table><tbody>{row * 61}</tbody></table>")


def test_values_that_a_check_keeps_are_counted_together(start):
    student = start(
        "import numpy as np\ndef large(): return {'x': np.zeros(5 * 2**20)}\ndef honest(): return 1",
        limits=ROOMY,
    )
    for _ in range(6):
        student.call("large")
    with pytest.raises(LimitHit) as caught:
        student.call("large")
    assert caught.value.limit == "output"
    student.log.clear()
    assert student.call("large")["x"].nbytes == 40 * MEBIBYTE
    assert student.call("honest") == 1


@pytest.mark.parametrize("shape", [(4_000_000, 0), (0, 2**31 - 1), (3, 0, 200_000)])
def test_an_array_without_elements_has_no_long_axis(start, shape):
    student = start("import numpy as np\ndef empty(shape): return np.zeros(shape, 'int8')")
    with pytest.raises(LimitHit, match="of shape"):
        student.call("empty", shape)
    assert student.call("empty", (1000, 0)).shape == (1000, 0)


def test_a_forged_array_without_elements_is_refused(start):
    student = start(
        "import os, msgspec\ndef forge(number):\n"
        "    m = msgspec.msgpack.encode({'type': 'returned', 'number': number, 'value': "
        "['a', 'int8', [2**30, 0]]})\n"
        "    os.write(3, len(m).to_bytes(4, 'little') + bytes(4) + m)\n"
        "def honest(): return 1"
    )
    with pytest.raises(UnreadableReply):
        student.call("forge", 2)
    assert student.call("honest") == 1
    assert np.shape(student.call("honest")) == ()
