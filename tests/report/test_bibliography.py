"""BibTeX that BibTeX can read, whatever a citation holds."""

import re

from soundstage.report.paper.bibliography import Cited, Source, bibtex


def entry(**fields):
    return bibtex({("separators", "x"): Cited((Source("key", "misc", fields),))})


def test_accents_are_one_letter_and_names_without_parts_stay_whole():
    text = entry(author="Fabian-Robert Stöter and {The Soundstage authors}", title="Łódź & 100 %", year="2019")
    assert r"author = {Fabian-Robert St{\"{o}}ter and {The Soundstage authors}}," in text
    assert r"title = {{\L{}{\'{o}}d{\'{z}} \& 100 \%}}," in text


def test_braces_are_balanced_whatever_the_text_holds():
    text = entry(title="a { b } } {{ \\ $", url="http://x/{}%", doi="10.1/a_b")
    assert text.count("{") == text.count("}")
    assert "url = {http://x/%7B%7D%25}" in text
    assert "doi = {10.1/a_b}" in text


def test_each_source_stands_once_and_what_has_none_is_told():
    one = Cited((Source("a", "misc", {"title": "A"}),))
    text = bibtex({("metrics", "m"): one, ("separators", "s"): one, ("separators", "odd\n}"): Cited()})
    assert len(re.findall("^@", text, re.MULTILINE)) == 1
    assert text.splitlines()[-1] == r"% no citation is known of odd[U+000A]\} (separators)"
