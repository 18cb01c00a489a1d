"""The hub's system users and groups: made with a mark, and only what bears the mark is ever removed."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import secrets
import signal
import subprocess
import time
from pathlib import Path

import psutil

from grader.errors import ConfigError
from grader.hub.layout import Layout

__all__ = ["chown_tree", "end_processes", "make_accounts", "own_accounts", "passwords", "remove_accounts"]


def mark(layout: Layout) -> str:
    """Return what stands in the comment field of each user that belongs to this hub."""
    return f"made by the course hub in {layout.root}"


def make_accounts(layout: Layout) -> dict[str, str]:
    """
    Make the groups and users that are not there yet, and give whoever logs in a password.

    Returns:
        Account → password, as they are kept in the hub's state folder.

    Raises:
        ConfigError: a user of such a name exists that this hub did not make.
    """
    logins = [layout.instructor, *layout.student_accounts] if layout.students else []
    _leave_others_alone(layout, [layout.grader, *logins])
    for group in (layout.instructors_group, layout.students_group):
        if not _has_group(group):
            _system("groupadd", group)
    layout.home("").mkdir(parents=True, exist_ok=True)
    for account in (layout.grader, *logins):
        group = layout.students_group if account in layout.student_accounts else layout.instructors_group
        _make_user(layout, account, group)
    return _give_passwords(layout, logins)


def own_accounts(layout: Layout) -> list[pwd.struct_passwd]:
    """Return the users that bear this hub's mark and prefix."""
    return [
        user
        for user in pwd.getpwall()
        if user.pw_name.startswith(layout.prefix) and user.pw_gecos == mark(layout)
    ]


def remove_accounts(layout: Layout) -> list[str]:
    """End what the hub's users still run and remove them; return the names of what is gone."""
    end_processes(layout)
    gone = []
    for user in own_accounts(layout):
        _system("userdel", user.pw_name)
        gone.append(user.pw_name)
    if gone:  # the groups were made together with the users
        for group in (layout.instructors_group, layout.students_group):
            if _has_group(group) and not grp.getgrnam(group).gr_mem:
                _system("groupdel", group)
                gone.append(group)
    return gone


def end_processes(layout: Layout, patience: float = 5.0) -> None:
    """End all processes of the hub's users, kindly first; after *patience* seconds by force."""
    uids = {user.pw_uid for user in own_accounts(layout)}
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + patience
        left = _processes_of(uids)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended by itself
                process.send_signal(number)
        while left and time.monotonic() < deadline:
            left = psutil.wait_procs(left, timeout=0.2)[1]
        if not _processes_of(uids):
            return


def passwords(layout: Layout) -> dict[str, str]:
    """Return account → password as *make_accounts* wrote them; empty before that."""
    file = _passwords_file(layout)
    if not file.exists():
        return {}
    return dict(line.split() for line in file.read_text().splitlines())


def _passwords_file(layout: Layout) -> Path:
    return layout.state / "passwords"


def _give_passwords(layout: Layout, accounts: list[str]) -> dict[str, str]:
    known = passwords(layout)
    given = {account: known.get(account, secrets.token_hex(5)) for account in accounts}
    lines = "".join(f"{account}:{password}\n" for account, password in given.items())
    _system("chpasswd", text=lines)
    file = _passwords_file(layout)
    file.touch(mode=0o600)
    file.write_text("".join(f"{account} {password}\n" for account, password in given.items()))
    return given


def _leave_others_alone(layout: Layout, accounts: list[str]) -> None:
    own = {user.pw_name for user in own_accounts(layout)}
    taken = sorted({user.pw_name for user in pwd.getpwall()} & set(accounts) - own)
    if taken:
        raise ConfigError(
            f"These system users exist already, and not this hub made them: {', '.join(taken)}. Nothing was "
            "changed. Choose other names: HUB_PREFIX=other- make hub"
        )


def _make_user(layout: Layout, account: str, group: str) -> None:
    if account in {user.pw_name for user in own_accounts(layout)}:
        return
    _system(
        *("useradd", "--create-home", "--home-dir", str(layout.home(account)), "--user-group"),
        *("--groups", group, "--shell", "/bin/bash", "--comment", mark(layout), "--key", "HOME_MODE=0700"),
        account,
    )


def _has_group(name: str) -> bool:
    return name in {group.gr_name for group in grp.getgrall()}


def _processes_of(uids: set[int]) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.uids().real in uids and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def _system(*command: str, text: str = "") -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise ConfigError(f"`{command[0]}` failed for {command[-1]!r}: {done.stderr.strip()}")


def chown_tree(folder: Path, account: str) -> None:
    """Give *folder* and all in it to *account*."""
    user = pwd.getpwnam(account)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
