"""The plugin, seen by someone who writes claims and reads what pytest prints."""

from __future__ import annotations

import re

import numpy as np
import pytest

# A run of pytest inside pytest forgets the modules that it loaded; those written in C cannot be loaded a second time.
import scipy.special  # noqa: F401

import redundancy.compaction
import redundancy.data
import redundancy.zoo  # noqa: F401

TRUE = """
    from hypothesis import given, strategies as st
    from redundancy import claim, judge, observe

    @claim("a sum does not depend on the order")
    @given(st.integers(0, 9), st.integers(0, 9))
    def test_order(a, b):
        observe("largest sum", a + b)
        assert a + b == b + a
"""

FALSE = """
    from hypothesis import given, strategies as st
    from redundancy import claim, observe

    @claim("every number is below twenty")
    @given(number=st.integers(0, 1000))
    def test_small(number):
        observe("number", number)
        assert number < 20, "it is too large"
"""

OPEN = """
    from redundancy import claim, judge

    @claim("coins fall on their edge")
    def test_edge():
        judge(20, 20, at_least=0.95, what="coins on their edge")
"""


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Neither the environment nor the terminal of whoever runs these tests enters them."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("REDUNDANCY_DATA", raising=False)


@pytest.fixture
def section(pytester):
    """Runs pytest on a module, and returns its lines from the section on."""

    def run(source, *arguments, **outcomes):
        pytester.makepyfile(source)
        result = pytester.runpytest("-p", "no:cacheprovider", *arguments)
        result.assert_outcomes(**outcomes)
        at = [number for number, line in enumerate(result.outlines) if re.fullmatch("=+ claims =+", line)]
        return result.outlines[at[0] + 1 :] if at else None

    return run


def test_a_true_claim_is_not_refuted(section):
    lines = section(TRUE, passed=1)
    assert lines[0] == "HOLDS         a sum does not depend on the order"
    assert lines[1] == "              not refuted in 25 configurations"
    assert re.fullmatch(" {14}largest sum: 0 to 1[0-8]", lines[2])


def test_a_false_claim_is_refuted_with_the_smallest_example(section, pytester):
    lines = section(FALSE, failed=1)
    assert lines[0] == "REFUTED       every number is below twenty"
    assert lines[1] == "              it is too large"
    assert lines[3] == "              number: 20"


def test_the_smallest_example_is_printed(pytester):
    pytester.makepyfile(FALSE)
    result = pytester.runpytest()
    result.stdout.fnmatch_lines(["E*AssertionError: it is too large", "E*test_small(", "E*number=20,", "*= claims =*"])


def test_a_refutation_by_runs_has_a_short_traceback(pytester):
    pytester.makepyfile(OPEN.replace("20, 20", "2, 20"))
    result = pytester.runpytest()
    result.stdout.fnmatch_lines(["E*Refuted: coins on their edge: 2 of 20, a rate in *; at least 0.95 was claimed"])
    assert "hearing.py" not in result.stdout.str()


def test_an_open_claim_passes_but_does_not_hold(section):
    lines = section(OPEN, passed=1)
    assert lines[0] == "INCONCLUSIVE  coins fall on their edge"
    text = " ".join(" ".join(lines).split())
    assert "fewer than 59 runs cannot certify 0.95" in text
    assert "20 runs; a rate of at least 0.95, at 0.95 confidence" in text


@pytest.mark.parametrize(
    "body", ["1 / 0", "raise ValueError('division by zero')", "observe('x', [1])", "raise RuntimeError"]
)
def test_a_broken_test_is_an_error_and_no_verdict(section, body):
    source = f"from redundancy import claim, observe\n\n@claim('it works')\ndef test_it():\n    {body}\n"
    lines = section(source, failed=1)
    assert lines[0] == "ERROR         it works"
    assert re.match(r" {14}\w+Error:", lines[1])


def test_a_broken_fixture_is_an_error(section):
    lines = section(
        """
        import pytest
        from redundancy import claim

        @pytest.fixture
        def thing():
            raise OSError("no thing")

        @claim("things are")
        def test_thing(thing):
            pass
        """,
        errors=1,
    )
    assert lines[:2] == ["ERROR         things are", "              OSError: no thing"]


def test_a_flaky_test_is_an_error(section):
    lines = section(
        """
        from hypothesis import given, strategies as st
        from redundancy import claim

        calls = []

        @claim("it fails once")
        @given(st.integers())
        def test_once(number):
            calls.append(number)
            assert len(calls) != 3
        """,
        failed=1,
    )
    assert lines[0].startswith("ERROR ")


def test_skipped_claims_and_other_tests_leave_no_section(section):
    source = """
        import pytest
        from redundancy import claim

        @claim("not now")
        def test_skipped():
            pytest.skip()

        def test_other():
            pass
    """
    assert section(source, passed=1, skipped=1) is None


MANY = """
    import pytest
    from redundancy import claim, judge, observe

    @claim("few is enough")
    @pytest.mark.parametrize("filters", [1, 2, 16])
    def test_few(filters):
        observe("accuracy by filters", {filters: 0.5 + filters / 100})
        judge(100 if filters != 2 else 20, 100 if filters != 2 else 20)
"""


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_parameters_of_one_sentence_are_one_entry(section, workers):
    lines = section(MANY, *workers, passed=3)
    text = "\n".join(lines)
    assert lines[0] == "INCONCLUSIVE  few is enough"
    assert text.count("few is enough") == 1
    assert "in 3 configurations, 220 runs" in text
    at = lines.index("              accuracy by filters:")
    assert lines[at + 1 : at + 4] == [f"{' ' * 16}{n:<2}  {0.5 + n / 100}" for n in (1, 2, 16)]


def test_the_worst_outcome_stands_for_all(section):
    source = """
        import pytest
        from redundancy import claim

        @claim("numbers are small")
        @pytest.mark.parametrize("number", [1, 2, 3, 4])
        def test_small(number):
            assert number < 3
    """
    lines = section(source, passed=2, failed=2)
    assert lines[0] == "REFUTED       numbers are small"
    assert "(and 1 more of 4 tests)" in " ".join(lines)


def test_claims_of_methods_are_heard(section):
    source = """
        from hypothesis import given, strategies as st
        from redundancy import claim

        class TestThem:
            @claim("methods work")
            @given(st.integers(0, 3))
            def test_them(self, n):
                assert n < 4
    """
    assert section(source, passed=1)[1] == "              not refuted in 4 configurations"


def test_claims_can_be_selected(section):
    lines = section(TRUE + "\n    def test_other(): pass\n", "-m", "claim", "--strict-markers", passed=1, deselected=1)
    assert lines[0].startswith("HOLDS")


def test_a_claim_below_given_is_refused_in_one_line(pytester):
    pytester.makepyfile(
        """
        from hypothesis import given, strategies as st
        from redundancy import claim

        @given(st.integers())
        @claim("upside down")
        def test_it(n):
            pass
        """
    )
    result = pytester.runpytest()
    result.stdout.fnmatch_lines(["*put @claim above @given*", "ERROR *upside down"])


PROFILE = """
    from hypothesis import given, settings, strategies as st
    from redundancy import claim

    def test_other_before():
        assert settings().max_examples == 7

    @claim("numbers are numbers")
    @given(st.integers())
    def test_numbers(n):
        pass

    @claim("some settings are mine")
    @settings(max_examples=100)
    @given(st.integers())
    def test_mine(n):
        pass

    @given(st.integers())
    def test_others(n):
        calls.append(n)

    def of(test):
        return test._hypothesis_internal_use_settings

    calls = []

    def test_settings():
        from redundancy.profiles import EXAMPLES, fields
        import os
        pinned = fields(os.environ["PROFILE"])
        for name, value in pinned.items():
            assert getattr(of(test_numbers), name) == value
            if name != "max_examples":
                assert getattr(of(test_mine), name) == value
        assert of(test_mine).max_examples == 100
        assert of(test_others).max_examples == 7
        assert len(calls) <= 7
        assert settings.get_current_profile_name() == "mine"
"""


@pytest.mark.parametrize(("arguments", "profile"), [([], "standard"), (["--redundancy-profile=quick"], "quick")])
@pytest.mark.parametrize("ci", [False, True])
def test_the_profile_reaches_claims_and_nothing_else(pytester, monkeypatch, arguments, profile, ci):
    monkeypatch.delenv("CI", raising=False)
    if ci:
        monkeypatch.setenv("CI", "1")
    monkeypatch.setenv("PROFILE", profile)
    pytester.makeconftest(
        "from hypothesis import settings\n"
        "settings.register_profile('mine', max_examples=7)\nsettings.load_profile('mine')\n"
    )
    pytester.makepyfile(PROFILE)
    pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=5)


def test_a_module_that_breaks_off_leaves_no_profile_behind(pytester):
    pytester.makepyfile(
        test_a="from hypothesis import given, strategies as st\nfrom redundancy import claim\n\n"
        "@claim('broken')\n@given(st.nothing_like_it())\ndef test_it(): pass\n",
        test_b="from hypothesis import settings\nNAME = settings.get_current_profile_name()\n\n"
        "def test_it():\n    assert not NAME.startswith('redundancy')\n",
    )
    pytester.runpytest("--continue-on-collection-errors").assert_outcomes(passed=1, errors=1)


def test_every_setting_is_pinned():
    from hypothesis import settings

    from redundancy.profiles import EXAMPLES, fields

    public = {name for name in vars(type(settings.default)) if isinstance(vars(type(settings.default))[name], property)}
    for name in EXAMPLES:
        assert set(fields(name)) == public


def test_a_claim_meets_the_same_configurations_each_time(section):
    source = FALSE.replace("number < 20", "number < 2000").replace('"number", number', '"numbers", {number: "met"}')
    first, second = (section(source, passed=1)[:-1] for _ in range(2))
    assert len(first) > 15
    assert first == second


def test_the_profile_of_the_ini_file(section, pytester):
    pytester.makeini("[pytest]\nredundancy_profile = quick")
    assert section(TRUE, passed=1)[1].endswith("not refuted in 5 configurations")
    assert section(TRUE, "--redundancy-profile=standard", passed=1)[1].endswith("in 25 configurations")


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("--redundancy-profile=fast", "ERROR: *there is no profile 'fast'; give one of quick, standard, thorough"),
        ("--redundancy-inconclusive=no", "ERROR: *there is no policy 'no'; give one of pass, warn, fail"),
        ("--redundancy-github=no", "ERROR: *there is no choice 'no'; give one of auto, off"),
        ("--redundancy-json=no/out.json", "ERROR: --redundancy-json: cannot write '*out.json': No such file*"),
        ("--redundancy-seed=-1", "ERROR: *'-1' is no seed; give a whole number from 0 up"),
        ("--redundancy-seed=one", "ERROR: *'one' is no seed; give a whole number from 0 up"),
        ("--redundancy-cluster=4", "ERROR: --redundancy-cluster: '4' names no workers; give here, processes*"),
        ("--redundancy-cluster=tcp://127.0.0.1:1", "ERROR: --redundancy-cluster: nothing answers at tcp://*"),
        ("--redundancy-data=nothing", "ERROR: --redundancy-data: no data set 'nothing': *"),
    ],
)
def test_an_unknown_value_is_refused_in_one_line_before_collection(pytester, option, line):
    pytester.makepyfile("raise SystemExit('collected')")
    result = pytester.runpytest(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([line])
    assert len([text for text in result.stderr.lines if text.strip()]) == 1
    assert "collected" not in result.stdout.str()


USES_DATA = """
    from redundancy import claim

    @claim("there are images")
    def test_images(dataset):
        assert len(dataset.x_train) == 6
"""


@pytest.fixture
def images(pytester):
    """A sound file of a few images."""
    x, y = np.zeros((6, 28, 28, 1), np.uint8), np.arange(6) % 2
    np.savez(pytester.path / "images.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    return "images.npz"


def test_a_broken_file_is_one_line(pytester):
    (pytester.path / "bad.npz").write_bytes(b"no zip")
    pytester.makepyfile(USES_DATA)
    result = pytester.runpytest("--redundancy-data=bad.npz")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = (text for text in result.stderr.lines if text.strip())
    assert line.startswith("ERROR: --redundancy-data: ")
    assert "bad.npz" in line


def test_a_broken_file_from_the_environment_is_one_line(pytester, monkeypatch):
    monkeypatch.setenv("REDUNDANCY_DATA", "nothing.npz")
    pytester.makepyfile(USES_DATA)
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    assert "Traceback" not in result.stdout.str()
    result.stdout.fnmatch_lines(["no data set 'nothing.npz': *", "*= claims =*", "ERROR *there are images"])


def test_a_broken_environment_does_not_disturb_tests_without_data(section, monkeypatch):
    monkeypatch.setenv("REDUNDANCY_DATA", "nothing.npz")
    assert section(TRUE, passed=1)


@pytest.mark.parametrize("way", ["option", "ini", "environment", "option over environment"])
def test_the_data_set_is_chosen_and_named(section, pytester, monkeypatch, images, way):
    if way == "ini":
        pytester.makeini(f"[pytest]\nredundancy_data = {images}")
    if "environment" in way:
        monkeypatch.setenv("REDUNDANCY_DATA", images if way == "environment" else "nothing.npz")
    lines = section(USES_DATA, *([f"--redundancy-data={images}"] if "option" in way else []), passed=1)
    assert lines[:2] == ["HOLDS         there are images", "              in 1 configuration, on images.npz"]
    assert lines[2] == " data: images.npz: 6 training and 6 test images of 28x28x1, 2 classes"


def test_seeds_belong_to_claim_keys_and_root(pytester):
    pytester.makepyfile(
        """
        from hypothesis import given, strategies as st
        from redundancy import claim
        from redundancy.zoo import seeds as independent

        @claim("seeds differ")
        @given(st.integers(0, 9))
        def test_them(seeds, root_seed, key):
            assert root_seed == 5
            assert seeds(3, key) == independent("seeds differ", key, root=5, count=3)
            assert len({*seeds(3, key), *seeds(3, key + 1)}) == 6
        """
    )
    pytester.runpytest("--redundancy-seed=5").assert_outcomes(passed=1)
    pytester.makeini("[pytest]\nredundancy_seed = 5")
    pytester.runpytest().assert_outcomes(passed=1)


def test_seeds_without_a_claim_are_refused_in_one_line(pytester):
    pytester.makepyfile("def test_it(seeds):\n    seeds(1)")
    pytester.runpytest().stdout.fnmatch_lines(["E*ClaimError: there is no claim to draw seeds for: *"])


def test_trained_networks_are_counted_and_kept(section, pytester, monkeypatch, images):
    # What is trained, and how, is tested with the zoo.
    def train(recipe, seeds, *, data, store, workers):
        assert (str(store.directory), workers) == ("kept", "processes:2")
        return tuple((recipe, seed, data.name) for seed in seeds)

    monkeypatch.setattr("redundancy.zoo.train", train)
    source = """
        from hypothesis import given, strategies as st
        from redundancy import claim

        @claim("networks can be trained")
        @given(st.sampled_from(["small", "large"]))
        def test_them(trained, recipe):
            assert trained(recipe, (1, 2, 3))[0] == (recipe, 1, "images.npz")
    """
    options = "--redundancy-data", images, "--redundancy-store=kept", "--redundancy-cluster=processes:2"
    lines = section(source, *options, passed=1)
    assert lines[1] == "              not refuted in 2 configurations, 6 runs, on images.npz"


def test_the_plugin_loads_nothing_heavy(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_modules():
            heavy = {"tensorflow", "keras", "sklearn", "scipy", "hypothesis", "pandas", "numpy"}
            assert "redundancy.plugin" in sys.modules
            assert not heavy & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_files_of_claims_are_collected_in_any_project(pytester):
    pytester.mkdir("properties").joinpath("claim_one.py").write_text(
        "from redundancy import claim\n\n@claim('one is one')\ndef test_one():\n    assert 1 == 1\n"
    )
    pytester.runpytest_inprocess("properties").assert_outcomes(passed=1)


def test_an_assertion_of_unittest_refutes(pytester):
    pytester.makepyfile(
        "import unittest\nfrom redundancy import claim\n\n"
        "class TestIt(unittest.TestCase):\n"
        "    @claim('one is two')\n    def test_it(self):\n        self.assertEqual(1, 2)\n"
    )
    result = pytester.runpytest_inprocess()
    result.stdout.fnmatch_lines(["REFUTED*one is two"])


def test_a_teardown_that_fails_is_an_error(pytester):
    pytester.makepyfile(
        "import pytest\nfrom redundancy import claim\n\n"
        "@pytest.fixture\ndef broken():\n    yield\n    raise RuntimeError('no end')\n\n"
        "@claim('it ends')\ndef test_it(broken):\n    assert True\n"
    )
    result = pytester.runpytest_inprocess()
    result.stdout.fnmatch_lines(["ERROR*it ends"])


def test_a_run_that_is_repeated_is_no_second_run(pytester):
    pytester.makepyfile(
        "from redundancy import claim\n\n@claim('again')\ndef test_it(trained):\n    trained(None, [0, 0])\n"
    )
    result = pytester.runpytest_inprocess()
    result.stdout.fnmatch_lines(["ERROR*again", "*a seed is there twice*"])
