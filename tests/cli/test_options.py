"""Options that several verbs have are the same of each."""

from __future__ import annotations

import click
import pytest

from soundstage.cli import cli


def given(verb, option, text):
    """What the verb makes of an option's text."""
    command = cli.get_command(click.Context(cli), verb)
    context = click.Context(command)
    (found,) = (one for one in command.params if option in one.opts)
    return found.process_value(context, text)


@pytest.mark.parametrize("verb", ["leaderboard", "compare", "which", "figures", "paper"])
def test_by_is_words_or_nothing_for_none(verb):
    assert given(verb, "--by", None) is None
    assert given(verb, "--by", "source, seed,") == ["source", "seed"]
    assert given(verb, "--by", " None ") == []
    assert given(verb, "--by", "none,seed") == ["none", "seed"]  # which the leaderboard refuses
