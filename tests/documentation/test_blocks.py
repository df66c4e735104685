"""Every block of code on a page is run in the page's order, or says why not; and every command on a page exists."""

from __future__ import annotations

import re
import tomllib

import click
import pytest

import blocks
import fences
import pages
from soundstage.catalogue.registry import OWN_SECTIONS, Registry
from soundstage.cli import cli
from soundstage.contracts import KINDS

PAGES = [file for file in pages.pages().values() if file.name != "CHANGELOG.md"]


def name_of(file):
    """The page as the repository calls it."""
    return file.relative_to(blocks.ROOT).as_posix()


page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def runnable(file):
    """The page, among the heavy tests where its blocks take long."""
    return pytest.param(file, id=name_of(file), marks=[pytest.mark.heavy] if fences.is_heavy(file) else [])


@page
def test_every_block_has_a_language_and_is_run_or_says_why_not(page):
    for block in fences.blocks_of(page):
        known = (*fences.RUN, *fences.SHOWN)
        assert block.language in known, f"{block.where}: '{block.language}' is none of {', '.join(known)}"
        if block.language in fences.SHOWN:
            words = next(fences.commands(block.text.strip().partition("\n")[0].removeprefix("$ ")), [""])
            assert words[:1] not in (["soundstage"], ["pip"], ["make"]), (
                f"{block.where}: a command is no text; call it sh"
            )
            assert not block.not_run, f"{block.where}: what is only read need not say why it is not run"


INSTALLS = ("tutorial.md",)
"""Pages that begin with pip: tests/end_to_end runs them in environments of their own."""


@pytest.mark.parametrize("page", [runnable(file) for file in PAGES if file.name not in INSTALLS])
def test_the_blocks_of_a_page_run_one_after_the_other(page, tmp_path):
    found = fences.blocks_of(page)
    ran = fences.run_blocks(found, tmp_path)
    marked = [block for block in found if block.not_run and not block.file]
    shown = [block for block in found if block.language in fences.SHOWN and not block.file]
    assert ran == len(found) - len(marked) - len(shown), f"{page.name}: a block was passed over"


def options_of(words):
    """The verb's command, with the options and arguments that these words give it. Raises click.UsageError."""
    context = click.Context(cli, info_name="soundstage")
    _, command, rest = cli.resolve_command(context, words)
    assert command is not None
    inside = click.Context(command, info_name=words[0], parent=context, allow_extra_args=True)
    given, _, _ = command.make_parser(inside).parse_args(list(rest))
    for parameter in command.params:
        if isinstance(parameter.type, click.Choice) and isinstance(value := given.get(parameter.name or ""), str):
            parameter.type.convert(value, parameter, inside)


def words_of_soundstage(words):
    """What `soundstage` is given, where that is the program, whatever stands before it; else None."""
    names = [word for word in words if not re.fullmatch(r"[A-Z_]+=.*", word)]
    if names[:3] in (["python", "-m", "soundstage"], ["uv", "run", "soundstage"]):
        return names[3:]
    return names[1:] if names[:1] == ["soundstage"] else None


@page
def test_every_command_of_a_block_is_a_verb_with_its_options(page):
    for block in fences.blocks_of(page):
        scripts = [script for script, _ in fences.steps(block)] if block.language in fences.SHELLS else []
        for words in (words for script in (*scripts, block.first) for words in fences.commands(script)):
            given = words_of_soundstage(words)
            if given:
                try:
                    options_of(given)
                except click.UsageError as error:
                    pytest.fail(f"{block.where}: {' '.join(words)}: {error.format_message()}")


@page
def test_every_command_in_running_text_is_a_verb_with_its_options(page):
    prose = fences.FENCE.sub("", page.read_text(encoding="utf-8"))
    for said in re.findall(r"`(?:\$ )?(soundstage [a-z][^`]*)`", prose):
        for words in fences.commands(" ".join(said.split())):
            given = words_of_soundstage(words)
            if given:
                try:
                    options_of(given)
                except click.BadOptionUsage:
                    continue  # its value is left out
                except click.UsageError as error:
                    pytest.fail(f"{page.name}: `{said}`: {error.format_message()}")


@page
def test_every_toml_block_is_one_and_the_registry_takes_what_is_for_it(page, tmp_path):
    for block in fences.blocks_of(page):
        if block.language == "toml":
            table = tomllib.loads(block.text)
            if set(table) <= {*KINDS, *OWN_SECTIONS, "training"}:
                file = tmp_path / "block.toml"
                file.write_text(block.text, encoding="utf-8")
                for script in re.findall(r'script *= *"([^"]+)"', block.text):
                    (tmp_path / script).write_text("def load(): ...\n")
                Registry.load([file])


@page
def test_every_python_block_is_python(page):
    for block in fences.blocks_of(page):
        if block.language == "python":
            compile(block.text, block.where, "exec")
