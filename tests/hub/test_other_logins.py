"""Logins by OpenID Connect and by LTI 1.3: the university says who somebody is, the groups who comes in."""

from __future__ import annotations

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from course_hub import Hub, free_port
from university import CLIENT, University, university

from grader.hub.layout import CHECKOUT, Layout
from grader.hub.running import running

# A hub of the same configuration, accounts and environments, with nothing but its login.
WITHOUT_SERVICES = """
c.JupyterHub.services = []
c.JupyterHub.load_roles = []
c.LTI13Authenticator.uri_scheme = "http"  # a real server has a certificate
c.JupyterHub.tornado_settings = {}  # and sends cookies by it alone
"""


class Browser:
    """What of a browser a login needs: cookies, and going where it is sent."""

    def __init__(self) -> None:
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)
        self._standing = urllib.request.build_opener(cookies, _NotFollowed())

    def open(self, address: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Return status and address where it ends."""
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            with self._opener.open(address, data, timeout=30) as answer:
                return answer.status, answer.url
        except urllib.error.HTTPError as error:
            return error.code, error.url

    def sent_to(self, address: str) -> dict[str, str]:
        """Return the query of the address that one is sent to from *address*."""
        try:
            self._standing.open(address, timeout=30)
        except urllib.error.HTTPError as error:
            return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(error.headers["Location"]).query))
        raise AssertionError("sent nowhere")


class _NotFollowed(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


@pytest.fixture(params=["oauth", "lti"])
def login(request: pytest.FixtureRequest, hub: Hub, tmp_path: Path) -> Iterator[tuple[str, str, University]]:
    """Run a second hub with another login; give its kind, its address, and the university."""
    kind: str = request.param
    root = tmp_path / "hub"
    for name in ("staff", "student", "proxy", "settings"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(hub.layout.root / name)
    for name in ("state", "hub.d"):
        (root / name).mkdir()
    (root / "hub.d/without_services.py").write_text(WITHOUT_SERVICES)
    (root / "jupyterhub_config.py").write_text((CHECKOUT / "deploy/jupyterhub_config.py").read_text())
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with university() as place:
        settings = place.settings(address)[kind] | {"HUB_AUTHENTICATOR": kind}
        with running(Layout(root, prefix=hub.layout.prefix), port, settings):
            yield kind, address, place


def come_in(kind: str, address: str, place: University) -> tuple[int, str]:
    """Log in as the university says, to the page of one's own servers."""
    browser = Browser()
    home = "/hub/home"
    if kind == "oauth":
        return browser.open(f"{address}/hub/oauth_login?next={home}")
    asked = {"iss": place.address, "login_hint": "1", "target_link_uri": address + home, "client_id": CLIENT}
    sent = browser.sent_to(f"{address}/hub/lti13/oauth_login?{urllib.parse.urlencode(asked)}")
    token = place.id_token(sent["nonce"], address + home)
    return browser.open(sent["redirect_uri"], {"id_token": token, "state": sent["state"]})


def test_the_groups_say_who_of_the_university_comes_in(login: tuple[str, str, University]) -> None:
    kind, address, place = login
    for name, status in (("dlt-ada", 200), ("dlt-instructor", 200), ("games", 403), ("somebody-else", 403)):
        place.name = name
        found, where = come_in(kind, address, place)
        assert found == status, f"{name} at {where}"
        if status == 200:
            assert where == f"{address}/hub/home"
