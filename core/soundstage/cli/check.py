"""`soundstage check`: whether a plugin is right; of a dataset, also whether it is there, whole and as it should be."""

from __future__ import annotations

import difflib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soundstage.cli import completing
from soundstage.cli.options import added, data_roots, more_registry, printed_as, toml_of
from soundstage.cli.saying import say, say_document
from soundstage.contracts import KINDS, Kind
from soundstage.errors import SoundstageError, UnknownName

if TYPE_CHECKING:
    from soundstage.catalogue.registry import Choice, Registry
    from soundstage.contracts import Finding
    from soundstage.testing.results import Report


@click.command("check")
@click.argument("name", shell_complete=completing.plugged)
@data_roots
@click.option(
    "--decode", is_flag=True, help="Also decode all audio: damage, and mixtures that are not their stems' sum."
)
@click.option(
    "--kind", type=click.Choice([kind[:-1] for kind in KINDS]), help="Where plugins of two kinds have a name."
)
@click.option("--thorough", is_flag=True, help="Also what takes minutes or gigabytes; of a dataset, every track.")
@click.option(
    "--device", default="cpu", show_default=True, help="Where a separator loads: auto, cpu, cuda, cuda:N, mps."
)
@printed_as(("table", "json"))
@more_registry
def command(
    name: str,
    data: dict[str, Path],
    decode: bool,
    kind: str | None,
    thorough: bool,
    device: str,
    form: str,
    registry: tuple[Path, ...],
) -> None:
    """Check the plugin NAME, or a variant of it: does it do what its contract promises, by the harness's own checks?

    A line a check: what was seen, or what to change. Of a dataset first what is there, what is missing, which file is
    odd; NAME may then be a TOML file of your own, for its grids' datasets or else those that it declares; or
    FILE.toml:GRID. Headers and the first track are read unless --decode or --thorough is given.

    Exits with 1 where something is wrong.
    """
    from soundstage.catalogue.registry import Registry

    known = Registry.load(registry)
    file, wanted = toml_of(name)
    variants = [(name, None)] if file is None else _datasets(known, file, wanted)
    known.set_roots(data)
    meant: Kind = "datasets" if file is not None else _kind_of(known, name, kind)
    checked = [_Checked(known.choose(meant, variant, base)) for variant, base in variants]
    for one in checked:
        one.run(decode, thorough, device, quiet=form == "json")
    if form == "json":
        facts = [one.facts() for one in checked]
        say_document(json.dumps(facts[0] if file is None else facts, indent=2, allow_nan=False))
    if any(one.is_wrong for one in checked):
        raise SystemExit(1)


def _kind_of(known: Registry, name: str, kind: str | None) -> Kind:
    """Of which kind NAME is; datasets first. Raises UnknownName where nothing else is nearer to it than a dataset."""
    from soundstage.variants import parse_variant

    name = parse_variant(name)[0]
    found = [one for one in KINDS if kind in (None, one[:-1])]
    having = [one for one in found if name in known.names(one) or (one, name) in known.catalogue.clashes]
    if len(having) > 1 and having[0] != "datasets":
        raise SoundstageError(f"'{name}' is a {' and a '.join(one[:-1] for one in having)}; say which with --kind")
    if having or kind is not None:
        return (having or found)[0]
    owners: dict[str, Kind] = {other: one for one in reversed(KINDS) for other in known.names(one)}
    near = difflib.get_close_matches(name, owners, n=1, cutoff=0.5)
    if near and owners[near[0]] != "datasets":
        which = owners[near[0]]
        raise UnknownName(which[:-1], name, known.names(which), known.catalogue.problems)
    return "datasets"


def _datasets(known: Registry, file: Path, wanted: str) -> list[tuple[str, Path | None]]:
    """The datasets of a TOML file's grids, or of the one wanted; those that it declares, where it has no grid. With
    each the folder that its relative paths start from."""
    from soundstage.planning.grid import find_grid

    declared, needed = added(known, file), list[Kind](["datasets"])
    grids = [wanted] if wanted else declared.get("grids", [])
    read = [find_grid(f"{file}:{grid}", known, needed) for grid in grids]
    found = dict.fromkeys((text, grid.base) for grid in read for text in grid.axes["datasets"])
    found = found or dict.fromkeys((name, None) for name in declared.get("datasets", []))
    if not found:
        raise SoundstageError(f"{file} has neither a grid nor a dataset to check; add [grids.NAME] or [datasets.NAME]")
    return list(found)


class _Checked:
    """A plugin, and what is found of it."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._findings: list[Finding] = []
        self._report: Report | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether anything is."""
        return any(one.wrong for one in self._findings) or (self._report is not None and not self._report.ok)

    def run(self, decode: bool, thorough: bool, device: str, quiet: bool) -> None:
        """Check it, and print a line for each thing as it is found unless quiet."""
        if self._choice.kind == "datasets":
            self._find(decode or thorough, quiet)
            if self.is_wrong:
                return  # what is missing or damaged cannot be loaded either
        from soundstage.testing.kit import Conformance

        conformance = Conformance(self._choice.kind, self._choice, thorough=thorough, device=device)
        for name in conformance.checks:
            result = conformance.result(name)
            if not quiet:
                say(str(result), fg=_COLOURS.get(result.outcome))
        self._report = conformance.report()
        if not quiet:
            say(self._report.summary)

    def _find(self, decode: bool, quiet: bool) -> None:
        """What files, headers and the dataset itself show."""
        from soundstage.pipeline.dataset_check import check_dataset

        label = self._choice.label
        for finding in check_dataset(_built(self._choice), label, decode=decode):
            self._findings.append(finding)
            if not quiet:
                click.echo(_line(finding))
        wrong = sum(finding.wrong for finding in self._findings)
        if quiet:
            return
        if wrong:
            say(f"{label}: {wrong} {'thing is' if wrong == 1 else 'things are'} wrong")
        else:
            say(f"{label}: nothing is wrong" + ("" if decode else " in files and headers"))

    def facts(self) -> dict[str, Any]:
        """As JSON holds it."""
        kind = self._choice.kind[:-1]
        found = {"kind": kind, "plugin": self._choice.label, "ok": not self.is_wrong, "checks": []}
        if self._report is not None:
            found |= self._report.as_facts()
        if self._choice.kind == "datasets":
            found["findings"] = [
                {**asdict(one), "file": None if one.file is None else str(one.file)} for one in self._findings
            ]
        return found


_COLOURS = {"failed": "red", "skipped": "bright_black"}


def _built(choice: Choice) -> Any:
    """The dataset. Raises SoundstageError with what to do where it cannot be had."""
    from soundstage.cache import FileHashes
    from soundstage.planning.built import build

    built = build(choice, FileHashes())
    if built.problem is not None:
        raise SoundstageError(built.problem.error)
    return built.instance


def _line(finding: Finding) -> str:
    """The finding on a line of its own, which begins with where it is."""
    from soundstage.report.text import printable

    where = [f"track '{finding.track}'"] if finding.track else []
    where += [str(finding.file)] if finding.file else []
    text = printable((f"{', '.join(where)}: " if where else "") + finding.text)
    return click.style("wrong ", fg="red") + text if finding.wrong else f"  {text}"
