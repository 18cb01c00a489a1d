"""The command line of the outer wall: what the zygote's file system contains, and nothing else."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from grader.errors import WallError
from grader.sandbox.devices import VISIBLE, Gpu
from grader.sandbox.inside.jail import DRIVER, SCRATCH
from grader.sandbox.packages import Packages

__all__ = [
    "ENVIRONMENT",
    "INSIDE",
    "ONE_THREAD",
    "bootstrap",
    "bound",
    "command",
    "environment",
    "interpreter",
]

INSIDE = Path(__file__).with_name("inside")
PACKAGES = "/packages"
CODE = "/wall"
SYSTEM = ("/usr", "/usr/local")
DEVICES = ("/dev/null", "/dev/random", "/dev/urandom")
# A fork of a process with threads can hang, and many submissions share the cores. References compute so too.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
ENVIRONMENT = {
    "HOME": SCRATCH,
    "USER": "student",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    **ONE_THREAD,
    "PYTHONHASHSEED": "0",  # the order of a set is the same each time: same notebook, same grade
    "PYTHONDONTWRITEBYTECODE": "1",
}


def environment(gpu: Gpu | None) -> dict[str, str]:
    """Return the zygote's environment: what PyTorch may see of the machine's cards, too."""
    if gpu is None:
        return {**ENVIRONMENT, VISIBLE: ""}
    seen = {VISIBLE: gpu.visible} if gpu.visible else {}
    return {
        **ENVIRONMENT,
        **seen,
        "LD_LIBRARY_PATH": ":".join(str(folder) for folder in gpu.folders),
        # Asks the driver's library whether there is a card: a CUDA call before the fork would spoil it.
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # without it the same training gives other sums each time
    }


def interpreter() -> str:
    """Return the real Python beneath any virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def bound() -> list[Path]:
    """Return the places of this machine that are visible behind the wall under their own names."""
    return [Path(interpreter()), Path(sys.base_prefix, "lib"), *_Binds.LIBRARIES]


def bootstrap(walled: bool, code: str, packages: str) -> str:
    """Return the Python text that starts the zygote; its argument is the control socket's descriptor."""
    rights = "from inside import jail; jail.leave_root(); jail.hide_memory(); " if walled else ""
    paths = f"import sys; sys.path[:] = [p for p in sys.path if p] + [{packages!r}, {code!r}]; "
    return f"{paths}{rights}from inside.zygote import main; main(int(sys.argv[1]))"


def command(packages: Packages, descriptor: int, dies_with_thread: bool, gpu: Gpu | None = None) -> list[str]:
    """
    Return the arguments that start a zygote behind the wall.

    Args:
        packages: what the notebook may import.
        descriptor: the control socket, inherited.
        dies_with_thread: let the kernel end it when the thread that starts it ends.
        gpu: what it may train on; None: the CPU.

    Raises:
        WallError: bubblewrap is not installed.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise WallError("The wall needs bubblewrap, and bwrap is not there: apt-get install bubblewrap")
    arguments = [bwrap, *_namespaces(), "--hostname", "wall", "--new-session", "--as-pid-1", "--clearenv"]
    if dies_with_thread:
        arguments.append("--die-with-parent")
    for name, value in environment(gpu).items():
        arguments += ["--setenv", name, value]
    arguments += [*_file_system(packages, gpu), "--chdir", "/", "--"]
    # -s and -P: no user's packages and no current folder among the places to import from.
    return [*arguments, interpreter(), "-sP", "-c", bootstrap(True, CODE, PACKAGES), str(descriptor)]


def _namespaces() -> list[str]:
    common = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if _may_become_nobody():
        # Root mounts as root and then leaves it for good, keeping no more than the right to do so.
        return [*common, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*common, "--unshare-user", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"]


def _may_become_nobody() -> bool:
    """Whether this is root, and not one of a user namespace that has no other uid."""
    if os.geteuid() != 0:
        return False
    rows = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(int(first) <= 65534 < int(first) + int(count) for first, _, count in rows)


def _file_system(packages: Packages, gpu: Gpu | None) -> list[str]:
    binds = _Binds()
    binds.system()
    binds.python()
    for name, path in packages.entries.items():
        binds.add(path, f"{PACKAGES}/{name}")
    binds.add(INSIDE, f"{CODE}/inside")
    if gpu is not None:
        binds.driver(gpu)
    scratch = ["--perms", "1777", "--tmpfs", SCRATCH]  # the zygote's own; each fork covers it with another
    return [*binds.arguments, *_devices(gpu), "--proc", "/proc", *scratch, "--remount-ro", "/"]


def _devices(gpu: Gpu | None) -> list[str]:
    """
    Three devices, the GPU's where there is one, and a folder for each fork's scratch.

    Not bwrap's own /dev: memory that is mapped from /dev/zero is counted to nobody, and by the terminals of
    one /dev/pts submissions that run at the same time could talk.
    """
    arguments = ["--perms", "0755", "--tmpfs", "/dev", "--perms", "0755", "--dir", "/dev/shm"]  # noqa: S108
    for name in DEVICES:
        arguments += ["--dev-bind", name, name]
    for node in gpu.nodes if gpu else ():
        arguments += ["--dev-bind", str(node), str(node)]
    return [*arguments, "--remount-ro", "/dev"]


class _Binds:
    """Collects read-only binds, and makes the folders above each of them readable for nobody."""

    LIBRARIES = tuple(
        Path(name)
        for name in (
            f"/usr/lib/{sysconfig.get_config_var('MULTIARCH') or ''}",
            "/usr/lib64",
            "/usr/lib/locale",
            "/etc/ld.so.cache",
        )
    )

    def __init__(self) -> None:
        self.arguments: list[str] = []
        self._folders: set[str] = set()

    def add(self, source: Path, target: str) -> None:
        for folder in reversed(Path(target).parents[:-1]):
            # bwrap would give them the modes of the real ones: /root is closed to others.
            if str(folder) not in self._folders:
                self._folders.add(str(folder))
                self.arguments += ["--perms", "0755", "--dir", str(folder)]
        self.arguments += ["--ro-bind", str(source), target]

    def hide(self, folder: Path) -> None:
        self.arguments += ["--perms", "0755", "--tmpfs", str(folder), "--remount-ro", str(folder)]

    def driver(self, gpu: Gpu) -> None:
        """Add the GPU driver's libraries, where the loader would not find them, and its account of itself."""
        for path in gpu.libraries:
            if path.parent not in self.LIBRARIES:
                self.add(path.resolve(), str(path))
        if Path("/proc/driver/nvidia").is_dir():
            self.add(Path("/proc/driver/nvidia"), DRIVER)

    def system(self) -> None:
        """Add the C library and its relatives; no commands, no settings, no other language's packages."""
        for path in self.LIBRARIES:
            if path.exists() and not path.is_symlink():
                self.add(path, str(path))
        for path in (Path("/lib"), Path("/lib64"), Path("/usr/lib64")):
            if path.is_symlink():
                self.arguments += ["--symlink", str(path.readlink()), str(path)]
            elif path.exists() and path.parent == Path("/"):
                self.add(path, str(path))

    def python(self) -> None:
        """Add the interpreter and its standard library, without the packages that are installed beside it."""
        binary = Path(interpreter())
        self.add(binary, str(binary))
        prefix = Path(sys.base_prefix)
        library = prefix / "lib"
        if sys.base_prefix in SYSTEM:
            standard = Path(sysconfig.get_path("stdlib"))
            self.add(standard, str(standard))
            for path in library.glob("*.so*"):
                self.add(path, str(path))
        else:
            self.add(library, str(library))
        for kind in ("site-packages", "dist-packages"):
            for folder in library.glob(f"python3*/{kind}"):
                if sys.base_prefix not in SYSTEM or folder.is_relative_to(sysconfig.get_path("stdlib")):
                    self.hide(folder)
