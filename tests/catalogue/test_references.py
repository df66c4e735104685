"""What to cite for what a grid names: references as facts, else the citation as it is."""

from __future__ import annotations

import pytest

from soundstage.catalogue.references import of_citation
from soundstage.catalogue.registry import Registry
from soundstage.contracts import KINDS
from soundstage.errors import SoundstageError


@pytest.fixture(scope="module")
def registry():
    return Registry.load()


def keys(registry, kind, label):
    return [reference.key for reference in registry.cited(kind, label)]


def test_every_entry_that_has_a_citation_has_references_as_facts(registry):
    for kind in KINDS:
        for name in registry.names(kind):
            if registry.entry(kind, name).citation:
                found = registry.cited(kind, name)
                assert found, name
                assert all(reference.authors and reference.year for reference in found), name


def test_every_reference_is_of_something_that_there_is(registry):
    for reference in registry.references.values():
        for word in reference.of:
            kind, _, name = word.partition("/")
            assert name in registry.names(kind), f"{reference.key}: {word}"


def test_references_agree_with_the_citations_in_year_and_doi(registry):
    for kind in KINDS:
        for name in registry.names(kind):
            said = of_citation(name, registry.entry(kind, name).citation)
            dois = {reference.fields.get("doi", "").lower() for reference in registry.cited(kind, name)}
            if said.fields.get("doi", "").startswith("10.") and "arXiv" not in said.fields["doi"]:
                urls = {reference.fields.get("url", "") for reference in registry.cited(kind, name)}
                assert said.fields["doi"].lower() in dois or any(said.fields["doi"] in url for url in urls), name


def test_a_variant_is_cited_as_its_entry_and_an_entry_as_its_plugin(registry):
    assert keys(registry, "separators", "htdemucs_ft[normalize=none,shifts=1]") == ["rouard2023"]
    assert keys(registry, "separators", "mdx_extra") == ["defossez2021"]
    assert keys(registry, "spatializers", "hrir") == ["namballa2025", "duda1998"]
    assert keys(registry, "separators", "nobody's [ model") == []


def test_a_citation_that_is_a_sentence_is_kept_whole_and_told_apart():
    found = of_citation(
        "separators mine", "Doe & Roe (2021), A model of 1999 songs, doi:10.1000/x.y_8; https://a.org/b."
    )
    assert found.title.startswith("Doe & Roe (2021)")
    assert found.year == 2021
    assert found.fields == {"doi": "10.1000/x.y_8", "url": "https://a.org/b"}


def test_ones_own_references_count_and_wrong_ones_are_refused(tmp_path):
    file = tmp_path / "mine.toml"
    mine = '[references.doe]\nauthors = ["Jane Doe"]\ntitle = "A model"\nyear = 2026\nof = ["separators/duet"]\n'
    file.write_text(mine, encoding="utf-8")
    assert "doe" in keys(Registry.load([file]), "separators", "duet")
    for wrong, sentence in (
        ('of = ["duet"]', "'duet' names nothing; write KIND/NAME"),
        ('of = ["separators/x"]\njournl = "x"', "journl: is no key here; did you mean 'journal'"),
        ('of = ["separators/x"]\ntype = "book"', "type: cannot be 'book'"),
    ):
        file.write_text(mine.replace('of = ["separators/duet"]', wrong), encoding="utf-8")
        with pytest.raises(SoundstageError, match=sentence):
            Registry.load([file])
