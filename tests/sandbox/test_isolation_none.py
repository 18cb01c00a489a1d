"""Without a wall, for authors who asked for it: the same protocol, limits of time, and nothing left."""

from __future__ import annotations

import tempfile

import msgspec
import numpy as np
import pytest
from boxed import NUMPY, TIGHT, descendants, gone, notebook

from grader.errors import LimitHit
from grader.sandbox import Sandbox

QUICK = msgspec.structs.replace(TIGHT, call_seconds=0.4)


@pytest.fixture(scope="module")
def open_box():
    with Sandbox(QUICK, isolation="none") as sandbox:
        yield sandbox


def test_calls_and_cells_work_as_behind_the_wall(open_box):
    open_box.self_test()
    cells = ("print('x')", "import torch", "def f(x): return x + 1", "import os; os._exit(1)")
    with open_box.start(notebook(*cells), NUMPY) as student:
        assert np.array_equal(student.call("f", np.zeros(2)), np.ones(2))
        assert "not available" in student.runs[1].error
        assert student.runs[3].error.startswith("stopped")


def test_its_scratch_folder_is_taken_away(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Sandbox(QUICK, isolation="none") as sandbox:
        with sandbox.start(notebook("open('x', 'w').close()"), ()) as student:
            assert student.runs[0].error == ""
        assert list(tmp_path.glob("scratch-*/fork-*/x"))
    assert not list(tmp_path.iterdir())


def test_time_and_memory_are_limited_and_children_end(open_box):
    before = set(descendants())
    source = (
        "import os, signal, time\n"
        "def hang():\n    signal.signal(signal.SIGINT, signal.SIG_IGN)\n    while True: pass\n"
        "def grow():\n    kept = []\n    while True: kept.append(b'x' * 10**7)\n"
        "def spawn():\n    if os.fork() == 0:\n        os.setsid()\n"
        "        if os.fork() == 0: time.sleep(100)\n"
        "        os._exit(0)\n    return 1\n"
    )
    with open_box.start(notebook(source), NUMPY) as student:
        for name, limit in [("hang", "time"), ("grow", "memory")]:
            with pytest.raises(LimitHit) as caught:
                student.call(name, seconds=2.0)
            assert caught.value.limit == limit
        assert student.call("spawn") == 1
    assert gone(before)
