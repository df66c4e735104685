"""`soundstage paper`: what a paper takes from results, and whether it still follows from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundstage.cli.options import (
    more_registry,
    only_metrics,
    protocol,
    published,
    rank_by,
    results_folder,
    tables,
    which_grid,
)
from soundstage.cli.saying import say

if TYPE_CHECKING:
    from soundstage.catalogue.references import Reference
    from soundstage.report.paper.bibliography import Cited
    from soundstage.results.loading import Results
    from soundstage.results.records import PlanFacts, RunFacts


@click.command("paper")
@results_folder
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Write the paper's files into this folder.")
@click.option(
    "--check",
    type=click.Path(path_type=Path),
    default=None,
    metavar="MAIN.TEX",
    help="Check a paper, with all that it includes: whether every number in it follows from RESULTS.",
)
@tables
@only_metrics
@rank_by
@protocol()
@published
@click.option("--intervals", is_flag=True, help="Put every value's interval into the tables.")
@click.option("--cost", is_flag=True, help="Put real-time factor and peak memory into the tables.")
@more_registry
@which_grid
def command(
    results: Path | str,
    out: Path | None,
    check: Path | None,
    by: list[str] | None,
    metrics: tuple[str, ...],
    rank_by: str,
    protocol: str,
    published: str,
    intervals: bool,
    cost: bool,
    registry: tuple[Path, ...],
    grid: str,
) -> None:
    """Write what a paper takes from the folder RESULTS, or check a paper against it.

    Written are a LaTeX macro for every number, the tables, the sentences of all comparisons, a methods paragraph,
    BibTeX of what was used, and a main.tex to start from. A check names each number that does not follow from RESULTS,
    with file and line, and fails where there is one; it takes the options that numbers.tex was written with.
    """
    from soundstage.report.paper.content import Options, make_paper

    if (out is None) == (check is None):
        raise click.UsageError("give --out FOLDER to write a paper, or --check MAIN.TEX to check one")
    options = Options(None if by is None else tuple(by), metrics, rank_by, protocol, published, intervals, cost)
    if check is not None:
        from soundstage.report.paper.checking import check_paper
        from soundstage.report.paper.known import Known
        from soundstage.report.paper.reading import read_document

        document = read_document(check)
        found_grid, _, options = document.made_with or ("", "", options)
        loaded, runs, cited = _loaded(results, grid or found_grid, registry)
        checked = check_paper(document, Known(loaded, make_paper(loaded, runs, options, cited)))
        for finding in checked.findings:
            say(finding.text)
        if checked.findings:
            say(f"{len(checked.findings)} of {checked.count} numbers do not follow from {results}", err=True)
            raise click.exceptions.Exit(1)
        say(f"{checked.count} numbers checked; all follow from {results}")
    elif out is not None:
        from soundstage.report.paper.writing import write_paper

        loaded, runs, cited = _loaded(results, grid, registry)
        for file in write_paper(make_paper(loaded, runs, options, cited), cited, out):
            say(f"{file} written")


def _loaded(
    results: Path | str, grid: str, registry: tuple[Path, ...]
) -> tuple[Results, list[RunFacts], dict[tuple[str, str], Cited]]:
    from soundstage.report.provenance import runs_of
    from soundstage.results.loading import load_results
    from soundstage.results.store import Store

    loaded = load_results(results, grid)
    runs = runs_of(Store(results), loaded.facts)
    return loaded, list(runs.values()), _cited(loaded.facts, registry)


def _cited(facts: PlanFacts, registry: tuple[Path, ...]) -> dict[tuple[str, str], Cited]:
    """What to cite for Soundstage and for every label of the grid."""
    from soundstage.catalogue.registry import Registry
    from soundstage.contracts import KINDS
    from soundstage.report.paper.bibliography import Cited, Source

    known = Registry.load(registry)

    def source(reference: Reference) -> Source:
        fields = {"author": " and ".join(reference.authors), "title": reference.title, **reference.fields}
        fields |= {"year": str(reference.year or "")}
        if arxiv := fields.pop("arxiv", ""):
            fields |= {"eprint": arxiv, "archiveprefix": "arXiv"}
        return Source(reference.key, reference.type, {name: text for name, text in fields.items() if text})

    found = {("soundstage", ""): Cited((source(known.references["soundstage"]),))}
    for kind in KINDS:
        for label in facts.get("axes", {}).get(kind, []):
            found[kind, label] = Cited(tuple(map(source, known.cited(kind, label))))
    return found
