"""`soundstage completion`: what makes a shell complete commands."""

from __future__ import annotations

import click

from soundstage.cli.saying import say_document

SHELLS = {
    "bash": 'Put into ~/.bashrc:  eval "$(soundstage completion bash)"  (bash 4.4 or newer)',
    "zsh": 'Put into ~/.zshrc, after compinit:  eval "$(soundstage completion zsh)"',
    "fish": "Once:  soundstage completion fish > ~/.config/fish/completions/soundstage.fish",
}


@click.command("completion", epilog="\b\n" + "\n".join(f"{shell}: {how}" for shell, how in SHELLS.items()))
@click.argument("shell", type=click.Choice(list(SHELLS)))
def command(shell: str) -> None:
    """Print the script with which SHELL completes verbs, options, names of the registry and results folders."""
    from click.shell_completion import get_completion_class

    from soundstage.cli import cli
    from soundstage.cli.completing import VARIABLE

    kind = get_completion_class(shell)
    assert kind is not None  # click has all three
    made = kind(cli, {}, "soundstage", VARIABLE)
    say_document(made.source_template % made.source_vars())
