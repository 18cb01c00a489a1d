"""
Ask for the hidden checks' verdict on a notebook, from the hub.

    from selfcheck import check
    check("shallow_net")

It sends the file as it was saved last, waits, and prints which checks pass. In a terminal:
`python -m selfcheck shallow_net`. Needs Python alone; nothing of the course is in it.
"""

import json
import os
import secrets
import sys
import textwrap
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

__all__ = ["SelfCheckError", "check"]

OLD_MINUTES = 10
PATIENCE_SECONDS = 60  # for a service that is being restarted
WORDS = {
    "passed": ("✓", "passed"),
    "failed": ("✗", "not passed"),
    "stopped": ("✗", "stopped: it took too long, or too much memory"),
    "not judged": ("–", "not judged: what it rests on is not right yet"),
    "grader failed": ("!", "could not be judged, through no fault of yours"),
}


class SelfCheckError(Exception):
    """Says what is wrong and what to do; shown without a traceback."""

    def _render_traceback_(self):
        """Tell IPython to show the message alone."""
        return [f"Self-check: {self}"]


def check(notebook, assignment="", *, as_saved=False):
    """
    Send a notebook, wait for its verdict, and print it.

    Args:
        notebook: its name, such as "shallow_net"; its file lies in the working folder.
        assignment: such as "backprop"; only where the course has two notebooks of this name.
        as_saved: send it although it was saved long ago.

    Raises:
        SelfCheckError: it can't be checked; the message says why.
    """
    path = Path(notebook).with_suffix(".ipynb")
    data = _read(path, as_saved)
    name = _name_of(path.stem, assignment)
    # The key makes one request of it, however often it has to be sent.
    query = urllib.parse.urlencode({"notebook": name, "key": secrets.token_urlsafe(16)})
    job = _call(f"api/checks?{query}", data)
    shown = ""
    while job["state"] != "done":
        line = (
            f"In the queue, {job['position'] - 1} before yours." if job["position"] else "Being checked now."
        )
        if line != shown:
            print(line, flush=True)
            shown = line
        time.sleep(job["ask_again_seconds"])
        job = _call(f"api/checks/{job['number']}")
    print(_report(job))


def _read(path, as_saved):
    try:
        data, saved = path.read_bytes(), path.stat().st_mtime
    except OSError as error:
        here = ", ".join(sorted(each.stem for each in path.parent.glob("*.ipynb"))) or "none"
        raise SelfCheckError(
            f"{path} can't be read ({error.strerror}). Notebooks in {path.parent.resolve()}: {here}."
        ) from None
    minutes = (time.time() - saved) / 60
    if minutes > OLD_MINUTES and not as_saved:
        raise SelfCheckError(
            f"{path.name} was saved {_ago(minutes)}, and it is checked as it was saved. Save it (Ctrl+S) and "
            f'ask again; if it is as you want it: check("{path.stem}", as_saved=True)'
        )
    return _without_outputs(data)


def _ago(minutes):
    if minutes < 120:
        return f"{minutes:.0f} min ago"
    return f"{minutes / 60:.0f} h ago" if minutes < 48 * 60 else f"{minutes / 1440:.0f} days ago"


def _without_outputs(data):
    """Leave out what is not looked at, and may be large; a file that is no notebook goes as it is."""
    try:
        notebook = json.loads(data)
        for cell in notebook["cells"]:
            cell.pop("outputs", None)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return data
    return json.dumps(notebook).encode()


def _name_of(stem, assignment):
    """Return assignment/notebook."""
    offered = [each["name"] for each in _call("api/checks")]
    found = [name for name in offered if name.rpartition("/")[2] == stem]
    wanted = assignment or (Path.cwd().name if len(found) > 1 else "")
    found = [name for name in found if wanted in ("", name.rpartition("/")[0])]
    if len(found) == 1:
        return found[0]
    known = ", ".join(offered) or "nothing at present"
    asked = f"{assignment}/{stem}" if assignment else stem
    raise SelfCheckError(f"{asked} is not open to self-checks. Open to you: {known}.")


def _call(address, data=None):
    """Ask the service; while it is being restarted, ask again."""
    url, token = os.environ.get("SELFCHECK_URL", ""), os.environ.get("JUPYTERHUB_API_TOKEN", "")
    if not url or not token:
        raise SelfCheckError("This works on the course's hub only: open the notebook there.")
    request = urllib.request.Request(  # noqa: S310 - the hub's own address
        urllib.parse.urljoin(url, address), data, {"Authorization": f"token {token}"}
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
                return json.load(reply)
        except urllib.error.HTTPError as error:
            said = _said(error)
            if said or time.monotonic() > deadline:
                raise SelfCheckError(said or f"The hub answered {error.code}. Try again later.") from None
        except (OSError, ValueError) as error:
            if time.monotonic() > deadline:
                raise SelfCheckError(f"The self-check can't be reached ({error}). Try again later.") from None
        time.sleep(2)


def _said(error):
    """Return what the service says is wrong; empty where it was not the service that answered."""
    try:
        return json.load(error)["error"]
    except (ValueError, LookupError, TypeError, OSError):
        return ""


def _report(job):
    """Return the verdict as text."""
    answer, allowance = job["answer"], job["allowance"]
    lines = [f"Self-check of {job['name']}", ""]
    if answer["failed"]:
        lines += ["It could not be checked, through no fault of yours; it does not count.", ""]
    for line in answer["stumbles"]:
        lines.append(f"As the notebook ran, {line}.")
    for blank in answer["blanks"]:
        sign, word = WORDS[blank["outcome"]]
        lines += ["", f"{sign} {blank['blank']}: {word}"]
        for each in blank["checks"]:
            sign, word = WORDS[each["outcome"]]
            note = f": {each['note']}" if each["note"] else ""
            lines += _wrapped(f"{sign} {each['title']} ({word}{note})", "    ")
        for each in blank["misunderstandings"]:
            told = f"Your answers are those of a known mistake: {each['name']}. {each['explanation']}"
            lines += _wrapped(told, "    | ")
    lines += ["", f"{allowance['left']} of {allowance['limit']} self-checks left in this assignment."]
    if not allowance["left"]:
        lines.append(
            f"The next one is free at {time.strftime('%H:%M (%Z)', time.localtime(allowance['free_at']))}."
        )
    return "\n".join(lines)


def _wrapped(text, indent):
    return textwrap.wrap(text, 100, initial_indent=indent, subsequent_indent=indent)


if __name__ == "__main__":
    try:
        check(*sys.argv[1:3])
    except SelfCheckError as error:
        sys.exit(f"Self-check: {error}")
    except TypeError:
        sys.exit("Name the notebook: python -m selfcheck shallow_net")
