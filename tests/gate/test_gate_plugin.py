"""The fixture `model` and the claims about models, in tests of one's own."""

from __future__ import annotations

import shutil

import pytest

# A run of pytest inside pytest forgets the modules that it loaded; those written in C cannot be loaded a second time.
import redundancy.workbench  # noqa: F401

OWN = """
    def test_small(model):
        assert model.network.parameters < 100
        assert model.model.count_params() == model.network.parameters
"""


@pytest.fixture
def ours(pytester, models, monkeypatch):
    """`ours(source, *arguments)` runs pytest on a module beside models/good.keras and models/twins.keras."""
    monkeypatch.setenv("COLUMNS", "120")
    pytester.mkdir("models")
    for name in ("good", "twins"):
        shutil.copy(models / f"{name}.keras", pytester.path / "models")

    def run(source, *arguments, **outcomes):
        if source:
            pytester.makepyfile(source)
        result = pytester.runpytest("-p", "no:cacheprovider", *arguments)
        if outcomes:
            result.assert_outcomes(**outcomes)
        return result

    return run


def test_a_test_is_there_for_each_model(ours):
    result = ours(OWN, "-v", "--redundancy-model=models/*.keras", passed=2)
    result.stdout.fnmatch_lines(["*::test_small[[]models/good.keras[]] *", "*::test_small[[]models/twins.keras[]] *"])


def test_models_may_be_named_one_by_one(ours):
    ours(OWN, "--redundancy-model", "models/good.keras", "--redundancy-model", "models/twins.keras", passed=2)


def test_the_ini_file_may_name_them(ours, pytester):
    pytester.makeini("[pytest]\nredundancy_model =\n    models/good.keras\n    models/twins.keras\n")
    ours(OWN, passed=2)
    ours("", "--redundancy-model=models/good.keras", passed=1)


def test_pyproject_may_name_them(ours, pytester):
    pytester.makepyprojecttoml('[tool.redundancy]\nmodels = "models/*.keras"\nno-duplicates = true\n')
    ours(OWN, passed=2)


def test_they_may_be_selected(ours):
    ours(OWN, "--redundancy-model=models/*.keras", "-k", "twins", passed=1, deselected=1)


def test_what_failed_last_is_tested_again(ours, pytester):
    ours(
        "def test_it(model):\n    assert 'good' in model.name\n",
        "--redundancy-model=models/*.keras",
        passed=1,
        failed=1,
    )
    arguments = ("--redundancy-model=models/*.keras", "-p", "cacheprovider")
    pytester.runpytest(*arguments)
    pytester.runpytest(*arguments, "--lf").assert_outcomes(failed=1)


def test_a_model_is_loaded_once(ours):
    ours(
        """
        import pytest

        seen = []

        @pytest.mark.parametrize("number", range(3))
        def test_one(model, number):
            seen.append(model.audit)

        def test_two(model):
            seen.append(model.audit)

        def test_number():
            assert len(seen) == 8 and len(set(map(id, seen))) == 2
        """,
        "--redundancy-model=models/*.keras",
        passed=9,
    )


def test_a_claim_may_be_about_a_model(ours):
    result = ours(
        """
        from hypothesis import given, strategies as st
        from redundancy import claim, observe

        @claim("a model has few layers")
        @given(st.integers(0, 3))
        def test_layers(model, number):
            observe("layers", {model.name: len(model.model.layers)})
            assert len(model.model.layers) < 10
        """,
        "--redundancy-model=models/*.keras",
        passed=2,
    )
    result.stdout.fnmatch_lines(["HOLDS         a model has few layers", "*models/twins.keras  2"])


CLAIMS = "from redundancy.gate.claims import *\n"


def test_the_claims_may_be_imported(ours, pytester):
    more = '[[tool.redundancy.overrides]]\nmodels = "models/good.keras"\nredundant-share = false\n'
    pytester.makepyprojecttoml(
        f'[tool.redundancy]\nmodels = "models/*.keras"\nno-duplicates = true\nredundant-share = 0.5\n{more}'
    )
    result = ours(CLAIMS, failed=1, passed=2, deselected=7)
    result.stdout.fnmatch_lines(["REFUTED       no unit of a model is an exact duplicate of another one"])


def test_claims_that_need_no_margin_are_asked_where_nothing_is_said(ours):
    ours(CLAIMS, "--redundancy-model=models/twins.keras", failed=1, passed=1, deselected=3)


def test_a_baseline_serves_tests_of_ones_own(ours, pytester):
    pytester.makepyprojecttoml('[tool.redundancy]\nmodels = "models/*.keras"\nno-duplicates = true\n')
    ours(CLAIMS, "--redundancy-update-baseline", passed=2, deselected=8)
    assert "twins" in (pytester.path / "redundancy-baseline.json").read_text()
    ours("", passed=2, deselected=8)


def test_a_baseline_needs_a_place(ours):
    result = ours(CLAIMS, "--redundancy-update-baseline", "--redundancy-model=models/good.keras")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --redundancy-update-baseline: no [[]tool.redundancy[]] in pyproject.toml says*"]
    )


def test_where_there_is_no_model_one_line_says_so(ours):
    result = ours(OWN, errors=1)
    result.stdout.fnmatch_lines(["there is no model to test: name one with --redundancy-model PATH, *"])


def test_a_model_that_is_not_there_is_one_line(ours):
    result = ours(OWN, "--redundancy-model=none.keras")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --redundancy-model: there is no file 'none.keras', looked for in '*'; name*"])


def test_a_configuration_that_is_not_there_is_one_line(ours):
    result = ours(OWN, "--redundancy-config=none.toml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: none.toml: it cannot be read (No such file or directory); name *"])
    assert "models.py" not in result.stdout.str()


def test_a_malformed_configuration_is_one_line(ours, pytester):
    pytester.makepyprojecttoml('[tool.redundancy]\nmodels = "models/*.keras"\nno-duplicate = true\n')
    result = ours(OWN, errors=1)
    result.stdout.fnmatch_lines(["*pyproject.toml: [[]tool.redundancy[]] no-duplicate: there is no such key (did*"])
    assert "models.py" not in result.stdout.str()


def test_a_model_of_ones_own_is_left_alone(ours):
    ours(
        """
        import pytest

        @pytest.fixture
        def model():
            return 7

        def test_it(model):
            assert model == 7

        @pytest.mark.parametrize("model", [1, 2])
        def test_them(model):
            assert model in (1, 2)
        """,
        "--redundancy-model=models/good.keras",
        passed=3,
    )


def test_who_changes_a_model_is_told(ours):
    result = ours(
        "def test_it(model):\n    model.model.set_weights([2 * weight for weight in model.model.get_weights()])\n",
        "--redundancy-model=models/good.keras",
        passed=1,
        errors=1,
    )
    result.stdout.fnmatch_lines(
        ["a test has changed the weights of models/good.keras, which all tests share: let the*"]
    )


def test_warnings_of_libraries_are_no_errors(ours, pytester):
    pytester.makeini("[pytest]\nfilterwarnings = error")
    ours(CLAIMS, "--redundancy-model=models/good.keras", passed=2, deselected=3)


RATED = """
    from redundancy import claim

    @claim("a model is small", at_least=0.8)
    def test_small(model, run):
        print("CALLED")
        assert model.network.parameters < 10**6
"""


def test_a_verdict_is_about_the_very_file(ours, pytester):
    """It was replayed for another file of the same name."""
    arguments = "--redundancy-model=models/good.keras", "--redundancy-ledger=book", "-s"
    first, again = (ours(RATED, *arguments, passed=1).outlines for _ in range(2))
    shutil.copy(pytester.path / "models" / "twins.keras", pytester.path / "models" / "good.keras")
    other = ours(RATED, *arguments, passed=1).outlines
    assert ["CALLED" in "".join(lines) for lines in (first, again, other)] == [True, False, True]


def test_a_claim_of_ones_own_names_the_model_that_refutes_it(ours):
    source = """
        from redundancy import claim

        @claim("a model is good")
        def test_good(model):
            assert "good" in model.name
    """
    result = ours(source, "--redundancy-model=models/*.keras", failed=1, passed=1)
    result.stdout.fnmatch_lines(
        ["REFUTED *a model is good", " *assert 'good' in 'models/twins.keras'*", " *in 2 models"]
    )


def test_an_assertion_without_a_name_gets_that_of_the_model(ours):
    source = "from redundancy import claim\n\n@claim('none')\ndef test_none(model):\n    assert 1 > 2\n"
    result = ours(source, "--redundancy-model=models/twins.keras", failed=1)
    result.stdout.fnmatch_lines(["REFUTED *none", " *models/twins.keras: assert 1 > 2"])
