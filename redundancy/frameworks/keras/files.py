"""Keras models, out of files and into them."""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redundancy.errors import LossWarning, ModelFileError, OutputError, warn_caller
from redundancy.frameworks.keras.contents import AGAIN, WHOLE, Contents, contents, refused, shown
from redundancy.frameworks.keras.guard import bounded, quiet
from redundancy.frameworks.keras.harmless import missing, objection
from redundancy.frameworks.keras.precision import float64_kept
from redundancy.frameworks.keras.recording import stored
from redundancy.output import check_writable, reason, written_whole

if TYPE_CHECKING:
    import keras

READ, WRITTEN = (".keras", ".h5", ".hdf5"), (".keras", ".h5")
"""The suffixes of files that are read, and of those that are written."""

STATES, SLACK = 6, 2**24
"""A compiled model may have so many numbers for each of its weights (gradients' moments), and so many beside them."""

_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"

_ELSEWHERE = {
    ".pb": "a SavedModel", ".tflite": "a TensorFlow Lite model", ".onnx": "an ONNX model", ".pt": "a PyTorch model",
    ".pth": "a PyTorch model", ".safetensors": "weights without a model", ".npz": "arrays, and no model",
    ".ckpt": "a checkpoint without a model", ".json": "a configuration without weights",
}  # fmt: skip

_UNKNOWN = re.compile(r"(?:Could not locate|Unknown) (\w+):? '([^']*)'")
"""What Keras says of a class or a function that is not registered, whatever the kind of file."""

_OTHERS = frozenset({".tflite", ".onnx", ".pt", ".pth"})
"""The suffixes of models of other frameworks, which Keras cannot have written."""

_REBUILT = "files of other frameworks are not read; build the model in Keras, give it these weights, and save that"

_EXPORTED = "load it where it was made, and write it with model.save('name.keras')"


def examined(path: str | Path) -> Contents:
    """What is in a model file, looked at without Keras, which takes seconds to load.

    Args:
        path: Of the file.

    Raises:
        ModelFileError: There is no such file, it is damaged or made to do harm, or it is of another kind.
    """
    readable(Path(path))
    return contents(Path(path))


def load(path: str | Path, *, trust: bool = False, found: Contents | None = None) -> keras.Model:
    """The model in a file, with its settings of compilation where Keras can make them again.

    Nothing in the file is run, no other file is read, and no more memory is taken than its weights account for, unless
    it is trusted. Settings of compilation that cannot be made again are left out, with a warning.

    Args:
        path: A .keras file, or an .h5 or .hdf5 file of a whole model as Keras 1 and 2 wrote it.
        trust: Whether the file may run code and read other files.
        found: What `examined` found in it, if it was.

    Raises:
        ModelFileError: There is no such file, it is damaged or made to do harm, it is of another kind, it needs
            classes that are not registered, or its model is not built or has NaN or infinite weights.
    """
    path = Path(path)
    found = found or examined(path)
    if not trust and (problem := objection(found.config)):
        raise refused(path, *problem)
    compiles = bool(found.training) and (trust or objection(found.training) is None)
    with float64_kept():
        model = _made(path, found, compiles, trust)
    # Keras writes empty settings for a model that was not compiled.
    if found.training and not getattr(model, "compiled", False):
        lost = f"the settings of compilation in {str(path)!r} cannot be made again, and are left out"
        remedy = "so is the optimizer's state; to keep them, load the file in Python and compile the model"
        warn_caller(f"{lost}; {remedy}", LossWarning)
    _check_model(path, model)
    return model


def read_back(path: Path, *, trust: bool) -> keras.Model:
    """The model in a file that was just written, without its settings of compilation.

    Raises:
        ModelFileError: As `load` does.
    """
    found = examined(path)
    if not trust and (problem := objection(found.config)):
        raise refused(path, *problem)
    return _made(path, found, False, trust)


def writable(path: str | Path, *, force: bool = False) -> None:
    """Refuses a place where `save` would fail; to be called before the work whose result goes there.

    Args:
        path: Of the model file to be written.
        force: Whether a file that is there may be replaced.

    Raises:
        OutputError: The suffix is neither .keras nor .h5, a file is there, or nothing can be written there.
    """
    path = Path(path)
    if path.suffix not in WRITTEN or path.name.endswith(".weights.h5"):
        raise OutputError(
            f"cannot write a model to {str(path)!r}: its suffix says no format; end it with .keras or .h5"
        )
    check_writable(path, force=force)


def save(model: keras.Model, path: str | Path, *, force: bool = False) -> None:
    """Writes a model to a file, which is there whole or not at all.

    Args:
        model: To write.
        path: Of the file; .keras, or .h5 in the format of Keras 1 and 2.
        force: Whether a file that is there may be replaced.

    Raises:
        OutputError: The suffix says no format, a file is there, the file system refuses, or Keras cannot write the
            model in that format.
    """
    with saving(model, path, force=force):
        pass


@contextmanager
def saving(model: keras.Model, path: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Writes a model to a new file, which becomes `path` when all goes well until the end; else it is removed.

    Args:
        model: To write.
        path: Of the file; .keras, or .h5 in the format of Keras 1 and 2.
        force: Whether a file that is there may be replaced.

    Yields:
        The path of the new file, which is written by then.

    Raises:
        OutputError: As `save` does.
    """
    path = Path(path)
    writable(path, force=force)
    with written_whole(path, force=force) as temporary:
        with quiet():
            try:
                _saved(model, temporary)
            except OSError:
                raise
            except Exception as error:  # there is no telling what the code of a layer raises
                why = f"cannot write the model '{shown(model.name)}' to {str(path)!r}: {shown(reason(error), 200)}"
                raise OutputError(f"{why}; try the suffix .keras, or write it in Python") from error
        yield temporary


def _saved(model: Any, path: Path) -> None:
    if path.suffix != ".h5":
        model.save(path)
        return
    import h5py
    from keras.src.legacy.saving.legacy_h5_format import save_model_to_hdf5

    # HDF5 crashes the interpreter when it cannot write to a full disk what it still holds: it only gets memory.
    with h5py.File(path, "w", driver="core", backing_store=False) as file:
        save_model_to_hdf5(model, file)
        path.write_bytes(file.id.get_file_image())


def readable(path: Path) -> None:
    """Refuses what is plainly no model file, without loading Keras.

    Args:
        path: Of the model file to be read.

    Raises:
        ModelFileError: There is none, it cannot be read, or its suffix or its first bytes say that it is something
            else.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            what = "a SavedModel directory" if (path / "saved_model.pb").exists() else "a directory"
            raise refused(path, f"it is {what}, and not a file that Keras 3 loads", _EXPORTED)
        if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for ever
            raise refused(path, "it is not a regular file", "give the path of a .keras or .h5 file")
        _check_suffix(path)
        with path.open("rb") as file:
            start = file.read(8)
    except (OSError, ValueError) as error:
        raise refused(path, f"it cannot be read ({reason(error)})", "check the path and its permissions") from error
    if not start:
        raise refused(path, "the file is empty", AGAIN)
    _check_start(path, start)


def _check_suffix(path: Path) -> None:
    if path.name.endswith(".weights.h5"):
        raise refused(path, "its name says that it holds weights only, and no model", WHOLE)
    if path.suffix not in READ:
        what = _ELSEWHERE.get(path.suffix.lower())
        why = f"it is {what}" if what else f"its suffix '{shown(path.suffix)}' is none of {', '.join(READ)}"
        raise refused(path, why, _REBUILT if path.suffix.lower() in _OTHERS else _EXPORTED)


def _check_start(path: Path, start: bytes) -> None:
    """Compares what a file begins with to what its name says."""
    archive = path.suffix == ".keras"
    if archive and start.startswith(_HDF5):
        raise refused(path, "it is an HDF5 file, and not the archive that its name says", "rename it to end with .h5")
    if not archive and start.startswith(_ZIP):
        raise refused(
            path, "it is an archive, and not the HDF5 file that its name says", "rename it to end with .keras"
        )
    if not start.startswith(_ZIP if archive else _HDF5):
        raise refused(path, f"it is no {path.suffix} file, whatever its name says", AGAIN)


def _made(path: Path, found: Contents, compiles: bool, trust: bool) -> Any:
    """What Keras makes of a file, if need be without the settings of compilation."""
    try:
        return _attempt(path, found, compiles, trust)
    except ModelFileError:
        if not compiles:
            raise
        return _attempt(path, found, False, trust)


def _attempt(path: Path, found: Contents, compiles: bool, trust: bool) -> Any:
    import keras

    most = math.inf if trust else STATES * found.elements + SLACK
    model, failure = None, None
    with quiet() as said, bounded(most) as count:
        try:
            model = keras.saving.load_model(path, compile=compiles, safe_mode=not trust)
        except Exception as error:  # there is no telling what Keras, or the code of a layer, raises
            failure = error
    if count.excess:
        why = f"its configuration asks for {count.excess} for the {found.elements:,} in its weights"
        raise refused(path, why, AGAIN) from failure
    if failure:
        # Keras repeats the whole configuration before it says what is wrong with it.
        why = reason(failure).rsplit("Exception encountered: ", 1)[-1]
        if match := _UNKNOWN.search(why):
            raise refused(path, *missing(match[1].lower(), match[2])) from failure
        raise refused(path, f"Keras cannot load it ({shown(why, 240)})", AGAIN) from failure
    if any("freshly" in line for line in said):
        raise refused(path, "some of its layers have no weights in it", AGAIN)
    return model


def _check_model(path: Path, model: Any) -> None:
    import keras

    if not isinstance(model, keras.Model):
        raise refused(path, f"it holds a {shown(type(model).__name__)} and no model", AGAIN)
    if not model.built:
        build = "call it on data, or begin it with keras.Input(shape), before it is saved"
        raise refused(path, f"its model '{shown(model.name)}' is not built, and has no weights", build)
    for variable in model.weights:
        values = stored(variable)
        if values.dtype.kind in "fVc" and not np.all(np.isfinite(values)):
            what = "NaN" if np.any(np.isnan(values)) else "infinite"
            raise refused(path, f"its weight '{shown(variable.path)}' has {what} values", "train or repair it")
