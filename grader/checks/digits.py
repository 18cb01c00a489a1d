"""The digits that training checks draw from: 4,000 of MNIST that no notebook has (data/README.md)."""

from __future__ import annotations

import functools
import hashlib
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from grader.errors import ConfigError

__all__ = ["coarse_rows", "hidden_digits"]

FILE = Path(__file__).parent / "data" / "digits.npz"
SHA256 = "6ea83a22e9b149fa8b19cbc6b41dd330d485b49320e884c774dfa2fa92683237"


@functools.cache
def hidden_digits() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """
    Load the hidden digits; about 10 ms, once a process.

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


def coarse_rows(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
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
