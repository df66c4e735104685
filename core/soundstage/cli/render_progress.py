"""How a render looks: the bar of a run, and a line for each song that fails or is clipped."""

from __future__ import annotations

from collections.abc import Sequence

from soundstage.cli.progress import Display, letters
from soundstage.planning.grid import Grid
from soundstage.rendering.dataset import Rendered
from soundstage.rendering.songs import Song, SongOutcome


class RenderProgress(Display):
    """A listener that shows a render."""

    unit = "songs"

    def planned(self, grid: Grid, songs: Sequence[Song], todo: Sequence[Song]) -> None:
        """Say what is to be done."""
        self.begin(len(todo))
        self.console.print(
            f"[bold]{letters(grid.name)}[/] · revision {grid.revision}:"
            f" {len(songs)} songs, {len(songs) - len(todo)} written before, {len(todo)} to write"
        )

    def started(self, song: Song, worker: int) -> None:
        """Show the song being worked on."""
        self.show(str(song.folder), worker)

    def finished(self, outcome: SongOutcome) -> None:
        """Count the song, and say what went wrong with it."""
        where = letters(str(outcome.song.folder))
        if outcome.error:
            self.console.print(f"[red]failed[/]  {where}: {letters(outcome.error)}")
        if outcome.clipped:
            counts = ", ".join(f"{file} {count}" for file, count in outcome.clipped.items())
            self.console.print(f"[yellow]clipped[/]  {where}: samples beyond ±1 in {letters(counts)}")
        self.count(bool(outcome.error))

    def summarise(self, rendered: Rendered) -> None:
        """Say what the render came to."""
        spent = self.end()
        bad = f", [red]{len(rendered.failed)} failed[/]" if rendered.failed else ""
        self.console.print(f"{rendered.written} songs written in {spent:.1f} s{bad}; in {letters(str(rendered.out))}")
