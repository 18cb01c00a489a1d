"""
The digits that training checks draw from: the instructor's own, else all of MNIST, else a small part of it.

All of MNIST is there after `make data` (data/mnist/README.md). The small part, 4,000 digits that no notebook
has, is in this package (data/README.md beside this file) and always there.
"""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
import zlib
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from grader.checks import idx
from grader.errors import ConfigError

__all__ = [
    "MNIST",
    "Digits",
    "coarse_rows",
    "find_digits",
    "hidden_digits",
    "mnist_folder",
    "small_part",
    "wrong_files",
]

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]

FILE = Path(__file__).parent / "data" / "digits.npz"
SHA256 = "6ea83a22e9b149fa8b19cbc6b41dd330d485b49320e884c774dfa2fa92683237"
TRAINING_DIGITS = 3000  # of the small part; the other 1,000 are held out

# The files of MNIST in the order of the fields of Digits; SHA-256 of each, unpacked.
MNIST = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
ARRAYS = ("images", "labels", "held_out_images", "held_out_labels")


class Digits(msgspec.Struct, frozen=True, eq=False):
    """
    Digits to draw from; no array is writable, since all checks share them.

    Args:
        name: which they are: "mnist-70000", "mnist-5000" (the part that is always there), or "own-" with the
            beginning of their SHA-256.
        images: shape (n, 28, 28), uint8: 0 is paper, 255 is ink.
        labels: shape (n,), int64: which digit it is.
        held_out_images: shape (k, 28, 28), uint8: to judge by, never to train on.
        held_out_labels: shape (k,), int64.
    """

    name: str
    images: Images
    labels: Labels
    held_out_images: Images
    held_out_labels: Labels


def find_digits(course: Path, setting: str = "") -> Digits:
    """
    Return the digits of a course; loaded once a process: 10 ms for the small part, 0.2 s for all of MNIST.

    Args:
        course: the course folder; `make data` puts MNIST into its data/mnist.
        setting: the instructor's own digits: a folder with four IDX files named as MNIST's, plain or .gz, or
            an .npz file with the arrays that Digits has. Seen from the course folder.

    Raises:
        ConfigError: files are missing, damaged or not what they must be. Damaged ones are never passed over:
            results on other digits than the instructor thinks would be worse than none.
    """
    if setting:
        return _own_digits((course / setting).resolve())
    folder = mnist_folder(course).resolve()
    if any(idx.find(folder, name) for name in MNIST):
        return _full_mnist(folder)
    return small_part()


def mnist_folder(course: Path) -> Path:
    """Return where the full MNIST lies, if it was fetched."""
    return course / "data" / "mnist"


def wrong_files(folder: Path) -> list[str]:
    """Return which files of MNIST are missing from *folder* or are not the right ones, a phrase each."""
    problems = []
    for name, digest in MNIST.items():
        path = idx.find(folder, name)
        if path is None:
            problems.append(f"{name} is missing")
        elif hashlib.sha256(idx.unpacked(path)).hexdigest() != digest:
            problems.append(f"{path.name} has another SHA-256 than MNIST's file")
    return problems


@functools.cache
def hidden_digits() -> tuple[Images, Labels]:
    """
    Load the digits that no student has; about 10 ms, once a process.

    Returns:
        Images (4000, 28, 28) uint8 and labels (4000,) int64; shared by all callers, and so not writable.

    Raises:
        ConfigError: the file is missing, or not the one that the thresholds were derived on.
    """
    if not FILE.is_file():
        raise ConfigError(f"{FILE} is missing: install the package again, with its data.")
    content = FILE.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ConfigError(
            f"{FILE} is not the file that the checks were made with; data/README.md says which is."
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"].astype(np.int64)
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


def coarse_rows(images: Images) -> npt.NDArray[np.float64]:
    """
    Shrink images so far that a net without any vectorisation can learn them in seconds.

    The outer two pixels, which are empty in nearly every digit, go; each 3 by 3 block becomes its mean.

    Args:
        images: shape (m, 28, 28), uint8.

    Returns:
        Shape (m, 64), from -0.5 (paper) to 2.5 (ink): centred near zero, of order 1.
    """
    blocks = images[:, 2:26, 2:26].reshape(-1, 8, 3, 8, 3)
    return np.asarray(3.0 * blocks.mean(axis=(2, 4)).reshape(-1, 64) / 255.0 - 0.5)


@functools.cache
def small_part() -> Digits:
    """Return the digits that are always there: 3,000 that no notebook has, and 1,000 held out."""
    images, labels = hidden_digits()
    n = TRAINING_DIGITS  # the file is in random order
    return Digits("mnist-5000", images[:n], labels[:n], images[n:], labels[n:])


@functools.cache
def _full_mnist(folder: Path) -> Digits:
    problems = wrong_files(folder)
    if problems:
        raise ConfigError(
            f"The MNIST in {folder} can't be used: {'; '.join(problems)}. Fetch it again with `make data`, "
            "or delete its files to grade with the small set of digits."
        )
    arrays, _ = _idx_arrays(folder)
    return _checked("mnist-70000", arrays, folder)


@functools.cache
def _own_digits(path: Path) -> Digits:
    if path.is_dir():
        arrays, digest = _idx_arrays(path)
    elif path.suffix == ".npz" and path.is_file():
        arrays, digest = _npz_arrays(path)
    else:
        raise ConfigError(
            f"The setting `digits` names {path}, and that is neither a folder nor an .npz file. Correct the "
            "setting, or leave it out to use the course's own digits."
        )
    return _checked(f"own-{digest[:8]}", arrays, path)


def _idx_arrays(folder: Path) -> tuple[dict[str, npt.NDArray[np.generic]], str]:
    """Return the four arrays of a folder of IDX files, and the SHA-256 of all four."""
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    digest = hashlib.sha256()
    for field, name in zip(ARRAYS, MNIST, strict=True):
        path = idx.find(folder, name)
        if path is None:
            raise ConfigError(f"{folder} has no {name} and no {name}.gz. Put all four files of digits there.")
        content = idx.unpacked(path)
        digest.update(hashlib.sha256(content).digest())
        arrays[field] = idx.parse(content, 3 if "images" in field else 1, path)
    return arrays, digest.hexdigest()


def _npz_arrays(path: Path) -> tuple[dict[str, npt.NDArray[np.generic]], str]:
    content = idx.unpacked(path)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in ARRAYS}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigError(
            f"{path} is not an .npz file with the arrays {', '.join(ARRAYS)}: {error}. Write it with "
            "numpy.savez_compressed, without objects."
        ) from error
    return arrays, hashlib.sha256(content).hexdigest()


def _checked(name: str, arrays: dict[str, npt.NDArray[np.generic]], path: Path) -> Digits:
    """Return the digits, if a check can draw from them as many as from the small part."""
    least = {"images": TRAINING_DIGITS, "held_out_images": len(hidden_digits()[0]) - TRAINING_DIGITS}
    for field, count in least.items():
        images, labels = arrays[field], arrays[field.replace("images", "labels")]
        problem = _problem(images, labels, count)
        if problem:
            raise ConfigError(f"The digits in {path}: {field} {problem}. Correct the files.")
    images, labels, held_out_images, held_out_labels = (arrays[field] for field in ARRAYS)
    digits = Digits(
        name,
        images.astype(np.uint8, copy=False),
        labels.astype(np.int64),
        held_out_images.astype(np.uint8, copy=False),
        held_out_labels.astype(np.int64),
    )
    for field in ARRAYS:
        getattr(digits, field).flags.writeable = False
    return digits


def _problem(images: npt.NDArray[np.generic], labels: npt.NDArray[np.generic], least: int) -> str:
    """Return what is wrong with some images and their labels; empty if nothing is."""
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        return f"must be (n, 28, 28) of uint8 and is {images.shape} of {images.dtype}"
    if len(images) < least:
        return f"has {len(images):,} digits, and the checks need {least:,}"
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        return f"has {len(images):,} digits, and labels {labels.shape} of {labels.dtype}: one integer each"
    found = np.unique(labels).tolist()
    if found != list(range(10)):
        return f"must have labels from 0 to 9, each of them, and has {found[:12]}"
    return ""
