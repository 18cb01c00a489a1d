"""What a student can't reach on the live hub, tried from the student's own terminal, kernel and browser."""

from __future__ import annotations

import contextlib
import json
import pwd
import shutil
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
import zmq
from course_hub import Hub, Person, give, until
from nbformat.v4 import new_code_cell, new_notebook

from grader.hub.accounts import chown_tree
from grader.hub.course import nbgrader

People = Callable[[str], Person]
PROBE = Path(__file__).parent / "probe.py"
STAMP = "2026-01-01 00:00:00.000000 UTC"


def forbidden(hub: Hub) -> list[tuple[str, str]]:
    """Return what must fail, as kind and object."""
    layout = hub.layout
    ben, inbound = layout.home("dlt-ben"), layout.exchange / "deep-learning/inbound"
    (package,) = layout.staff.glob("lib/python3*/site-packages/grader")
    files = [
        *(layout.course, layout.course / "gradebook.db", layout.course / ".grader_secret"),
        layout.course / "selfcheck.db",
        layout.course / "source/backprop/logistic_regression.ipynb",
        *(layout.staff, package / "checks/backprop/reference_logistic_regression.py"),
        *(layout.home("dlt-grader"), layout.home("dlt-instructor"), ben, ben / "private.txt"),
        *(inbound, layout.exchange / "deep-learning/feedback"),
        *(
            layout.state,
            layout.state / "passwords",
            layout.state / "hub.sqlite",
            layout.state / "cookie_secret",
        ),
    ]
    ask = [
        f"{hub.address}/hub/api/users",
        f"{hub.address}/hub/api/users/dlt-ben",
        f"{hub.address}/user/dlt-ben/api/contents",
        f"{hub.service}/api/contents",
        f"{hub.service}/formgrader/api/assignments",
        f"{hub.service}/formgrader/class_report/backprop",
        f"{hub.address}/services/self-check/api/checks/1",  # of somebody else
    ]
    move = [layout.exchange / "deep-learning", inbound, layout.exchange / "deep-learning/outbound/backprop"]
    return [
        *(("read", str(file)) for file in files),
        *(("move", str(file)) for file in move),
        ("write", str(layout.student / "bin/python-of-mine")),
        ("write", str(layout.exchange / "deep-learning/outbound/backprop/mine.ipynb")),
        ("import", "grader"),
        *(("ask", address) for address in ask),
        *(("enter", str(pwd.getpwnam(name).pw_uid)) for name in ("dlt-ben", "dlt-grader")),
        ("listen", str(pwd.getpwnam("dlt-ben").pw_uid)),
    ]


def tried(hub: Hub, ada: Person, cases: list[tuple[str, str]], run: Callable[[], object]) -> dict[str, str]:
    """Let ada's probe try *cases*, started by *run*; return what came of each."""
    home = hub.layout.home(ada.account)
    result = home / "result.json"
    result.unlink(missing_ok=True)
    give(home / "probe.py", PROBE.read_text(), ada.account, hub.layout)
    give(home / "cases.json", json.dumps(cases), ada.account, hub.layout)
    run()
    until(result.exists, seconds=120)
    outcomes: dict[str, str] = json.loads(result.read_text())
    assert outcomes.pop("who") == str(pwd.getpwnam(ada.account).pw_uid)
    return outcomes


def one_cell(text: str) -> str:
    """Return a notebook of one code cell."""
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    return nbformat.writes(new_notebook(cells=[new_code_cell(text)], metadata={"kernelspec": kernel}))


def in_terminal(ada: Person) -> Callable[[], object]:
    return lambda: ada.terminal("python probe.py result.json cases.json")


def in_kernel(hub: Hub, ada: Person) -> Callable[[], object]:
    """Run the probe by a cell of a notebook in JupyterLab."""
    text = "import runpy, sys\nsys.argv[1:] = ['result.json', 'cases.json']\n"
    text += "runpy.run_path('probe.py', run_name='__main__')"
    give(hub.file(ada.account, "probe.ipynb"), one_cell(text), ada.account, hub.layout)

    def run() -> None:
        ada.lab("/tree/probe.ipynb")
        ada.run_all()

    return run


@pytest.fixture(scope="module")
def busy_ben(hub: Hub, person: People) -> Person:
    """Ben, at work: a file of his own, and a kernel that publishes what it computes."""
    ben = person("ben")
    layout = hub.layout
    give(hub.file(ben.account, "private.txt"), "ben's own", ben.account, layout)
    text = "import time\nfor k in range(2000):\n    print('ben computes', k, flush=True)\n    time.sleep(0.5)"
    give(hub.file(ben.account, "work.ipynb"), one_cell(text), ben.account, layout)
    ben.lab("/tree/work.ipynb")
    ben.run_all()
    ben.page.locator(".jp-OutputArea-output", has_text="ben computes").wait_for()
    return ben


@pytest.fixture
def loud() -> Iterator[None]:
    """Something of root's that publishes as a kernel does where nobody has it talk in secret."""
    context = zmq.Context()
    voice = context.socket(zmq.PUB)
    voice.bind("tcp://127.0.0.1:*")
    over = threading.Event()

    def talk() -> None:
        while not over.wait(0.2):
            voice.send(b"my solution")
        voice.close(linger=0)

    thread = threading.Thread(target=talk)
    thread.start()
    yield
    over.set()
    thread.join()
    context.term()


@pytest.mark.parametrize("where", ["terminal", "kernel"])
def test_a_student_reaches_nothing_of_others(hub: Hub, person: People, busy_ben: Person, where: str) -> None:
    del busy_ben
    ada = person("ada")
    cases = forbidden(hub)
    outcomes = tried(hub, ada, cases, in_terminal(ada) if where == "terminal" else in_kernel(hub, ada))
    assert len(outcomes) == len(cases)
    assert {case: what for case, what in outcomes.items() if not what.startswith("refused")} == {}
    ada.shot(f"probe-in-a-{where}")


@pytest.mark.usefixtures("loud")
def test_the_probe_gets_what_a_student_may_have(hub: Hub, person: People) -> None:
    """The same attempts on what is open to a student succeed: the refusals above mean something."""
    ada = person("ada")
    allowed = [
        ("read", str(hub.file(ada.account, "probe.py"))),
        ("read", str(hub.layout.exchange / "deep-learning/outbound/backprop")),
        ("import", "nbgrader"),
        ("ask", f"{hub.address}/hub/api/users/{ada.account}"),
        ("ask", f"{hub.address}/user/{ada.account}/api/contents"),
        ("enter", str(pwd.getpwnam(ada.account).pw_uid)),
        ("listen", "0"),
    ]
    outcomes = tried(hub, ada, allowed, in_terminal(ada))
    assert {case: what for case, what in outcomes.items() if not what.startswith("GOT")} == {}


def test_a_students_browser_opens_nobody_elses_server(hub: Hub, person: People) -> None:
    ada = person("ada")
    for path in ("/user/dlt-ben/lab", "/services/deep-learning/lab", "/services/deep-learning/formgrader"):
        assert ada.page.goto(hub.address + path).status in {403, 404}, path
    assert ada.page.goto(f"{hub.address}/hub/admin").status == 403


def test_what_a_student_forges_in_the_exchange_is_not_collected(hub: Hub, person: People) -> None:
    ada = person("ada")
    inbound = hub.layout.exchange / "deep-learning/inbound"
    solution = hub.layout.course / "source/backprop"
    linked, forged = (inbound / f"{who}+backprop+{STAMP}+ZmFsc2U" for who in ("dlt-cem", "dlt-instructor"))
    own = inbound / f"dlt-ada+backprop+2030{STAMP[4:]}+ZmFsc2U"
    said = ada.terminal(
        f"ln -s {solution} '{linked}'; mkdir '{forged}' '{own}'; touch '{forged}/deep_net.ipynb';"
        f"ln -s {solution}/deep_net.ipynb '{own}/'; echo forged"
    )
    assert said.splitlines()[-1] == "forged", said
    nbgrader(hub.layout, "collect", "backprop", "--update")
    submitted = hub.layout.course / "submitted"
    assert not (submitted / "dlt-cem").exists()
    assert not (submitted / "dlt-instructor").exists()
    assert list((submitted / "dlt-ada/backprop").glob("*.ipynb")) == []


def test_a_grading_opens_nothing_that_could_be_called(hub: Hub, person: People) -> None:
    """While submissions are graded, all that the grading account offers is its two services."""
    ada, instructor = person("ada"), person("instructor")
    grader = pwd.getpwnam(hub.layout.grader).pw_uid
    submitted = hub.layout.course / "submitted/dlt-eve/backprop"
    shutil.copytree(hub.layout.course / "release/backprop", submitted, dirs_exist_ok=True)
    chown_tree(submitted.parent, hub.layout.grader)
    instructor.page.goto(f"{hub.service}/formgrader/manage_submissions/backprop")
    instructor.row("dlt-eve", "student-id").locator("td.autograde a").wait_for()

    def while_grading() -> None:
        ada.terminal("python probe.py result.json cases.json &")
        with Watch(grader) as watch:
            instructor.press("dlt-eve", "student-id", "autograde")
        assert not hub.file(ada.account, "result.json").exists()  # the probe was at it all the time
        give(hub.file(ada.account, "stop"), "", ada.account, hub.layout)
        assert watch.walls > 0
        assert watch.names == set()
        assert len(watch.ports) == 2

    outcome = tried(hub, ada, [("reach", str(grader))], while_grading)
    ports = json.loads(outcome[f"reach {grader}"].removeprefix("GOT "))
    assert {service_at(port) for port in ports} == {"deep-learning", "self-check"}


def service_at(port: int) -> str:
    """Return which of the hub's two services answers at a port; both refuse who is not logged in."""
    for name, path in (("deep-learning", "api"), ("self-check", "static/style.css")):
        with contextlib.suppress(urllib.error.HTTPError):
            address = f"http://127.0.0.1:{port}/services/{name}/{path}"
            if urllib.request.urlopen(address, timeout=20).status == 200:
                return name
    return "nobody known"


class Watch:
    """Looks, as root, at what the processes of an account listen on, until it is told to stop."""

    def __init__(self, uid: int) -> None:
        self.uid = uid
        self.names: set[str] = set()
        self.ports: set[int] = set()
        self.walls = 0  # how often a bubblewrap was seen
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def _look(self) -> None:
        while not self.over.wait(0.2):
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    if process.uids().real == self.uid:
                        self.walls += process.name() == "bwrap"
                        self._note(process)

    def _note(self, process: psutil.Process) -> None:
        for line in process.net_connections("all"):
            if line.family == socket.AF_UNIX:
                self.names |= {line.laddr} - {""}
            elif line.status == psutil.CONN_LISTEN:
                self.ports.add(line.laddr.port)
