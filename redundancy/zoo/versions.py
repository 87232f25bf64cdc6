"""What computes: the versions that decide a run, and the machine that it came from."""

from __future__ import annotations

import json
import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_DECIDING = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "TF_ENABLE_ONEDNN_OPTS")


def versions() -> dict[str, str]:
    """The versions that decide a run but for rounding: those of Keras, of its backend's library, and of NumPy.

    And of TensorFlow, whatever the backend: it draws what is random.
    """
    return {name: _version(name) for name in ("keras", library(), "numpy", "tensorflow")}


def library() -> str:
    """The distribution that Keras computes with: of its backend if it is loaded, else of the one it would load."""
    if (keras := sys.modules.get("keras")) is not None and hasattr(keras, "backend"):
        return str(keras.backend.backend())
    return os.environ.get("KERAS_BACKEND") or _configured() or "tensorflow"


@cache
def machine() -> str:
    """What decides the last bits of a run besides recipe, seed, data and versions, as one line.

    The processor, and how many threads share a sum: TensorFlow cuts its work into as many pieces as it has threads,
    and adds in another order where there are more or fewer.
    """
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    deciding = [f"{name}={os.environ[name]}" for name in _DECIDING if name in os.environ]
    return ", ".join([platform.system(), platform.machine(), _processor(), f"{threads} threads", *deciding])


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


@cache
def _configured() -> str:
    """The backend that Keras's own file names, where there is one."""
    home = os.environ.get("KERAS_HOME")
    path = (Path(home) if home else Path("~/.keras").expanduser()) / "keras.json"
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):
        return ""
    return str(said.get("backend", "")) if isinstance(said, dict) else ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
