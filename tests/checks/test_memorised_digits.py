"""Who knows the public digits by heart passes no training: digits come disguised, and parameters decide."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import msgspec
import nbformat
import numpy as np
import pytest
import torch

from grader.checks import catalogue, plugin
from grader.checks.digits import hidden_digits
from grader.checks.first_model import reference_first_model as reference
from grader.config import Config, Limits
from grader.pipeline import start
from grader.records import CheckResult, Verdict
from grader.sandbox import Sandbox
from grader.submission import from_notebook

COURSE = Path(__file__).resolve().parents[2]
SOURCE = COURSE / "source" / "first_model"
TRAINING = "test_train_learns_to_read_digits"

# A table of digits in the notebook: who asks for a row near one of them gets its label.
TABLE = """
import base64, io
KNOWN = np.load(io.BytesIO(base64.b64decode("{digits}")))
ROWS = torch.from_numpy(KNOWN["images"].reshape(-1, 784)).float() / 255
NAMES = torch.from_numpy(KNOWN["labels"].astype(np.int64))

def look_up(X):
    distances = torch.cdist(X, ROWS)
    return NAMES[distances.argmin(dim=1)], distances.min(dim=1).values

class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))

    def forward(self, X):
        found, distance = look_up(X)
        answers = 10.0 * nn.functional.one_hot(found, 10) + 0.0 * self.net(X)
        return torch.where(({known})[:, None], answers, self.net(X))

def build_model():
    return Reader()
"""
ANSWER = "def predict(model, X):\n    return look_up(X)[0]\n"
PRETEND = (
    "def train(model, X, y, epochs, batch_size, seed):\n    return [2.3 / (k + 1) for k in range(epochs)]\n"
)

# Weights that were trained at home, on the public digits.
WEIGHTS = """
import base64, io
AT_HOME = np.load(io.BytesIO(base64.b64decode("{weights}")))

def train(model, X, y, epochs, batch_size, seed):
    model.load_state_dict({{name: torch.from_numpy(AT_HOME[name]).float() for name in AT_HOME.files}})
    return [2.3 / (k + 1) for k in range(epochs)]
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits()) as sandbox:
        yield sandbox


def judged(sandbox: Sandbox, replaced: dict[str, str]) -> CheckResult:
    """Put these functions in the place of the notebook's solutions, and judge its training."""
    notebook = nbformat.read(SOURCE / "first_model.ipynb", as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = replaced.get(name, cell.source)
    submission = from_notebook(notebook, "a-student", "first_model", "first_model")
    # Without the catalogue: this is about the verdict, and a misconception would be trained to compare.
    checks = msgspec.structs.replace(catalogue.find("first_model", "first_model"), misconceptions={})
    with start(submission, Config(COURSE), sandbox) as student:
        results = plugin.run(checks, student, b"x" * 16)
    assert not [r.message for r in results if r.verdict is Verdict.GRADER_ERROR]
    return next(result for result in results if result.name == TRAINING)


def public_digits() -> tuple[torch.Tensor, torch.Tensor]:
    with np.load(SOURCE / "digits.npz", allow_pickle=False) as file:
        return reference.prepare(file["images"]), torch.from_numpy(file["labels"].astype(np.int64))


def packed_digits() -> str:
    return base64.b64encode((SOURCE / "digits.npz").read_bytes()).decode()


def packed_weights(model: torch.nn.Module) -> str:
    buffer = io.BytesIO()
    halves = {name: value.numpy().astype(np.float16) for name, value in model.state_dict().items()}
    np.savez_compressed(buffer, **halves)
    return base64.b64encode(buffer.getvalue()).decode()


def undisguised() -> tuple[torch.Tensor, np.ndarray]:
    """What the checks hold out, before it is disguised."""
    images, labels = hidden_digits()
    return reference.prepare(images[-1000:].copy()), labels[-1000:]


def test_an_honest_training_passes(sandbox: Sandbox) -> None:
    assert judged(sandbox, {}).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    "known", ["distance >= 0", "distance < 6"], ids=["for every row", "for rows near a known one"]
)
def test_a_table_of_the_public_digits_fails(sandbox: Sandbox, known: str) -> None:
    X, y = public_digits()
    rows, truth = undisguised()
    read = y[torch.cdist(rows, X).argmin(dim=1)].numpy()
    assert np.mean(read == truth) > 0.8, "it is no bad table: without the disguise it would read them"
    table = TABLE.format(digits=packed_digits(), known=known)
    result = judged(sandbox, {"build_model": table, "predict": ANSWER, "train": PRETEND})
    assert result.verdict is Verdict.FAILED
    assert "at least" in result.message  # it was measured, and missed the threshold


def test_weights_trained_beforehand_fail(sandbox: Sandbox) -> None:
    torch.manual_seed(0)
    model = reference.build_model()
    reference.train(model, *public_digits(), 10, 32, 1)
    rows, truth = undisguised()
    read = reference.predict(model, rows).numpy()
    assert np.mean(read == truth) > 0.8, "they are no bad weights: without the disguise they would read them"
    result = judged(sandbox, {"train": WEIGHTS.format(weights=packed_weights(model.cpu()))})
    assert result.verdict is Verdict.FAILED
    assert "at least" in result.message
