"""The small part of a JupyterHub that a service asks: who somebody is, and its login."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

SERVICE = "self-check"
STUDENTS = "nbgrader-deep-learning"


class Hub(BaseHTTPRequestHandler):
    """
    Whoever shows the token "of-NAME" is the student NAME; "guest-NAME" has no group, "out-NAME" no right.

    Its login asks for no password: a browser is whom its cookie `who` names.
    """

    def do_GET(self) -> None:
        """Say who it is, or log them in."""
        url = urlsplit(self.path)
        if url.path == "/hub/api/user":
            self._tell_who(self.headers.get("Authorization", "").partition(" ")[2])
        elif url.path == "/login":
            self.send_response(200)
            self.send_header("Set-Cookie", f"{url.query}; Path=/")
            self.end_headers()
        elif url.path == "/hub/api/oauth2/authorize":
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            who = self.headers.get("Cookie", "").partition("who=")[2].partition(";")[0]
            back = urlencode({"code": who, "state": asked["state"]})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.end_headers()
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """Give a token for a code."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._tell({"access_token": f"of-{parse_qs(body.decode())['code'][0]}"})

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _tell_who(self, token: str) -> None:
        kind, _, name = token.partition("-")
        if kind not in {"of", "guest", "out"}:
            self.send_error(403)
            return
        self._tell(
            {
                "kind": "user",
                "name": name,
                "groups": [STUDENTS] if kind == "of" else [],
                "scopes": [] if kind == "out" else [f"access:services!service={SERVICE}"],
            }
        )

    def _tell(self, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


@contextlib.contextmanager
def stub_hub() -> Iterator[str]:
    """Run it on the loopback; gives its address."""
    server = _Server(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
