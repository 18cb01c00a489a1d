"""The wall stands for root, who must give root away, and for an ordinary user, who never had it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from boxed import NUMPY, TIGHT, notebook

from grader.sandbox import Sandbox, bubblewrap

ORDINARY = 54321  # no such user exists, and none is needed
HERE = Path(__file__).parent

PROGRAM = f"""
import os, sys
sys.path[:0] = [{str(HERE)!r}, {str(HERE.parents[1])!r}]
from boxed import NUMPY, TIGHT, notebook
from grader.errors import LimitHit
from grader.sandbox import Sandbox
assert os.getuid() == {ORDINARY}
source = '''
import os, time
def f(x): return x + 1
def ids(): return os.getresuid(), os.getgroups()
def hang():
    while True:
        try: time.sleep(0.1)
        except BaseException: pass
def crowd():
    for _ in range(6):
        if os.fork() == 0:
            kept = b"x" * 30 * 2**20
            time.sleep(30)
    time.sleep(30)
'''
with Sandbox(TIGHT) as box:
    box.self_test()
    with box.start(notebook(source), NUMPY) as student:
        assert student.call("f", 1) == 2
        assert student.call("ids") == ((1000, 1000, 1000), [65534]) or student.call("ids")[1] == []
        for name, limit in (("hang", "time"), ("crowd", "memory")):
            try:
                student.call(name, seconds=0.5 if limit == "time" else 5)
            except LimitHit as hit:
                assert hit.limit == limit, hit
            else:
                raise AssertionError(name)
        assert student.call("f", 1) == 2
print("stands")
"""


def as_ordinary_user() -> list[str]:
    """Return the command that runs Python as a user without any right, who can read this interpreter."""
    prefix = Path(sys.base_prefix)
    folders: list[str] = []
    for folder in reversed(prefix.parents[:-1]):
        if not folder.stat().st_mode & 0o001:
            folders += ["--perms", "0755", "--tmpfs", str(folder)]
        elif folders:
            folders += ["--dir", str(folder)]
    if folders:
        folders += ["--ro-bind", str(prefix), str(prefix)]
    ids = [f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups", "--inh-caps=-all"]
    return ["bwrap", "--dev-bind", "/", "/", *folders, "--", "setpriv", *ids, sys.executable, "-c", PROGRAM]


@pytest.mark.skipif(os.geteuid() != 0, reason="all the other tests ran as an ordinary user")
def test_the_wall_stands_for_an_ordinary_user():
    done = subprocess.run(as_ordinary_user(), capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "stands\n", done.stderr[-3000:]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give root away")
def test_nothing_behind_roots_wall_runs_as_root():
    with Sandbox(TIGHT) as box, box.start(notebook("import os\nif os.fork() == 0: input()"), NUMPY):
        uids = {uid for zygote in box._zygotes.values() for uid in zygote.uids()}
    assert uids == {65534}


def test_a_user_namespace_with_one_uid_counts_as_an_ordinary_user(monkeypatch):
    monkeypatch.setattr(bubblewrap, "_may_become_nobody", lambda: False)
    arguments = bubblewrap._namespaces()
    assert "--unshare-user" in arguments
    assert "--cap-add" not in arguments
