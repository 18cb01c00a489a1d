"""How a notebook runs: outputs as a kernel would give them, errors that stop only their cell, imports."""

from __future__ import annotations

import base64

import msgspec
import nbformat
import pytest
from boxed import TIGHT

from grader.errors import LimitHit, NotWritten


def outputs(student, index=0):
    return student.runs[index].outputs


def test_prints_results_and_displays_become_nbformat_outputs(start):
    student = start(
        "import sys\nfrom IPython.display import HTML, display\nprint('a'); print('b')\n"
        "print('c', file=sys.stderr)\ndisplay(HTML('<b>x</b>'))\n1 + 1",
        "2;",
        "_ + 1",
    )
    kinds = [(each["output_type"], each.get("text", each.get("data"))) for each in outputs(student)]
    assert kinds[:2] == [("stream", "a\nb\n"), ("stream", "c\n")]
    assert kinds[2][0] == "display_data"
    assert kinds[2][1]["text/html"] == "<b>x</b>"
    assert kinds[3] == ("execute_result", {"text/plain": "2"})
    assert outputs(student, 1) == ()
    assert outputs(student, 2)[0]["execution_count"] == 3


def test_a_figure_is_shown_below_its_cell_as_a_picture(start):
    student = start("import matplotlib.pyplot as plt\n%matplotlib inline\nplt.plot([1, 2]);", "1")
    png = next(each["data"]["image/png"] for each in outputs(student) if "image/png" in each.get("data", {}))
    assert base64.b64decode(png).startswith(b"\x89PNG")
    assert len(outputs(student, 1)) == 1


def test_all_outputs_are_valid_notebook_outputs(start):
    student = start(
        "print(1)", "2", "1/0", "import matplotlib.pyplot as plt\nplt.plot([1]);", "print('\\ud800')"
    )
    cells = []
    for run in student.runs:
        cell = nbformat.v4.new_code_cell("")
        cell["outputs"] = nbformat.from_dict(list(run.outputs))
        cells.append(cell)
    nbformat.validate(nbformat.v4.new_notebook(cells=cells))


def test_an_error_ends_its_cell_and_the_next_ones_run(start):
    student = start(
        "x = 1\n1 / 0\nx = 2", "print(x)", "def broken(:\n  pass", "raise SystemExit('bye')", "print(x)"
    )
    errors = [run.error for run in student.runs]
    assert errors[0] == "ZeroDivisionError: division by zero"
    assert errors[2].startswith("SyntaxError: ")
    assert errors[3] == "SystemExit: bye"
    assert errors[1] == errors[4] == ""
    assert outputs(student, 4)[0]["text"] == "1\n"
    assert "cell 1, line 2" in "\n".join(outputs(student)[0]["traceback"])
    assert student.restarts == 0


def test_magics_and_semicolons_work_as_in_a_notebook(start):
    student = start(
        "%%capture said\nprint('hidden')", "print(said.stdout)", "%time 1 + 1", "3 ;", "get_ipython().kernel"
    )
    assert [run.error for run in student.runs[:4]] == [""] * 4
    assert outputs(student, 1)[0]["text"] == "hidden\n\n"
    assert outputs(student, 3) == ()


@pytest.mark.parametrize("name", ["torch", "scipy", "grader", "nbgrader", "pytest", "mlxtend"])
def test_an_import_that_is_not_listed_fails_in_a_friendly_way(start, name):
    student = start(
        f"import {name}", f"try:\n    from {name} import x\nexcept ImportError:\n    print('without')"
    )
    assert student.runs[0].error.startswith(
        f"ModuleNotFoundError: '{name}' is not available in this notebook; it may import: matplotlib, "
        f"numpy and"
    )
    assert ("Derivatives are yours to write" in student.runs[0].error) == (name == "torch")
    assert outputs(student, 1)[0]["text"] == "without\n"


def test_no_trick_of_the_import_system_finds_what_is_not_listed(start):
    source = (
        "import sys, importlib, importlib.machinery, os\n"
        "def search():\n"
        "    sys.meta_path[:] = [importlib.machinery.PathFinder]\n"
        "    sys.path += ['/usr/lib/python3/dist-packages', '/packages', '/wall', *sys.path]\n"
        "    names = ['torch', 'grader', 'scipy', 'autograd', 'nbgrader', 'pytest', 'sklearn', 'pip']\n"
        "    return [n for n in names if importlib.machinery.PathFinder.find_spec(n)]\n"
    )
    assert start(source).call("search") == []


def test_numpy_matplotlib_and_the_standard_library_can_be_imported(start):
    names = (
        "numpy.linalg, matplotlib.animation, mpl_toolkits.mplot3d, json, math, itertools, dataclasses, typing"
    )
    assert start(f"import {names}\nfrom IPython.display import Math").runs[0].error == ""


def test_output_beyond_the_limit_is_cut_with_a_note(start):
    student = start("for _ in range(100_000): print('x' * 100)", "print('later')", "1/0")
    text = "".join(each["text"] for each in outputs(student))
    assert 900_000 < len(text) < 1_100_000
    assert "cut off" in text
    assert len(str(outputs(student, 1))) < 500
    assert student.runs[2].error
    assert sum(len(str(run.outputs)) for run in student.runs) < 1_200_000


def test_a_million_small_displays_are_cut_too(start):
    student = start("for i in range(3000): display({'text/plain': 'x'}, raw=True)")
    assert len(outputs(student)) <= 1001


def test_a_cell_that_never_ends_is_stopped_and_the_next_ones_run(start):
    limits = msgspec.structs.replace(TIGHT, cell_seconds=0.3)
    student = start("while True: pass", "def f(): return 1", limits=limits)
    assert student.runs[0].error == "stopped after 0.3 s"
    assert student.call("f") == 1
    assert student.restarts == 0  # the interrupt was enough


STUBBORN = "import time\nwhile True:\n    try: time.sleep(0.1)\n    except BaseException: pass"


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        (STUBBORN, "stopped after 0.3 s"),
        ("import os; os._exit(0)", "stopped: it ended the Python process (exit code 0)"),
        ("import os; os._exit(7)", "stopped: it ended the Python process (exit code 7)"),
        ("import ctypes; ctypes.string_at(0)", "stopped: the Python process crashed (signal 11)"),
    ],
)
def test_a_cell_that_loses_the_process_is_left_out_of_the_next_run(start, cell, error):
    limits = msgspec.structs.replace(TIGHT, cell_seconds=0.3)
    student = start("x = 1", cell, "def f(): return x", limits=limits)
    assert [run.error for run in student.runs] == ["", error, ""]
    assert student.restarts == 1
    assert student.call("f") == 1


def test_after_four_lost_cells_the_notebook_stops_before_the_rest(start):
    student = start(*["import os; os._exit(1)"] * 4, "def f(): return 1", "x = 1")
    assert [bool(run.error) for run in student.runs] == [True] * 6
    assert student.runs[4].error == "not run: an earlier cell was stopped"
    assert student.restarts == 4
    with pytest.raises(NotWritten, match="not defined"):
        student.call("f")


def test_a_missing_blank_names_the_cell_that_was_stopped(start):
    student = start("import os; os._exit(1)\ndef forward(): pass", names=("forward",))
    with pytest.raises(
        NotWritten, match=r"forward is not defined: its cell was stopped: it ended the Python"
    ):
        student.call("forward")


def test_a_process_lost_in_a_call_is_replaced_for_the_next_one(start):
    student = start(
        "import os\nstate = []\ndef die(): os._exit(3)\ndef count(): state.append(1); return len(state)"
    )
    assert [student.call("count"), student.call("count")] == [1, 2]
    handle = student.call("count", opaque="all")
    with pytest.raises(LimitHit, match=r"die was stopped: it ended the Python process \(exit code 3\)"):
        student.call("die")
    assert student.call("count") == 1
    assert student.restarts == 1
    with pytest.raises(LimitHit, match="was lost"):
        student.call("count", handle)


def test_the_notebooks_time_bounds_everything(start):
    limits = msgspec.structs.replace(TIGHT, notebook_seconds=1.0)
    student = start("import time\ndef nap(s): time.sleep(s); return 1", limits=limits)
    assert student.call("nap", 0.5) == 1
    for _ in range(2):
        with pytest.raises(LimitHit, match=r"The notebook has used all of its 1 s\."):
            student.call("nap", 30)


def test_only_the_students_own_time_counts(start):
    import time

    limits = msgspec.structs.replace(TIGHT, notebook_seconds=0.5)
    student = start("def f(): return 1", limits=limits)
    time.sleep(0.6)
    assert student.call("f") == 1


def test_the_same_cells_give_the_same_outputs_each_time(start):
    source = (
        "import numpy as np\nimport random\nprint({'a', 'b'}, hash('x'), np.random.rand(), random.random())"
    )
    assert outputs(start(source)) == outputs(start(source))
