"""Steps of training by PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from redundancy.network import Array
from redundancy.zoo.backends import Inputs, Logits, Step

if TYPE_CHECKING:
    import keras


def step_of(model: keras.Model, optimizer: Any) -> Step:
    """See `redundancy.zoo.backends`."""
    variables = model.trainable_variables
    moving = [variable for variable in model.non_trainable_variables if variable.dtype.startswith(("float", "bfloat"))]

    def step(inputs: Inputs, labels: Array) -> bool:
        before = [variable.value.detach().clone() for variable in moving]
        logits = model(_tensors(inputs), training=True)
        exact = logits if logits.dtype == torch.float64 else logits.to(torch.float32)
        loss = torch.nn.functional.cross_entropy(exact, torch.as_tensor(labels))
        loss = sum((penalty.to(loss.dtype) for penalty in model.losses), loss)
        if not bool(torch.isfinite(loss)):
            for variable, old in zip(moving, before, strict=True):
                variable.assign(old)
            return False
        gradients = torch.autograd.grad(loss, [variable.value for variable in variables])
        with torch.no_grad():
            optimizer.apply(list(gradients), variables)
        return True

    return step


def logits_of(model: keras.Model) -> Logits:
    """See `redundancy.zoo.backends`."""
    from redundancy.frameworks.keras.recording import stored

    def logits(inputs: Inputs) -> Array:
        with torch.no_grad():
            return stored(model(_tensors(inputs), training=False))

    return logits


def _tensors(inputs: Inputs) -> Any:
    import keras

    # Not by PyTorch itself, which knows no bfloat16 of NumPy.
    return keras.tree.map_structure(keras.ops.convert_to_tensor, inputs)
