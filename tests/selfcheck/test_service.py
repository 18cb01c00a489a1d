"""The service with the real pipeline: what it takes in, from whom, and what it tells."""

from __future__ import annotations

import datetime
import http.client
import http.cookiejar
import json
import re
import shutil
import socket
import urllib.request
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from small_service import ASSIGNMENT, NAME, PREFIX, Service, book, file_of, service_of, set_up


def outcomes(answer: Any) -> dict[str, str]:
    return {blank["blank"]: blank["outcome"] for blank in answer["blanks"]}


def due(course: Path, when: datetime.datetime | None) -> None:
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.update_or_create_assignment(ASSIGNMENT, duedate=when)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def test_a_solved_notebook_passes_and_a_known_mistake_is_named(service: Service) -> None:
    papers = book()
    name, group = next((n, g) for n, g in papers.checks.misconceptions.items() if g[0].explanation)
    mistaken = papers.fill({each.blank: each.source for each in group})
    _, solved = service.ask("of-ada", file_of(papers.fill()))
    _, wrong = service.ask("of-ben", file_of(mistaken))
    assert set(outcomes(service.answer("of-ada", solved["number"])).values()) == {"passed"}
    answer = service.answer("of-ben", wrong["number"])
    assert outcomes(answer)[group[0].blank] == "failed"
    told = [each for blank in answer["blanks"] for each in blank["misunderstandings"]]
    assert {"name": name, "explanation": group[0].explanation} in told


def test_what_a_function_writes_of_its_inputs_does_not_come_back(service: Service) -> None:
    papers = book()
    blank = papers.blanks[0]
    spy = (
        f"def {blank}(*given):\n    print('SPY', given)\n"
        "    raise type('Spy' + str(given).encode().hex()[:60], (ValueError,), {})('SPY', given)"
    )
    notebook = papers.fill({blank: spy})
    notebook.cells.append(nbformat.v4.new_code_cell("raise ValueError('SPY')"))
    _, told = service.ask("of-spy", file_of(notebook))
    answer = service.answer("of-spy", told["number"])
    assert outcomes(answer)[blank] == "failed"
    assert "spy" not in json.dumps(answer).lower()
    assert answer["stumbles"][-1].endswith("raised ValueError")


def test_nothing_is_left_in_the_gradebook_or_among_the_records(service: Service) -> None:
    _, told = service.ask("of-eve", file_of(book().fill()))
    service.answer("of-eve", told["number"])
    assert not list(service.course.glob("records/**/*.json"))
    assert not (service.course / "submitted").exists()
    with Gradebook(f"sqlite:///{service.course}/gradebook.db") as gradebook:
        assert gradebook.students == []


def test_the_limit_is_told_with_the_time_when_the_next_is_free(service: Service) -> None:
    data = file_of(book().fill(left_empty=book().blanks))
    told = [service.ask("of-max", data) for _ in range(3)]
    assert [status for status, _ in told] == [202, 202, 202]
    assert [reply["allowance"]["left"] for _, reply in told] == [2, 1, 0]
    status, refused = service.ask("of-max", data)
    assert status == 429
    assert re.search(
        r"asked 3 times .* within 24 hours.* free in 2[34] h \d+ min \(.* UTC\)", refused["error"]
    )
    assert service.ask("of-nan", data)[0] == 202
    answer = service.answer("of-max", told[-1][1]["number"])
    assert {check["note"] for blank in answer["blanks"] for check in blank["checks"]} >= {"not written yet"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "The file is empty"),
        (b"{", "not the JSON text"),
        (b"[]", "not a notebook"),
        (b'{"nbformat": 4, "cells": []}', "another notebook"),
        (b" " * (5 * 2**20), "too large: 5.0 MiB; 4 MiB"),
    ],
)
def test_a_file_that_is_no_notebook_of_the_course_is_refused_and_not_counted(
    service: Service, data: bytes, said: str
) -> None:
    status, refused = service.ask("of-odd", data)
    assert status == 400
    assert said in refused["error"]
    assert [each["allowance"]["left"] for each in service.call("of-odd", "api/checks")[1]] == [3]


def test_only_the_courses_people_come_in_and_each_to_their_own(service: Service) -> None:
    data = file_of(book().fill(left_empty=book().blanks))
    _, own = service.ask("of-owner", data)
    assert service.call("of-other", f"api/checks/{own['number']}")[0] == 404
    for token in ("", "nobody", "guest-kim", "out-kim"):
        assert service.ask(token, data)[0] == 403
        assert service.call(token, f"api/checks/{own['number']}")[0] == 403
    assert service.ask("of-owner", data, "activations/../activations")[0] == 400
    status, refused = service.ask("of-owner", data, "l2/l2")  # exists, and is not released
    assert (status, f"Open to you: {NAME}." in refused["error"]) == (400, True)


def test_a_browser_is_sent_to_the_hubs_login_and_a_forged_form_is_refused(service: Service, hub: str) -> None:
    cookies = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    browser.addheaders = [("User-Agent", "a browser")]
    browser.open(f"{hub}/login?who=bea", timeout=30).close()
    with browser.open(service.address, timeout=30) as page:
        text = page.read().decode()
    assert page.url == service.address
    assert "· bea" in text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    xsrf = re.findall(r'name="_xsrf" value="(.+?)"', text)[0]
    cookie = "; ".join(f"{each.name}={each.value}" for each in cookies)
    for token, status in (("", 403), ("forged", 403), (xsrf, 303)):
        assert post_form(service, cookie, token) == status


def post_form(service: Service, cookie: str, xsrf: str) -> int:
    """Send the form as a browser does; return the status."""
    fields = {"_xsrf": xsrf, "key": "k", "notebook": NAME, "file": file_of(book().fill()).decode()}
    body = "".join(
        f'--cut\r\nContent-Disposition: form-data; name="{name}"'
        + ('; filename="a.ipynb"' if name == "file" else "")
        + f"\r\n\r\n{value}\r\n"
        for name, value in fields.items()
    )
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    headers = {
        "Cookie": cookie,
        "User-Agent": "a browser",
        "Content-Type": "multipart/form-data; boundary=cut",
    }
    connection.request("POST", PREFIX, f"{body}--cut--\r\n".encode(), headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_after_its_due_date_an_assignment_is_closed_but_for_who_has_an_extension(
    course: Path, hub: str
) -> None:
    due(course, now() - datetime.timedelta(minutes=5))
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.add_student("late")
        submission = gradebook.add_submission(ASSIGNMENT, "late")
        submission.extension = datetime.timedelta(hours=1)
        gradebook.db.commit()
    data = file_of(book().fill())
    with service_of(course, hub, stub=True) as service:
        status, refused = service.ask("of-ada", data)
        assert status == 400
        assert "past its due date. Open to you: nothing at present." in refused["error"]
        assert service.ask("of-late", data)[0] == 202
    set_up(course, "c.SelfCheck.after_deadline = True")
    with service_of(course, hub, stub=True) as service:
        assert service.ask("of-ada", data)[0] == 202


def test_settings_that_cannot_be_read_end_the_service_with_one_line(course: Path, hub: str) -> None:
    shutil.move(course / "gradebook.db", course / "elsewhere.db")
    service = Service(course, hub)
    with pytest.raises(AssertionError, match="self-check: There is no gradebook"):
        service.start()
    assert service.stop() == 2
    assert "Traceback" not in service.log()


def test_a_port_that_another_program_has_is_named_with_what_it_may_get(course: Path, hub: str) -> None:
    service = Service(course, hub)
    with socket.create_server(("127.0.0.1", service.port)):
        service.start()  # somebody answers there
        assert service.wait() == 2
    said = f"self-check: 127.0.0.1:{service.port} can't be listened on: Address already in use"
    assert said in service.log()
    assert "their tokens: find it" in service.log()
    assert "Traceback" not in service.log()
