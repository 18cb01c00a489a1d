"""Ending what the hub's users still run."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from grader.hub import Layout, accounts

TALK = "import sys; print(flush=True); sys.stdin.read()"


def test_a_process_that_ends_while_it_is_looked_for_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with subprocess.Popen([sys.executable, "-c", TALK], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one:
        assert one.stdout is not None
        one.stdout.readline()
        found = [[psutil.Process(one.pid)], []]
        one.communicate()  # it was found, and has ended since
        monkeypatch.setattr(accounts, "own_accounts", lambda _: [pwd.getpwuid(os.getuid())])
        monkeypatch.setattr(accounts, "_processes_of", lambda _: found.pop(0))
        accounts.end_processes(Layout(tmp_path), patience=1.0)
    assert found == []
