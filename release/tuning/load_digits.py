"""
Load handwritten digits to train on, for the notebooks of this folder.

The digits are part of MNIST (LeCun, Cortes and Burges). 1,000 of them lie beside this file and are all that
you need; they are also what there is when your notebook is graded. If you have all 60,000, in the files
`train-images-idx3-ubyte` and `train-labels-idx1-ubyte` as they are or with `.gz`, put these into a folder
`mnist` beside this file, or name their folder in the environment variable MNIST_DIR. Nothing is downloaded,
and the 10,000 digits that MNIST holds out are never looked at.
"""

import gzip
import math
import os
from pathlib import Path

import numpy as np

__all__ = ["load_digits"]

HERE = Path(__file__).resolve().parent
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def load_digits(folder=None):
    """
    Load images of digits, and which digit each of them is; one printed line says which ones they are.

    Where a folder is named, by the argument or else by MNIST_DIR, its digits are loaded. Otherwise those of
    the folder `mnist` beside this file, if it has any; and otherwise the 1,000 in `digits.npz` beside it.

    Args:
        folder: where MNIST's training files lie; None: look in the places above.

    Returns:
        images: shape (m, 28, 28), uint8; 0 is paper, 255 is ink.
        labels: shape (m,), int64, from 0 to 9.

    Raises:
        FileNotFoundError: the named folder does not have the two files.
        ValueError: a file is damaged, or not what its name says.

    Example:
        >>> images, labels = load_digits()
        1,000 digits from digits.npz.
        >>> images.shape
        (1000, 28, 28)
    """
    folder = folder or os.environ.get("MNIST_DIR")
    if folder is None and _find(HERE / "mnist", IMAGES):
        folder = HERE / "mnist"
    if folder is None:
        with np.load(HERE / "digits.npz", allow_pickle=False) as file:
            images, labels = file["images"], file["labels"].astype(np.int64)
        place = "digits.npz"
    else:
        images = _read(Path(folder), IMAGES, axes=3)
        labels = _read(Path(folder), LABELS, axes=1).astype(np.int64)
        place = folder
    if len(images) != len(labels):
        raise ValueError(
            f"{len(images)} images and {len(labels)} labels in {place}: one of the files is wrong."
        )
    print(f"{len(images):,} digits from {place}.")
    return images, labels


def _find(folder, name):
    """Return the file of that name, plain or packed, or None."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    return None


def _read(folder, name, axes):
    """Return the array of an IDX file: a magic number, the sizes as big-endian words, then its bytes."""
    path = _find(folder, name)
    if path is None:
        raise FileNotFoundError(f"There is no {name} and no {name}.gz in {folder}.")
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    start = 4 * (axes + 1)
    if len(content) < start or content[:4] != bytes([0, 0, 8, axes]):
        raise ValueError(f"{path} is not an IDX file with {axes} axes of bytes.")
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist())
    values = np.frombuffer(content, np.uint8, offset=start)
    if values.size != math.prod(shape):
        raise ValueError(
            f"{path} should hold {shape} bytes and holds {values.size}: it is cut off or damaged."
        )
    return values.reshape(shape).copy()  # a copy may be written to
