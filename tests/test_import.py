"""What it costs to import the package: whoever asks for help, or tests other things, pays for no framework."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"tensorflow", "keras", "sklearn", "scipy.stats", "pandas", "mlxtend"}


def loaded_by(code: str) -> set[str]:
    """The modules that are loaded after a fresh interpreter ran the code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('loaded', *sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_the_package_loads_nothing_heavy():
    assert not loaded_by("import redundancy; redundancy.claim, redundancy.observe") & {*HEAVY, "numpy", "hypothesis"}


@pytest.mark.parametrize("module", ["plugin", "report.terminal", "cli", "statistics", "verdict", "hearing", "profiles"])
def test_a_module_loads_nothing_heavy(module):
    assert not loaded_by(f"import redundancy.{module}") & {*HEAVY, "numpy", "scipy", "hypothesis"}


@pytest.mark.parametrize("module", ["data", "zoo", "compaction", "network"])
def test_a_room_loads_nothing_heavy(module):
    assert not loaded_by(f"import redundancy.{module}") & HEAVY


def test_help_loads_nothing_heavy():
    code = "from redundancy.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert not loaded_by(code) & {*HEAVY, "numpy", "pytest", "hypothesis"}


def test_every_public_name_is_there():
    import redundancy

    missing = [name for name in redundancy.__all__ if getattr(redundancy, name, None) is None]
    assert not missing
    assert sorted(redundancy.__all__) == dir(redundancy)


def test_an_unknown_name_is_an_attribute_error():
    import redundancy

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = redundancy.nothing
