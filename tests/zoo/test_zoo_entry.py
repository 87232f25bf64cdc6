"""An entry of the store is the run that was written, or it is damaged: there is nothing in between."""

import json
import tracemalloc
import zipfile
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redundancy.zoo import Recipe, Run, Store, conv, dense, flatten, initial
from redundancy.zoo.entry import DamagedError, Expected, packed, signed, unpacked
from redundancy.zoo.structure import structure

RECIPE = Recipe((conv(2, 3), flatten(), dense(3)), optimizer="sgd", steps=2, batch_size=8, data="toy")
SHAPE = (6, 6, 1)
RUN = Run(RECIPE, 1, initial(RECIPE, 1, SHAPE), 0.75, 0.5, "digest of the data", 2, "no fused form")
EXPECTED = Expected("f" * 64, RECIPE, 1, "digest of the data", structure(RECIPE, SHAPE))
CONTENT = packed(RUN, EXPECTED.key)


def same(one, other):
    weights = [[array.tobytes() for node in run.network for array in node.weights.values()] for run in (one, other)]
    facts = [(run.recipe, run.seed, run.loss, run.accuracy, run.diverged, run.alone) for run in (one, other)]
    return weights[0] == weights[1] and facts[0] == facts[1]


def read(content, expected=EXPECTED):
    """The run, or None where the bytes are damaged; anything else that is raised fails the test."""
    try:
        return unpacked(content, expected)
    except DamagedError:
        return None


def test_what_is_packed_is_unpacked():
    assert same(read(CONTENT), RUN)


def test_weights_of_a_run_stay_read_only():
    weights = read(CONTENT).network["dense_1"].weights["kernel"]
    assert not weights.flags.writeable


def test_every_byte_counts():
    for place in range(len(CONTENT)):
        flipped = bytearray(CONTENT)
        flipped[place] ^= 1 << place % 8
        assert read(bytes(flipped)) is None


def test_every_cut_is_seen():
    assert all(read(CONTENT[:length]) is None for length in range(len(CONTENT)))


edits = st.tuples(st.integers(0, len(CONTENT)), st.integers(0, 40), st.binary(max_size=40))


def edited(edit):
    place, gone, new = edit
    return CONTENT[:place] + new + CONTENT[place + gone :]


@given(edits.map(edited))
def test_other_bytes_are_never_another_run(content):
    assert content == CONTENT or read(content) is None


@given(st.lists(edits, min_size=1, max_size=3))
def test_a_forged_digest_never_makes_a_reader_fail(several):
    content = CONTENT
    for place, gone, new in several:
        content = content[:place] + new + content[place + gone :]
    read(signed(content))


@given(st.integers(0, len(CONTENT) - 65), st.integers(0, 255))
def test_a_forged_byte_never_makes_a_reader_fail(place, byte):
    read(signed(CONTENT[:place] + bytes([byte]) + CONTENT[place + 1 :]))


def forged(edit=lambda meta, arrays: None, compression=zipfile.ZIP_STORED):
    """An entry whose digest is right, of other meta data and arrays."""
    with np.load(BytesIO(CONTENT)) as file:
        arrays = dict(file)
    meta = json.loads(arrays.pop("meta").tobytes())
    edit(meta, arrays)
    members = {}
    for name, array in {"meta": np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays}.items():
        member = BytesIO()
        np.save(member, array)
        members[f"{name}.npy"] = member.getvalue()
    return archived(members, compression)


def archived(members, compression=zipfile.ZIP_STORED):
    """An entry whose digest is right, of other files."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.comment = b"0" * 64
        for name, member in members.items():
            archive.writestr(name, member)
    return signed(buffer.getvalue())


def test_an_entry_that_others_wrote_by_the_book_is_read():
    assert same(read(forged()), RUN)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", 3),
        ("key", "0" * 64),
        ("recipe", replace(RECIPE, steps=3).to_json()),
        ("seed", 2),
        ("seed", True),
        ("data", "other data"),
        ("versions", {"keras": "1"}),
        ("dtypes", {}),
        ("loss", "small"),
        ("loss", None),
        ("accuracy", "1.5"),
        ("accuracy", []),
        ("diverged", 3),
        ("diverged", "never"),
        ("diverged", True),
        ("alone", None),
    ],
)
def test_meta_data_that_say_something_else_are_not_believed(name, value):
    assert read(forged(lambda meta, arrays: meta.update({name: value}))) is None


@pytest.mark.parametrize("name", ["format", "key", "recipe", "seed", "data", "loss", "accuracy", "diverged", "alone"])
def test_meta_data_that_lack_something_are_not_believed(name):
    assert read(forged(lambda meta, arrays: meta.pop(name))) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda bias: bias[:2],
        lambda bias: bias.reshape(3, 1),
        lambda bias: bias.astype(np.float64),
        lambda bias: bias.astype(">f4"),
        lambda bias: bias.view(np.int32),
        lambda bias: np.array([None, 1, 2]),
        lambda bias: np.float32(0),
    ],
    ids=["shorter", "of another shape", "wider", "the other way round", "whole numbers", "pickled", "a number"],
)
def test_arrays_of_another_kind_are_not_believed(change):
    assert read(forged(lambda meta, arrays: arrays.update({"dense_1/bias": change(arrays["dense_1/bias"])}))) is None


@pytest.mark.parametrize("change", [lambda member: member[:-4], lambda member: member + bytes(4)], ids=["less", "more"])
def test_arrays_of_another_length_than_they_say_are_not_believed(change):
    with zipfile.ZipFile(BytesIO(CONTENT)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert same(read(archived(members)), RUN)
    members["dense_1/bias.npy"] = change(members["dense_1/bias.npy"])
    assert read(archived(members)) is None


def test_arrays_by_columns_are_not_believed():
    def transposed(meta, arrays):
        arrays["dense_1/kernel"] = np.asfortranarray(arrays["dense_1/kernel"])

    assert read(forged(transposed)) is None


@pytest.mark.parametrize("change", [lambda a: a.update(more=np.ones(3)), lambda a: a.pop("dense_1/bias")])
def test_other_arrays_are_not_believed(change):
    assert read(forged(lambda meta, arrays: change(arrays))) is None


def test_compressed_arrays_are_not_believed():
    assert read(forged(compression=zipfile.ZIP_DEFLATED)) is None


def claiming(shape):
    """An entry with an array that claims to be of a shape."""
    place = CONTENT.index(b"'shape': (3,)")
    start, end = CONTENT.rindex(b"{", 0, place), CONTENT.index(b"\n", place)
    said = CONTENT[start:end].replace(b"(3,)", shape)
    return signed(CONTENT[:start] + said.strip().ljust(end - start) + CONTENT[end:])


def memory_of(work):
    tracemalloc.start()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_no_memory_is_reserved_for_what_a_file_only_claims():
    content = claiming(b"(3000000000,)")
    assert memory_of(lambda: read(content)) < 2_000_000
    assert read(content) is None


def test_no_more_of_a_file_is_read_than_a_run_can_have(tmp_path):
    store = Store(tmp_path)
    path = store.path(RECIPE, 1, "data")
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate(1 << 32)
    assert memory_of(lambda: store.load(RECIPE, 1, "data", SHAPE)) < 10_000_000
    assert path.with_name(f"{path.name}.bad").exists()


def test_layers_with_long_names_have_room():
    recipe = replace(RECIPE, architecture=(flatten(), dense(3, name="x" * 3000)))
    expected = replace(EXPECTED, recipe=recipe, structure=structure(recipe, SHAPE))
    run = replace(RUN, recipe=recipe, network=initial(recipe, 1, SHAPE))
    assert same(read(packed(run, EXPECTED.key), expected), run)
