"""What `benchmarks/sabotage.py` breaks is still there to be broken."""

import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def mutations():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        from broken import AREAS

        yield [mutation for area in AREAS.values() for mutation in area]
        for name in [name for name in sys.modules if name.partition(".")[0] == "broken"]:
            sys.modules.pop(name)


def test_what_is_replaced_is_there_exactly_once(mutations):
    for mutation in mutations:
        source = (ROOT / "redundancy" / mutation.file).read_text(encoding="utf-8")
        assert source.count(mutation.old) == 1, mutation.what
        assert mutation.new != mutation.old, mutation.what


def test_what_is_broken_is_still_python(mutations):
    for mutation in mutations:
        source = (ROOT / "redundancy" / mutation.file).read_text(encoding="utf-8")
        compile(source.replace(mutation.old, mutation.new), mutation.what, "exec")


def test_the_tests_that_should_notice_are_there(mutations):
    for mutation in mutations:
        path, *_ = shlex.split(mutation.tests)
        assert (ROOT / path.partition("::")[0]).is_file(), mutation.what
