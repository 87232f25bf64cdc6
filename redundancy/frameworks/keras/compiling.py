"""How a model is compiled, carried over to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redundancy.errors import LossWarning, warn_caller
from redundancy.frameworks.keras.origin import own_objects
from redundancy.frameworks.keras.writing import python_randomness_kept


def compiled_like(original: Any, model: Any, *, unchanged: bool = False) -> None:
    """Compiles a model as another is, if that is: losses, metrics, weights of losses, and a new optimizer of its kind.

    The two share no state. Metrics are made again by their configuration; one that cannot be is left out, with a
    warning. So are losses, but for those that hold no variables and cannot be made again, which both models use. The
    optimizer decays no weights that the other was told not to decay. One that has been used is made ready, as Keras
    makes that of a model that it loads.

    An optimizer's moments are about weights that may be gone, or are sums of several now: they begin at zero. So does
    the count of steps, by which one such as Adam tells how much young moments are worth; unless a schedule of the
    learning rate depends on it. It goes on then, and Adam's first steps are up to three times as long as usual. Where
    nothing was changed, the whole state is carried over.

    Args:
        original: Left as it is.
        model: Compiled in place; written from what was read from the original.
        unchanged: Its weights are those of the original.
    """
    if not getattr(original, "compiled", False):
        return
    with python_randomness_kept():
        settings = dict(original._compile_config.config)
        optimizer: Any = settings.get("optimizer")
        made: dict[int, Any] = {}
        for name in ("loss", "metrics", "weighted_metrics"):
            if name in settings:
                settings[name] = _apart(settings[name], made)
        if hasattr(optimizer, "get_config"):
            settings["optimizer"] = type(optimizer).from_config(optimizer.get_config())
            _exclude(optimizer, settings["optimizer"], original, model)
        model.compile(**settings)
        if getattr(optimizer, "built", False) and model.optimizer is not None:
            model.optimizer.build(model.trainable_variables)
            _went_on(optimizer, model.optimizer, original, model, unchanged=unchanged)


def _went_on(before: Any, after: Any, original: Any, model: Any, *, unchanged: bool) -> None:
    """Gives an optimizer what it goes on with of the state of another."""
    if unchanged and _same_places(original, model):
        for old, new in zip(before.variables, after.variables, strict=True):
            new.assign(old)
        return
    import keras

    inner, mine = (getattr(each, "inner_optimizer", each) for each in (before, after))
    if not isinstance(getattr(inner, "_learning_rate", None), keras.optimizers.schedules.LearningRateSchedule):
        return
    # What counts every call, also where gradients are gathered over several of them.
    after._iterations.assign(before._iterations)
    mine._iterations.assign(inner._iterations)
    # Only on its first step does Keras begin averages with the weights: here they would begin with zeros.
    for average, weight in zip(
        getattr(mine, "_model_variables_moving_average", ()), model.trainable_variables, strict=False
    ):
        average.assign(weight)


def _same_places(original: Any, model: Any) -> bool:
    """Whether the variables that are trained are in the same places, one after the other."""
    place = {id(old): new for old, new in _counterparts(original, model)}
    pairs = list(zip(original.trainable_variables, model.trainable_variables, strict=True))
    return all(place.get(id(old)) is new for old, new in pairs) and all(old.shape == new.shape for old, new in pairs)


def _apart(given: Any, made: dict[int, Any]) -> Any:
    """The same losses or metrics, nested as they are, as objects of their own; None for one that is left out.

    Args:
        given: As it was given to `compile`.
        made: Those that were made already, by the identity of what they are made like.
    """
    import keras

    if isinstance(given, dict):
        return {name: _apart(inner, made) for name, inner in given.items()}
    if isinstance(given, list | tuple):
        every = [_apart(inner, made) for inner in given]
        return type(given)(new for old, new in zip(given, every, strict=True) if new is not None or _names(old))
    if not isinstance(given, keras.metrics.Metric | keras.losses.Loss):
        return given
    if id(given) not in made:
        made[id(given)] = _again(given)
    return made[id(given)]


def _names(given: Any) -> bool:
    """Whether it stands for an output, where a list says one after the other."""
    import keras

    return not isinstance(given, keras.metrics.Metric)


def _again(given: Any) -> Any:
    """A new loss or metric with the configuration of another."""
    import keras

    try:
        return _configured(given)
    except Exception as error:  # a class of the user's own may raise anything here
        if isinstance(given, keras.losses.Loss) and not _holds_variables(given):
            return given
        what = "loss" if isinstance(given, keras.losses.Loss) else "metric"
        why = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        warn_caller(
            f"the {what} '{given.name}' ({type(given).__name__}) cannot be made again ({why[:200]}), and is left out of"
            " the compacted model; give its class a get_config() of all its arguments, or compile the model anew",
            LossWarning,
        )
        return None


def _configured(given: Any) -> Any:
    import keras

    if type(given) is keras.metrics.MeanMetricWrapper:  # its function may have no name to find it by
        return type(given)(given._fn, name=given.name, dtype=given.dtype, **given._fn_kwargs)
    with keras.saving.custom_object_scope(own_objects(given)):
        new = type(given).from_config(given.get_config())
    # What a configuration leaves out would be as it is by default, and nobody would see it.
    for name, value in vars(given).items():
        if _is_plain(value) and getattr(new, name, None) != value:
            raise ValueError(f"its configuration does not say '{name.lstrip('_')}'")
    return new


def _is_plain(value: Any) -> bool:
    """Whether it is a setting that can be compared: no state, and no object of which there is another one now."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _holds_variables(loss: Any) -> bool:
    return any(hasattr(value, "assign") or hasattr(value, "variables") for value in vars(loss).values())


def _exclude(before: Any, after: Any, original: Any, model: Any) -> None:
    """Tells an optimizer which weights it does not decay, as another was told."""
    if hasattr(before, "inner_optimizer"):
        _exclude(before.inner_optimizer, after.inner_optimizer, original, model)
    keys = getattr(before, "_exclude_from_weight_decay", None) or set()
    pattern = getattr(before, "_exclude_from_weight_decay_pattern", None)
    if keys or pattern:
        kept = [new for old, new in _counterparts(original, model) if before._var_key(old) in keys]
        after.exclude_from_weight_decay(var_list=kept, var_names=[pattern.pattern] if pattern else None)


def _counterparts(original: Any, model: Any) -> Iterator[tuple[Any, Any]]:
    """The variables of a model, and those of the same places in one that was written from it."""
    layers = {layer.name: layer for layer in model.layers}
    for layer in original.layers:
        if layer.name not in layers:
            continue
        other = layers[layer.name]
        if hasattr(layer, "layers") and hasattr(other, "layers"):
            yield from _counterparts(layer, other)
            continue
        places = {_place(variable, other): variable for variable in other.weights}
        for variable in layer.weights:
            if (place := _place(variable, layer)) in places:
                yield variable, places[place]


def _place(variable: Any, layer: Any) -> str:
    """Where a layer holds a variable, whatever the layer itself is in."""
    return str(variable.path).split(f"{layer.name}/", 1)[-1]
