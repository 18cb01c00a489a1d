"""The course's files beside the notebook: in the student's folder as on JupyterHub, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import nbformat
import numpy as np
import pytest
from boxed import NUMPY, TIGHT, notebook

from grader import pipeline
from grader.config import MEBIBYTE, Config
from grader.errors import CheckFailure, ConfigError
from grader.records import Submission
from grader.sandbox import Sandbox, Student, released
from grader.submission import read_submission

ROOT = Path(released.__file__).parents[2]
LOOK = (
    "import os\n"
    "def look():\n"
    "    return sorted(os.path.relpath(os.path.join(f, n)) for f, _, names in os.walk('.') for n in names)\n"
    "def text(name): return open(name).read()"
)


@pytest.fixture
def course(tmp_path) -> Path:
    """Return a course with one assignment, and what must not come along."""
    source = tmp_path / "source" / "an-assignment"
    (source / "tables").mkdir(parents=True)
    (source / "a-notebook.ipynb").write_text("with solutions")
    (source / "load.py").write_text("import numpy as np\ndef load(): return np.load('numbers.npz')['x']\n")
    np.savez(source / "numbers.npz", x=np.arange(4.0))
    (source / "tables" / "names.txt").write_text("Ann, Bob")
    (source / "tables" / "__init__.py").write_text("count = 2")
    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "load.cpython-311.pyc").write_bytes(b"old")
    (source / ".hidden").mkdir()
    (source / ".hidden" / "solutions.py").write_text("forward = 1")
    (tmp_path / "secret.txt").write_text("secret")
    (source / "linked.txt").symlink_to(tmp_path / "secret.txt")
    (source / "linked").symlink_to(tmp_path)
    os.mkfifo(source / "pipe")
    (tmp_path / "source" / "another").mkdir()
    (tmp_path / "source" / "another" / "other.txt").write_text("other")
    return tmp_path


@pytest.fixture(scope="module")
def open_box():
    with Sandbox(TIGHT, isolation="none") as sandbox:
        yield sandbox


@pytest.fixture(params=["wall", "none"])
def either_box(request, box, open_box) -> Sandbox:
    return box if request.param == "wall" else open_box


def begin(sandbox: Sandbox, course: Path, *cells: str) -> Student:
    return sandbox.start(notebook(*cells), NUMPY, beside=course / "source" / "an-assignment")


def test_a_notebook_imports_and_loads_them_as_on_its_own_server(either_box, course):
    cells = ("from load import load\nx = load()", "import tables", LOOK, "def get(): return x, tables.count")
    with begin(either_box, course, *cells) as student:
        assert [run.error for run in student.runs] == [""] * 4
        x, count = student.call("get")
        assert (x.tolist(), count) == ([0.0, 1.0, 2.0, 3.0], 2)
        assert student.call("text", "tables/names.txt") == "Ann, Bob"


def test_only_files_of_this_assignment_come_along_no_notebook_no_link_nothing_hidden(either_box, course):
    with begin(either_box, course, LOOK) as student:
        assert student.call("look") == ["load.py", "numbers.npz", "tables/__init__.py", "tables/names.txt"]


def test_without_any_the_folder_is_empty_as_before(start):
    assert start(LOOK).call("look") == []


def test_what_a_student_handed_in_stays_outside(box, course):
    source, submitted = course / "source" / "l2", course / "submitted" / "x" / "l2"
    for folder in (source, submitted):
        folder.mkdir(parents=True)
    (source / "load.py").write_text("whose = 'the course'")
    (submitted / "load.py").write_text("whose = 'the student'")
    (submitted / "numpy.py").write_text("raise SystemExit")
    handed_in = nbformat.read(ROOT / "source" / "l2" / "l2.ipynb", as_version=4)
    nbformat.write(handed_in, source / "l2.ipynb")
    handed_in.cells.append(nbformat.v4.new_code_cell(f"{LOOK}\nimport load\ndef whose(): return load.whose"))
    nbformat.write(handed_in, submitted / "l2.ipynb")
    config = Config(course)
    with pipeline.start(read_submission(submitted / "l2.ipynb", "x", config), config, box) as student:
        assert student.call("whose") == "the course"
        assert student.call("look") == ["load.py"]
        assert not [run.error for run in student.runs if run.error]


def test_a_file_of_the_course_hides_no_package(either_box, course):
    (course / "source" / "an-assignment" / "numpy.py").write_text("raise SystemExit")
    (course / "source" / "an-assignment" / "json.py").write_text("raise SystemExit")
    with begin(
        either_box, course, "import numpy, json\ndef f(): return numpy.ones(1), json.dumps(1)"
    ) as student:
        assert student.call("f")[1] == "1"


def test_other_modules_are_refused_as_before(either_box, course):
    cells = ("import torch", "open('mine.py', 'w').write('x = 1')\nimport mine", "import other")
    with begin(either_box, course, *cells) as student:
        assert ["is not available in this notebook" in run.error for run in student.runs] == [True] * 3


def test_each_process_has_copies_of_its_own(box, course):
    spoil = (
        "import os\ndef spoil():\n    os.chmod('load.py', 0o600)\n    os.remove('numbers.npz')\n"
        "    open('load.py', 'w').write('load = 1')\n    return os.path.getsize('load.py')\n"
        "def end(): os._exit(1)"
    )
    with begin(box, course, spoil, LOOK) as student, begin(box, course, LOOK) as other:
        assert student.call("spoil") == len("load = 1")
        assert "np.load" in other.call("text", "load.py")
        with pytest.raises(CheckFailure):
            student.call("end")
        assert "np.load" in student.call("text", "load.py")  # in a new process
        assert "numbers.npz" in student.call("look")
    assert "np.load" in (course / "source" / "an-assignment" / "load.py").read_text()


def test_nothing_of_the_way_in_is_left_open(box, course):
    source = (
        "import os\ndef open_ones():\n    found = []\n    for number in range(200):\n"
        "        try: os.fstat(number); found.append(number)\n        except OSError: pass\n    return found"
    )
    with begin(box, course, source) as student:
        assert student.call("open_ones") == [0, 1, 2, 3]


def test_they_take_nothing_of_the_scratch_and_give_nothing(box, course):
    (course / "source" / "an-assignment" / "large.bin").write_bytes(bytes(3 * MEBIBYTE))
    source = (
        "def fill():\n    written = 0\n    try:\n        with open('a', 'wb') as a, open('b', 'wb') as b:\n"
        "            for file in (a, b) * 8:\n"
        "                written += file.write(bytes(2 ** 19)); file.flush()\n"
        "    except OSError: pass\n    return written"
    )
    with begin(box, course, source) as student:
        filled = student.call("fill")
    assert TIGHT.scratch_bytes - 2**19 <= filled <= TIGHT.scratch_bytes


def test_the_wall_stands_with_them(box, course):
    cell = (
        "import os\ndef there(paths): return [p for p in paths if os.path.lexists(p)]\n"
        "def root(): return sorted(os.listdir('/'))"
    )
    paths = [course, course / "source", ROOT, ROOT / "source", Path("/home"), Path("/etc/passwd")]
    with begin(box, course, cell) as student, box.start(notebook(cell), NUMPY) as plain:
        assert student.call("there", [str(path) for path in paths]) == []
        assert student.call("root") == plain.call("root")
    box.self_test()


def test_too_many_or_too_large_ones_are_the_courses_error(box, course, monkeypatch):
    monkeypatch.setattr(released, "MOST_FILES", 3)
    with pytest.raises(ConfigError, match=r"has 4 files of 0 MiB .*At most 3 of 64 MiB"):
        begin(box, course, "1")
    monkeypatch.setattr(released, "MOST_FILES", 4)
    monkeypatch.setattr(released, "MOST_BYTES", 100)
    with pytest.raises(ConfigError, match="begins with a dot"):
        begin(box, course, "1")


def test_a_changed_file_is_seen_and_is_another_result(box, course):
    path = course / "source" / "an-assignment" / "tables" / "names.txt"
    before = released.digest(released.released(course / "source" / "an-assignment"))
    path.write_text("Ann, Bob, Cleo")
    assert released.digest(released.released(course / "source" / "an-assignment")) != before
    with begin(box, course, LOOK) as student:
        assert student.call("text", "tables/names.txt") == "Ann, Bob, Cleo"


def test_a_result_hangs_on_the_files_beside_the_notebook(course):
    # The notebook must be one that has checks; its files are those of this course.
    submission: Submission = msgspec.structs.replace(notebook("1"), assignment="l2", notebook="l2")
    (course / "source" / "l2").mkdir()
    before = pipeline.digest(submission, Config(course))
    assert pipeline.digest(submission, Config(course)) == before
    (course / "source" / "l2" / "l2.ipynb").write_text("a notebook is none of them")
    assert pipeline.digest(submission, Config(course)) == before
    (course / "source" / "l2" / "data.txt").write_text("1")
    assert pipeline.digest(submission, Config(course)) != before


def test_the_released_loader_works_behind_the_wall(either_box):
    folder = ROOT / "source" / "first_model"
    cells = (
        "from load_digits import load_digits\nimages, labels = load_digits()",
        "def get(): return images, labels",
    )
    with either_box.start(notebook(*cells), NUMPY, beside=folder) as student:
        images, labels = student.call("get")
        assert (images.shape, labels.shape) == ((1000, 28, 28), (1000,))
        assert student.runs[0].outputs[0]["text"] == "1,000 digits from digits.npz.\n"
