"""What becomes of claims that are INCONCLUSIVE, and the exit codes that a shell script can rely on."""

from __future__ import annotations

import pytest
import scipy.special  # noqa: F401 - a run of pytest inside pytest cannot load it a second time

OPEN = """
    import pytest
    from redundancy import claim, judge

    @claim("coins fall on their edge")
    def test_edge():
        judge(20, 20, at_least=0.95, what="coins on their edge")
"""


@pytest.fixture
def told(pytester, monkeypatch):
    """Runs pytest on a module."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(source, *arguments):
        pytester.makepyfile(source)
        return pytester.runpytest("-p", "no:cacheprovider", *arguments)

    return run


@pytest.mark.parametrize(
    ("policy", "code", "outcomes"),
    [
        ("pass", 0, {"passed": 1, "warnings": 0}),
        ("warn", 0, {"passed": 1, "warnings": 1}),
        ("fail", 1, {"failed": 1, "warnings": 0}),
        (None, 0, {"passed": 1, "warnings": 1}),
    ],
)
@pytest.mark.parametrize("way", ["option", "ini"])
@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_policy_decides_what_an_open_claim_is(told, pytester, policy, code, outcomes, way, workers):
    if way == "ini" and policy:
        pytester.makeini(f"[pytest]\nredundancy_inconclusive = {policy}")
    result = told(OPEN, *workers, *([f"--redundancy-inconclusive={policy}"] if way == "option" and policy else []))
    result.assert_outcomes(**outcomes)
    assert result.ret == code
    result.stdout.fnmatch_lines(["=* claims =*", "INCONCLUSIVE  coins fall on their edge"])


def test_the_warning_says_where_and_why(told):
    result = told(OPEN)
    result.stdout.fnmatch_lines(
        [
            "*= warnings summary =*",
            "test_*.py::test_edge",
            "*test_*.py:*: InconclusiveWarning: coins fall on their edge: coins on their edge: 20 of 20, *",
        ]
    )


@pytest.mark.parametrize("arguments", [["-W", "error"], ["-p", "no:warnings"], ["-p", "no:terminal"], ["-qq"]])
def test_the_policy_alone_decides(told, arguments):
    assert told(OPEN, *arguments).ret == 0
    assert told(OPEN, "--redundancy-inconclusive=fail", *arguments).ret == 1


def test_the_command_line_comes_before_the_ini_file(told, pytester):
    pytester.makeini("[pytest]\nredundancy_inconclusive = fail")
    assert told(OPEN, "--redundancy-inconclusive=pass").ret == 0


def test_an_open_claim_that_was_expected_to_fail_is_none(told):
    source = OPEN.replace('@claim("coins', '@pytest.mark.xfail\n    @claim("coins')
    told(source, "--redundancy-inconclusive=fail").assert_outcomes(xfailed=1)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("pass", pytest.ExitCode.OK),
        ("assert False", pytest.ExitCode.TESTS_FAILED),
        ("1 / 0", pytest.ExitCode.TESTS_FAILED),
        ("raise KeyboardInterrupt", pytest.ExitCode.INTERRUPTED),
    ],
)
def test_exit_codes_are_pytests(pytester, body, code):
    pytester.makepyfile(f"from redundancy import claim\n\n@claim('it is so')\ndef test_it():\n    {body}\n")
    assert pytester.runpytest_subprocess("-p", "no:cacheprovider").ret == code
