"""Claims with a rate, seen by someone who writes them and reads what pytest prints."""

from __future__ import annotations

import json

import pytest
import scipy.special  # noqa: F401 - a run of pytest inside pytest cannot load it a second time

import redundancy.data
import redundancy.zoo.sampling  # noqa: F401

EVEN = """
    from redundancy import claim, observe

    @claim("seeds are below 2**63", at_least=0.8)
    def test_small(run):
        observe("seed", run.seed)
        assert run.seed < 2**63
"""

DRAWN = """
    from hypothesis import given, strategies as st
    from redundancy import claim
    from redundancy.zoo.seeds import seeds

    calls = []

    @claim("a seed modulo seven is small", at_least=0.8)
    @given(number=st.integers(0, 50))
    def test_modulo(number, run):
        calls.append(number)
        print("CALLED")
        assert run.seed % 7 < {limit} or number < 5
"""


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("REDUNDANCY_DATA", raising=False)


@pytest.fixture
def told(pytester):
    """Runs pytest on a module, and returns the lines that it prints."""

    def run(source, *arguments, training=False, **outcomes):
        pytester.makepyfile(source)
        # TensorFlow cannot be loaded a second time in one process.
        started = pytester.runpytest_subprocess if training else pytester.runpytest
        result = started("-p", "no:cacheprovider", "--redundancy-ledger=book", "-s", *arguments)
        result.assert_outcomes(**outcomes)
        return result.outlines

    return run


def line(lines, start):
    return next((line for line in lines if line.startswith(start)), None)


@pytest.mark.parametrize(
    "test", ["def test_it(run):\n        return run.seed < 0", "async def test_it(run):\n        1 / 0"]
)
def test_what_is_returned_is_not_taken_for_said(told, test):
    """Every such run counted as one that is as claimed."""
    source = f"""
    from redundancy import claim

    @claim("water is dry", at_least=0.8)
    {test}
    """
    lines = told(source, failed=1)
    assert line(lines, "ERROR         water is dry")


def test_a_claim_that_is_true_holds_after_as_few_runs_as_can_be(told):
    lines = told(EVEN, passed=1)
    assert line(lines, "HOLDS         seeds are below")
    assert line(lines, "              in 1 configuration, 15 runs; a rate of at least 0.8, at 0.95 confidence")


def test_a_refutation_shows_the_smallest_configuration_and_a_failure(told):
    lines = told(DRAWN.format(limit=2), failed=1)
    assert line(lines, "REFUTED       a seed modulo seven is small")
    assert line(lines, "E       number=5,")
    assert any("confirmed by" in text and "seed" in text for text in lines)


def test_asking_again_runs_nothing_and_says_the_same(told):
    first, second = (told(DRAWN.format(limit=2), failed=1) for _ in range(2))
    assert "CALLED" in first
    assert "CALLED" not in second
    assert [text for text in first if text.startswith(" ")] == [text for text in second if text.startswith(" ")]


def test_another_predicate_is_judged_anew(told):
    told(DRAWN.format(limit=2), failed=1)
    lines = told(DRAWN.format(limit=7), passed=1)
    assert "CALLED" in lines


def test_another_root_seed_adds_runs(told):
    told(EVEN, passed=1)
    lines = told(EVEN, "--redundancy-seed=1", passed=1)
    assert line(lines, "              in 1 configuration, 8 runs;")


def test_nothing_is_kept_where_that_is_asked_for(told, pytester):
    pytester.makepyfile(EVEN)
    pytester.runpytest("-p", "no:cacheprovider", "--redundancy-ledger=none").assert_outcomes(passed=1)
    assert list(pytester.path.rglob("*.jsonl")) == []


def test_too_few_runs_are_said_before_any_is_made(told):
    source = EVEN.replace("at_least=0.8", "at_least=0.95, runs=20").replace("observe(", "print('CALLED') or observe(")
    lines = told(source, passed=1)
    assert line(lines, "INCONCLUSIVE  seeds are below")
    assert line(lines, "              20 runs cannot certify 0.95, and none was made: allow 65 or more")
    assert "CALLED" not in lines


def test_a_run_that_breaks_is_an_error_and_no_refutation(told):
    lines = told(EVEN.replace("assert run.seed < 2**63", "raise KeyError('x')"), failed=1)
    assert line(lines, "ERROR         seeds are below")


def test_a_skip_is_a_skip(told):
    lines = told(EVEN.replace("assert run.seed < 2**63", "import pytest; pytest.skip('not here')"), skipped=1)
    assert line(lines, "HOLDS") is None


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (EVEN.replace("run)", ")").replace("run.seed", "0"), "take an argument 'run'"),
        (DRAWN.replace("st.integers(0, 50)", "st.builds(object)").replace("number < 5", "0"), "which says nothing"),
        (EVEN.replace("at_least=0.8", "at_least=1.0"), "cannot be judged by runs"),
        (EVEN.replace("at_least=0.8", "runs=9"), "runs of what"),
        (EVEN.replace("assert", "from redundancy import judge; judge(1, 1); assert"), "is judged by @claim"),
    ],
)
def test_misuse_is_refused_in_one_line(pytester, source, text):
    pytester.makepyfile(source.replace("{limit}", "2"))
    result = pytester.runpytest("-p", "no:cacheprovider", "--redundancy-ledger=none")
    assert any(text in out for out in result.outlines)
    assert result.ret != 0


def test_a_ledger_that_cannot_be_is_refused_before_anything_runs(pytester):
    pytester.makepyfile(EVEN)
    pytester.makefile(".txt", notes="mine")
    result = pytester.runpytest("-p", "no:cacheprovider", "--redundancy-ledger=notes.txt")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.re_match_lines([r"ERROR: --redundancy-ledger: .*as the ledger.*"])


def test_a_damaged_ledger_is_an_error_in_one_line(told, pytester):
    told(EVEN, passed=1)
    (book,) = (pytester.path / "book").glob("*.jsonl")
    book.write_text("mine")
    lines = told(EVEN, failed=1)
    assert line(lines, "ERROR         seeds are below")
    assert not any("Traceback" in out or "redundancy/ledger.py" in out for out in lines)
    assert book.read_text() == "mine"


def test_parameters_have_judgements_of_their_own(told, pytester):
    source = """
        import pytest
        from redundancy import claim

        @claim("a seed modulo seven is small", at_least=0.8)
        @pytest.mark.parametrize("limit", [3, 7])
        def test_modulo(limit, run):
            assert run.seed % 7 < limit
    """
    told(source, passed=1, failed=1)
    books = [path.read_text().splitlines() for path in (pytester.path / "book").glob("*.jsonl")]
    assert sorted(json.loads(book[1])["judgement"]["outcome"] for book in books) == ["HOLDS", "REFUTED"]


def test_a_recipe_that_is_drawn_is_trained_on_the_data_of_the_session(told):
    lines = told(
        """
        from hypothesis import given, settings, strategies as st
        from redundancy import claim
        from redundancy.zoo import Recipe, dense, flatten

        @claim("little training is enough", at_least=0.5)
        @settings(max_examples=2)
        @given(recipe=st.sampled_from([Recipe((flatten(), dense(10)), data="mnist-5k", steps=s) for s in (10, 12)]))
        def test_learns(recipe, run):
            assert run.accuracy > 0.1
        """,
        training=True,
        passed=1,
    )
    assert line(lines, "              not refuted in 2 configurations, 10 runs, on mnist-5k")
