"""
Which GPU this machine has, and what a process behind the wall needs to see of it.

Nothing here makes a CUDA call: a process that has made one can't fork. What is there is read from the files
that NVIDIA's driver shows.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import msgspec

from grader.errors import ConfigError

__all__ = ["CHOICES", "VISIBLE", "Gpu", "find_gpu"]

CHOICES = ("auto", "cpu", "cuda")
DRIVER = Path("proc/driver/nvidia")
# What the driver puts between a program and the card; the other libraries of CUDA come with PyTorch.
LIBRARIES = (
    "libcuda.so",
    "libnvidia-ml.so",
    "libnvidia-ptxjitcompiler.so",
    "libnvidia-nvvm.so",
    "libnvidia-gpucomp.so",
)
# Where containers that are lent a GPU find them, beside the loader's own list.
LENT = (Path("usr/local/nvidia/lib64"), Path("usr/local/nvidia/lib"), Path("usr/local/cuda/compat"))
NODES = ("nvidia[0-9]*", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-caps/*")
LOADER_SECONDS = 10.0
VISIBLE = "CUDA_VISIBLE_DEVICES"


class Gpu(msgspec.Struct, frozen=True):
    """
    An NVIDIA GPU, as far as the wall must know it.

    Args:
        name: of the first card: "NVIDIA H100 80GB HBM3".
        driver: its version.
        nodes: device files.
        libraries: the driver's shared libraries, links among them.
        visible: what CUDA_VISIBLE_DEVICES says here, passed on; empty where it says nothing.
    """

    name: str
    driver: str
    nodes: tuple[Path, ...]
    libraries: tuple[Path, ...]
    visible: str = ""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the libraries lie, for the loader."""
        return tuple(dict.fromkeys(path.parent for path in self.libraries))


def find_gpu(choice: str, root: Path = Path("/")) -> Gpu | None:
    """
    Return the GPU that trainings may use, or None for the CPU.

    Args:
        choice: "auto": a GPU where there is one; "cpu": never; "cuda": it must be there.
        root: the root of the file system; another one in tests.

    Raises:
        ConfigError: another choice, or "cuda" and there is none that could be used.
    """
    if choice not in CHOICES:
        raise ConfigError(f"device is {choice!r}; it may be {', '.join(CHOICES)}.")
    if choice == "cpu":
        return None
    nodes = tuple(sorted(path for pattern in NODES for path in (root / "dev").glob(pattern)))
    libraries = tuple(_libraries(root)) if nodes else ()
    names = {path.name.partition(".so")[0] for path in libraries}
    hidden = os.environ.get(VISIBLE, "all") in ("", "-1")
    missing = [
        text
        for text, there in (
            (
                "a device file /dev/nvidia0",
                any(path.name == "nvidia0" or path.name[6:].isdigit() for path in nodes),
            ),
            ("/dev/nvidiactl", any(path.name == "nvidiactl" for path in nodes)),
            ("the driver's libcuda.so.1", "libcuda" in names),
            (f"a card that {VISIBLE} lets be seen", not hidden),
        )
        if not there
    ]
    if not missing:
        return Gpu(_model(root), _version(root), nodes, libraries, os.environ.get(VISIBLE, ""))
    if choice == "cuda":
        raise ConfigError(
            f'device is "cuda", but this machine lacks {missing[0]}: install the driver, lend the container '
            'the GPU, or set device to "auto".'
        )
    return None


def _libraries(root: Path) -> Iterable[Path]:
    """Yield the driver's libraries and the files that they are links to."""
    folders = [root / folder for folder in LENT]
    folders += sorted({path.parent for path in _known_to_the_loader(root)})
    for folder in dict.fromkeys(folders):
        for name in LIBRARIES:
            yield from sorted(folder.glob(f"{name}*"))


def _known_to_the_loader(root: Path) -> list[Path]:
    if root != Path("/"):
        return [*root.glob("usr/lib/*/libcuda.so*"), *root.glob("usr/lib64/libcuda.so*")]
    try:
        listed = subprocess.run(
            ["/sbin/ldconfig", "-p"], capture_output=True, text=True, timeout=LOADER_SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = [line for line in listed.splitlines() if line.strip().startswith("libcuda.so")]
    return [Path(line.rpartition("=> ")[2].strip()) for line in lines if "=> " in line]


def _model(root: Path) -> str:
    for path in sorted((root / DRIVER).glob("gpus/*/information")):
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("Model:"):
                return line.partition(":")[2].strip()
    return "NVIDIA GPU"


def _version(root: Path) -> str:
    try:
        words = (root / DRIVER / "version").read_text(errors="replace").splitlines()[0].split()
    except (OSError, IndexError):
        return "unknown"
    return next((word for word in words if word[:1].isdigit() and "." in word), "unknown")
