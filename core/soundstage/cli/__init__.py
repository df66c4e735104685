"""The command line: one small file a verb, imported when it is used."""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from soundstage.cli.leaving import leave_in_time, print_anything, unprintable
from soundstage.cli.saying import say_lines
from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

VERBS = {
    "run": "Fill a grid with results.",
    "leaderboard": "Show what was measured, best first.",
    "report": "Make pages to see and argue from, that open from disk.",
    "render": "Write a grid's scenes as a data set in MUSDB18-HQ's layout.",
    "compare": "Compare two separators song by song.",
    "which": "Which separators suit: for a source, on a device, below real time.",
    "audiometry": "Measure metrics themselves: cards of what they respond to.",
    "figures": "Draw the results for a paper.",
    "paper": "Write a paper's numbers, tables and references; check a paper.",
    "score": "Score a folder of stems against another, without a grid.",
    "list": "What there is: datasets, placements, spatializers, separators, metrics, grids.",
    "fetch": "Get weights and environments that separators need.",
    "add": "Make a separator of a model's files.",
    "new": "Begin a plugin of your own: a distribution that works, or a script.",
    "check": "Whether a plugin is right, and a dataset there, whole and as it should be.",
    "show": "One entry: parameters, citation, licence.",
    "export": "Write results as another program's files.",
    "import": "Take in what others measured, as claims.",
    "status": "How a run goes: done, failed, left, who does what.",
    "verify": "Check results against what was written, and compute some again.",
    "merge": "Bring the results of many machines together.",
    "provenance": "How the numbers were made; write a lock file that makes them again.",
    "completion": "Print what completes commands in bash, zsh or fish.",
}
MODULES = {"import": "import_"}
"""Verbs whose names no module can have."""

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EPIPE)
"""Why nothing more can be printed; what a run cannot store is a sentence of its own by then."""


FLAGS = {"timeout_s": "timeout"}
"""Parameters whose flags have other names."""


class Verbs(click.Group):
    """A group whose commands live in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order in which a newcomer needs them, and then those of plugins."""
        from soundstage.cli.plugged import plugged

        return [*VERBS, *plugged()[0]]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command, its module imported now."""
        if cmd_name not in VERBS:
            from soundstage.cli.plugged import command_of

            return command_of(cmd_name)
        module = MODULES.get(cmd_name, cmd_name)
        command: click.Command = importlib.import_module(f"soundstage.cli.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them; what is wrong with those of plugins goes to standard error."""
        from soundstage.cli.plugged import plugged

        with formatter.section("Commands"):
            formatter.write_dl([*VERBS.items()])  # the module cli.list hides the builtin once it is imported
        brought, problems = plugged()
        if brought:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, command.summary) for name, command in brought.items()])
        for problem in problems:
            say_lines(f"problem: {problem}", err=True)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The verbs that begin like that, without importing them; or the options of all."""
        from click.shell_completion import CompletionItem

        from soundstage.cli.plugged import plugged

        told = {**VERBS, **{name: command.summary for name, command in plugged()[0].items()}}
        verbs = [CompletionItem(name, help=said) for name, said in told.items() if name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; an option that it cannot take is named by its flag."""
        from soundstage.errors import BadOption

        try:
            return super().invoke(ctx)
        except BadOption as error:
            flag = FLAGS.get(error.option, error.option).replace("_", "-")
            raise SoundstageError(error.text.replace("{}", f"--{flag}")) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command; for a misspelt verb a sentence with the nearest one."""
        from soundstage.errors import suggestion

        is_asked = not ctx.resilient_parsing  # and not by a shell that completes
        if is_asked and args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from soundstage.cli.plugged import plugged

            brought, problems = plugged()
            why = "".join(f"\nit may be one of what is broken here: {problem}" for problem in problems)
            ctx.fail(f"no command '{args[0]}'{suggestion(args[0], [*VERBS, *brought])}{why}")
        return super().resolve_command(ctx, args)


def _version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"soundstage {version('soundstage')}")
        context.exit()


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="Print the version."
)
def cli() -> None:
    """Does a music source separation model keep the spatial image of what it separates?"""
    if os.environ.get("NO_COLOR"):
        click.get_current_context().color = False


def main() -> None:
    """Run the command line; what a user can act on is one sentence and exit status 1.

    Being told to end, as batch systems and containers do, is the same as Ctrl-C. Where nothing can be printed, as on a
    full disk, the status says so. Threads of plugins that do not end are not waited for for ever.
    """
    if "_SOUNDSTAGE_COMPLETE" in os.environ:
        from soundstage.cli.completing import complete

        sys.exit(complete(cli))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print_anything()
    status = _status()
    if trouble := unprintable():
        if not status:
            _say_unprintable(trouble)
        status = status or 1
    leave_in_time(status)
    sys.exit(status)


def _status() -> int:
    """The exit status of the command that was asked for."""
    try:
        status = cli.main(prog_name="soundstage", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        with contextlib.suppress(OSError):
            say_lines(text.getvalue().rstrip("\n"), err=True)
        return error.exit_code
    except click.Abort:
        with contextlib.suppress(OSError):
            click.echo("Aborted!", err=True)
        return 1
    except SoundstageError as error:
        with contextlib.suppress(OSError):  # which is found out by who flushes
            say_lines(f"soundstage: {error}", err=True)
        return 1
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except OSError as error:
        if error.filename is not None:
            say_lines(f"soundstage: {error.filename}: cannot be used ({error.strerror}); look at that path", err=True)
        elif error.errno in UNWRITABLE:
            _say_unprintable(error.strerror)
        else:
            raise
        return 1


def _say_unprintable(why: str | None) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"soundstage: its output cannot be written ({why})\n".encode())
