"""The loader beside the notebooks: which digits it takes, and never those that are held out."""

from __future__ import annotations

import gzip
import importlib.util
import shutil
import struct
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
LOADERS = sorted((ROOT / "source").glob("*/load_digits.py"))
IMAGES = np.arange(3 * 784, dtype=np.uint32).astype(np.uint8).reshape(3, 28, 28)
LABELS = np.array([7, 0, 9], np.uint8)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Return a student's folder: the released files, and no notebook."""
    monkeypatch.delenv("MNIST_DIR", raising=False)
    for name in ("load_digits.py", "digits.npz"):
        shutil.copy(ROOT / "source" / "first_model" / name, tmp_path)
    return tmp_path


def module(folder: Path) -> ModuleType:
    """Import the loader from its file, as a notebook beside it would."""
    spec = importlib.util.spec_from_file_location("load_digits", folder / "load_digits.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">I{array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


def put_mnist(folder: Path, pack: bool = False) -> Path:
    folder.mkdir()
    for name, array in (("train-images-idx3-ubyte", IMAGES), ("train-labels-idx1-ubyte", LABELS)):
        content = gzip.compress(idx(array)) if pack else idx(array)
        (folder / (f"{name}.gz" if pack else name)).write_bytes(content)
    return folder


def test_each_assignment_has_the_same_loader_and_the_same_digits():
    assert [path.parent.name for path in LOADERS] == ["first_model", "tuning"]
    assert len({path.read_bytes() for path in LOADERS}) == 1
    public = (ROOT / "source" / "backprop" / "digits.npz").read_bytes()
    assert all(path.with_name("digits.npz").read_bytes() == public for path in LOADERS)


def test_without_mnist_there_are_the_thousand_digits_beside_it(folder, capsys):
    images, labels = module(folder).load_digits()
    assert (images.shape, images.dtype) == ((1000, 28, 28), np.uint8)
    assert (labels.shape, labels.dtype) == ((1000,), np.int64)
    assert np.bincount(labels).tolist() == [100] * 10
    assert capsys.readouterr().out == "1,000 digits from digits.npz.\n"


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("way", ["argument", "environment", "beside"])
def test_mnist_is_taken_from_where_it_is_said_to_be(folder, tmp_path, monkeypatch, capsys, way, pack):
    place = put_mnist(folder / "mnist" if way == "beside" else tmp_path / "elsewhere", pack)
    if way == "environment":
        monkeypatch.setenv("MNIST_DIR", str(place))
    images, labels = module(folder).load_digits(place if way == "argument" else None)
    assert np.array_equal(images, IMAGES)
    assert np.array_equal(labels, LABELS)
    assert labels.dtype == np.int64
    images[0, 0, 0] = 1  # a student may write to them
    assert capsys.readouterr().out == f"3 digits from {place}.\n"


def test_the_argument_comes_before_the_environment(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "nowhere"))
    assert len(module(folder).load_digits(put_mnist(tmp_path / "elsewhere"))[0]) == 3
    with pytest.raises(FileNotFoundError, match="no train-images-idx3-ubyte"):
        module(folder).load_digits()


def test_what_is_damaged_is_named(folder):
    path = put_mnist(folder / "mnist") / "train-images-idx3-ubyte"
    for content, message in [
        (path.read_bytes()[:-1], "cut off or damaged"),
        (idx(LABELS), "not an IDX file with 3 axes"),
        (b"\0", "not an IDX file"),
        (idx(IMAGES[:2]), "2 images and 3 labels"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            module(folder).load_digits()


def test_it_never_names_the_files_that_are_held_out():
    assert "t10k" not in LOADERS[0].read_text()


@pytest.mark.parametrize("name", ["load_digits.py", "digits.npz"])
def test_every_copy_that_nbgrader_releases_beside_a_notebook_is_the_same(name: str) -> None:
    assert len(LOADERS) > 1
    assert len({path.with_name(name).read_bytes() for path in LOADERS}) == 1
