"""
What a curious student runs on the hub: tries to read what is not theirs, and writes down what came of it.

It runs in the students' environment, from a terminal or a kernel, as the student; the tests put it into the
home folder. Usage: probe.py RESULT CASES, two JSON files; a case is a kind and a path or address.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import zmq


def read(path: str) -> str:
    """Read a file, or list a folder."""
    target = Path(path)
    return str(sorted(target.iterdir())) if target.is_dir() else str(target.read_bytes()[:80])


def move(path: str) -> str:
    """Put something else in the place of a file or folder."""
    Path(path).rename(path + ".aside")
    return "moved"


def write(path: str) -> str:
    """Make a file."""
    Path(path).write_text("mine")
    return "written"


def bring(name: str) -> str:
    """Import a package."""
    return str(importlib.import_module(name).__file__)


def ask(address: str) -> str:
    """Ask the hub or a server, with the token of one's own server."""
    token = os.environ["JUPYTERHUB_API_TOKEN"]
    request = urllib.request.Request(address, headers={"Authorization": f"token {token}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - the hub's own address
        if "/login" in answer.url or "/oauth2/" in answer.url:
            raise PermissionError("asked to log in")
        return str(answer.read(300))


def listen(uid: str) -> str:
    """Listen to what each local port of a user publishes, as kernels do; return what was heard."""
    context = zmq.Context()
    ear = context.socket(zmq.SUB)
    ear.subscribe(b"")
    for port in ports_of(int(uid)):
        ear.connect(f"tcp://127.0.0.1:{port}")
    heard = []
    until = time.monotonic() + 6
    while time.monotonic() < until:
        if ear.poll(500):
            heard.append(str(ear.recv_multipart())[:200])
    context.destroy(linger=0)
    if not heard:
        raise PermissionError("nothing was heard")
    return heard[0]


def ports_of(uid: int) -> list[int]:
    """Return the TCP ports that a user's programs listen on, as the kernel tells everybody."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [int(line[1].split(":")[1], 16) for line in lines if line[3] == "0A" and int(line[7]) == uid]


def enter(uid: str) -> str:
    """Look into each process of a user: its memory, its environment, its files."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        if folder.stat().st_uid != int(uid):
            continue
        for entry in ("environ", "mem", "fd", "root", "cwd", "maps"):
            try:
                read(str(folder / entry))
                found.append(f"{folder}/{entry}")
            except OSError:
                continue
    if not found:
        raise PermissionError("no process opens")
    return str(found)


def reach(uid: str) -> str:
    """Until a file `stop` is there, call whatever port a user's programs open; return those that took it."""
    reached = set()
    until = time.monotonic() + 300
    while not Path("stop").exists() and time.monotonic() < until:
        reached |= {port for port in ports_of(int(uid)) if connects(port)}
        time.sleep(0.1)
    return json.dumps(sorted(reached))


def connects(port: int) -> bool:
    """Say whether something takes a call there."""
    with socket.socket() as line:
        line.settimeout(1)
        return line.connect_ex(("127.0.0.1", port)) == 0


KINDS = {
    "read": read,
    "move": move,
    "write": write,
    "import": bring,
    "ask": ask,
    "listen": listen,
    "enter": enter,
    "reach": reach,
}


def main() -> None:
    """Try each case, and write down what came of it: what was got, or that it was refused."""
    result, cases = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    outcomes = {"who": str(os.getuid())}
    for kind, what in cases:
        try:
            outcomes[f"{kind} {what}"] = "GOT " + KINDS[kind](what)
        except (OSError, ImportError, urllib.error.URLError) as error:
            outcomes[f"{kind} {what}"] = f"refused: {type(error).__name__}: {error}"
    part = result.with_suffix(".part")
    part.write_text(json.dumps(outcomes))
    part.rename(result)


if __name__ == "__main__":
    main()
