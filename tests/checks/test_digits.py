"""The hidden digits: the file is the one that the thresholds were derived on, and no student has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grader.checks import digits
from grader.errors import ConfigError

STUDENTS_FILE = Path(__file__).parents[2] / "source" / "backprop" / "digits.npz"


def test_there_are_as_many_of_each_digit() -> None:
    images, labels = digits.hidden_digits()
    assert images.shape == (4000, 28, 28)
    assert np.bincount(labels).tolist() == [400] * 10


def test_no_check_can_change_the_digits_of_the_next() -> None:
    images, labels = digits.hidden_digits()
    assert not images.flags.writeable
    assert not labels.flags.writeable


def test_no_hidden_digit_is_in_the_students_file() -> None:
    images, _ = digits.hidden_digits()
    with np.load(STUDENTS_FILE, allow_pickle=False) as file:
        known = {image.tobytes() for image in file["images"]}
    assert len(known) == 1000
    assert not known & {image.tobytes() for image in images}


def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "digits.npz"
    changed.write_bytes(digits.FILE.read_bytes() + b"\0")
    monkeypatch.setattr(digits, "FILE", changed)
    with pytest.raises(ConfigError, match="not the file that the checks were made with"):
        digits.hidden_digits.__wrapped__()


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "FILE", tmp_path / "digits.npz")
    with pytest.raises(ConfigError, match="install the package again"):
        digits.hidden_digits.__wrapped__()


def test_coarse_rows_are_means_of_blocks() -> None:
    image = np.zeros((1, 28, 28), dtype=np.uint8)
    image[0, 2:5, 2:5] = 255
    row = digits.coarse_rows(image)
    assert row.shape == (1, 64)
    assert row[0, 0] == 2.5
    assert np.all(row[0, 1:] == -0.5)
