"""Variants are parsed, and values are what the constructor says they are."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from soundstage.catalogue.parameters import Parameter, checked, constructor_parameters
from soundstage.errors import SoundstageError
from soundstage.variants import parse_variant


class Example:
    def __init__(
        self,
        root: Path,
        count: int = 2,
        gain: float = 1.0,
        loud: bool = False,
        mode: Literal["slow", "fast"] = "slow",
        extra: Path | None = None,
        words: tuple[str, ...] = (),
    ) -> None:
        pass


def convert(base=None, **given):
    return checked(given, constructor_parameters(Example), "separator 'x'", base)


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("hrir", "hrir", {}),
        ("hrir[]", "hrir", {}),
        ("hrir[hrtf=path/to.sofa]", "hrir", {"hrtf": "path/to.sofa"}),
        (" a [ x = 1 , y=b c ] ", "a", {"x": "1", "y": "b c"}),
        ("a[x='1,2',y=3]", "a", {"x": "1,2", "y": "3"}),
        ("a[layout={track}/{source}]", "a", {"layout": "{track}/{source}"}),
        ("a[root=don't/stop,y=3]", "a", {"root": "don't/stop", "y": "3"}),
        ("a[x=p=q]", "a", {"x": "p=q"}),
    ],
)
def test_a_variant_is_a_name_and_parameters(text, name, parameters):
    assert parse_variant(text) == (name, parameters)


@pytest.mark.parametrize("text", ["", "[x=1]", "a[x=1", "a]x=1", "a[x]", "a[x=1,x=2]", "a[=1]"])
def test_what_is_not_a_variant_is_a_sentence(text):
    with pytest.raises(SoundstageError):
        parse_variant(text)


def test_texts_become_what_the_annotations_say(tmp_path):
    found = convert(tmp_path, root="songs", count="3", gain="-2.5", loud="true", mode="fast", extra="none", words="a+b")
    assert found == {
        "root": tmp_path / "songs",
        "count": 3,
        "gain": -2.5,
        "loud": True,
        "mode": "fast",
        "extra": None,
        "words": ("a", "b"),
    }
    assert convert(tmp_path, extra="x.sofa") == {"extra": tmp_path / "x.sofa"}


def test_toml_values_pass_as_they_are():
    assert convert(count=3, gain=2, loud=True) == {"count": 3, "gain": 2.0, "loud": True}


@pytest.mark.parametrize(
    "given", [{"count": "three"}, {"count": 2.5}, {"count": True}, {"gain": "x"}, {"loud": "yes"}, {"mode": "medium"}]
)
def test_a_value_of_the_wrong_type_names_the_parameter_and_what_it_takes(given):
    with pytest.raises(SoundstageError, match=f"separator 'x': parameter '{next(iter(given))}' cannot be"):
        convert(**given)


def test_an_unknown_parameter_gets_the_nearest_one_suggested():
    with pytest.raises(SoundstageError, match="has no parameter 'cuont'; did you mean 'count'"):
        convert(cuont=3)


def test_parameters_describe_themselves():
    described = [parameter.describe() for parameter in constructor_parameters(Example).values()]
    assert described[0] == "root: path"
    assert described[1] == "count: int = 2"
    assert "mode: 'slow' or 'fast' = 'slow'" in described
    assert "extra: path or none = None" in described


def test_a_class_without_a_constructor_has_no_parameters():
    assert constructor_parameters(type("Bare", (), {})) == {}


def test_a_table_is_carried_as_it_is_and_comes_from_toml_alone():
    class Mapped:
        def __init__(self, sources: Mapping[str, tuple[str, ...]] | None = None) -> None:
            pass

    parameters = {
        "sources": Parameter("sources", typing.get_type_hints(Mapped.__init__, globals())["sources"], None, False)
    }
    given = {"sources": {"vocals": ["lead", "backing"], "other": "*"}}
    assert checked(given, parameters, "dataset 'x'", None) == {
        "sources": {"vocals": ("lead", "backing"), "other": ("*",)}
    }
    for wrong in ("vocals", ["vocals"], {"vocals": 1}, {"vocals": [1]}):
        with pytest.raises(
            SoundstageError, match=r"'sources' cannot be .*; it takes table \(in a TOML entry's params\)"
        ):
            checked({"sources": wrong}, parameters, "dataset 'x'", None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"gain": "inf"}, "parameter 'gain' cannot be 'inf'; it takes float"),
        ({"gain": float("nan")}, "cannot be nan"),
        ({"gain": 10**400}, "cannot be a whole number of 1329 bits"),
        ({"count": 2**63}, "cannot be 9223372036854775808; it takes int"),
        ({"count": "9" * 5000}, "cannot be '999"),
        ({"count": float("inf")}, "cannot be inf"),
        ({"root": "~nobody-of-that-name/songs"}, "it takes path"),
        ({"root": "a\0b"}, "cannot be 'a\\x00b'"),
    ],
)
def test_what_no_address_and_no_path_can_hold_is_one_short_sentence(given, words):
    with pytest.raises(SoundstageError) as refused:
        convert(**given)
    assert words in str(refused.value)
    assert len(str(refused.value)) < 200
