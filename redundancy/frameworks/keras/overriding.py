"""What a class of models has of its own, that a plain model in its place would not do."""

from __future__ import annotations

from inspect import isfunction
from itertools import takewhile
from typing import Any

from redundancy.frameworks.keras.origin import is_keras

HARMLESS = frozenset(
    {"get_config", "from_config", "summary", "save", "save_weights", "load_weights", "export", "to_json",
     "get_build_config", "build_from_config", "get_compile_config", "compile_from_config", "save_own_variables",
     "load_own_variables", "save_assets", "load_assets", "get_layer", "count_params"}
)  # fmt: skip
"""What a class may have of its own without changing what `predict`, `evaluate` and `fit` compute."""

COMPUTING = frozenset({"__call__", "__getattribute__"})
"""Of the names with underscores at both ends, those by which it may."""

MOST = 3
"""Of the names, so many are told."""

WRAPPED = frozenset({"build", "loss", "quantize"})
"""What Keras itself puts into a model, beside what its class has."""


def overridden(model: Any) -> tuple[str, ...]:
    """The names by which a model computes otherwise than its graph, or is trained otherwise than a plain one.

    Args:
        model: Of Keras's Sequential or Functional, or of a class made of them.
    """
    known = _known(model)
    own = takewhile(lambda cls: cls is not known, type(model).__mro__)
    names = [name for cls in own if not is_keras(cls) for name in vars(cls) if _matters(name)]
    # What is set on the model itself works like a method.
    names += [name for name, value in vars(model).items() if callable(value) and _is_method(known, name)]
    return tuple(dict.fromkeys(name for name in names if hasattr(known, name)))


def is_graph(model: Any) -> bool:
    """Whether what a model does is its graph, and nothing that a subclass adds."""
    return isinstance(model, _known(model)) and not overridden(model)


def no_graph(model: Any) -> str:
    """Why a model that is no graph is none, and what to do about it."""
    own = overridden(model) if isinstance(model, _known(model)) else ("call",)
    if "call" in own:
        what = f"({type(model).__name__}) is subclassed, and its code cannot be read as a graph"
        return f"{what}; rebuild it with keras.Sequential or keras.Model(inputs, outputs)"
    what = f"({type(model).__name__}) has its own {' and '.join(own[:MOST])}, which no model in its place would have"
    return f"{what}; give keras.Model(model.inputs, model.outputs), and put the result into that class again"


def _known(model: Any) -> Any:
    import keras
    from keras.src.models.functional import Functional

    return keras.Sequential if isinstance(model, keras.Sequential) else Functional


def _matters(name: str) -> bool:
    special = name.startswith("__") and name.endswith("__")
    return name in COMPUTING if special else name not in HARMLESS


def _is_method(cls: Any, name: str) -> bool:
    """Whether a class has a method of that name, and not a place for a loss, say."""
    return name not in WRAPPED | HARMLESS and isfunction(getattr(cls, name, None))
