"""The hub's process: started, waited for, watched, and ended with all that it started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.errors import ConfigError
from grader.hub.accounts import end_processes
from grader.hub.layout import Layout

__all__ = ["LOG", "ask_for_port", "running"]

LOG = "hub.log"
START_SECONDS = 90.0
STOP_SECONDS = 40.0


@contextmanager
def running(layout: Layout, port: int, secrets: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """
    Run the hub on 127.0.0.1:*port* as long as the context lasts; give its process once it answers.

    Args:
        layout: the hub; everything is installed.
        port: what the proxy listens on.
        secrets: further settings for jupyterhub_config.py, such as HUB_PASSWORD.

    Raises:
        ConfigError: the hub does not come up.
    """
    log = layout.state / LOG
    with log.open("wb") as out:
        hub = subprocess.Popen(  # noqa: S603
            [layout.staff / "bin/jupyterhub", "--config", layout.root / "jupyterhub_config.py"],
            cwd=layout.state,
            env=_environment(layout, port) | secrets,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C is ours; the hub is told to end by us, once
        )
    try:
        _wait_until_up(hub, f"http://127.0.0.1:{port}/hub/api/", log)
        yield hub
    finally:
        _end(hub)
        if not layout.account:
            end_processes(layout)  # what somebody left running in a terminal


def _environment(layout: Layout, port: int) -> dict[str, str]:
    # The port and the names are ours; other settings of the configuration pass through.
    return {name: value for name, value in os.environ.items() if name.startswith("HUB_")} | {
        "PATH": f"{layout.staff}/bin:{os.environ.get('PATH', os.defpath)}",
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "HUB_ROOT": str(layout.root),
        "HUB_COURSE": layout.course_id,
        "HUB_PORT": str(port),
        "HUB_INNER_PORTS": " ".join(str(number) for number in _free_ports(4)),
        "HUB_INSTRUCTORS": layout.instructors_group,
        "HUB_STUDENTS": layout.students_group,
        "HUB_GRADER": layout.grader,
        "HUB_AUTHENTICATOR": "single" if layout.account else os.environ.get("HUB_AUTHENTICATOR", "pam"),
    }


def ask_for_port(port: int) -> None:
    """Make sure that 127.0.0.1:*port* is free; ConfigError if it is not."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ConfigError(
                f"Port {port} is taken; perhaps a hub runs already. Choose another: HUB_PORT=8001 make hub"
            ) from None


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _wait_until_up(hub: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and hub.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2).close()  # noqa: S310 - our own hub
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
        else:
            return
    why = "ended" if hub.poll() is not None else f"did not answer within {START_SECONDS:.0f} s"
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    raise ConfigError(f"The hub {why}. The end of {log}:\n{tail}")


def _end(hub: subprocess.Popen[bytes]) -> None:
    """Let the hub stop everybody's servers and the proxy; after *STOP_SECONDS*, end the group."""
    if hub.poll() is None:
        hub.terminate()
        try:
            hub.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            sys.stderr.write("The hub does not stop by itself and is ended.\n")
            os.killpg(hub.pid, signal.SIGKILL)
            hub.wait()
