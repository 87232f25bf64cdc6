"""The ways to break the zoo, by what it promises."""

from collections.abc import Mapping
from types import MappingProxyType

from broken import backends, fusing, keeping, sharing
from broken.mutation import Mutation

AREAS: Mapping[str, tuple[Mutation, ...]] = MappingProxyType(
    {
        "fusing": fusing.MUTATIONS,
        "kills": keeping.KILLS,
        "corruption": keeping.CORRUPTION,
        "bound": keeping.BOUND,
        "writers": sharing.WRITERS,
        "workers": sharing.WORKERS,
        "tensorflow": backends.TENSORFLOW,
        "jax": backends.JAX,
        "torch": backends.TORCH,
    }
)
