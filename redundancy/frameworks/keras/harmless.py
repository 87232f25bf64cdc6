"""Whether the configuration of a model names nothing but Keras's own parts and those that were registered.

Keras's safe mode refuses code that is stored in a file; which classes a file may name, and with which arguments, it
decides in many places, and not alike in all versions and for all kinds of files. So all of it is decided here, before
Keras is given the file, and by what is allowed rather than by what is known to be dangerous.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from redundancy.frameworks.keras.contents import shown

Objection = tuple[str, str]
"""(why a configuration is refused, what to do)"""

FAMILIES = (
    "activations", "constraints", "dtype_policies", "initializers", "layers", "losses", "metrics", "models", "ops",
    "optimizers", "quantizers", "random", "regularizers",
)  # fmt: skip
"""The rooms of Keras, public as of its sources, whose classes and functions a model may be made of."""

ROOT = ("Sequential", "Functional", "Model", "DTypePolicy", "FloatDTypePolicy", "QuantizedDTypePolicy", "InputSpec")
"""What a model may name of the package `keras` itself."""

CODE = ("__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
"""What runs code from a file, or a program that lies beside it."""

SPECIFIC = ("__typespec__", "TypeSpec", "CompositeTensor")
"""Objects of TensorFlow, which it makes by looking up a class of any name."""

VALUES = (
    "__tensor__", "__numpy__", "__keras_tensor__", "__bytes__", "__ellipsis__", "__slice__", "__tuple__", "TensorShape"
)  # fmt: skip
"""Plain values that JSON has no word for."""

PLUMBING = ("deserialize", "serialize", "get", "load_model", "save_model", "clone_model", "model_from_json")
"""Functions in the rooms of Keras that no model computes with."""

FILES = ("vocabulary", "idf_weights")
"""Arguments that are the path of a file if they are a text."""

_TRUST = "if you trust whoever made it, load it with --trust (trust=True)"


def objection(config: Any) -> Objection | None:
    """What speaks against making the objects that a configuration describes; None if nothing does.

    Args:
        config: As JSON has it; of a model, or of its compilation.
    """
    return next((found for part in _objects(config) if (found := _judged(part))), None)


def _objects(config: Any) -> Iterator[Mapping[str, Any]]:
    left = [config]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            left += part.values()
            if "class_name" in part:
                yield part
        elif isinstance(part, list):
            left += part


def _judged(part: Mapping[str, Any]) -> Objection | None:
    name, config = part["class_name"], part.get("config")
    if not isinstance(name, str) or not isinstance(part.get("module"), str | None):
        return "it names a class that is no name", "save the model again with model.save('name.keras')"
    if name in VALUES:
        return None
    if name in CODE or (name == "Lambda" and not _calls_by_name(config)):
        what = f"it has a {name}" if name != "__lambda__" else "it has a Python function"
        return f"{what} that runs code from outside this package and Keras", f"replace it by a layer, or {_TRUST}"
    if name in SPECIFIC:
        return f"it describes an object of TensorFlow ({name})", _TRUST
    if isinstance(config, dict) and any(isinstance(config.get(key), str) for key in FILES):
        return f"its layer of class '{shown(name)}' reads another file", f"set the vocabulary as a list, or {_TRUST}"
    return _function(part, config) if name == "function" else _class(part, name)


def _calls_by_name(config: Any) -> bool:
    """Whether a Lambda layer calls a function that the configuration only names, and that is judged by itself."""
    function = config.get("function") if isinstance(config, dict) else None
    return isinstance(function, dict) and function.get("class_name") == "function"


def _function(part: Mapping[str, Any], name: Any) -> Objection | None:
    module = part.get("module")
    if _registered(name) or _registered(part.get("registered_name")):
        return None
    known = module == "builtins" and _in_keras(name)
    if known or (_is_room(module) and name not in PLUMBING):
        return None
    return missing("function", name, module)


def _class(part: Mapping[str, Any], name: str) -> Objection | None:
    module, registered = part.get("module"), part.get("registered_name")
    if _registered(registered or name) or (module is None and _registered(name)):
        return None
    # Keras's classes begin with a capital, and what does not is a function or a module.
    if name[:1].isupper() and (
        _is_room(module) or (module == "keras" and name in ROOT) or (module is None and _in_keras(name))
    ):
        return None
    return missing("class", name, module)


def _is_room(module: Any) -> bool:
    """Whether a module is one of `FAMILIES`, as `keras.layers` and `keras.src.layers.core.dense` are."""
    words = [word for word in str(module).split(".") if word != "src"]
    return words[0] == "keras" and words[1:2] != [] and words[1] in FAMILIES


def _in_keras(name: Any) -> bool:
    """Whether one of Keras's rooms has something of that name: files of old name no room."""
    import keras

    if not isinstance(name, str) or name in PLUMBING or name.startswith("_"):
        return False
    rooms = [getattr(keras, family, None) for family in FAMILIES]
    return name in ROOT or any(callable(getattr(room, name, None)) for room in rooms)


def _registered(name: Any) -> bool:
    import keras

    return isinstance(name, str) and keras.saving.get_registered_object(name) is not None


def missing(what: str, name: Any, module: Any = None) -> Objection:
    """The objection to a class or a function that Keras does not know.

    Args:
        what: Of the two, or what Keras calls it.
        name: As the file has it; what is registered may have the name of a package before a ">".
        module: That it was in when the file was written, where the file says so.
    """
    own = shown(str(name).rsplit(">", 1)[-1])
    why = f"Keras does not know the {what} '{own}'"
    like = f" ({module}?)" if isinstance(module, str) and _is_importable(module) else ""
    remedy = f"give the module{like} that registers it with --import, or in Python import that first"
    return why, f"{remedy}; @keras.saving.register_keras_serializable() above a {what} registers it"


def _is_importable(module: str) -> bool:
    """Whether a file names a module that a person could mean, and not the script that wrote it."""
    return (
        module not in ("__main__", "builtins")
        and module.isascii()
        and all(part.isidentifier() for part in module.split("."))
    )
