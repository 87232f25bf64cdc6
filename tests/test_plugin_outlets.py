"""What a session leaves behind: JSON, a JUnit file, and what GitHub is told."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import scipy.special  # noqa: F401 - a run of pytest inside pytest cannot load it a second time
from jsonschema import Draft202012Validator

import redundancy.data
import redundancy.zoo.versions
from redundancy.report.document import schema

MIXED = """
    import pytest
    from redundancy import claim, judge, observe

    @pytest.fixture
    def bad():
        yield
        raise OSError("no end")

    @claim("z: coins fall on their edge")
    def test_open():
        observe("nothing", float("nan"))
        judge(20, 20)

    @claim("a: small \\x1b[31m\\x00 | <b>")
    @pytest.mark.parametrize("number", [1, 30])
    def test_small(number):
        observe("by name", {"a": 1, "b": "x"})
        assert number < 20, "50%, too large: " + "x" * 3000

    @claim("it works")
    def test_broken():
        1 / 0

    @claim("it ends")
    def test_end(bad):
        pass

    @claim("known")
    @pytest.mark.xfail
    def test_known():
        assert 1 > 2

    @claim("not here")
    def test_skipped():
        pytest.skip("no model")

    def test_other():
        pass
"""

TESTS = ["test_broken", "test_end", "test_known", "test_open", "test_small[1]", "test_small[30]"]


@pytest.fixture
def told(pytester, monkeypatch):
    """Runs pytest on claims of every outcome."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments, source=MIXED):
        pytester.makepyfile(source)
        return pytester.runpytest("-p", "no:cacheprovider", *arguments)

    return run


@pytest.fixture
def written(told, pytester):
    """The JSON of a session, as text."""

    def run(*arguments, name="verdicts.json", **options):
        told(f"--redundancy-json={name}", *arguments, **options)
        return (pytester.path / name).read_text("ascii")

    return run


def test_the_json_has_every_verdict_by_test(written):
    found = json.loads(written())
    assert [verdict["test"].split("::")[1] for verdict in found["verdicts"]] == TESTS
    outcomes = {
        verdict["test"].split("::")[1]: (verdict["outcome"], verdict["failed"]) for verdict in found["verdicts"]
    }
    assert outcomes == {
        "test_broken": ("ERROR", True),
        "test_end": ("ERROR", True),
        "test_known": ("REFUTED", False),
        "test_open": ("INCONCLUSIVE", False),
        "test_small[1]": ("HOLDS", False),
        "test_small[30]": ("REFUTED", True),
    }
    assert found["session"]["exit_code"] == 1
    (skipped,) = found["skipped"]
    assert (skipped["claim"], skipped["test"].split("::")[1], skipped["why"]) == (
        "not here",
        "test_skipped",
        "no model",
    )


def test_the_json_keeps_to_its_schema(written):
    Draft202012Validator.check_schema(schema("verdicts"))
    assert list(Draft202012Validator(schema("verdicts")).iter_errors(json.loads(written()))) == []


def test_a_schema_lets_nothing_else_pass(written):
    found = json.loads(written())
    found["verdicts"][0]["outcome"] = "SKIPPED"
    assert list(Draft202012Validator(schema("verdicts")).iter_errors(found))


def test_every_field_is_in_the_schema_and_in_the_documentation(written):
    docs = (Path(__file__).parent.parent / "docs" / "outputs.md").read_text()
    parts = {"": schema("verdicts"), **schema("verdicts")["$defs"]}
    found = json.loads(written())
    assert set(found) == set(parts[""]["properties"])
    assert set(found["session"]) == set(parts["session"]["properties"])
    assert set(found["skipped"][0]) == set(parts["skipped"]["properties"])
    assert set(found["verdicts"][0]) == set(parts["verdict"]["properties"])
    names = {name for part in parts.values() for name in part.get("properties", ())}
    assert {name for name in names if f"| `{name}` |" not in docs} == set()


def test_the_same_session_gives_the_same_bytes(written):
    assert written() == written(name="again.json") == written("-n", "2", name="workers.json")


def test_the_json_says_what_was_chosen(written):
    chosen = "--redundancy-seed=7", "--redundancy-profile=quick", "--redundancy-inconclusive=fail"
    session = json.loads(written(*chosen))["session"]
    assert (session["seed"], session["profile"], session["inconclusive"]) == (7, "quick", "fail")
    assert {"redundancy", "python", "pytest", "hypothesis", "keras", "numpy"} <= set(session["versions"])


def test_the_json_names_the_data(written, pytester):
    import numpy as np

    x, y = np.zeros((6, 28, 28, 1), np.uint8), np.arange(6) % 2
    np.savez(pytester.path / "images.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    source = "from redundancy import claim\n\n@claim('images')\ndef test_it(dataset):\n    pass\n"
    found = json.loads(written("--redundancy-data=images.npz", source=source))
    digest = redundancy.data.load("images.npz").digest
    assert [(data["name"], data["digest"]) for data in found["session"]["data"]] == [("images.npz", digest)]
    assert found["verdicts"][0]["data"] == ["images.npz"]


def test_an_interrupted_session_tells_what_it_found(pytester):
    pytester.makepyfile(MIXED.replace("1 / 0", "raise KeyboardInterrupt"))
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "--redundancy-json=out.json")
    found = json.loads((pytester.path / "out.json").read_text())
    assert (found["session"]["exit_code"], len(found["verdicts"])) == (2, 3)


def test_the_json_lies_where_it_was_asked_for_whatever_a_test_does(told, pytester):
    source = "import os\nfrom redundancy import claim\n\n@claim('x')\ndef test_it(tmp_path):\n    os.chdir(tmp_path)\n"
    told("--redundancy-json=out.json", source=source)
    assert (pytester.path / "out.json").exists()


def test_a_file_that_becomes_unwritable_is_one_line_and_a_code(told, pytester):
    source = """
        from pathlib import Path
        from redundancy import claim

        @claim("x")
        def test_it():
            Path("out.json").mkdir()
    """
    result = told("--redundancy-json=out.json", source=source)
    result.stdout.fnmatch_lines(["HOLDS *x", "ERROR: --redundancy-json: cannot write '*out.json': *"])
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    assert not any("Traceback" in line for line in result.outlines + result.errlines)
    assert [path.name for path in pytester.path.iterdir() if path.name.startswith(".redundancy-")] == []


def test_nothing_is_written_where_nothing_is_run(told, pytester):
    told("--redundancy-json=out.json", "--collect-only")
    assert not (pytester.path / "out.json").exists()


CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testsuite", "properties", "testcase", "system-out", "system-err"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
    "properties": {"property"},
}
"""What Jenkins' junit-10.xsd lets be inside of what; all else has text or nothing."""

ATTRIBUTES = {
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name"},
    "property": {"name", "value"},
}
"""What has to be said."""

KNOWN = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {*ATTRIBUTES["testsuite"], "group", "time", "skipped", "timestamp", "hostname", "id", "package"},
    "testcase": {"name", "time", "classname", "group"},
    "property": {"name", "value"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
}
"""What may be said."""


def problems(element):
    """What the strict schema has against an element, and all inside."""
    if element.tag not in (*KNOWN, "properties", "system-out", "system-err"):
        yield f"unknown {element.tag}"
    yield from (f"{element.tag} in {child.tag}" for child in element if child.tag not in CHILDREN.get(element.tag, ()))
    yield from (f"{element.tag} without {name}" for name in ATTRIBUTES.get(element.tag, set()) - set(element.keys()))
    yield from (f"{element.tag} with {name}" for name in set(element.keys()) - KNOWN.get(element.tag, set()))
    for child in element:
        yield from problems(child)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_the_junit_file_is_valid_and_says_all(told, pytester, workers):
    told("--junitxml=out.xml", *workers)
    root = ElementTree.parse(pytester.path / "out.xml").getroot()
    assert list(problems(root)) == []
    said = {
        case.get("name"): case.findtext("system-out")
        for case in root.iter("testcase")
        if case.find("system-out") is not None
    }
    assert sorted(said) == TESTS
    assert "[[PROPERTY|redundancy_verdict=INCONCLUSIVE]]" in said["test_open"].splitlines()
    assert "[[PROPERTY|redundancy_runs=20]]" in said["test_open"].splitlines()
    assert "[[PROPERTY|redundancy_scope=a rate of at least 0.95, at 0.95 confidence]]" in said["test_open"].splitlines()
    assert r"[[PROPERTY|redundancy_claim=a: small \x1b[31m\x00 | <b>]]" in said["test_small[30]"].splitlines()
    assert max(map(len, said["test_small[30]"].splitlines())) < 1100


def test_the_older_family_has_properties(told, pytester):
    told("--junitxml=out.xml", "-o", "junit_family=xunit1")
    root = ElementTree.parse(pytester.path / "out.xml").getroot()
    found = root.findall(".//testcase[@name='test_open']/properties/property")
    assert {"redundancy_verdict": "INCONCLUSIVE", "redundancy_configurations": "1"}.items() <= {
        part.get("name"): part.get("value") for part in found
    }.items()


def test_one_test_case_tells_a_claim_once(told, pytester):
    told("--junitxml=out.xml", "-o", "junit_logging=all")
    root = ElementTree.parse(pytester.path / "out.xml").getroot()
    assert list(problems(root)) == []
    text = "".join(part.text or "" for part in root.iter("system-out"))
    assert text.count("redundancy_verdict=") == len(TESTS)


@pytest.fixture
def on_github(monkeypatch, pytester):
    """The file that GitHub would show."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path.parent))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "summary.md"))
    return pytester.path / "summary.md"


def commands(result):
    return [line for line in result.outlines if line.startswith("::")]


@pytest.mark.parametrize("arguments", [[], ["-q"], ["-qq", "-s"], ["-v"], ["-q", "-n", "2"], ["--no-summary"]])
def test_github_is_told_once(told, on_github, pytester, arguments):
    result = told(*arguments)
    said = commands(result)
    assert [line.split(" ")[0] for line in said] == ["::warning", "::error", "::error", "::error"]
    place = f"file={pytester.path.name}/{next(pytester.path.glob('test_*.py')).name},line="
    assert all(f" {place}" in line for line in said)
    assert said[1].count("::") == 2
    assert r"title=REFUTED%3A a%3A small \x1b[31m\x00 | <b>::50%25, too large: xxx" in said[1]
    assert on_github.read_text().count("### Claims: 2 ERROR, 2 REFUTED, 1 INCONCLUSIVE") == 1


@pytest.mark.parametrize(("policy", "level"), [("pass", []), ("fail", ["::error"])])
def test_github_goes_by_the_policy(told, on_github, policy, level):
    said = commands(told(f"--redundancy-inconclusive={policy}", "-k", "open"))
    assert [line.split(" ")[0] for line in said] == level


@pytest.mark.parametrize("way", ["option", "elsewhere"])
def test_github_can_be_left_alone(told, on_github, monkeypatch, way):
    if way == "elsewhere":
        monkeypatch.setenv("GITHUB_ACTIONS", "false")
    assert commands(told(*(["--redundancy-github=off"] if way == "option" else []))) == []
    assert not on_github.exists()


def test_a_summary_is_added_to_what_is_there(told, on_github):
    on_github.write_text("# Mine\n")
    told("-k", "open")
    assert on_github.read_text().startswith("# Mine\n### Claims: 1 INCONCLUSIVE\n\n| verdict |")


def test_a_session_without_claims_tells_github_nothing(told, on_github):
    told("-k", "other")
    assert not on_github.exists()


def test_a_summary_that_cannot_be_written_is_one_warning(told, on_github):
    on_github.mkdir()
    result = told("-k", "small and 1", "-W", "error")
    assert result.ret == 0
    result.assert_outcomes(passed=1, deselected=7, warnings=1)
    result.stdout.fnmatch_lines(["*ReportWarning: cannot write GITHUB_STEP_SUMMARY '*summary.md': Is a directory; *"])


def test_a_rate_and_a_margin_are_there_in_numbers(written):
    source = """
    from redundancy import claim, judge, judge_pairs
    import numpy as np

    @claim("mostly")
    def test_mostly():
        judge(99, 100, at_least=0.5, what="coins")
        judge_pairs(np.ones(999, bool), np.ones(999, bool), claim="equivalent", margin=0.02)

    @claim("often", at_least=0.75)
    def test_often(run):
        pass
    """
    first, second = json.loads(written(source=source))["verdicts"]
    assert first["required"] == [
        {"what": "coins", "claim": "at least", "value": 0.5, "confidence": 0.95},
        {"what": "accuracy", "claim": "equivalent", "value": 0.02, "confidence": 0.95},
    ]
    assert second["required"] == [{"what": "runs", "claim": "at least", "value": 0.75, "confidence": 0.95}]
