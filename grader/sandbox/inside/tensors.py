"""Tensors at the wall: they cross as arrays, wherever their numbers lie and whatever follows them."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

__all__ = ["array_of", "tensor_of", "tensors_of"]


def array_of(value: Any) -> Any:
    """Return a tensor's numbers as an array on the CPU; None if *value* is no tensor that NumPy can hold."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.Tensor):
        return None
    try:
        plain = value.detach().cpu()
        if plain.dtype == torch.bfloat16:
            plain = plain.float()  # NumPy has no such type; float32 holds all its values
        # A subclass could return anything; what is no plain array stays here.
        array = plain.resolve_conj().resolve_neg().numpy()
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return None  # sparse, quantised, on no device: it stays where it is
    return array if type(array) is np.ndarray else None


def tensor_of(array: Any) -> Any:
    """Return a tensor that owns its numbers; where the notebook may not have PyTorch, the array itself."""
    torch: Any = sys.modules.get("torch")
    return array if torch is None else torch.from_numpy(array)


def tensors_of(value: Any) -> Any:
    """Return *value* with tensors in the place of arrays, within its lists, tuples and dicts too."""
    if isinstance(value, np.ndarray):
        return tensor_of(value)
    if isinstance(value, dict):
        return {key: tensors_of(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(tensors_of(item) for item in value)
    return value
