"""Model files that are damaged, hostile or something else, each made out of a sound one."""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import struct
import zipfile
from collections.abc import Callable

import h5py
import numpy as np

CONFIG, WEIGHTS = "config.json", "model.weights.h5"

BAD: dict[str, tuple[str, Callable]] = {}
"""By what is wrong: (the name of the file, a function that makes it at a path from the bytes of a sound one)."""

ODD: dict[str, tuple[str, Callable]] = {}
"""The same of files that look wrong and are not."""


def bad(name="model.keras", among=BAD):
    """Registers a function (path, good) under the words of its name."""

    def add(make):
        among[make.__name__.replace("_", " ")] = (name, make)
        return make

    return add


def members(good):
    """What a .keras file holds: bytes by name."""
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archived(path, contents, how=zipfile.ZIP_STORED):
    """Writes members, (name or ZipInfo, bytes) each, names twice where they are given twice."""
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in contents:
            archive.writestr(name, data, how)


def changed(path, good, **change):
    """The sound file with other members; None leaves one out."""
    contents = members(good)
    contents |= {
        {"config": CONFIG, "weights": WEIGHTS, "metadata": "metadata.json"}[key]: data for key, data in change.items()
    }
    archived(path, [(name, data) for name, data in contents.items() if data is not None])


def configured(path, good, alter):
    """The sound file with a configuration that was altered as JSON."""
    config = json.loads(members(good)[CONFIG])
    alter(config)
    changed(path, good, config=json.dumps(config).encode())


def layer(config, number=1):
    return config["config"]["layers"][number]


def replaced(path, good, part):
    """The sound file with another first layer behind the input."""

    def alter(config):
        config["config"]["layers"][1] = part

    configured(path, good, alter)


def weighted(path, good, alter):
    """The sound file with weights that were altered as HDF5."""
    buffer = io.BytesIO(members(good)[WEIGHTS])
    with h5py.File(buffer, "r+") as file:
        alter(file)
    changed(path, good, weights=buffer.getvalue())


def first_kernel(file):
    """(group, name) of the first array of rank two."""
    found = []
    file.visititems(
        lambda name, part: found.append(part) if isinstance(part, h5py.Dataset) and part.ndim == 2 else None
    )
    return found[0].parent, found[0].name.rsplit("/", 1)[1]


def swapped(make):
    """An alteration that puts something else where the first kernel was."""

    def alter(file):
        group, name = first_kernel(file)
        values = group[name][()]
        del group[name]
        make(group, name, values)

    return alter


# Something else, or nothing.


@bad()
def missing(path, good):
    pass


@bad()
def empty(path, good):
    path.touch()


@bad()
def random_bytes(path, good):
    path.write_bytes(np.random.default_rng(0).bytes(5000))


@bad()
def the_first_bytes_of_an_archive_and_no_more(path, good):
    path.write_bytes(b"PK\x03\x04" + np.random.default_rng(0).bytes(5000))


@bad("model.h5")
def the_first_bytes_of_hdf5_and_no_more(path, good):
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + np.random.default_rng(0).bytes(5000))


@bad()
def text(path, good):
    path.write_text("a model, really")


@bad()
def a_pickle(path, good):
    path.write_bytes(pickle.dumps({"model": [1, 2]}))


@bad("model.h5")
def an_archive_called_h5(path, good):
    path.write_bytes(good)


@bad()
def hdf5_called_keras(path, good):
    with h5py.File(path, "w") as file:
        file["x"] = np.ones(3)


@bad()
def a_directory(path, good):
    path.mkdir()


@bad("model.keras")
def a_saved_model_of_tensorflow(path, good):
    path.mkdir()
    (path / "saved_model.pb").write_bytes(b"\x08\x01")


@bad()
def a_pipe(path, good):
    os.mkfifo(path)


@bad()
def a_device(path, good):
    path.symlink_to("/dev/zero")


@bad()
def a_link_to_nowhere(path, good):
    path.symlink_to("nowhere.keras")


@bad()
def a_link_to_itself(path, good):
    path.symlink_to(path)


@bad("model.weights.h5")
def weights_only(path, good):
    path.write_bytes(members(good)[WEIGHTS])


@bad("weights.h5")
def weights_only_under_another_name(path, good):
    path.write_bytes(members(good)[WEIGHTS])


for _suffix in (
    ".tflite",
    ".onnx",
    ".pt",
    ".pth",
    ".pb",
    ".safetensors",
    ".ckpt",
    ".npz",
    ".json",
    ".KERAS",
    ".zip",
    "",
):

    def _of_another_kind(path, good):
        path.write_bytes(good)

    BAD[f"a file called {_suffix or 'nothing'}"] = (f"file{_suffix}", _of_another_kind)


@bad("a\nb\x1b[31m\u202e.keras")
def a_name_that_would_steer_the_terminal(path, good):
    path.write_bytes(good[:-30])


@bad("n" * 300 + ".keras")
def a_name_that_is_too_long(path, good):
    pass


# Damage.

for _share in (0.0005, 0.01, 0.3, 0.6, 0.9, 0.999):

    def _truncated(path, good, share=_share):
        path.write_bytes(good[: max(5, int(share * len(good)))])

    BAD[f"truncated to {_share:.2%}"] = ("model.keras", _truncated)


@bad(among=ODD)
def begun_twice(path, good):
    path.write_bytes(good[: len(good) // 2] + good)


@bad()
def weights_truncated(path, good):
    changed(path, good, weights=members(good)[WEIGHTS][:-3000])


@bad()
def weights_empty(path, good):
    changed(path, good, weights=b"")


@bad()
def weights_of_another_format(path, good):
    changed(path, good, weights=b"PK\x03\x04 not HDF5 at all")


@bad()
def no_configuration(path, good):
    changed(path, good, config=None)


@bad()
def no_weights(path, good):
    changed(path, good, weights=None)


@bad()
def nothing_in_the_archive(path, good):
    archived(path, [])


# The archive.


@bad()
def a_bomb_in_the_weights(path, good):
    contents = {**members(good), WEIGHTS: b"\x89HDF\r\n\x1a\n" + bytes(200 * 2**20)}
    archived(path, list(contents.items()), zipfile.ZIP_DEFLATED)


@bad()
def a_bomb_beside_the_weights(path, good):
    archived(path, [*members(good).items(), ("assets/large", bytes(200 * 2**20))], zipfile.ZIP_DEFLATED)


@bad()
def a_size_that_is_not_what_is_stored(path, good):
    data = bytearray(good)
    place = data.rindex(b"PK\x01\x02", 0, data.rindex(b"PK\x01\x02"))
    struct.pack_into("<I", data, place + 24, 2**31)
    path.write_bytes(data)


for _name in ("../../evil", "/etc/evil", "..\\evil", "C:\\evil", "a/../../evil", "assets/\0evil"):

    def _elsewhere(path, good, name=_name):
        info = zipfile.ZipInfo("x" * len(name))
        archived(path, [*members(good).items(), (info, b"evil")])
        path.write_bytes(path.read_bytes().replace(b"x" * len(name), name.encode()))

    BAD[f"a member called {_name!r}"] = ("model.keras", _elsewhere)


@bad()
def two_configurations(path, good):
    path.write_bytes(good)
    import warnings

    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(CONFIG, members(good)[CONFIG])


@bad()
def two_configurations_that_differ_in_case(path, good):
    archived(path, [*members(good).items(), ("Config.json", b"{}")])


@bad()
def encrypted(path, good):
    data = bytearray(good)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark)
        while place >= 0:
            data[place + offset] |= 1
            place = data.find(mark, place + 4)
    path.write_bytes(data)


@bad()
def a_member_that_is_a_link(path, good):
    info = zipfile.ZipInfo("assets/link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archived(path, [*members(good).items(), (info, b"/etc/passwd")])


@bad()
def a_compression_that_there_is_not(path, good):
    data = bytearray(good)
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = data.find(mark)
        while place >= 0:
            struct.pack_into("<H", data, place + offset, 77)
            place = data.find(mark, place + 4)
    path.write_bytes(data)


# The configuration.

for _words, _config in {
    "empty": b"",
    "no JSON": b"{'class_name': 'Functional'}",
    "not UTF-8": b'{"class_name": "\xff\xfe"}',
    "a list": b"[1, 2]",
    "a number": b"3",
    "null": b"null",
    "an object without a class": b"{}",
    "a class without a configuration": b'{"class_name": "Functional"}',
    "a class that is no name": b'{"class_name": 3, "config": {}}',
    "a configuration that is no object": b'{"class_name": "Functional", "module": "keras", "config": 7}',
    "no layers": b'{"class_name": "Functional", "module": "keras", "config": {"name": "m", "layers": [], '
    b'"input_layers": [], "output_layers": []}}',
    "an empty stack": b'{"class_name": "Sequential", "module": "keras", "config": {"name": "m", "layers": []}}',
    "a layer and no model": b'{"class_name": "Dense", "module": "keras.layers", "config": {"units": 3}}',
    "NaN for a model": b"NaN",
    "a number of a million digits": b'{"class_name": "Sequential", "config": ' + b"9" * 10**6 + b"}",
}.items():

    def _with_configuration(path, good, config=_config):
        changed(path, good, config=config)

    BAD[f"a configuration: {_words}"] = ("model.keras", _with_configuration)


@bad()
def a_huge_configuration(path, good):
    changed(path, good, config=b'{"class_name": "' + b"x" * (33 * 2**20) + b'"}')


@bad()
def a_deep_configuration(path, good):
    changed(path, good, config=b'{"class_name": "Functional", "config": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@bad()
def a_configuration_as_deep_as_json_allows(path, good):
    changed(path, good, config=b'{"class_name": "Functional", "config": ' + b"[" * 500 + b"]" * 500 + b"}")


def _set(path, good, **values):
    configured(path, good, lambda config: layer(config)["config"].update(values))


for _key, _value in {
    "units": [10**12, 0, -1, 10**30, "many", None, 2.5, True, [3]],
    "activation": ["nothing", 7, {"class_name": "function", "config": "system", "module": "os"}],
    "dtype": ["float7", 3],
    "kernel_initializer": ["nothing", {"class_name": "Zeros", "module": "os", "config": {}}],
    "name": [5, "a/b"],
    "use_bias": [False],
}.items():
    for _each in _value:

        def _with_option(path, good, key=_key, each=_each):
            _set(path, good, **{key: each})

        BAD[f"a layer with {_key} = {_each!r}"] = ("model.keras", _with_option)


def _object(name, module, config=None, registered=None):
    return {"class_name": name, "module": module, "config": config or {"name": "evil"}, "registered_name": registered}


_LAMBDA = {
    "class_name": "__lambda__",
    "config": {"code": "4wEAAAAAAAAAAAAAAAEAAAADAAAA8wYAAACXAGQBUwCpAk7pAQAAAKkA", "defaults": None, "closure": None},
}

for _words, _part in {
    "a Lambda with code": _object("Lambda", "keras.layers", {"name": "l", "function": _LAMBDA}),
    "a Lambda that calls os.system": _object(
        "Lambda", "keras.layers",
        {"name": "l", "function": {"class_name": "function", "config": "system", "module": "os"}},
    ),
    "a class os.system": _object("system", "os"),
    "a class posix.system": _object("system", "posix", {"command": "touch evil"}),
    "a class subprocess.Popen": _object("Popen", "subprocess", {"args": ["touch", "evil"]}),
    "a class builtins.eval": _object("eval", "builtins"),
    "a class of nobody": _object("Mine", "mine"),
    "a class of a module that is not there": _object("Mine", "no.such.module", registered="Custom>Mine"),
    "a class registered as Keras's own": _object("Popen", "subprocess", {"args": "true"}, "keras.layers>Dense"),
    "a registered name that is a path": _object("Mine", None, registered="../../os>system"),
    "a function of Keras for a class": _object("load_model", "keras.saving"),
    "keras.config": _object("enable_unsafe_deserialization", "keras.config"),
    "keras.utils.get_file": _object("get_file", "keras.utils", {"fname": "x", "origin": "http://127.0.0.1/x"}),
    "a module within Keras's sources": _object("os", "keras.src.layers"),
    "a class by way of a module": _object("os.system", "keras.src.utils.file_utils"),
    "a layer of TensorFlow": _object("TFSMLayer", "keras.layers", {"filepath": "/tmp/evil", "name": "t"}),
    "a layer of Torch": _object("TorchModuleWrapper", "keras.layers", {"module": "gASVAA==", "name": "t"}),
    "a vocabulary in another file": _object(
        "StringLookup", "keras.layers", {"name": "s", "vocabulary": "/etc/passwd"}
    ),
    "a type of TensorFlow": {"class_name": "__typespec__", "config": ["TensorSpec"], "spec_name": "os.system"},
    "a null for a layer": None,
    "a text for a layer": "Dense",
}.items():  # fmt: skip

    def _with_part(path, good, part=_part):
        replaced(path, good, part)

    BAD[f"a model of {_words}"] = ("model.keras", _with_part)


@bad()
def a_layer_that_is_called_on_nothing(path, good):
    configured(
        path, good, lambda config: layer(config).update(inbound_nodes="?") or layer(config).pop("build_config", 0)
    )
    configured(path, path.read_bytes(), lambda config: layer(config, 0)["config"].update(batch_shape="?"))


@bad()
def an_absurd_input(path, good):
    configured(path, good, lambda config: layer(config, 0)["config"].update(batch_shape=[None, 10**15]))


@bad()
def two_layers_of_one_name(path, good):
    configured(path, good, lambda config: layer(config, 2)["config"].update(name=layer(config)["config"]["name"]))


# The weights.


@bad()
def weights_of_another_shape(path, good):
    weighted(path, good, swapped(lambda group, name, values: group.create_dataset(name, data=values[:-1])))


@bad()
def weights_of_another_rank(path, good):
    weighted(path, good, swapped(lambda group, name, values: group.create_dataset(name, data=values.ravel())))


@bad()
def one_weight_missing(path, good):
    weighted(path, good, swapped(lambda group, name, values: None))


@bad()
def a_group_where_a_weight_should_be(path, good):
    weighted(path, good, swapped(lambda group, name, values: group.create_group(name)))


@bad()
def weights_that_are_text(path, good):
    weighted(path, good, swapped(lambda group, name, values: group.create_dataset(name, data="text")))


@bad()
def weights_that_are_references(path, good):
    weighted(path, good, swapped(lambda group, name, values: group.create_dataset(name, (2,), dtype=h5py.ref_dtype)))


@bad()
def weights_of_nothing(path, good):
    weighted(path, good, swapped(lambda group, name, values: group.create_dataset(name, data=h5py.Empty("f4"))))


@bad()
def weights_that_are_an_absurdly_large_array(path, good):
    weighted(
        path,
        good,
        swapped(lambda group, name, values: group.create_dataset(name, (10**6, 10**6), "f4", chunks=(1, 1000))),
    )


@bad()
def weights_that_are_a_bomb(path, good):
    def bomb(group, name, values):
        group.create_dataset(name, data=np.zeros((4096, 8192), "f4"), compression="gzip", compression_opts=9)

    weighted(path, good, swapped(bomb))


@bad()
def weights_in_another_file(path, good):
    def external(group, name, values):
        group.create_dataset(name, (6, 8), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])

    weighted(path, good, swapped(external))


@bad()
def weights_behind_an_external_link(path, good):
    def link(group, name, values):
        group[name] = h5py.ExternalLink("/etc/passwd", "/x")

    weighted(path, good, swapped(link))


@bad()
def weights_behind_a_soft_link(path, good):
    def link(group, name, values):
        group[name] = h5py.SoftLink("/nowhere")

    weighted(path, good, swapped(link))


@bad()
def weights_that_are_virtual(path, good):
    def virtual(group, name, values):
        layout = h5py.VirtualLayout((6, 8), "f4")
        layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (6, 8))
        group.create_virtual_dataset(name, layout)

    weighted(path, good, swapped(virtual))


def _with_value(value):
    def alter(file):
        group, name = first_kernel(file)
        group[name][0, 0] = value

    return alter


@bad()
def a_weight_that_is_no_number(path, good):
    weighted(path, good, _with_value(np.nan))


@bad()
def a_weight_that_is_infinite(path, good):
    weighted(path, good, _with_value(-np.inf))


# Files of Keras 1 and 2.


def legacy(path, config, *, arrays=True, **attributes):
    """A file as Keras 2 wrote it."""
    with h5py.File(path, "w") as file:
        if config is not None:
            file.attrs["model_config"] = config if isinstance(config, bytes) else json.dumps(config).encode()
        for name, value in attributes.items():
            file.attrs[name] = value
        if arrays:
            group = file.create_group("model_weights")
            group.attrs["layer_names"] = [b"dense"]
            inner = group.create_group("dense")
            inner.attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
            inner["dense/kernel:0"] = np.arange(12, dtype="f4").reshape(4, 3)
            inner["dense/bias:0"] = np.ones(3, "f4")


def keras_2(units=3, **other):
    """The configuration of a model as tf.keras 2.10 wrote it."""
    dense = {
        "name": "dense", "trainable": True, "batch_input_shape": [None, 4], "dtype": "float32", "units": units,
        "activation": "relu", "use_bias": True, "kernel_constraint": None, "bias_constraint": None,
        "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
        "bias_initializer": {"class_name": "Zeros", "config": {}}, "kernel_regularizer": None,
        "bias_regularizer": None, "activity_regularizer": None, **other,
    }  # fmt: skip
    start = {
        "batch_input_shape": [None, 4],
        "dtype": "float32",
        "sparse": False,
        "ragged": False,
        "name": "dense_input",
    }
    layers = [{"class_name": "InputLayer", "config": start}, {"class_name": "Dense", "config": dense}]
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}


for _words, _content in {
    "no configuration": None,
    "a configuration that is no JSON": b"{",
    "a configuration that is no model": {"class_name": "Sequential"},
    "a Lambda": {
        "class_name": "Sequential",
        "config": {
            "name": "s",
            "layers": [
                {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "i"}},
                {
                    "class_name": "Lambda",
                    "config": {"name": "l", "function": ["4wEAAAA=", None, None], "function_type": "lambda"},
                },
            ],
        },
    },
    "absurd shapes": keras_2(10**12),
    "other shapes": keras_2(5),
    "a class of nobody": keras_2(activation="mine"),
    "a layer that there is not": {"class_name": "Sequential", "config": [{"class_name": "Mine", "config": {}}]},
}.items():

    def _legacy(path, good, content=_content):
        legacy(path, content)

    BAD[f"a file of Keras 2 with {_words}"] = ("model.h5", _legacy)


@bad("model.h5", among=ODD)
def a_file_of_keras_2(path, good):
    legacy(path, keras_2(), keras_version="2.10.0", backend="tensorflow")


@bad("model.hdf5")
def a_file_of_keras_1_that_keras_3_does_not_load(path, good):
    dense = {"output_dim": 3, "units": 3, "name": "dense", "activation": "linear", "batch_input_shape": [None, 4]}
    legacy(path, {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": dense}]})


@bad("層 é\n.keras", among=ODD)
def a_name_in_other_letters(path, good):
    path.write_bytes(good)


@bad(among=ODD)
def a_layer_without_a_name(path, good):
    _set(path, good, name=None)


@bad(among=ODD)
def a_link_to_a_model(path, good):
    path.with_name("real.keras").write_bytes(good)
    path.symlink_to("real.keras")


@bad(among=ODD)
def everything_compressed(path, good):
    archived(path, list(members(good).items()), zipfile.ZIP_DEFLATED)


@bad(among=ODD)
def an_asset_beside_the_weights(path, good):
    archived(path, [*members(good).items(), ("assets/note.txt", b"hello")])


@bad("model.hdf5")
def a_file_of_keras_2_without_weights(path, good):
    legacy(path, keras_2(), arrays=False)


@bad("model.h5")
def a_file_of_keras_2_with_a_configuration_of_numbers(path, good):
    legacy(path, None, model_config=np.zeros(3))


@bad("model.h5")
def a_file_of_keras_2_with_weights_elsewhere(path, good):
    legacy(path, keras_2(), arrays=False)
    with h5py.File(path, "r+") as file:
        file["model_weights"] = h5py.ExternalLink("/tmp/other.h5", "/")


@bad("model.h5")
def hdf5_without_anything(path, good):
    h5py.File(path, "w").close()


# Models that Keras writes.


def _saved(path, model):
    import keras  # noqa: F401

    model.save(path)


@bad()
def a_model_that_is_not_built(path, good):
    import keras

    _saved(path, keras.Sequential([keras.layers.Dense(3)]))


@bad()
def a_model_without_layers(path, good):
    import keras

    _saved(path, keras.Sequential())


@bad()
def a_subclassed_model(path, good):
    import keras

    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    model = Mine()
    model(np.zeros((1, 3)))
    _saved(path, model)


@bad()
def a_model_with_a_layer_of_its_own(path, good):
    import keras

    class Twice(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    _saved(path, keras.Sequential([keras.Input((3,)), Twice()]))
