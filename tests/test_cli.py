"""The command line, as a shell sees it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from redundancy import cli


def run(*arguments, directory=None, **options):
    """Runs `python -m redundancy` in a process of its own."""
    command = [sys.executable, "-m", "redundancy", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory, **options)


@pytest.fixture
def images(tmp_path):
    """A sound file of a few images."""
    x, y = np.zeros((6, 28, 28, 1), np.uint8), np.arange(6) % 2
    np.savez(tmp_path / "images.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    return str(tmp_path / "images.npz")


def test_help_lists_the_commands():
    done = run("--help")
    assert done.returncode == 0
    assert {"data", "claims"} <= set(done.stdout.split())


def test_the_version(capsys):
    from redundancy import __version__

    with pytest.raises(SystemExit) as stopped:
        cli.main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"redundancy {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["data", "--nothing"]])
def test_wrong_arguments_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "meant"), [("audti", " (did you mean audit?)"), ("Compact", " (did you mean compact?)"), ("xyz", "")]
)
def test_a_misspelt_command_is_guessed(word, meant, capsys):
    with pytest.raises(SystemExit):
        cli.main([word])
    choices = "data, claims, check, init, audit, compact, prune, tradeoffs, zoo, ledger"
    said = f"there is no command '{word}'{meant}: choose from {choices}; see redundancy --help"
    assert capsys.readouterr().err == f"redundancy: error: {said}\n"


def test_a_data_set_is_described(images, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("REDUNDANCY_CACHE", str(tmp_path / "cache"))
    assert cli.main(["data", images]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        f"{images}: 6 training and 6 test images of 28x28x1, 2 classes",
        "training images a class: 3 3",
        "test images a class: 3 3",
    ]


def test_the_cache_is_named(images, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("REDUNDANCY_CACHE", str(tmp_path / "cache"))
    cli.main(["data", images])
    assert capsys.readouterr().out.splitlines()[-1] == f"cache: {tmp_path / 'cache'}"


def test_a_wrong_data_set_is_one_line_and_no_traceback():
    done = run("data", "nothing.npz")
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("redundancy: error: no data set 'nothing.npz': ")


def test_claims_need_a_place(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["claims", "-x"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("redundancy: error: there is no directory 'properties' in ")


CLAIM = "from redundancy import claim\n\n@claim('it is so')\ndef test_it():\n    pass\n"


@pytest.mark.parametrize("place", ["properties", "elsewhere"])
def test_claims_are_tested_where_they_live(tmp_path, place):
    (tmp_path / place).mkdir()
    (tmp_path / place / "test_claim.py").write_text(CLAIM)
    done = run(
        "claims", *([] if place == "properties" else [place]), "-q", "-p", "no:cacheprovider", directory=tmp_path
    )
    assert done.returncode == 0
    assert "HOLDS         it is so" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (["-k", "one"], ["properties", "-k", "one"]),
        (["--version"], ["properties", "--version"]),
        (["-x", "one.py::test_it"], ["-x", "one.py::test_it"]),
    ],
)
def test_all_other_arguments_are_pytests(tmp_path, monkeypatch, given, passed):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "properties").mkdir()
    (tmp_path / "one.py").write_text(CLAIM)
    seen = []
    monkeypatch.setattr("subprocess.call", lambda command: seen.append(command[3:]) or 5)
    assert cli.main(["claims", *given]) == 5
    assert seen == [passed]


def test_a_refuted_claim_is_an_exit_code(tmp_path):
    (tmp_path / "test_claim.py").write_text(CLAIM.replace("pass", "assert False"))
    assert run("claims", "test_claim.py", "-p", "no:cacheprovider", directory=tmp_path).returncode == 1


def test_an_interrupt_is_one_line(monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("redundancy.data.load", interrupted)
    assert cli.main(["data"]) == 130
    assert capsys.readouterr().err == "redundancy: interrupted\n"


def test_a_closed_pipe_is_no_complaint(images):
    command = f"{sys.executable} -m redundancy data '{images}' | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode in (0, 141)


def test_the_value_of_an_option_is_no_path(tmp_path, monkeypatch):
    from redundancy.cli.claims import _paths

    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("data.npz").touch()
    tmp_path.joinpath("claim_x.py").touch()
    assert _paths(["--redundancy-data", "data.npz"]) == []
    assert _paths(["--redundancy-inconclusive=fail", "claim_x.py", "-q"]) == ["claim_x.py"]
