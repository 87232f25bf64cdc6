"""Networks that are run to check a rewriting: written in their own dtypes or in float64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from redundancy.distance import finite_difference
from redundancy.errors import RedundancyError, UnsupportedError, VerificationError
from redundancy.network import Array, Network


def in_float64(network: Network) -> Network:
    """The same network with its floating weights in float64."""
    changed = {}
    for node in network:
        wide = {n: a if a.dtype.kind in "iub" else np.asarray(a, np.float64) for n, a in node.weights.items()}
        changed[node.name] = node.with_weights(wide)
    return network.with_nodes(changed)


def computed(network: Network, batch: tuple[Array, ...], dtype: str | None) -> list[Array]:
    """The outputs of a network, written in another dtype or in its own."""
    from redundancy.frameworks.keras import write
    from redundancy.frameworks.keras.probes import outputs_of

    try:
        return outputs_of(write(network, dtype=dtype), batch)
    except RedundancyError:
        raise
    except Exception as error:
        raise VerificationError(
            "the compacted model's outputs differ by more than rounding, and it does not run in"
            f" {dtype or 'its own dtypes'} ({_told(error)}), so that nothing is returned; cast the model to float32"
        ) from error


def written_outputs(small: Any, batch: tuple[Array, ...]) -> list[Array]:
    """The outputs of a model that was written, which has to run where the original does."""
    from redundancy.frameworks.keras.probes import outputs_of

    try:
        return outputs_of(small, batch)
    except RedundancyError:
        raise
    except Exception as error:  # what a layer raises that has lost what it kept is its own affair
        raise UnsupportedError(
            f"model '{small.name}' does not run any more when it is written again ({_told(error)}): a layer of it keeps"
            " something that neither get_config() nor its weights hold; let one of them hold it"
        ) from error


def _told(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def noises(network: Network, batch: tuple[Array, ...], own: Sequence[Array]) -> list[float]:
    """What rounding makes of each output of a network: its distance to float64.

    Args:
        network: Never the model that it was read from, whose distance may be that of another model.
        batch: Inputs.
        own: Its outputs on them in its own dtypes.
    """
    exact = computed(in_float64(network), batch, "float64")
    return [finite_difference(*pair) for pair in zip(own, exact, strict=True)]
