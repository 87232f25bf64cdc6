"""`redundancy zoo`, as a shell sees it: what it says of a store, removes from it, and trains into it."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from command_line import called, refused
from jsonschema import Draft202012Validator

from redundancy.cli.progress import Pace
from redundancy.cli.recipes import seeds_of
from redundancy.errors import OptionError
from redundancy.report.document import schema
from redundancy.zoo import Recipe, Store, dense, flatten, seeds
from redundancy.zoo.shelves import ENTRY, files

ROOT = Path(__file__).parent.parent
TRAINING = import_module("redundancy.zoo.train")  # a function of that name hides it
LAYERS = [{"kind": "flatten"}, {"kind": "dense", "config": {"units": 3}}]
TINY = {"architecture": LAYERS, "steps": 3, "batch_size": 8, "data": "toy.npz", "optimizer": "sgd"}
RECIPE = Recipe((flatten(), dense(3)), steps=3, batch_size=8, data="toy.npz", optimizer="sgd")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty directory, but for a data set and the recipe TINY."""
    x, y = np.random.default_rng(0).random((12, 4, 4, 1), np.float32), np.arange(12) % 3
    np.savez(tmp_path / "toy.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    (tmp_path / "tiny.json").write_text(json.dumps(TINY))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here, capsys):
    """Runs `redundancy zoo` there, with the store `kept`: (exit code, output, errors)."""

    return lambda command, *arguments: called(capsys, "zoo", command, "--store", "kept", *arguments)


def kept(place):
    """The runs in a store, as files."""
    return [file for file in files(place) if file.kind == ENTRY]


def of(**changes):
    return json.dumps({**TINY, **changes})


@pytest.fixture
def shelved(here):
    """A store of two runs of one recipe and one of another, whose keys begin alike, as far as files say: (keys)."""
    from redundancy.zoo import Run
    from redundancy.zoo.structure import structure

    others = (Recipe((flatten(), dense(3)), learning_rate=rate / 1000, data="toy.npz") for rate in range(1, 100))
    other = next(recipe for recipe in others if recipe.digest[0] == RECIPE.digest[0])
    for recipe, seed, loss, diverged in ((RECIPE, 0, 0.5, None), (RECIPE, 7, float("nan"), 2), (other, 1, 0.7, None)):
        run = Run(recipe, seed, structure(recipe, (4, 4, 1)), loss, 0.25 * (seed + 1) % 1, "0" * 64, diverged)
        Store(here / "kept").save(run)
    return RECIPE.digest[:16], other.digest[:16]


def test_an_empty_store_says_so(run, here):
    assert run("list") == (0, f"there is no store at '{here}/kept'\n", "")
    (here / "kept").mkdir()
    assert run("list") == (0, f"the store '{here}/kept' is empty\n", "")
    assert list((here / "kept").iterdir()) == []


def test_a_store_is_listed_by_recipe(run, shelved):
    code, out, err = run("list")
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    (mine,) = [line for line in lines if line and line[0] == shelved[0][:8]]
    assert mine[1:9] == ["flatten", "->", "dense(3)", "toy.npz", "3", "2", "1", "0.2500"]
    assert ["total", "2", "recipes", "3", "1"] in [line[:5] for line in lines]
    assert "leave out 1 run that diverged" in out


@pytest.mark.parametrize("newer", [0, 1])
def test_what_was_used_last_comes_first(run, shelved, here, newer):
    for file in kept(here / "kept"):
        os.utime(file.path, (1e9, 1e9 + (file.path.parent.name == shelved[newer])))
    recipes = json.loads(run("list", "--json", "-")[1])["recipes"]
    assert [recipe["key"] for recipe in recipes] == [shelved[newer], shelved[1 - newer]]


@pytest.mark.parametrize("command", [["list"], ["show", RECIPE.digest[:5]]])
def test_json_keeps_to_its_schema(run, shelved, command):
    code, out, err = run(*command, "--json", "-")
    assert (code, err.startswith(("key", "recipe"))) == (0, True)
    assert list(Draft202012Validator(schema("store")).iter_errors(json.loads(out))) == []
    (mine,) = [recipe for recipe in json.loads(out)["recipes"] if recipe["key"] == shelved[0]]
    assert Recipe.from_json(json.dumps(mine["recipe"])) == RECIPE
    assert [(each["seed"], each["diverged"], each["loss"]) for each in mine["runs"]] == [(0, None, 0.5), (7, 2, None)]


def test_every_field_of_the_schema_is_in_the_documentation():
    page = (ROOT / "docs" / "json.md").read_text().split("## A store")[1]
    parts = [schema("store"), *schema("store")["$defs"].values()]
    for part in parts:
        assert set(part["required"]) == set(part["properties"])
        assert {name for name in part["properties"] if f"| `{name}` |" not in page} == set()


def test_json_is_never_written_over_a_file(run, shelved):
    assert run("list", "--json", "tiny.json")[0] == 2
    assert json.loads(Path("tiny.json").read_text()) == TINY
    assert run("list", "--json", "tiny.json", "--force")[0] == 0
    assert json.loads(Path("tiny.json").read_text())["schema"] == "redundancy/store"


def test_a_recipe_is_shown_with_its_runs(run, shelved, here):
    code, out, _ = run("show", shelved[0][:5])
    assert code == 0
    assert {"optimizer: sgd", "steps: 3", "batch size: 8", "data: toy.npz"} <= set(out.splitlines())
    assert "keras " in out
    names = [file.path.name for file in kept(here / "kept") if file.path.parent.name == shelved[0]]
    rows = [line.split() for line in out.splitlines() if re.search(r" [0-9a-f]{64}\.npz$", line)]
    assert sorted(row[-1] for row in rows) == sorted(names)
    assert [row[0] for row in rows] == ["0", "7"]


def test_a_prefix_has_to_be_of_one_recipe(run, shelved):
    assert "begins the keys of 2 recipes" in refused(run("show", shelved[0][0]))
    assert "no recipe has a key that begins with 'xyz'" in refused(run("show", "xyz"))
    assert "no recipe has a key" in refused(run("show", ""))
    assert "no recipe has a key" in refused(run("show", shelved[0] + "0" * 48))


def test_what_cannot_be_read_is_told(run, shelved, here):
    kept(here / "kept")[0].path.write_bytes(b"nothing")
    assert "1 file cannot be read" in run("list")[1]


def test_runs_of_other_versions_are_told(run, shelved, monkeypatch):
    monkeypatch.setattr("redundancy.zoo.store.versions", lambda: {"keras": "0"})
    assert "3 runs are of other versions" in run("list")[1]


def test_nothing_is_cleared_unasked(run, shelved, here):
    for keys in ([], [shelved[0]]):
        assert "say --yes" in refused(run("clear", *keys))
    assert len(kept(here / "kept")) == 3


def test_one_recipe_is_cleared(run, shelved, here):
    code, out, _ = run("clear", shelved[0][:6], "--yes")
    assert (code, out.split(", ")[0]) == (0, "removed 2 runs of 1 recipe")
    assert [file.path.parent.name for file in kept(here / "kept")] == [shelved[1]]


def test_a_wrong_key_clears_nothing(run, shelved, here):
    for wrong in (shelved[0][0], "xyz"):
        refused(run("clear", shelved[1], wrong, "--yes"))
    assert len(kept(here / "kept")) == 3


def test_what_is_not_the_stores_stays(run, shelved, here):
    shelf, store = here / "kept" / shelved[0], here / "kept"
    writing = shelf / f".{'0' * 64}.npz.1-00000000"
    foreign = [store / "notes.txt", shelf / "mine.npz", store / "thesis" / f"{'0' * 64}.npz", writing]
    (store / "thesis").mkdir()
    (here / "elsewhere").mkdir()
    foreign.append(here / "elsewhere" / f"{'1' * 64}.npz")
    for path in foreign:
        path.write_text("mine")
    (store / "0123456789abcdef").symlink_to(here / "elsewhere")
    assert run("clear", "--yes")[0] == 0
    assert kept(store) == []
    assert all(path.read_text() == "mine" for path in foreign)


def test_clearing_twice_is_no_mistake(run, shelved):
    run("clear", "--yes")
    code, out, _ = run("clear", "--yes")
    assert (code, out.startswith("there is nothing to remove")) == (0, True)


@pytest.mark.parametrize(("answer", "code", "left"), [(b"y\n", 0, 0), (b"n\n", 1, 3), (b"\n", 1, 3), (b"\x04", 1, 3)])
def test_a_person_is_asked(shelved, here, answer, code, left):
    child, terminal = pty.fork()
    if not child:
        os.execv(sys.executable, [sys.executable, "-m", "redundancy", "zoo", "clear", "--store", "kept"])
    said = b""
    while b"[y/N]" not in said:
        said += os.read(terminal, 1000)
    os.write(terminal, answer)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == code
    os.close(terminal)
    assert len(kept(here / "kept")) == left


def test_training_twice_trains_nothing_the_second_time(run, here, monkeypatch):
    code, out, err = run("train", "tiny.json", "--seeds", "0:3")
    assert (code, out.splitlines()[1]) == (0, "runs      3, of which 0 were in the store")
    assert err == f"redundancy: training 3 runs of {RECIPE.digest[:8]}\n"
    assert len(kept(here / "kept")) == 3
    monkeypatch.setattr("redundancy.zoo.fused.training.fused", None)
    code, out, err = run("train", "tiny.json", "--seeds", "0:3")
    assert (code, out.splitlines()[1], err) == (0, "runs      3, of which 3 were in the store", "")


def seeds_in(run):
    (recipe,) = json.loads(run("list", "--json", "-")[1])["recipes"]
    return [each["seed"] for each in recipe["runs"]]


@pytest.mark.parametrize("given", ["recipes.py:MINE", "recipes:MINE", "-"])
def test_a_recipe_is_python_or_comes_through_a_pipe(run, here, monkeypatch, given):
    (here / "recipes.py").write_text(
        f"from redundancy import Recipe\nprint('!')\nMINE = Recipe.from_json('''{of()}''')"
    )
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(of().encode())))
    monkeypatch.delitem(sys.modules, "recipes", raising=False)
    code, out, _ = run("train", given, "--seeds", "1,4")
    assert (code, "!" in out) == (0, False)
    assert seeds_in(run) == [1, 4]


def test_a_root_seed_makes_independent_seeds(run):
    run("train", "tiny.json", "--seeds", "1:3", "--seed", "5")
    assert seeds_in(run) == sorted(seeds(RECIPE, root=5, count=3)[1:])


def test_data_take_the_place_of_the_recipes_own(run, here):
    (here / "toy.npz").rename(here / "other.npz")
    assert run("train", "tiny.json", "--seeds", "0", "--data", "other.npz")[0] == 0
    assert '"data": "other.npz"' in run("list", "--json", "-")[1]


def test_who_trains_is_handed_on(run, monkeypatch):
    seen = []
    monkeypatch.setattr(TRAINING, "finished", lambda *given: seen.append(str(given[3])) or iter(()))
    run("train", "tiny.json", "--seeds", "0", "--cluster", "processes:3")
    assert seen == ["processes:3"]


BIG = [{"kind": "flatten"}, {"kind": "dense", "config": {"units": 2_000_000_000}}]
HUGE = [{"kind": "conv", "config": {"units": 3, "kernel_size": [2**30, 2**31 - 1], "padding": "same"}}, *LAYERS]


@pytest.mark.parametrize(
    ("recipe", "arguments", "why"),
    [
        ("nothing.json", [], "cannot read the recipe 'nothing.json': No such file"),
        (".", [], "Is a directory"),
        ("/dev/zero", [], "more than 1 MiB"),
        ("toy.npz", [], "cannot read the recipe"),
        (of()[:-9], [], "is not JSON"),
        (of(architecture=[{"kind": "lstm"}]), [], "the kind of a layer must be one of conv, "),
        (of(architecture="x" * 10_000), [], "must be a JSON list"),
        (of(architecture=[{"kind": "dense", "config": {"units": 10**12}}]), [], "at most 2,147,483,647"),
        (of(architecture=BIG), [], "of memory, and this machine has"),
        (of(architecture=HUGE), [], "weights; make it smaller"),
        (of(batch_size=2**31 - 1), [], "of memory, and this machine has"),
        (of(architecture=[{"kind": "flatten"}]), ["--data", "nothing"], "no data set 'nothing'"),
        (of(architecture=[{"kind": "dense", "config": {"units": 3}}]), [], "not one number a class"),
        (of(architecture=[{"kind": "flatten"}, {"kind": "dense", "config": {"units": 2}}]), [], "2 outputs for the 3"),
        (of(epochs=3), [], "unknown key 'epochs'"),
        (of(data="nothing"), [], "no data set 'nothing'"),
        ("broken.py:MINE", [], "it raises ZeroDivisionError"),
        ("good.py:MIEN", [], "there is no such name (did you mean MINE?)"),
        ("good.py:Recipe", [], "that is no Recipe; it has the recipes MINE"),
        ("nothing.py:MINE", [], "there is no file 'nothing.py'"),
        ("nothing_like_it:MINE", [], "there is no module 'nothing_like_it'"),
        (of(), ["--cluster", "tcp://127.0.0.1:1"], "nothing answers at tcp://127.0.0.1:1"),
        (of(), ["--cluster", "4"], "names no workers"),
        (of(), ["--seeds", "0:1000000000"], "at most 1,000,000"),
        (of(), ["--seeds", "0:99999999999999999999"], "at most 1,000,000"),
        (of(), ["--seeds", "5:0"], "names no seed"),
        (of(), ["--seed", "-1"], "is no seed"),
        (of(), ["--seed", "1", "--seeds", "1000000"], "give smaller numbers"),
        (of(), ["--store", ""], "--store is empty"),
        (of(), ["--store", "tiny.json"], "is no directory"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_one_line_and_leaves_nothing(run, here, recipe, arguments, why):
    good = f"from redundancy import Recipe\nMINE = Recipe.from_json('''{of()}''')"
    (here / "good.py").write_text(good)
    (here / "broken.py").write_text("1 / 0")
    if recipe.startswith("{"):
        (here / "bad.json").write_text(recipe)
    line = refused(run("train", "bad.json" if recipe.startswith("{") else recipe, "--seeds", "0:2", *arguments))
    assert why in line
    assert len(line) < 600
    assert not (here / "kept").exists()


def test_what_the_store_has_no_room_for_is_refused(run, here, monkeypatch):
    monkeypatch.setenv("REDUNDANCY_STORE_SIZE", "20K")
    assert "set REDUNDANCY_STORE_SIZE to more" in refused(run("train", "tiny.json", "--seeds", "0:100"))
    assert not (here / "kept").exists()
    assert run("train", "tiny.json", "--seeds", "0")[0] == 0


@pytest.mark.parametrize(
    ("text", "names"),
    [("0:3", (0, 1, 2)), ("7", (7,)), (":2", (0, 1)), ("1:7:3", (1, 4)), ("5, 1:3,1", (5, 1, 2)), ("3:4", (3,))],
)
def test_seeds_are_slices_and_lists(text, names):
    assert seeds_of(text) == names


@pytest.fixture
def interruptible():
    """Processes that are started end at an interrupt, also where the tests run in a background that ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_keeps_what_is_finished(here):
    (here / "tiny.json").write_text(of(steps=200))
    command = [
        sys.executable,
        "-m",
        "redundancy",
        "zoo",
        "train",
        "tiny.json",
        "--seeds",
        "0:100000",
        "--store",
        "kept",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            while process.poll() is None and not kept(here / "kept"):
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=300)
        finally:
            process.kill()
    assert (process.returncode, out) == (130, ""), err
    assert "Traceback" not in err
    there = kept(here / "kept")
    said = f"interrupted; {len(there):,} of 100,000 runs are in the store, and the same command trains the others"
    assert err.splitlines()[-1] == f"redundancy: {said}"
    assert {path.suffix for path in (here / "kept").rglob("*") if path.is_file()} <= {".npz", ".lock"}


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("kind", [SystemError, OptionError, BrokenPipeError])
def test_an_interrupt_that_a_library_makes_an_error_of_is_one_still(run, monkeypatch, kind):
    def broken(*given):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise kind("returned a result with an exception set") from error
        yield

    monkeypatch.setattr(TRAINING, "finished", broken)
    code, _, err = run("train", "tiny.json", "--seeds", "0:5")
    assert (code, "interrupted; 0 of 5 runs are in the store" in err) == (130, True)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_says_how_many_are_kept(run, monkeypatch):
    really = TRAINING.finished

    def interrupted(pairs, *given):
        yield from really(pairs[:2], *given)
        raise KeyboardInterrupt

    monkeypatch.setattr(TRAINING, "finished", interrupted)
    code, _, err = run("train", "tiny.json", "--seeds", "0:5")
    assert (code, "interrupted; 2 of 5 runs are in the store" in err) == (130, True)


def pace(*times, total=12):
    """What is known of runs that came at those times, in seconds from the beginning."""
    found = Pace(total, 0.0)
    for now in times:
        found.came(now)
    return found


def test_how_long_the_rest_takes():
    assert pace().left(5.0) is None
    assert pace(20.0, 20.1).left(20.1) == pytest.approx(20.1 / 2 * 10)
    assert pace(20.0, 20.1, 30.0, 30.1).left(32.1) == pytest.approx(5 * 8 - 2)
    assert pace(1.0, 2.0, total=2).left(50.0) == 0


def test_the_page_on_recipes_lists_what_there_is():
    from dataclasses import fields

    from redundancy.zoo.layer import KINDS

    page = (ROOT / "docs" / "recipe.md").read_text()
    keys, layers = (re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) for part in page.split("| kind of layer |"))
    assert keys == [field.name for field in fields(Recipe)]
    assert layers == list(KINDS)
    for kind, options in KINDS.items():
        (row,) = re.findall(rf"^\| `{kind}` \| (.*) \|$", page, re.MULTILINE)
        assert set(options) <= set(re.findall(r"`(\w+)`", row))


def test_the_recipe_on_the_page_is_one():
    (source,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "recipe.md").read_text(), re.DOTALL)
    assert Recipe.from_json(source).outline == "conv(8, 3x3, relu) -> flatten -> dense(10)"
