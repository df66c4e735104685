"""The methods paragraph: how the numbers were made, as the stored plan and the runs' records say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from soundstage.leaderboard.board import FEWEST, RESAMPLES, Leaderboard
from soundstage.leaderboard.statistics import APART
from soundstage.report.paper.bibliography import Cited
from soundstage.report.tex import tex
from soundstage.report.text import counted
from soundstage.results.loading import Results
from soundstage.results.records import RunFacts

HASH = 8
"""Characters of a hash that stand in a text."""


def methods(
    results: Results, board: Leaderboard, runs: Sequence[RunFacts], cited: Mapping[tuple[str, str], Cited]
) -> Iterator[str]:
    """The paragraph's sentences, as LaTeX."""
    facts = results.facts
    versions = {name: version for run in runs for name, version in run.get("versions", {}).items()}
    own = f"Soundstage {versions['soundstage']}" if "soundstage" in versions else "Soundstage"
    yield (
        f"All numbers are of the grid {tex(facts['name'])} (revision {facts['revision']}, hash"
        f" {facts['hash'][:HASH]}), run with {tex(own)}{_cite(cited, 'soundstage', '')}."
    )
    claimed = [name for name, about in facts["separators"].items() if about.get("claimed")]
    if claimed:
        yield f"The scores of {_listed(map(tex, claimed))} were imported from files that others made."
    yield from _data(results, cited)
    yield from _training(board)
    yield from _axes(facts.get("axes", {}), cited)
    parts = facts["recipe"]["parts"] if "recipe" in facts else {}
    yield from _parts(parts)
    seeds = facts.get("seeds", [])
    if seeds and parts:
        yield f"Chance was seeded with {_listed(map(str, seeds))}."
    yield from _statistics(board)
    shown = {name: version for name, version in sorted(versions.items()) if name != "soundstage"}
    pythons = list(dict.fromkeys(run["python"] for run in runs if run.get("python")))
    told = [f"Python {tex(version)}" for version in pythons] + [
        f"{tex(name)} {tex(one)}" for name, one in shown.items()
    ]
    if told:
        yield f"Versions were {_listed(told)}."


def _cite(cited: Mapping[tuple[str, str], Cited], kind: str, label: str) -> str:
    return cited.get((kind, label), Cited()).command


def _named(cited: Mapping[tuple[str, str], Cited], kind: str, label: str) -> str:
    return f"{tex(label)}{_cite(cited, kind, label)}"


def _data(results: Results, cited: Mapping[tuple[str, str], Cited]) -> Iterator[str]:
    cells = results.cells
    counts = cells.groupby("dataset", sort=False, observed=True)["track"].nunique()
    songs = [
        f"{counted(int(count), 'song')} of {_named(cited, 'datasets', str(name))}" for name, count in counts.items()
    ]
    sources = [str(one) for one in results.rows["source"].dropna().unique() if str(one)]
    of = f", with the sources {_listed(map(tex, sources))}" if sources else ""
    yield f"The data are {_listed(songs)}{of}."
    if "excerpt" in results.facts:
        excerpt = results.facts["excerpt"]
        yield f"Of each song, the part {tex(_settings(excerpt))} was used." if excerpt else "Songs were used whole."


def _training(board: Leaderboard) -> Iterator[str]:
    """Who was trained on the songs, and of whom that is not stated."""
    said: dict[str, dict[str, None]] = {}
    for row in (row for section in board.sections for row in section.rows):
        said.setdefault(row.trained_on_them, {})[row.separator] = None
    for answer, form in (
        ("yes", "Trained on songs that they are scored on, and so not ranked, {} {}."),
        ("not stated", "Whether they were trained on these songs is not stated of {}."),
    ):
        names = [tex(name) for name in said.get(answer, ())]
        if names:
            yield form.replace("{} {}", f"{'is' if len(names) == 1 else 'are'} {{}}").format(_listed(names))


def _axes(axes: Mapping[str, Sequence[str]], cited: Mapping[tuple[str, str], Cited]) -> Iterator[str]:
    said = {
        "placements": "Sources were placed by {}.",
        "spatializers": "Scenes were rendered by {}.",
        "separators": "Separated and compared were {}.",
        "metrics": "Scored was with {}.",
    }
    for kind, form in said.items():
        names = [_named(cited, kind, label) for label in axes.get(kind, [])]
        if names:
            yield form.format(_listed(names))


def _parts(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What the labels stand for: parameters, revisions, wrapped packages, and files by their hashes."""
    for name, part in parts.items():
        kind, _, label = name.partition(" ")
        told = []
        if part.get("parameters"):
            told.append(_settings(part["parameters"]))
        told += [f"{package} {version}" for package, version in part.get("wraps", {}).items()]
        files = part.get("file_count") or len(part.get("files", {}))
        if files:
            told.append(f"{counted(int(files), 'file')} with SHA-256 {str(part['sha256'])[:HASH]}")
        if told:
            revision = f" (revision {part['revision']})" if "revision" in part else ""
            yield f"Of the {kind}, {tex(label + revision)} has {tex('; '.join(told))}."


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in settings.items() if value is not None)


def _statistics(board: Leaderboard) -> Iterator[str]:
    yield (
        f"Each value is the {tex(board.protocol.text)} (protocol {tex(board.protocol.name)}), over the scores that"
        " every entry of its table has; comparisons of two are over the scores that both have."
    )
    if all(section.scores[board.ranked_by].songs < FEWEST for section in board.sections):
        return
    yield (
        f"Intervals are of 95\\,\\%, from {RESAMPLES:,} bootstrap resamples of songs, each with all its sources,"
        " placements and seeds."
    )
    yield (
        "Separators that share a letter cannot be told apart (Wilcoxon signed-rank test over songs with Holm's"
        f" correction over all pairs of a table, $p \\geq {APART}$); $p$-values in sentences are of single comparisons."
    )


def _listed(words: Any) -> str:
    """One, two and three."""
    every = list(words)
    return f"{', '.join(every[:-1])} and {every[-1]}" if len(every) > 1 else "".join(every)
