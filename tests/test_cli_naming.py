"""Options in errors, as a shell calls them."""

import pytest

from redundancy.cli import _parser
from redundancy.cli.naming import in_shell

OPTIONS = {
    "remove": "--remove",
    "tune": "--tune",
    "distil": "--distil",
    "timed": "--time",
    "repair=False": "--no-repair",
}


@pytest.mark.parametrize(
    ("python", "shell"),
    [
        ("remove=0.5 is more than can go", "--remove 0.5 is more than can go"),
        ("tune=-1 and rounds=2: give", "--tune -1 and rounds=2: give"),
        ("give tune=, in epochs, or distil=True", "give --tune, in epochs, or --distil"),
        ("timed=True times models; by remove=", "--time times models; by --remove"),
        ("the model's own tune='a' (tune=)", "the model's own --tune 'a' (--tune)"),
        ("repair=False leaves", "--no-repair leaves"),
        ("repair= and 'remove=1' and \"tune=2\"", "repair= and 'remove=1' and \"tune=2\""),
        ("fine_tune=1 and x.tune=2", "fine_tune=1 and x.tune=2"),
        ("with --distil (distil=True) or --x (tune=True)", "with --distil or --x (--tune)"),
    ],
)
def test_keywords_become_options_and_names_stay(python, shell):
    assert in_shell(python, OPTIONS) == shell


def test_a_command_knows_what_functions_call_its_options():
    prune = _parser().commands["prune"].keywords
    wanted = {"remove", "within", "by", "of", "layers", "tune", "distil", "rounds", "timed", "seed", "trust", "force"}
    assert {name: option for name, option in prune.items() if name in (*wanted, "repair=False")} == {
        **{name: f"--{name}" for name in wanted}, "timed": "--time", "repair=False": "--no-repair"
    }  # fmt: skip
