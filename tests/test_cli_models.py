"""`redundancy audit` and `redundancy compact`, as a shell sees them."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import warnings

import numpy as np
import pytest
from bad_files import BAD
from command_line import called, refused

from redundancy import cli
from redundancy.notions import NOTIONS


@pytest.fixture
def run(model_file, tmp_path, monkeypatch, capsys):
    """Runs a command in an empty directory, with `model` for the small model: (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)

    return lambda *arguments: called(
        capsys, *(model_file if argument == "model" else argument for argument in arguments)
    )


def left(path):
    """Names of all files in a directory, hidden ones as well."""
    return sorted(place.name for place in path.iterdir())


def test_an_audit_is_a_table(run):
    code, out, err = run("audit", "model")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "small: 83 parameters, 72 MACs, 332 B of weights"
    assert {line.split()[0] for line in out.splitlines() if "(proved)" in line} >= {"hidden"}


def test_a_compaction_is_a_file_and_a_table(run, tmp_path):
    import keras

    code, out, err = run("compact", "model", "-o", "small.keras")
    assert (code, err) == (0, "")
    assert ["hidden", "8", "5"] in [line.split()[:3] for line in out.splitlines()]
    assert [line.split()[0] for line in out.splitlines() if "KiB" in line] == ["file"]
    assert keras.saving.load_model("small.keras").get_layer("hidden").units == 5
    assert left(tmp_path) == ["small.keras"]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_compacted_file_has_nothing_more_to_remove(run, suffix):
    run("compact", "model", "-o", f"small{suffix}")
    assert "Nothing redundant was found." in run("audit", f"small{suffix}")[1]


@pytest.mark.parametrize("command", [["audit", "model"], ["compact", "model", "-o", "small.keras"]])
@pytest.mark.parametrize(
    ("named", "code"), [("any", 1), ("duplicate", 1), ("scaled,dead", 1), ("constant", 0), ("constant,any", 1)]
)
def test_what_fail_on_names_is_an_exit_code(run, command, named, code):
    assert run(*command, "--notions", "duplicate,scaled,dead,constant", "--fail-on", named)[0] == code


COMPACT = ["compact", "model", "-o", "small.keras"]


@pytest.mark.parametrize("command", [["audit", "model"], [*COMPACT, "--tolerance", "0.001"]])
def test_what_is_only_alike_can_be_an_exit_code(run, command):
    assert run(*command, "--fail-on", "near-duplicate")[0] == 0


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["audit", "model", "--notions=duplicate,dead", "--fail-on", "scaled"], "add scaled to --notions"),
        (["audit", "model", "--notions=dead", "--fail-on", "near-duplicate"], "leave that out"),
        ([*COMPACT, "--notions=dead", "--fail-on", "any,duplicate"], "add duplicate to --notions"),
        ([*COMPACT, "--fail-on", "near-duplicate"], "within a --tolerance, and there is none"),
        ([*COMPACT, "--tolerance=1", "--notions=dead", "--fail-on", "near-duplicate"], "nothing is merged"),
    ],
)
def test_a_fail_on_that_nothing_could_meet_is_refused(run, tmp_path, command, said):
    assert said in refused(run(*command))
    assert left(tmp_path) == []


def test_nothing_is_removed_that_was_not_looked_for(run):
    out = run("compact", "model", "-o", "small.keras", "--notions", "duplicate")[1]
    assert ["hidden", "8", "7", "1", "duplicate", "(proved)"] in [line.split() for line in out.splitlines()]


@pytest.mark.parametrize("option", ["--notions", "--fail-on"])
def test_a_notion_that_there_is_not_is_refused(run, option):
    assert "no notion is called 'pretty': choose from" in refused(run("audit", "model", option, "dead,pretty"))


@pytest.mark.parametrize(
    ("option", "word", "meant"),
    [
        ("--notions", "duplicat", "duplicate"),
        ("--fail-on", "near_duplicates", "near-duplicate"),
        ("--fail-on", "All", ""),
    ],
)
def test_a_misspelt_notion_is_guessed(run, option, word, meant):
    assert (f"(did you mean {meant}?)" if meant else "'All': choose") in refused(run("audit", "model", option, word))


def test_all_that_can_be_named_is_listed(run):
    assert f"choose from {', '.join(NOTIONS)}, near-duplicate, any" in refused(run("audit", "m", "--fail-on", "no"))


def test_what_is_only_alike_is_no_notion_to_look_for(run):
    assert "audit reports it where there is no --notions" in refused(
        run("audit", "model", "--notions", "near-duplicate")
    )


def test_json_goes_to_the_output_and_the_table_elsewhere(run):
    _, out, err = run("audit", "model", "--json", "-")
    assert json.loads(out)["schema"] == "redundancy/audit"
    assert err.startswith("small: ")


@pytest.mark.parametrize("command", [["audit", "model"], ["compact", "model", "-o", "small.keras"]])
def test_json_is_a_file(run, tmp_path, command):
    assert run(*command, "--json", "out.json")[0] == 0
    assert json.loads((tmp_path / "out.json").read_text())["model"] == "small"


def test_json_of_a_compaction_has_what_the_table_has(run, tmp_path, model_file):
    run("compact", "model", "-o", "small.keras", "--json", "out.json")
    written = json.loads((tmp_path / "out.json").read_text())
    sizes = [file.stat().st_size for file in (model_file, tmp_path / "small.keras")]
    assert [written["file_before"], written["file_after"]] == sizes
    assert [written[side]["macs"] for side in ("before", "after")] == [72, 45]
    assert {removal["equation"] for removal in written["removals"]} == {"h0 = 0.5 h4", "h3 = 0.5 h4", "h7 = 0"}


def test_a_record_that_cannot_be_written_leaves_no_model(run, tmp_path, monkeypatch):
    monkeypatch.setattr("redundancy.cli.outputs.document", lambda found: "x" * 5000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr("redundancy.frameworks.keras.files._saved", lambda model, path: path.write_bytes(b"small"))
    monkeypatch.setattr("redundancy.frameworks.keras.rereading.check_written", lambda *_, **__: None)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        line = refused(run("compact", "model", "-o", "small.keras", "--json", "out.json"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot write 'out.json'" in line
    assert left(tmp_path) == []


def test_a_picture_is_a_file(run, tmp_path):
    assert run("audit", "model", "--picture", "kernels.png", "--layer", "top")[0] == 0
    assert (tmp_path / "kernels.png").read_bytes().startswith(b"\x89PNG")


def test_which_layer_was_drawn_is_said_where_none_was_asked_for(run):
    out = run("audit", "model", "--picture", "kernels.png")[1]
    assert out.splitlines()[-1] == "'kernels.png' shows the layer hidden: 3 of its units are in the table."


def test_a_layer_that_there_is_not_is_refused_with_those_that_there_are(run, tmp_path):
    line = refused(run("audit", "model", "--picture", "kernels.png", "--layer", "nothing"))
    assert line.endswith("choose from hidden, top")
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--layer", "top"], "nothing is to be drawn"),
        (["--picture", "a.jpg"], "end it with .png"),
        (["--tolerance", "1"], "--tolerance belongs to compact; see redundancy audit --help"),
        (["-o", "a.keras"], "-o belongs to compact and prune; see"),
        (["--pictures=a.png"], "there is no option --pictures (did you mean --picture?); see redundancy audit --help"),
        (["--tolerence", "1"], "there is no option --tolerence (did you mean --tolerance?)"),
        (["--zzz"], "there is no option --zzz; see redundancy audit --help"),
        (["other.keras"], "'other.keras': unexpected, there is nothing to be done with it"),
        (["--box", "-1,1"], "write --box=-1,1; see redundancy audit --help"),
        (["--json", "a", "--picture", "./a.png", "--force", "--layer"], "expected one argument"),
        (["--json", "a.png", "--picture", "./a.png"], "is the same file as --json"),
        (["--box", "1"], "is no pair of bounds"),
        (["--box", "1,0"], "is no pair of bounds"),
        (["--box", "0,nan"], "is no pair of bounds"),
        (["--notions", "dead,,scaled"], "is no list of names"),
    ],
)
def test_options_that_make_no_sense_are_refused(run, tmp_path, options, said):
    assert said in refused(run("audit", "model", *options))
    assert left(tmp_path) == []


@pytest.mark.parametrize("tolerance", ["-1", "nan", "inf", "much"])
def test_a_tolerance_is_a_difference(run, tolerance):
    line = refused(run("compact", "model", "-o", "small.keras", f"--tolerance={tolerance}"))
    assert "is no difference of outputs" in line


def test_a_box_makes_more_redundant(run):
    assert "(in the box)" not in run("audit", "model")[1]
    assert "(in the box)" in run("audit", "model", "--box=0,0")[1]


def test_data_is_read_by_the_name_of_the_input(run, tmp_path):
    np.savez(tmp_path / "data.npz", x=np.zeros((60, 6)))
    assert run("audit", "model", "--data", "data.npz")[0] == 0


def test_data_of_another_shape_is_refused(run, tmp_path):
    np.savez(tmp_path / "data.npz", x=np.zeros((5, 7)))
    assert "(5, 7), but the model reads x (n, 6)" in refused(run("audit", "model", "--data", "data.npz"))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["audit", "nothing.keras"], "No such file"),
        (["audit", "half.keras"], "the file is damaged"),
        (["audit", "model", "--data", "nothing.npz"], "No such file"),
        (["audit", "model", "--data", "half.npz"], "the file is damaged"),
        (["audit", "model", "--json", "half.npz"], "it exists already"),
        (["audit", "model", "--import", "nothing"], "there is no module 'nothing'"),
        (["compact", "model", "-o", "half.keras"], "it exists already"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_before_keras_is_loaded(tmp_path, model_file, command, said):
    for name in ("half.npz", "half.keras"):
        (tmp_path / name).write_bytes(model_file.read_bytes()[:999])
    code = "import sys; from redundancy.cli import main; print(main(sys.argv[1:]), 'keras' in sys.modules)"
    given = [sys.executable, "-c", code, *(str(model_file) if word == "model" else word for word in command)]
    done = subprocess.run(given, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert said in done.stderr
    assert done.stdout == "2 False\n"


def existing(path):
    path.write_text("old")


def directory(path):
    path.mkdir()


def dangling(path):
    path.symlink_to("elsewhere")


def linked(path):
    path.with_name("target").write_text("old")
    path.symlink_to("target")


def pipe(path):
    os.mkfifo(path)


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("make", [existing, directory, dangling, linked, pipe])
@pytest.mark.parametrize(
    "command",
    [
        ["compact", "model", "-o", "out.keras"],
        ["audit", "model", "--json", "out.keras"],
        ["compact", "model", "-o", "other.keras", "--json", "out.keras"],
    ],
)
def test_what_is_there_is_not_written_over(run, tmp_path, command, make, force):
    make(tmp_path / "out.keras")
    before = left(tmp_path)
    if make is existing and force:
        assert run(*command, *force)[0] == 0
        assert (tmp_path / "out.keras").stat().st_size > 3
    else:
        assert "'out.keras'" in refused(run(*command, *force))
        assert left(tmp_path) == before


@pytest.mark.parametrize(
    "place",
    ["nothing/out.keras", "/proc/out.keras", "file/out.keras", "o\0ut.keras", "n" * 300 + ".keras", "out.txt", ""],
)
def test_where_nothing_can_be_written_nothing_is_begun(run, tmp_path, monkeypatch, place):
    (tmp_path / "file").touch()
    monkeypatch.setattr("redundancy.frameworks.keras.files.load", lambda *_, **__: pytest.fail("the model was read"))
    refused(run("compact", "model", "-o", place))
    assert left(tmp_path) == ["file"]


@pytest.mark.parametrize("make", ["copy", "symlink", "hard link", "other way of writing it"])
def test_the_model_is_not_written_over(run, tmp_path, model_file, make):
    model, out = tmp_path / "model.keras", tmp_path / "out.keras"
    model.write_bytes(model_file.read_bytes())
    if make == "symlink":
        out.symlink_to(model)
    elif make == "hard link":
        out.hardlink_to(model)
    name = {"copy": "model.keras", "other way of writing it": "../" + tmp_path.name + "/model.keras"}.get(
        make, "out.keras"
    )
    assert "is the same file as the model" in refused(run("compact", "model.keras", "-o", name, "--force"))
    assert model.read_bytes() == model_file.read_bytes()


def shell(*arguments, directory, **options):
    """Runs a command in a process of its own."""
    command = [sys.executable, "-m", "redundancy", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory, **options)


@pytest.fixture
def little_space():
    """No file can have more than 4 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", ["small.keras", "small.h5"])
def test_a_full_disk_leaves_nothing(run, tmp_path, little_space, name):
    line = refused(run("compact", "model", "-o", name, "--json", "out.json"))
    assert f"cannot write '{name}': File too large" in line
    assert left(tmp_path) == []


def test_a_full_disk_crashes_nothing(model_file, tmp_path):
    def little():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = shell("compact", model_file, "-o", "small.h5", directory=tmp_path, preexec_fn=little)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_a_full_output_is_one_line(run, monkeypatch, model_file):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        monkeypatch.setattr("sys.stdout", full)
        assert cli.main(["audit", str(model_file)]) == 2


def test_an_interrupt_while_writing_leaves_nothing(run, tmp_path, monkeypatch):
    def interrupted(model, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("keras.Model.save", interrupted)
    assert run("compact", "model", "-o", "small.keras", "--json", "out.json") == (130, "", "redundancy: interrupted\n")
    assert left(tmp_path) == []


def test_a_mistake_of_this_package_has_an_exit_code_of_its_own(run, monkeypatch):
    monkeypatch.setattr("redundancy.workbench.audit", lambda *_, **__: 1 / 0)
    code, _, err = run("audit", "model")
    assert code == 70
    assert err.splitlines()[-1].startswith("redundancy: this is a mistake of this package")


def test_what_a_terminal_cannot_show_is_escaped(run, monkeypatch, tmp_path):
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="層")], name="小")
    model.save(tmp_path / "m.keras")
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", shown)
    assert cli.main(["audit", "m.keras"]) == 0
    assert shown.buffer.getvalue().startswith(b"\\u5c0f: 6 parameters")


def test_nobody_is_told_about_progress_where_nobody_looks(run, monkeypatch):
    monkeypatch.setattr("redundancy.cli.progress.PATIENCE", 0.0)
    assert run("audit", "model")[2] == ""


def test_a_terminal_shows_what_takes_long(run, monkeypatch):
    monkeypatch.setattr("redundancy.cli.progress.PATIENCE", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    told = run("audit", "model")[2].splitlines()
    assert "redundancy: searching ..." in told


@pytest.mark.parametrize("command", ["audit", "compact"])
def test_help_names_every_exit_code(run, command):
    out = " ".join(run(command, "--help")[1].split())
    assert "exit codes: 0 done; 1 something was found" in out


def test_help_says_that_files_are_written_where_something_fails(run):
    assert "files are written all the same" in " ".join(run("compact", "--help")[1].split())


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".onnx", ".tflite"])
def test_a_file_of_another_framework_is_said_not_to_be_read(run, tmp_path, suffix):
    (tmp_path / f"net{suffix}").write_bytes(b"x")
    assert "files of other frameworks are not read" in refused(run("audit", f"net{suffix}"))


def test_help_names_every_notion(run):
    out = " ".join(run("audit", "--help")[1].split())
    assert f"look for these only: {', '.join(NOTIONS)} " in f"{out} "


@pytest.mark.parametrize("words", BAD)
def test_a_bad_model_file_is_one_line(run, tmp_path, model_file, words):
    name, make = BAD[words]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's, about what it is asked to write
        make(tmp_path / name, model_file.read_bytes())
    before = left(tmp_path)
    assert "cannot use the model " in refused(run("compact", name, "-o", "small.keras", "--json", "out.json"))
    assert left(tmp_path) == before


@pytest.mark.parametrize("words", ["missing", "a model of a Lambda with code", "a layer with units = 1000000000000"])
def test_a_bad_model_file_is_one_line_in_a_process_of_its_own(tmp_path, model_file, words):
    name, make = BAD[words]
    make(tmp_path / name, model_file.read_bytes())
    done = shell("audit", name, directory=tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith("redundancy: error: cannot use the model ")


def test_code_in_a_file_is_run_only_where_that_is_asked_for(run, tmp_path):
    import keras

    keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Lambda(lambda x: 2 * x)]).save("m.keras")
    assert "runs code from outside this package" in refused(run("audit", "m.keras"))
    assert run("audit", "m.keras", "--trust")[0] == 0


def own_loss(expected, given):
    return (expected - given) ** 2


def test_what_is_lost_on_the_way_is_said(run, tmp_path):
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    model.compile(loss=own_loss)
    model.save("m.keras")
    code, _, err = run("compact", "m.keras", "-o", "small.keras")
    assert code == 0
    assert err.startswith("redundancy: warning: the settings of compilation in 'm.keras' cannot be made again")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("option", ["--data=x.npz", "--box=0,1"])
def test_a_model_without_inputs_takes_no_data(run, tmp_path, monkeypatch, option):
    np.savez("x.npz", x=np.ones(3))
    monkeypatch.setattr("redundancy.frameworks.keras.inputs.inputs_of", lambda model: ())
    assert "the model has no inputs by name" in refused(run("audit", "model", option))


OWN = """
import keras

print("imported")

@keras.saving.register_keras_serializable("{name}")
class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x
"""


@pytest.fixture
def own(run, tmp_path, monkeypatch):
    """Writes a model with a layer that only a module knows, to a file of that suffix; the name of the module."""
    import keras

    monkeypatch.setattr("sys.path", [path for path in sys.path if path])

    def own(suffix, name):
        (tmp_path / f"{name}.py").write_text(OWN.format(name=name))
        space = {}
        exec(OWN.format(name=name).replace("print", "str"), space)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras's, about the suffix .h5
            keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), space["Twice"]()]).save(f"m{suffix}")
        del keras.saving.get_custom_objects()[f"{name}>Twice"]
        return name

    yield own
    for name in [name for name in keras.saving.get_custom_objects() if name.endswith(">Twice")]:
        del keras.saving.get_custom_objects()[name]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_layers_of_ones_own_come_from_a_module(own, run, suffix):
    name = own(suffix, f"own_{suffix[1:]}")
    code, out, err = run("audit", f"m{suffix}", "--import", name, "--json", "-")
    assert (code, json.loads(out)["schema"], err.splitlines()[0]) == (0, "redundancy/audit", "imported")


@pytest.mark.parametrize("trust", [[], ["--trust"]])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_class_that_keras_does_not_know_is_asked_for(own, run, suffix, trust):
    own(suffix, "unknown")
    line = refused(run("audit", f"m{suffix}", *trust))
    assert "Keras does not know the class 'Twice'" in line or "Keras does not know the layer 'Twice'" in line
    assert "give the module that registers it with --import" in line


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (
            "",
            "no_such_module",
            "there is no module 'no_such_module', neither in the current directory nor on PYTHONPATH",
        ),
        ("", "broken.inner", "there is no module 'broken.inner'"),
        ("", "broken.py", "there is no module 'broken.py'"),
        ("", "./broken.py", "is no name of a module"),
        ("raise ValueError('of\\nno use')", "broken", "it raises ValueError (of no use)"),
        ("import no_such_module", "broken", "it raises ModuleNotFoundError (No module named 'no_such_module')"),
        ("import sys; sys.exit(3)", "broken", "it raises SystemExit (3)"),
        ("1 +", "broken", "it raises SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_one_line(run, tmp_path, monkeypatch, text, name, said):
    monkeypatch.setattr("sys.path", list(sys.path))
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    (tmp_path / "broken.py").write_text(text)
    line = refused(run("audit", "model", "--import", name))
    assert line.startswith("redundancy: error: --import ")
    assert said in line


def test_what_keras_warns_of_is_not_for_this_programs_users(run, monkeypatch):
    from redundancy import workbench

    def warned(*arguments, **options):
        warnings.warn("do as Keras does", UserWarning, stacklevel=1)
        return audit(*arguments, **options)

    audit = workbench.audit
    monkeypatch.setattr("redundancy.workbench.audit", warned)
    assert run("audit", "model")[2] == ""


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_that_cannot_be_loaded_again_is_not_kept(run, tmp_path, suffix):
    import keras

    class Start(keras.initializers.Initializer):
        def __init__(self, values):
            self.values = np.asarray(values, np.float32)

        def __call__(self, shape, dtype=None):
            return keras.ops.add(keras.ops.zeros(shape, dtype), self.values)

        def get_config(self):
            return {"values": self.values.tolist()}

    with keras.saving.custom_object_scope({"Start": Start}):
        twins = np.random.default_rng(0).normal(size=(3, 4))
        twins[:, 1] = twins[:, 0]
        first = keras.layers.Dense(4, kernel_initializer=Start(twins))
        keras.Sequential([keras.Input((3,)), first, keras.layers.ReLU(), keras.layers.Dense(2)]).save(f"m{suffix}")
        line = refused(run("compact", f"m{suffix}", "-o", f"small{suffix}", "--json", "small.json"))
    assert f"cannot write 'small{suffix}': what was written cannot be loaded" in line
    assert left(tmp_path) == [f"m{suffix}"]


@pytest.mark.parametrize(
    ("change", "said"), [("weight", "has other weights"), ("rate", "computes something else")], ids=["weight", "rate"]
)
def test_a_file_of_another_model_is_not_kept(run, tmp_path, monkeypatch, change, said):
    import keras

    from redundancy.frameworks.keras import files

    def saved(model, path):
        if change == "weight":
            model = keras.models.clone_model(model)
        else:
            functions = {"hidden": keras.layers.Dense(5, "tanh", name="hidden")}
            other = keras.models.clone_model(model, clone_function=lambda layer: functions.get(layer.name, layer))
            other.set_weights(model.get_weights())
            model = other
        model.save(path)

    monkeypatch.setattr(files, "_saved", saved)
    assert said in refused(run("compact", "model", "-o", "small.keras"))
    assert left(tmp_path) == []
