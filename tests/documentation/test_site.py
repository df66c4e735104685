"""The site: its pages are the repository's, its links lead somewhere, and every page is there as Markdown too."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

import pages
from browser import chromium, opened

__all__ = ["chromium", "opened"]


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory):
    """The folder that the site is built from."""
    folder = tmp_path_factory.mktemp("site") / "docs"
    pages.lay_out(folder)
    return folder


def test_every_page_is_in_the_navigation_once():
    order = [page for _, held in pages.navigation() for page in held]
    assert sorted(order) == sorted(pages.pages()), "add the page to nav in zensical.toml, or take it out"


def test_every_link_leads_to_a_page_a_heading_or_a_file(laid_out):
    for page in pages.pages():
        text = (laid_out / page).read_text(encoding="utf-8")
        prose = "".join(part for is_prose, part in pages.outside_fences(text) if is_prose)
        for _, link in pages.LINK.findall(prose):
            path, _, anchor = link.partition("#")
            if not re.match(r"[a-z]+:", link):
                target = (laid_out / page).parent / path if path else laid_out / page
                assert target.is_file(), f"{page}: {link}"
                assert not anchor or anchor in pages.anchors(target.read_text(encoding="utf-8")), f"{page}: {link}"


def test_every_link_to_elsewhere_is_a_whole_address():
    for page, file in pages.pages().items():
        text = file.read_text(encoding="utf-8")
        prose = "".join(part for is_prose, part in pages.outside_fences(text) if is_prose)
        for _, link in pages.LINK.findall(prose):
            if re.match(r"[a-z]+:", link):
                parts = urlsplit(link)
                assert parts.scheme == "https", f"{page}: {link}"
                assert re.fullmatch(r"([\w-]+\.)+[a-z]{2,}", parts.netloc), f"{page}: {link}"


def test_every_page_is_listed_for_assistants_with_a_sentence_and_its_text(laid_out):
    index, everything = pages.index(laid_out), pages.everything(laid_out)
    assert index.startswith("# Soundstage\n\n> Does a music source separation model keep")
    for page in pages.pages():
        assert re.search(rf"^- \[[^\]]+\]\({re.escape(page)}\)", index, re.MULTILINE), page
        assert (laid_out / page).read_text(encoding="utf-8").strip() in everything, page


def test_a_link_to_a_file_of_the_repository_leads_to_a_copy_and_comments_go(tmp_path):
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "other.md").write_text("# Other\n")
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "code.py").write_text("pass\n")
    (tmp_path / "README.md").write_text("# Front\n")
    page = tmp_path / "docs" / "deep" / "page.md"
    page.write_text(
        "<!-- not run: why -->\n```sh\n[no](link.md)\n```\n"
        "[code](../../core/code.py), [front](../../README.md#front), [other](../other.md), [core](../../core/)\n"
    )
    text, linked = pages.laid_out("deep/page.md", page, tmp_path)
    assert text == (
        "```sh\n[no](link.md)\n```\n"
        "[code](../source/core/code.py.txt), [front](../index.md#front), [other](../other.md), core\n"
    )
    assert linked == {"source/core/code.py.txt": tmp_path / "core" / "code.py"}


def test_a_link_to_nothing_is_refused(tmp_path):
    (tmp_path / "README.md").write_text("[gone](docs/gone.md)\n")
    with pytest.raises(SystemExit, match=r"docs/gone\.md is linked to and not there"):
        pages.laid_out("index.md", tmp_path / "README.md", tmp_path)


def test_a_page_is_promised_by_its_first_sentence():
    text = "# The page\n\n```sh\nls\n```\n\n![picture](x.png)\n\nIt has [a link](y.md) and **more**: all. Then\n"
    assert pages.title_and_promise(text) == ("The page", "It has a link and more")


needs_builder = pytest.mark.skipif(
    importlib.util.find_spec("zensical") is None, reason="the site is built with the extra docs"
)
BUILD = [sys.executable, "tools/pages.py"]


@pytest.fixture(scope="module")
def built(root, tmp_path_factory):
    """A copy of the repository in which the site was built."""
    folder = tmp_path_factory.mktemp("built")
    for name in ("docs", "core", "plugins", "examples", "tools", "tests", "benchmarks", "published"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (file for file in root.iterdir() if file.is_file() and file.name != ".git"):
        shutil.copy(file, folder)
    done = subprocess.run(BUILD, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.heavy
@needs_builder
def test_the_site_builds_without_warnings_and_asks_nobody_for_anything(built):
    site = built / "build" / "site"
    for page in pages.pages():
        assert (site / page).is_file()
        html = (site / page).with_suffix(".html").read_text(encoding="utf-8")
        fetched = re.findall(r"<(?:script|img|iframe)[^>]+src=\"?([^\" >]+)|<link[^>]+href=\"?([^\" >]+)", html)
        for one in (source or style for source, style in fetched):
            assert not re.match(r"(https?:)?//", one), f"{page} fetches {one}"


@pytest.mark.heavy
@needs_builder
def test_what_is_typed_into_search_is_found_from_disk_too(built, opened):
    page = opened(built / "build" / "site" / "index.html").page
    page.locator(".md-search__button").click()
    field = page.get_by_role("combobox", name="Search")
    for typed, letter in enumerate("interaural", start=1):
        page.keyboard.type(letter)
        page.wait_for_timeout(50)
        assert field.input_value() == "interaural"[:typed]
    page.get_by_role("option").first.wait_for()
    assert "nteraural" in (page.get_by_role("option").first.text_content() or "")


@pytest.mark.heavy
@needs_builder
def test_a_link_to_a_heading_that_is_not_there_stops_the_build(built):
    with open(built / "docs" / "usage.md", "a") as page_file:
        page_file.write("\n[dead](#no-such-heading)\n")
    done = subprocess.run(BUILD, cwd=built, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "anchor does not exist" in done.stdout + done.stderr
