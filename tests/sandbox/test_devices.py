"""The GPU is found by its driver's files, without a CUDA call; where there is one, trainings use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.checks import catalogue
from grader.config import Limits
from grader.errors import ConfigError
from grader.records import Cell, Submission
from grader.sandbox import Sandbox
from grader.sandbox.devices import find_gpu


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of a machine with one card, as its driver shows it."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm", "nvidia-modeset", "sda"):
        path = tmp_path / "dev" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    library = tmp_path / "usr/lib/x86_64-linux-gnu"
    library.mkdir(parents=True)
    for name in ("libcuda.so.570.1", "libnvidia-ml.so.570.1", "libc.so.6"):
        (library / name).touch()
    (library / "libcuda.so.1").symlink_to("libcuda.so.570.1")
    about = tmp_path / "proc/driver/nvidia"
    (about / "gpus/0000:01:00.0").mkdir(parents=True)
    (about / "gpus/0000:01:00.0/information").write_text("Model: \t\t NVIDIA Test Card\nIRQ:   1\n")
    (about / "version").write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.1  Release\n"
    )
    return tmp_path


def test_a_card_is_found_with_all_that_its_driver_needs(machine: Path) -> None:
    gpu = find_gpu("auto", machine)
    assert gpu is not None
    assert (gpu.name, gpu.driver) == ("NVIDIA Test Card", "570.1")
    assert {path.name for path in gpu.nodes} == {"nvidia0", "nvidiactl", "nvidia-uvm"}
    assert {path.name for path in gpu.libraries} == {
        "libcuda.so.1",
        "libcuda.so.570.1",
        "libnvidia-ml.so.570.1",
    }
    assert gpu.folders == (machine / "usr/lib/x86_64-linux-gnu",)


def test_the_cpu_is_taken_where_it_is_asked_for(machine: Path) -> None:
    assert find_gpu("cpu", machine) is None


def test_a_machine_without_a_card_takes_the_cpu(tmp_path: Path) -> None:
    assert find_gpu("auto", tmp_path) is None


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("dev/nvidia0", "/dev/nvidia0"),
        ("dev/nvidiactl", "/dev/nvidiactl"),
        ("usr/lib/x86_64-linux-gnu/libcuda.so.*", "libcuda"),
    ],
)
def test_half_a_driver_is_no_card_and_a_demand_says_what_is_missing(
    machine: Path, missing: str, words: str
) -> None:
    for path in machine.glob(missing):
        path.unlink()
    assert find_gpu("auto", machine) is None
    with pytest.raises(ConfigError, match=words):
        find_gpu("cuda", machine)


def test_cards_that_are_hidden_are_not_used(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert find_gpu("auto", machine) is None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    gpu = find_gpu("auto", machine)
    assert gpu is not None
    assert gpu.visible == "1"


def test_another_choice_is_refused() -> None:
    with pytest.raises(ConfigError, match="auto, cpu, cuda"):
        find_gpu("gpu")


TRAINS = """
import torch

def device():
    return "cuda" if torch.cuda.is_available() else "cpu"

def trained(steps):
    w = torch.zeros(3, device=device(), requires_grad=True)
    for _ in range(steps):
        loss = ((w - 1.0) ** 2).sum()
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            w.grad.zero_()
    return w
"""
CELLS = Submission("anna", "first_model", "first_model", (Cell(0, "code", TRAINS, runs=True),))


def test_behind_the_wall_torch_sees_no_card_on_a_machine_without() -> None:
    with Sandbox(Limits()) as sandbox, sandbox.start(CELLS, ("numpy", "torch"), on_gpu=True) as student:
        assert student.device == "cpu"
        assert student.call("device") == "cpu"
        assert student.call("trained", 100) == pytest.approx([1.0, 1.0, 1.0], abs=1e-3)


@pytest.mark.skipif(find_gpu("auto") is None, reason="this machine has no NVIDIA GPU with its driver")
def test_behind_the_wall_a_training_runs_on_the_card() -> None:
    gpu = find_gpu("cuda")
    assert gpu is not None
    with Sandbox(Limits(), gpu=gpu) as sandbox:
        for _ in range(2):  # each fork makes its own first CUDA call
            with sandbox.start(CELLS, ("numpy", "torch"), on_gpu=True) as student:
                assert student.device == gpu.name
                assert student.call("device") == "cuda"
                assert student.call("trained", 100, seconds=60) == pytest.approx([1.0, 1.0, 1.0], abs=1e-3)


def test_a_notebook_whose_trainings_gain_by_a_card_says_so() -> None:
    assert {name for name in catalogue.known() if catalogue.find(*name).prefers_gpu} == {
        ("first_model", "first_model"),
        ("tuning", "tuning"),
    }
