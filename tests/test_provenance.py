"""Verdicts are kept under a digest of all the code that they rest on."""

import importlib.util
import sys

import pytest

from redundancy.errors import DataError
from redundancy.provenance import code_digest

FILES = {
    "claim_wet.py": "from helper_of_test import wet\nfrom number_of_test import LIMIT\n",
    "number_of_test.py": "LIMIT = 0.1\n",
    "helper_of_test.py": "import deeper_of_test\n\n\ndef wet():\n    from later_of_test import inner\n",
    "later_of_test/__init__.py": "",
    "later_of_test/inner.py": "def late():\n    from . import aside\n",
    "later_of_test/aside.py": "",
    "later_of_test/unused.py": "",
    "deeper_of_test.py": "DROPS = 1\n",
    "conftest.py": "",
    "beside.py": "",
}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A test that has been imported with what it rests on, and a function that gives the digest of its code."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "claims").mkdir()
    (tmp_path / "later_of_test").mkdir()
    for name, content in FILES.items():
        (tmp_path / ("claims" if name.startswith("claim_") else "") / name).write_text(content)
    test = tmp_path / "claims" / "claim_wet.py"
    spec = importlib.util.spec_from_file_location("claim_wet", test)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "claim_wet", module)
    spec.loader.exec_module(module)
    yield tmp_path, lambda: code_digest(test, tmp_path)
    for name in ("helper_of_test", "deeper_of_test", "number_of_test"):
        sys.modules.pop(name, None)


RESTED_ON = [
    "claims/claim_wet.py",
    "helper_of_test.py",
    "deeper_of_test.py",
    "conftest.py",
    "number_of_test.py",
    "later_of_test/__init__.py",
    "later_of_test/inner.py",
    "later_of_test/aside.py",
]


@pytest.mark.parametrize("name", RESTED_ON)
def test_what_a_test_rests_on_counts(tree, name):
    place, digest = tree
    before = digest()
    (place / name).write_text((place / name).read_text() + "# changed\n")
    assert digest() != before


def test_what_it_does_not_rest_on_does_not(tree):
    place, digest = tree
    before = digest()
    (place / "beside.py").write_text("# changed")
    (place / "later_of_test/unused.py").write_text("# changed")
    assert digest() == before
    assert "later_of_test" not in sys.modules


def test_this_package_counts(tree, monkeypatch):
    _, digest = tree
    before = digest()
    monkeypatch.setattr("redundancy.provenance._package", lambda: "another release")
    assert digest() != before


def test_a_file_that_cannot_be_read_is_told_in_one_line(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        code_digest(tmp_path / "missing.py", tmp_path)
