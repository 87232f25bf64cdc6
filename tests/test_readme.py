"""What the README shows works as it stands there."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()
CLAIM, COMPACTION = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_first_claim_holds(pytester, tmp_path):
    path = pytester.makepyfile(claim_wider_is_better=CLAIM)
    result = pytester.runpytest_subprocess(path, "--redundancy-store", tmp_path, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines([r"=+ claims =+", r"HOLDS +twice as many hidden units"])


def test_a_model_file_is_compacted(tmp_path, monkeypatch, capsys):
    import keras

    layers = keras.layers
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(8, (3, 1)), layers.Flatten(), layers.Dense(10)])
    model.save(tmp_path / "model.keras")
    monkeypatch.chdir(tmp_path)
    exec(COMPACTION, {})
    small = keras.saving.load_model(tmp_path / "small.keras")
    assert small.layers[0].filters == 3
    assert "dependent" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["-e properties", "-e py\n"])
def test_the_two_commands_are_there(command):
    assert f"pip install -q tox && .venv/bin/tox run {command}" in README
