"""
Which files of the installed packages a notebook may see: its own list, what that needs, and the shell.

An allow-list by construction: what is not found here is not bound into the wall's file system, so no
trick of Python's import system can reach it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from grader.errors import ConfigError

__all__ = ["Packages", "packages"]

SHELL = ("ipython", "matplotlib-inline", "msgspec", "numpy")  # what the code inside the wall itself imports


class Packages(msgspec.Struct, frozen=True):
    """
    What a list of imports means on this machine.

    Args:
        imports: the list, sorted.
        allowed: every top-level name of the listed distributions: what a cell may import.
        entries: name in the wall's package folder → folder or file here.
    """

    imports: tuple[str, ...]
    allowed: tuple[str, ...]
    entries: dict[str, Path]


@functools.cache
def packages(imports: tuple[str, ...]) -> Packages:
    """
    Find the installed files of *imports* and of everything that these need.

    Raises:
        ConfigError: one of them is not installed.
    """
    listed = [_distribution(name) for name in imports]
    entries: dict[str, Path] = {}
    for distribution in _closure([*listed, *map(metadata.distribution, SHELL)]):
        entries.update(_entries(distribution))
    allowed = {_module(entry) for each in listed for entry in _entries(each)} | set(imports)
    return Packages(tuple(sorted(imports)), tuple(sorted(allowed)), entries)


def _distribution(name: str) -> metadata.Distribution:
    """Find the distribution of a top-level import name; most often it has the same name."""
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        pass
    for found in metadata.packages_distributions().get(name, ()):
        return metadata.distribution(found)
    raise ConfigError(f"A notebook may import {name!r}, but it is not installed here: pip install {name}")


def _closure(todo: list[metadata.Distribution]) -> Iterable[metadata.Distribution]:
    seen: set[str] = set()
    while todo:
        distribution = todo.pop()
        name = canonicalize_name(distribution.metadata["Name"])
        if name in seen:
            continue
        seen.add(name)
        yield distribution
        for text in distribution.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo += _installed(requirement.name)


def _installed(name: str) -> list[metadata.Distribution]:
    try:
        return [metadata.distribution(name)]
    except metadata.PackageNotFoundError:
        return []  # what needs it will say so, if it is imported at all


def _entries(distribution: metadata.Distribution) -> dict[str, Path]:
    """Return the top-level files and folders of a distribution: packages, modules, shared libraries."""
    found: dict[str, Path] = {}
    for file in distribution.files or ():
        name = file.parts[0]
        if name not in ("..", "__pycache__", "/") and name not in found:
            path = Path(str(distribution.locate_file(name)))
            if path.exists() and path.suffix != ".pth":
                found[name] = path
    return found


def _module(entry: str) -> str:
    return entry.partition(".")[0]
