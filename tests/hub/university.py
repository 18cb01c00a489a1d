"""A university's login on the loopback, by OpenID Connect and as a platform of LTI 1.3."""

from __future__ import annotations

import http.server
import json
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "the-course"
SECRET = "shared with the hub"  # noqa: S105 - of this test alone
LTI = "https://purl.imsglobal.org/spec/lti/claim/"
MESSAGE = {
    f"{LTI}version": "1.3.0",
    f"{LTI}message_type": "LtiResourceLinkRequest",
    f"{LTI}deployment_id": "1",
    f"{LTI}roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"],
    f"{LTI}resource_link": {"id": "4711"},
}


class University:
    """
    Says that whoever comes is *name*.

    Args:
        address: where it answers.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.name = ""
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def settings(self, hub: str) -> dict[str, dict[str, str]]:
        """Return kind of login → the hub's settings for it, as an operator would write them."""
        return {
            "oauth": {
                "HUB_ADDRESS": hub,
                "HUB_OAUTH_CLIENT": CLIENT,
                "HUB_OAUTH_SECRET": SECRET,
                "HUB_OAUTH_AUTHORIZE": f"{self.address}/authorize",
                "HUB_OAUTH_TOKEN": f"{self.address}/token",
                "HUB_OAUTH_USERDATA": f"{self.address}/userinfo",
            },
            "lti": {
                "HUB_LTI_ISSUER": self.address,
                "HUB_LTI_CLIENT": CLIENT,
                "HUB_LTI_AUTHORIZE": f"{self.address}/authorize",
                "HUB_LTI_KEYS": f"{self.address}/keys",
            },
        }

    def keys(self) -> dict[str, object]:
        """Return the public key, as a platform publishes it."""
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [key | {"kid": "1", "use": "sig", "alg": "RS256"}]}

    def id_token(self, nonce: str, target: str) -> str:
        """Return the signed message of LTI 1.3 that brings *name* to *target*."""
        now = int(time.time())
        message = MESSAGE | {
            "iss": self.address,
            "aud": CLIENT,
            "sub": "1",
            "iat": now,
            "exp": now + 60,
            "nonce": nonce,
            "preferred_username": self.name,
            f"{LTI}target_link_uri": target,
        }
        return jwt.encode(message, self._key, algorithm="RS256", headers={"kid": "1"})


@contextmanager
def university() -> Iterator[University]:
    """Run it as long as the context lasts."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            asked = dict(urllib.parse.parse_qsl(url.query))
            if url.path == "/authorize":
                back = urllib.parse.urlencode({"code": "a code", "state": asked["state"]})
                self.send_response(302)
                self.send_header("Location", f"{asked['redirect_uri']}?{back}")
                self.end_headers()
            elif url.path == "/userinfo":
                self._tell({"sub": "1", "preferred_username": place.name})
            else:
                self._tell(place.keys())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._tell({"access_token": "a token", "token_type": "Bearer"})

        def _tell(self, value: object) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(value).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        place = University(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield place
        server.shutdown()
        thread.join()
