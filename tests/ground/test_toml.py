"""TOML that people write: read whatever an editor left in it, and refused with one sentence that leads to the fix."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soundstage import names, toml
from soundstage.catalogue.registry import Registry
from soundstage.errors import SoundstageError
from soundstage.planning.grid import find_grid
from soundstage.toml import Table

GRID = '[grids.x]\ndatasets = ["sketches"]\nspatializers = ["original"]\nseparators = ["mixture"]\nmetrics = ["sdr"]\n'


@pytest.mark.parametrize("raw", [GRID.encode("utf-8-sig"), GRID.replace("\n", "\r\n").encode("utf-8-sig")])
def test_what_editors_leave_in_a_file_is_no_part_of_it(tmp_path, raw):
    (tmp_path / "g.toml").write_bytes(raw)
    assert find_grid(tmp_path / "g.toml", Registry.load()).name == "x"


BACKSLASH = "a backslash wants single quotes, as in root = 'C:\\songs'"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('root = "C:\\Users\\me"', BACKSLASH),
        ('root = "D:\\songs"', BACKSLASH),
        ('root = "C:\\temp\\new"', BACKSLASH),
        ('root = "C:\\\\Users\\new"', BACKSLASH),
        ('root = "\\\\server\\share"', BACKSLASH),
        ("root = C:\\songs", "correct it there"),
        ("a = " + "[" * 5000 + "]" * 5000, "nested"),
        ("a = " + "[" * 100 + "]" * 100, "nested more than 32 deep"),
        ("a" + ".a" * 5000 + " = 1", "nested more than 32 deep"),
        ('"a\\u0000" = 1', "the key 'a\\x00' holds the character NUL"),
        ('[a]\nb = ["\\u0000"]', "a.b[0]: '\\x00' holds the character NUL"),
        ("a = 9223372036854775808", "a: 9223372036854775808 is beyond the whole numbers of TOML"),
        ("a = 0x" + "f" * 9000, "a: a whole number of 36000 bits is beyond"),
        ("a = " + "9" * 9000, "a number of thousands of digits"),
        ("a = 1\na = 2", "not valid TOML"),
    ],
)
def test_what_no_key_takes_is_one_sentence_with_the_file(tmp_path, text, words):
    (tmp_path / "odd.toml").write_text(text)
    with pytest.raises(SoundstageError) as refused:
        toml.read(tmp_path / "odd.toml")
    assert words in str(refused.value)
    assert "odd.toml: " in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["9223372036854775807", "-9223372036854775808", '"Q: what?\\nA: that"', "'C:\\temp'"])
def test_what_is_only_like_it_is_taken(text):
    assert toml.parse(f"a = {text}", "f.toml")["a"] is not None


def test_only_files_are_read_and_only_utf_8(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    (tmp_path / "folder.toml").mkdir()
    for name in ("pipe", "zero", "folder"):
        with pytest.raises(SoundstageError, match=rf"{name}\.toml: not a file"):
            toml.read(tmp_path / f"{name}.toml")
    for encoding, words in (("utf-16", "it looks like UTF-16"), ("latin-1", "byte 5 is none of it")):
        (tmp_path / "text.toml").write_bytes('a = "é"'.encode(encoding))
        with pytest.raises(SoundstageError, match=f"not UTF-8 .*{words}.*save it as UTF-8"):
            toml.read(tmp_path / "text.toml")
    for name in ("x" * 300, "a\0b", "loop.toml"):
        if name == "loop.toml":
            (tmp_path / name).symlink_to(tmp_path / name)
        with pytest.raises(SoundstageError, match="cannot be read"):
            toml.read(tmp_path / name)


def test_numbers_have_a_kind_and_an_end():
    for value in (True, "1", float("inf"), float("nan"), 0, -1, 10**400):
        with pytest.raises(SoundstageError, match=r"f\.toml: a\.seconds: is .*; write"):
            Table({"seconds": value}, "f.toml", "a").number_above("seconds", 0)
    assert Table({"seconds": 2}, "f.toml").number_above("seconds", 0) == 2.0


def test_keys_are_named_as_toml_writes_them():
    with pytest.raises(SoundstageError, match=r'f\.toml: a\."b c"\.d: is no key here; there is none'):
        Table({"b c": {"d": 1}}, "f.toml", "a").table("b c").close()
    with pytest.raises(SoundstageError, match=r"f\.toml: a\[1\]\.d: is missing"):
        Table({"a": [{"d": ""}, {}]}, "f.toml").list_of_tables("a")[1].text("d", required=True)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
ENTRY = ["plugin", "script", "params", "summary", "weights", "data", "parameter", "url", "files"]
GRID_KEYS = [
    "datasets",
    "placements",
    "spatializers",
    "separators",
    "metrics",
    "seeds",
    "tracks",
    "excerpt",
    "revision",
]
KEYS = st.sampled_from([*ENTRY, *GRID_KEYS, "parts", "hash", "base"])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["separators", "datasets", "grids", "defaults", "metrics"]),
        VALUES | st.dictionaries(st.text(max_size=6), st.dictionaries(KEYS, VALUES, max_size=4), max_size=2),
        max_size=3,
    )
)
def test_whatever_a_table_holds_is_taken_or_refused_with_a_sentence(table):
    from soundstage.catalogue.plugins import Catalogue
    from soundstage.planning.grid import read_grid

    registry, sentence = Registry(Catalogue()), ""
    try:
        registry.extend(table, "f.toml", None)
        for name, grid in registry.grids.items():
            read_grid(name, grid.table, grid.base, source=grid.source)
    except SoundstageError as error:
        sentence = str(error)
    assert not sentence or sentence.startswith("f.toml: ")
    assert len(sentence) < 2000


@given(st.text(max_size=20))
def test_a_name_that_is_good_is_that_of_one_file_right_there(tmp_path_factory, name):
    if names.fault(name):
        return
    folder = tmp_path_factory.getbasetemp()
    assert (folder / name).resolve().parent == folder.resolve()
    assert (folder / name).name == name
