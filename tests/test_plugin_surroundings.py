"""Claims beside what else teams use of pytest: workers, selections, no cache, and trees that nobody may write to."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys

import pytest
import scipy.special  # noqa: F401 - a run of pytest inside pytest cannot load it a second time

import redundancy.data
import redundancy.zoo.sampling  # noqa: F401
from redundancy import profiles
from redundancy.plugin import _home

CLAIMS = """
    import os
    from hypothesis import given, strategies as st
    from redundancy import claim

    @claim("texts are texts")
    @given(st.text(), st.from_regex("[a-c]+"), st.characters(categories=["Lu"]), st.integers())
    def test_texts(text, found, letter, number):
        assert isinstance(text, str)

    @claim("seeds are small", at_least=0.8)
    def test_seeds(run):
        assert run.seed < 2**63

    @claim("it is mended")
    def test_mended():
        assert os.environ.get("MENDED"), "it is not"
"""

ALL = {"test_mended": "REFUTED", "test_seeds": "HOLDS", "test_texts": "HOLDS"}

OTHERS = "from hypothesis import given, strategies as st\n\n@given(st.integers())\ndef test_it(n):\n    pass\n"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def tree(pytester, monkeypatch, cache):
    """A team's repository, and a cache outside of it."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("REDUNDANCY_CACHE", str(cache))
    monkeypatch.delenv("HYPOTHESIS_STORAGE_DIRECTORY", raising=False)
    monkeypatch.delenv("MENDED", raising=False)
    pytester.makeini("[pytest]\nredundancy_profile = quick")
    pytester.makepyfile(claim_some=CLAIMS)
    return pytester


def verdicts(path):
    return {verdict["test"].split("::")[1]: verdict["outcome"] for verdict in json.loads(path.read_text())["verdicts"]}


def unprivileged():
    """What a command begins with so that permissions bind it, also where root runs these tests."""
    dropped = "-dac_override,-dac_read_search"
    drop = ["setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}"]
    return drop if os.geteuid() == 0 and shutil.which("setpriv") else []


@pytest.mark.parametrize(
    ("mode", "workers"),
    [(stat.S_IRWXU, []), (stat.S_IRUSR | stat.S_IXUSR, []), (stat.S_IRUSR | stat.S_IXUSR, ["-n", "2"])],
    ids=["writable", "read-only", "read-only, workers"],
)
def test_nothing_is_written_where_the_claims_are(tree, tmp_path_factory, cache, mode, workers):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    before = sorted(tree.path.rglob("*"))
    tree.path.chmod(mode)
    options = ["-p", "no:cacheprovider", f"--redundancy-json={elsewhere / 'out.json'}"]
    command = [*unprivileged(), sys.executable, "-m", "pytest", *options, *workers]
    done = subprocess.run(command, cwd=tree.path, capture_output=True, check=False)
    tree.path.chmod(stat.S_IRWXU)
    assert done.returncode == 1
    assert verdicts(elsewhere / "out.json") == ALL
    assert sorted(tree.path.rglob("*")) == before
    assert (cache / "hypothesis").is_dir()


def test_without_a_cache_hypothesis_keeps_nothing(tree, monkeypatch):
    monkeypatch.setenv("REDUNDANCY_CACHE", str(tree.path / "claim_some.py"))
    with pytest.raises(OSError, match="Not a directory"):
        _home().mkdir(parents=True)


SHOW = """
    from hypothesis.configuration import storage_directory

    def pytest_collection_modifyitems():
        print("kept in", storage_directory("x", intent_to_write=False).path)
"""


@pytest.mark.parametrize("others", [False, True])
def test_what_else_is_tested_keeps_hypothesis_where_it_was(tree, cache, others):
    tree.makeconftest(SHOW)
    if others:
        tree.makepyfile(test_mine=OTHERS)
    result = tree.runpytest("-k", "seeds", "-s", "-p", "no:cacheprovider")
    kept = cache / "hypothesis" if not others else home()
    result.stdout.fnmatch_lines([f"*kept in {kept / 'x'}*"])


PATCHES = """
    import pytest

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(item):
        try:
            return (yield)
        finally:
            print("examples for a patch:", "_hypothesis_failing_examples" in vars(item))
"""

FAILING = """
    from hypothesis import given, strategies as st
    from redundancy import claim

    {mark}
    @given(st.integers())
    def test_it(n):
        assert n < 20
"""


@pytest.mark.parametrize(("mark", "kept"), [("@claim('small')", False), ("", True)])
def test_hypothesis_makes_no_patch_of_a_claim(pytester, mark, kept):
    pytester.makeconftest(PATCHES)
    pytester.makepyfile(FAILING.format(mark=mark))
    result = pytester.runpytest("-p", "no:cacheprovider", "-s")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*examples for a patch: {kept}*"])


def home():
    from hypothesis.configuration import storage_directory

    return storage_directory("x", intent_to_write=False).path.parent.resolve()


def test_hypothesis_is_elsewhere_for_claims_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("HYPOTHESIS_STORAGE_DIRECTORY", raising=False)
    before = home()
    with profiles.chosen("quick", tmp_path):
        with profiles.searching():
            assert home() == tmp_path
        assert home() == before
        profiles.enter()
        assert home() == tmp_path
        profiles.leave()
        assert home() == before


def test_a_user_says_where_hypothesis_keeps_things(tmp_path, monkeypatch):
    monkeypatch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", "mine")
    before = home()
    with profiles.chosen("quick", tmp_path), profiles.searching():
        assert home() == before


def test_last_failed_asks_again_about_what_failed_alone(tree, monkeypatch):
    tree.runpytest("--redundancy-json=out.json").assert_outcomes(passed=2, failed=1)
    assert verdicts(tree.path / "out.json") == ALL
    monkeypatch.setenv("MENDED", "1")
    tree.runpytest("--lf", "--redundancy-json=out.json").assert_outcomes(passed=1)
    assert verdicts(tree.path / "out.json") == {"test_mended": "HOLDS"}


def test_a_selection_tells_of_itself_alone(tree):
    result = tree.runpytest("-k", "seeds", "--redundancy-json=out.json")
    assert result.ret == 0
    assert verdicts(tree.path / "out.json") == {"test_seeds": "HOLDS"}
    assert [line.split()[0] for line in result.outlines if line.startswith(tuple("HRIE"))] == ["HOLDS"]
