"""The ways in: `python -m grader.hub` runs the demonstration hub, `python -m grader.hub clean` removes it."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import stat
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from grader.errors import ConfigError, GraderError
from grader.hub import accounts, course
from grader.hub.installation import install
from grader.hub.layout import CHECKOUT, Layout
from grader.hub.running import LOG, ask_for_port, running

__all__ = ["main"]

DEMO_STUDENTS = ("ada", "ben", "cem")
MARKER = ".made-by-the-course-hub"
WITHOUT_ROOT = """\
A hub with system users needs root, and you are {user}: it gives each student an account, a home folder and a
server that runs as this account, so that nobody reads another's work.

  as root:             sudo make hub
  alone, without root: make hub-single     (everything runs as {user}, and nothing is kept apart)
"""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(soft_wrap=True)

RootOption = Annotated[Path | None, typer.Option(envvar="HUB_ROOT", help="The hub's folder.")]
PrefixOption = Annotated[
    str, typer.Option(envvar="HUB_PREFIX", help="What the names of its system users begin with.")
]


@app.callback(invoke_without_command=True)
def up(
    context: typer.Context,
    root: RootOption = None,
    prefix: PrefixOption = "dl-",
    port: Annotated[int, typer.Option(envvar="HUB_PORT", help="Where browsers find it.")] = 8000,
    single: Annotated[bool, typer.Option("--single", help="Without root, for one person.")] = False,
    student_packages: Annotated[
        str, typer.Option(envvar="HUB_STUDENT_PACKAGES", help="More for students, such as torch.")
    ] = "",
    only_install: Annotated[bool, typer.Option("--only-install", help="Make all, start nothing.")] = False,
    no_demo: Annotated[bool, typer.Option("--no-demo", help="No instructor and students to try it.")] = False,
) -> None:
    """Make the hub if it is not there, run it, print addresses and logins; Ctrl-C ends it."""
    if context.invoked_subcommand:
        return
    layout = _layout(root, prefix, single, () if no_demo else DEMO_STUDENTS)
    if not only_install:
        ask_for_port(port)
    logins = _make(layout, tuple(student_packages.split()))
    if only_install:
        return
    # Whoever ends us ends the hub, and all that it started. In the background, a shell has interrupts
    # ignored; the hub would inherit that, and it interrupts servers to end them.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    password = {"HUB_PASSWORD": logins[layout.account]} if single else {}
    with running(layout, port, password) as hub:
        _show(layout, port, logins)
        try:
            hub.wait()
        except KeyboardInterrupt:
            console.print("Ending; servers are stopped first.")
        else:
            raise ConfigError(f"The hub ended by itself; see {layout.state / LOG}.")


@app.command()
def clean(
    root: RootOption = None,
    prefix: PrefixOption = "dl-",
    keep_installed: Annotated[
        bool, typer.Option("--keep-installed", help="Keep the environments, for a course anew.")
    ] = False,
) -> None:
    """Remove the hub: its folder, and the system users and groups that it made."""
    layout = Layout(root or _default_root(), prefix=prefix)
    if not (layout.root / MARKER).exists():
        raise ConfigError(f"{layout.root} was not made by this command; nothing was removed.")
    gone = accounts.remove_accounts(layout) if os.geteuid() == 0 else []
    if keep_installed:
        for folder in (layout.course, layout.exchange, layout.home(""), layout.state):
            shutil.rmtree(folder, ignore_errors=True)
    else:
        shutil.rmtree(layout.root)
    console.print(
        f"Removed {'the course in ' * keep_installed}{layout.root}"
        + (f" and {', '.join(gone)}." if gone else ".")
    )


def _default_root() -> Path:
    return Path("/srv/dl-course") if os.geteuid() == 0 else CHECKOUT / "build" / "hub"


def _layout(root: Path | None, prefix: str, single: bool, students: tuple[str, ...]) -> Layout:
    user = pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() != 0 and not single:
        raise ConfigError(WITHOUT_ROOT.format(user=user).strip())
    if not (CHECKOUT / "deploy" / "jupyterhub_config.py").exists():
        raise ConfigError("The hub is made from a checkout of the course, with its folder deploy/.")
    return Layout(
        (root or _default_root()).absolute(), prefix=prefix, students=students, account=user * single
    )


def _make(layout: Layout, student_packages: tuple[str, ...]) -> dict[str, str]:
    """Make what is not there yet; return account → password."""
    if layout.root.exists() and not (layout.root / MARKER).exists() and any(layout.root.iterdir()):
        raise ConfigError(f"{layout.root} is not empty and not a hub's. Choose another: HUB_ROOT=/srv/other")
    layout.state.mkdir(parents=True, exist_ok=True)
    layout.root.chmod(0o755)
    layout.state.chmod(0o700)
    (layout.root / MARKER).touch()
    if layout.account:
        layout.home(layout.account).mkdir(parents=True, exist_ok=True)
        logins = {layout.account: secrets.token_hex(5)}
    else:
        logins = accounts.make_accounts(layout)
    install(layout, student_packages, console.print)
    course.make_course(layout)
    if not layout.account and _is_open_to_all(CHECKOUT / "grader" / "checks"):
        console.print(
            f"[yellow]Whoever logs in on this machine can read the checks and the solutions in {CHECKOUT}. "
            f"On a real server: chmod 700 {CHECKOUT}"
        )
    return logins


def _is_open_to_all(folder: Path) -> bool:
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))


def _show(layout: Layout, port: int, logins: dict[str, str]) -> None:
    address = f"http://127.0.0.1:{port}"
    table = Table(title=f"The course's hub: {address}", title_justify="left")
    for column in ("login", "password", "who"):
        table.add_column(column)
    for account, password in logins.items():
        table.add_row(account, password, _role(layout, account))
    console.print(table)
    console.print(
        f"Formgrader, for the instructor: {address}/services/{layout.course_id}/lab?formgrader=true"
    )
    console.print(f"Self-check, for students: {address}/services/self-check/")
    console.print(f"Course folder: {layout.course}; the hub's log: {layout.state / LOG}")
    console.print("Ctrl-C ends it; `make hub-clean` removes it, with its system users.")
    sys.stdout.flush()


def _role(layout: Layout, account: str) -> str:
    if layout.account:
        return "student and instructor"
    return "instructor" if account == layout.instructor else "student"


def main() -> None:
    """Run the command; a mistake of the user is a message and exit status 1."""
    try:
        app()
    except GraderError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
